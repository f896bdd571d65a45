"""What the registers in a fault frame mean, or the signal in that of a process.

Bits of CFSR and HFSR: Armv7-M and Armv8-M Architecture Reference Manuals.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph.process import signal_name
from mlforge_tasks.records import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

STAGE = "run"

_REGISTERS = ("exception", "pc", "lr", "cfsr", "hfsr", "mmfar", "bfar")
# The bare-metal watchdog reports through PendSV.
_WATCHDOG_EXCEPTION = 14
_EXCEPTIONS = {
    2: "non-maskable interrupt",
    3: "hard fault",
    4: "memory management fault",
    5: "bus fault",
    6: "usage fault",
    7: "secure fault",
}
_CFSR_BITS = {
    0: "instruction access violation (IACCVIOL)",
    1: "data access violation (DACCVIOL)",
    3: "memory fault on exception return (MUNSTKERR)",
    4: "memory fault on exception entry: the stack overflowed (MSTKERR)",
    5: "memory fault in lazy FPU stacking (MLSPERR)",
    8: "instruction bus error (IBUSERR)",
    9: "precise data bus error (PRECISERR)",
    10: "imprecise data bus error (IMPRECISERR)",
    11: "bus fault on exception return (UNSTKERR)",
    12: "bus fault on exception entry: the stack overflowed (STKERR)",
    13: "bus fault in lazy FPU stacking (LSPERR)",
    16: "undefined instruction (UNDEFINSTR)",
    17: "jump to Arm state (INVSTATE)",
    18: "invalid exception return (INVPC)",
    19: "no such coprocessor (NOCP)",
    20: "stack overflow (STKOF)",
    24: "unaligned access (UNALIGNED)",
    25: "division by zero (DIVBYZERO)",
}
_HFSR_BITS = {1: "bus error on a vector read (VECTTBL)", 31: "debug event (DEBUGEVT)"}
# A process of Linux names the signal; its watchdog's, of the processor's time, is this one. Numbers
# are those of x86 and Arm alike (signal(7)).
_WATCHDOG_SIGNAL = signal.SIGPROF
_WITH_ADDRESS = (signal.SIGSEGV, signal.SIGBUS)
_MMFAR_VALID = 1 << 7
_BFAR_VALID = 1 << 15


def _named(bits: Mapping[int, str], value: int) -> list[str]:
    return [name for bit, name in bits.items() if value >> bit & 1]


def _address(cfsr: int, registers: Mapping[str, int]) -> str:
    if cfsr & _MMFAR_VALID:
        return f" at address 0x{registers['mmfar']:08x}"
    if cfsr & _BFAR_VALID:
        return f" at address 0x{registers['bfar']:08x}"
    return ""


def describe(registers: Mapping[str, int]) -> str:
    """One sentence about a fault.

    Args:
        registers: `exception` (number of the handler), `pc`, `lr`, `cfsr`, `hfsr`, `mmfar`,
            `bfar`. A `pc` of 0 is one that could not be saved.
    """
    number, cfsr = registers["exception"], registers["cfsr"]
    causes = _named(_CFSR_BITS, cfsr) + _named(_HFSR_BITS, registers["hfsr"])
    where = f"pc 0x{registers['pc']:08x}, lr 0x{registers['lr']:08x}"
    if registers["pc"] == 0:
        where = "pc unknown"
    raw = f"CFSR 0x{cfsr:08x}, HFSR 0x{registers['hfsr']:08x}"
    kind = _EXCEPTIONS.get(number, f"exception {number}")
    what = ", ".join(causes) or "no cause given"
    return f"{kind}: {what}{_address(cfsr, registers)}; {where}; {raw}"


def _of_process(told: Mapping[str, int]) -> Reason:
    """What ended a process, from its last frame: `signal`, `address`, `pc`."""
    number, where = told["signal"], f"pc {told['pc']:#x}"
    if number == _WATCHDOG_SIGNAL:
        text = f"an inference exceeded the device's watchdog, {where}"
        return Reason(code="hang", stage=STAGE, message=text)
    name = signal_name(-number)
    at = f" at address {told['address']:#x}" if number in _WITH_ADDRESS else ""
    return Reason(code="fault", stage=STAGE, message=f"the process got {name}{at}; {where}")


def failure(payload: bytes) -> CandidateFailure:
    """The result that a fault frame's payload (`name=hex` lines) stands for.

    Returns:
        A failure with code `hang` if the device's watchdog ended it, else `fault`.
    """
    pairs = (line.split("=", 1) for line in payload.decode("ascii").splitlines())
    told = {name: int(value, 16) for name, value in pairs}
    if "signal" in told:
        return CandidateFailure(_of_process(told))
    registers = dict.fromkeys(_REGISTERS, 0) | told
    if registers["exception"] == _WATCHDOG_EXCEPTION:
        text = f"an inference exceeded the device's watchdog, pc 0x{registers['pc']:08x}"
        return CandidateFailure(Reason(code="hang", stage=STAGE, message=text))
    return CandidateFailure(Reason(code="fault", stage=STAGE, message=describe(registers)))
