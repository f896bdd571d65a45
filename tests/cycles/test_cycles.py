"""Cycles of blocks: bounds that hold, tables by hand, and nothing dropped silently."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

import pytest

from mlforge_tasks.contract.board import board_names, load_board
from mlforge_tasks.cycles import Block, llvm, thumb_instructions
from mlforge_tasks.cycles import text as instruction
from mlforge_tasks.cycles.cores import CORES, CORTEX_M3, CORTEX_M4, core_of, known_core
from mlforge_tasks.cycles.price import Price, prices
from mlforge_tasks.cycles.record import WaitStates
from mlforge_tasks.cycles.table import block_cycles
from mlforge_tasks.errors import ToolError
from mlforge_tasks.runners import _cycles
from tests.helpers import programs

if TYPE_CHECKING:
    from pathlib import Path

PUSH_3, PUSH_5 = b"\x30\xb5", b"\xf0\xb5"
PUSH, POP_PC, ADD, SDIV = b"\x70\xb5", b"\x70\xbd", b"\x40\x18", b"\x91\xfb\xf2\xf0"
IT_EQ, LDR, BNE, BX_LR = b"\x08\xbf", b"\x08\x68", b"\xfc\xd1", b"\x70\x47"
VPST = b"\x71\xfe\x4d\x0f"
LE = b"\x0f\xf0\x07\xc0"
# What GNU's assembler makes of `vmla.u16 q3, q1, r7`; LLVM only reads the signed form's bits.
UNREADABLE = b"\x13\xfe\x47\x6e"


Case: TypeAlias = tuple[bytes, int, int]


def prices_of(cpu: str, *cases: Case, waits: WaitStates | None = None) -> list[Price]:
    """Of each case, code that runs so often and is left by a jump so often."""
    executions = [
        Counter({Block(code, jumped=False): runs - jumped, Block(code, jumped=True): jumped})
        for code, runs, jumped in cases
    ]
    return list(prices(executions, cpu, waits or WaitStates()))


def test_every_emulated_board_has_a_core() -> None:
    """But for those that nothing is known of, whose latency is called nominal."""
    boards = (load_board(name) for name in board_names())
    without = {board.name for board in boards if board.qemu and core_of(board.cpu) is None}
    others = {"qemu_cortex_m0", "qemu_cortex_a53", "qemu_riscv32", "qemu_riscv64", "qemu_x86"}
    assert without == others
    with pytest.raises(ToolError, match="nothing is known of what an instruction takes"):
        known_core("cortex-m0")


def test_thumb_is_cut_into_instructions() -> None:
    """Of two bytes and of four."""
    assert thumb_instructions(PUSH + SDIV + ADD + LE) == (PUSH, SDIV, ADD, LE)


@pytest.mark.parametrize(
    ("lines", "m3", "m4"),
    [
        (["ldr r0, [r1]", "ldr r2, [r3]", "mla r4, r0, r2, r4"], (5, 5), (4, 4)),
        (["ldr r0, [r1]", "ldr r2, [r0]"], (4, 4), (4, 4)),
        (["ldrsb.w r0, [r1], #1", "adds r2, r0, r2"], (3, 3), (3, 3)),
        (["push.w {r4, r5, r6, lr}", "sdiv r0, r1, r2"], (7, 17), (7, 17)),
        (["smull r0, r1, r2, r3"], (3, 5), (1, 1)),
        (["it eq", "mlaeq r0, r1, r2, r0"], (1, 3), (1, 2)),
        (["str r0, [r1, r2]", "str r0, [r1, #4]"], (2, 3), (2, 3)),
        (["ldrd r0, r1, [r2]", "vdiv.f32 s0, s1, s2"], (4, 4), (17, 17)),
    ],
)
def test_manuals_by_hand(
    lines: list[str], m3: tuple[float, float], m4: tuple[float, float]
) -> None:
    """What the reference manuals' tables say, added up by hand."""
    assert block_cycles(lines, CORTEX_M3) == m3
    assert block_cycles(lines, CORTEX_M4) == m4


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("bne #-8", "conditional"),
        ("bls.w #20", "conditional"),
        ("cbnz r0, #4", "conditional"),
        ("b #4", "direct"),
        ("bl #-100", "direct"),
        ("bx lr", "indirect"),
        ("blx r3", "indirect"),
        ("bxeq lr", "indirect"),
        ("pop {r4, pc}", "indirect"),
        ("ldr pc, [r3]", "indirect"),
        ("tbb [pc, r0]", "indirect"),
        ("le lr, #-10", "loop"),
        ("ldr r3, [pc, #8]", ""),
        ("bics r0, r1", ""),
        ("ldrd r0, r1, [pc, #4]", ""),
    ],
)
def test_branches_are_told_apart(text: str, kind: str) -> None:
    """By what they cost."""
    assert instruction.branch_kind(text) == kind


@pytest.mark.parametrize("cpu", CORES)
def test_the_lower_bound_is_never_above_the_upper(cpu: str) -> None:
    """Of every single block, taken or not."""
    codes = (PUSH, POP_PC, ADD, SDIV, LDR + ADD + BNE, ADD * 5 + LDR * 3, BX_LR, IT_EQ + ADD)
    for found in prices_of(cpu, *((code, 7, jumped) for code in codes for jumped in (0, 3))):
        assert 0 < found.lower <= found.upper


@pytest.mark.parametrize("cpu", CORES)
def test_what_llvm_leaves_out_is_told_and_paid(cpu: str) -> None:
    """A register more, a division, a refill, a wait each make the upper bound larger."""
    cases = (
        (ADD + BNE, 100, 50),
        (ADD + BNE, 100, 0),
        (PUSH_3, 1, 0),
        (PUSH_5, 1, 0),
        (SDIV, 1, 0),
    )
    plain, passed, three, five, divided = prices_of(cpu, *cases)
    assert passed.upper < plain.upper
    assert three.upper + 2 <= five.upper
    assert divided.upper >= 12
    (slow,) = prices_of(cpu, cases[0], waits=WaitStates(flash=2))
    assert slow.upper == plain.upper + 2 * (100 * 4 / 4 + 50)
    assert slow.lower == plain.lower


def test_what_no_model_knows_is_counted() -> None:
    """LLVM's Cortex-M55 has no loop ends and cannot read one form of VMLA; both are told."""
    add, ended, unread = prices_of(
        "cortex-m55", (ADD, 9, 0), (ADD + LE, 9, 8), (ADD + UNREADABLE, 9, 0)
    )
    assert (add.left_out, ended.left_out, unread.left_out) == (0, 9, 9)
    assert ended.lower == add.lower
    assert ended.upper == add.upper + 9
    assert unread.upper >= add.upper + 9 * 4
    assert llvm.disassemble([UNREADABLE], "cortex-m55")[UNREADABLE] == ("nop @ 13fe476e",)


def test_a_block_that_ends_within_an_if_then() -> None:
    """Blocks are cut anywhere; the next one is read without the condition of the one before."""
    cut = b"\x04\xbf" + ADD
    found = llvm.disassemble([cut, ADD], "cortex-m4")
    assert [text.partition(" ")[0] for text in found[ADD]] == ["adds"]
    cut_price, after = prices_of("cortex-m4", (cut, 1, 0), (ADD, 1, 0))
    assert (cut_price.instructions, after.instructions) == (2, 1)
    assert (cut_price.left_out, after.left_out) == (0, 0)
    (alone,) = prices_of("cortex-m4", (ADD, 1, 0))
    assert (after.lower, after.upper) == (alone.lower, alone.upper)


def test_a_block_that_ends_within_a_vector_predicate() -> None:
    """LLVM warns of what comes behind it, and reads it all the same."""
    found = llvm.disassemble([VPST, ADD], "cortex-m55")
    assert found == {VPST: ("vpst",), ADD: ("adds r0, r0, r1",)}
    cut, after = prices_of("cortex-m55", (VPST, 1, 0), (ADD, 1, 0))
    (alone,) = prices_of("cortex-m55", (ADD, 1, 0))
    assert (cut.instructions, after) == (1, alone)


def test_a_missing_llvm_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One sentence, and the package; one that is too old is none."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(llvm, "_found", llvm._look_for)
    with pytest.raises(ToolError, match="LLVM 22 or newer was not found") as missing:
        llvm.version()
    assert "apt-get install llvm-22" in str(missing.value)
    assert "text, on every core" in str(missing.value)
    old = tmp_path / "llvm-mc"
    old.write_text("#!/bin/sh\necho 'Debian LLVM version 14.0.6'\n")
    old.chmod(0o755)
    with pytest.raises(ToolError, match="LLVM 22 or newer was not found"):
        llvm.version()


def test_a_core_without_a_model_needs_the_disassembler_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The Cortex-M3's cycles are from its manual's table; another core's need `llvm-mca`."""
    (tmp_path / "llvm-mc").symlink_to(llvm._look_for("llvm-mc")[0])
    (tmp_path / "ldd").symlink_to("/usr/bin/ldd")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(llvm, "_found", llvm._look_for)
    monkeypatch.setattr(llvm, "identity", llvm.identity.__wrapped__)
    assert set(_cycles.tool_versions(load_board("mps2/an385"))) == {"llvm"}
    with pytest.raises(ToolError, match=r"'llvm-mca' .*: it has the models of the cores"):
        _cycles.tool_versions(load_board("mps2/an386"))


STATIC = "echo '	not a dynamic executable'; exit 1"
DYNAMIC = "echo '	libLLVM.so.22.1 => /bin/sh (0x0)'"


@pytest.mark.parametrize(
    ("ldd", "told"),
    [
        ("kill -9 $$", "was ended by SIGKILL from outside"),
        (f"{STATIC.partition(';')[0]}; kill -9 $$", "was ended by SIGKILL from outside"),
        (f"{DYNAMIC}; exit 1", "ended with 1"),
        ("exit 1", "ended with 1"),
        (STATIC, 2),
        (DYNAMIC, 3),
    ],
)
def test_a_key_without_llvms_library_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ldd: str, told: str | int
) -> None:
    """The library has the models: a key names it, unless the programs have it in themselves."""
    (tmp_path / "ldd").write_text(f"#!/bin/sh\n{ldd}\n")
    (tmp_path / "ldd").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    identity = llvm.identity.__wrapped__
    if isinstance(told, int):
        assert identity(*llvm.USES).count("sha256:") == told
    else:
        with pytest.raises(ToolError, match=told):
            identity(*llvm.USES)


def test_a_tool_that_fails_is_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Else it were chance which LLVM tells the cycles; nor is half of what it says taken."""
    path, _ = llvm._look_for("llvm-mc")
    broken = tmp_path / "llvm-mc-22"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    broken.write_text("#!/bin/sh\nkill -9 $$\n")
    broken.chmod(0o755)
    with pytest.raises(ToolError, match="--version` was ended by SIGKILL from outside"):
        llvm._look_for("llvm-mc")
    broken.write_text(f'#!/bin/sh\n{path} "$@"\nkill -9 $$\n')
    monkeypatch.setattr(llvm, "_found", {"llvm-mc": (str(broken), "22")}.__getitem__)
    with pytest.raises(ToolError, match="llvm-mc for cortex-m4 was ended by SIGKILL"):
        llvm.disassemble([ADD], "cortex-m4")


def _lying(tmp_path: Path, edit: str) -> str:
    """An llvm-mca that gives the real one's answer with something done to it."""
    path, _ = llvm._look_for("llvm-mca")
    liar = tmp_path / "llvm-mca"
    programs.write(
        liar,
        "import json, subprocess, sys\n"
        f"code = subprocess.run(['{path}', *sys.argv[1:]], check=False).returncode\n"
        "place = sys.argv[sys.argv.index('-o') + 1]\n"
        "answer = json.load(open(place))\n"
        "regions = answer['CodeRegions']\n"
        f"{edit}\n"
        "json.dump(answer, open(place, 'w'))\n"
        "sys.exit(code)\n",
    )
    return str(liar)


@pytest.mark.parametrize(
    "edit",
    [
        *(
            f"for one in regions: one['SummaryView']['TotalCycles'] = {total}"
            for total in ("0", "-50", "1", "True", "None", "'12'", "2.5", "float('nan')", "10**400")
        ),
        "if '-iterations=1' not in sys.argv: regions[0]['SummaryView']['TotalCycles'] = 4",
        "answer['CodeRegions'] = []",
        "answer['CodeRegions'] = regions[:1]",
        "for one in regions: one['Instructions'] = []",
        "code = 1",
    ],
)
def test_an_answer_that_cannot_be_is_a_broken_tool(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, edit: str
) -> None:
    """No latency is made of what no core could do, or of what was left out for no reason."""
    liar = _lying(tmp_path, edit)
    found = {"llvm-mca": (liar, "22"), "llvm-mc": llvm._look_for("llvm-mc")}
    monkeypatch.setattr(llvm, "_found", found.__getitem__)
    with pytest.raises(ToolError):
        prices_of("cortex-m55", (ADD * 4 + LDR, 1000, 0), (LDR + ADD * 9, 1000, 0))


def test_the_same_answer_untouched_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the test above refuses is what was done to the answer."""
    case = (ADD * 4 + LDR, 1000, 0)
    wanted = prices_of("cortex-m55", case)
    found = {"llvm-mca": (_lying(tmp_path, ""), "22"), "llvm-mc": llvm._look_for("llvm-mc")}
    monkeypatch.setattr(llvm, "_found", found.__getitem__)
    assert prices_of("cortex-m55", case) == wanted
