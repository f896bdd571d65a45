"""What is known of each core: its model in LLVM, its manual's table, and what neither tells."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from mlforge_tasks.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

# The least and the most cycles.
Range: TypeAlias = tuple[float, float]

# Cycles by mnemonic, where it is not 1, and not an access to memory or a branch. Reference
# manuals: Cortex-M3 (DDI 0337) 3.3.1, Cortex-M4 (DDI 0439) 3.3.1 and 7.2.3. When long multiplies
# and divisions end depends on values, IT may be folded into the instruction before it.
_BOTH: Mapping[str, Range] = {
    **dict.fromkeys(("sdiv", "udiv"), (2, 12)),
    **dict.fromkeys(("dmb", "dsb", "isb"), (1, 4)),
    "it": (0, 1),
}
CORTEX_M3: Mapping[str, Range] = {
    **_BOTH,
    **dict.fromkeys(("mla", "mls"), (2, 2)),
    **dict.fromkeys(("smull", "umull"), (3, 5)),
    **dict.fromkeys(("smlal", "umlal"), (4, 7)),
}
CORTEX_M4: Mapping[str, Range] = {
    **_BOTH,
    **dict.fromkeys(("vmla.f32", "vmls.f32", "vfma.f32", "vfms.f32"), (3, 3)),
    **dict.fromkeys(("vdiv.f32", "vsqrt.f32"), (14, 14)),
}
# What llvm-mca leaves out: the start of a loop is a branch that its end then spares.
LEFT_OUT: Mapping[str, Range] = {
    **_BOTH,
    **dict.fromkeys(("le", "letp", "lctp", "nop"), (0, 1)),
    **dict.fromkeys(("dls", "dlstp", "wls", "wlstp"), (1, 4)),
}
# Of a vector instruction that it leaves out: four beats, one or two a cycle.
LEFT_OUT_VECTOR: Range = (1, 4)
# Entering and leaving an exception each store or load eight words (M3 and M4 manuals: 12).
EXCEPTION: Range = (12, 12)


@dataclass(frozen=True)
class Core:
    """How a core's cycles are told.

    Attributes:
        cpu: Its name, as GCC and LLVM write it.
        llvm: LLVM has a model of it.
        table: Its reference manual's cycles; alone where `llvm` is false, else for the upper
            bound.
        refill: What a branch that is taken adds; where the core predicts them, one that was not
            foreseen.
        predicts: It predicts branches.
        per_register: What each further register of LDM, STM, PUSH, POP, LDRD and STRD adds to
            llvm-mca's figure, which is the same for any number.
        division: What SDIV and UDIV add to it, whose model has the least there is.
        source: Where all that is from, for the report.
    """

    cpu: str
    llvm: bool
    refill: Range
    source: str
    table: Mapping[str, Range] = field(default_factory=dict)
    predicts: bool = False
    per_register: Range = (0, 0)
    division: Range = (0, 0)


CORES: Mapping[str, Core] = {
    core.cpu: core
    for core in (
        Core(
            "cortex-m3",
            llvm=False,
            table=CORTEX_M3,
            refill=(1, 3),
            source="Cortex-M3 reference manual, instruction timings",
        ),
        Core(
            "cortex-m4",
            llvm=True,
            table=CORTEX_M4,
            refill=(1, 3),
            per_register=(1, 1),
            division=(1, 11),
            source="LLVM's model; upper not below the Cortex-M4 reference manual's timings",
        ),
        # Taken branches are foreseen after the first; what a wrong guess costs is in LLVM's model.
        Core(
            "cortex-m7",
            llvm=True,
            refill=(0, 6),
            predicts=True,
            per_register=(0, 1),
            division=(0, 13),
            source="LLVM's model",
        ),
        # LLVM has the Cortex-M4's model for it. Its manual gives no timings.
        Core(
            "cortex-m33",
            llvm=True,
            refill=(1, 3),
            per_register=(1, 1),
            division=(1, 11),
            source="LLVM's model, which is that of the Cortex-M4",
        ),
        Core(
            "cortex-m55",
            llvm=True,
            refill=(1, 3),
            per_register=(0.5, 1),
            division=(1, 11),
            source="LLVM's model",
        ),
    )
}


def core_of(cpu: str) -> Core | None:
    """What is known of a core; None where nothing is.

    Args:
        cpu: As a board file has it, `cortex-m33+nodsp`.
    """
    return CORES.get(cpu.partition("+")[0])


def known_core(cpu: str) -> Core:
    """The same.

    Raises:
        ToolError: Nothing is known of it.
    """
    core = core_of(cpu)
    if core is None:
        raise ToolError(
            f"nothing is known of what an instruction takes on {cpu}",
            hint=f"cycles are told of {', '.join(CORES)}",
        )
    return core
