"""LLVM's tools: `llvm-mc` turns code into text, `llvm-mca` says what text takes on a core."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, Field, model_validator

from mlforge_tasks.cycles import thumb_instructions
from mlforge_tasks.cycles.linked import linked
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process, tool_versions
from mlforge_tasks.graph.file_digests import identified

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

OLDEST, NEWEST = 22, 40
PACKAGE = "sudo apt-get install llvm-22"
TIMEOUT_S = 300.0
# Cycles before the first instruction's result, in which a block before it still ends.
FILLING = 1
# Iterations of a block from which on its steady state is taken.
STEADY = 24
LIBRARY = "libLLVM"  # has the models, for the programs
TRIPLE = "thumb-none-eabi"
# Consumes what is left of an IT or VPT block that a block of code was cut in.
SEPARATOR, SEPARATORS = b"\x00\xbf", 4
# The same for the assembler: it refuses these, outside of what is timed, not what follows.
BETWEEN = "mov r0, r0\n"
# No core here begins more instructions at once; no block that is timed takes so long.
MOST_A_CYCLE, MOST_CYCLES = 2, 10**9
# In place of what LLVM cannot read.
NOTHING, UNREAD = "nop", " @ "
# Why each of them is needed.
USES = {
    "llvm-mc": "it turns the code that was executed into text, on every core",
    "llvm-mca": "it has the models of the cores",
}
_VERSION = re.compile(r"LLVM version (\d+)\.(\S+)")
# It also warns of what is "potentially undefined", as a separator in a VPT block is, and reads it.
_AT_LINE = re.compile(r"^\S*?:(\d+):\d+: warning: invalid instruction encoding", re.MULTILINE)


@dataclass(frozen=True)
class Timing:
    """What llvm-mca says of a piece of code.

    Attributes:
        steady: Cycles of one of many iterations, each of which begins as soon as it can.
        alone: Cycles from its first instruction's issue until its last result is there.
        left_out: Instructions that the model does not know, as text; neither figure has them.
    """

    steady: float
    alone: float
    left_out: tuple[str, ...] = ()


class _Summary(BaseModel):
    """Of llvm-mca's JSON: a region's cycles."""

    cycles: int = Field(alias="TotalCycles", strict=True, gt=0, lt=MOST_CYCLES)


class _Region(BaseModel):
    """Of llvm-mca's JSON: a region that was timed."""

    index: int = Field(alias="Name")
    instructions: list[str] = Field(alias="Instructions", min_length=1)
    summary: _Summary = Field(alias="SummaryView")

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.summary.cycles * MOST_A_CYCLE < len(self.instructions):
            count = len(self.instructions)
            raise ValueError(f"{count} instructions in {self.summary.cycles} cycles")
        return self


class _Answer(BaseModel):
    """Of llvm-mca's JSON: what is read of it."""

    regions: list[_Region] = Field(alias="CodeRegions", min_length=1)


def _names(tool: str) -> list[str]:
    return [*(f"{tool}-{version}" for version in range(OLDEST, NEWEST)), tool]


def _look_for(tool: str) -> tuple[str, str]:
    """Path and version of the oldest of these tools that is new enough.

    The oldest, so that another one, installed beside it for something else, changes no figure.
    """
    for name in _names(tool):
        path = shutil.which(name)
        if path is None:
            continue
        said = _VERSION.search(process.check([path, "--version"], timeout_s=TIMEOUT_S))
        if said is not None and int(said[1]) >= OLDEST:
            return path, f"{said[1]}.{said[2]}"
    raise ToolError(
        f"'{tool}' of LLVM {OLDEST} or newer was not found on PATH: {USES[tool]}",
        hint=f"{PACKAGE}, or ./bootstrap",
    )


_found = tool_versions.once(_look_for)


def version() -> str:
    """LLVM's version.

    Raises:
        ToolError: `llvm-mca` or `llvm-mc` is missing, or too old.
    """
    _found("llvm-mc")
    return _found("llvm-mca")[1]


def _read(result: Path, done: process.Completed) -> str:
    try:
        return result.read_text()
    except OSError:
        raise ToolError(f"{done.argv[0]} gave nothing\n{done.tail()}") from None


def _assemble_input(codes: Sequence[bytes], unknown: set[bytes]) -> tuple[str, list[bytes]]:
    """A line an instruction, and the instruction of each line."""
    lines: list[bytes] = []
    for code in codes:
        lines += thumb_instructions(code)
        lines += [SEPARATOR] * SEPARATORS
    shown = (SEPARATOR if line in unknown else line for line in lines)
    return "".join(" ".join(f"0x{byte:02x}" for byte in line) + "\n" for line in shown), lines


def _read_code(pieces: Sequence[bytes], cpu: str) -> tuple[list[str], list[bytes], set[bytes]]:
    """A text for each line of input, the lines' instructions, and those that LLVM cannot read."""
    path, _ = _found("llvm-mc")
    unknown: set[bytes] = set()
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder) / "code", Path(folder) / "text"  # apart from what it warns of
        argv = [path, "--disassemble", f"-triple={TRIPLE}", f"-mcpu={cpu}", str(source)]
        while True:
            text, lines = _assemble_input(pieces, unknown)
            source.write_text(text)
            done = process.run([*argv, "-o", str(result)], timeout_s=TIMEOUT_S)
            if done.returncode != 0 or done.timed_out:
                raise ToolError(done.ending(f"llvm-mc for {cpu}"))
            bad = _AT_LINE.search(done.output)
            if bad is None:
                said = [_spaced(line) for line in _read(result, done).splitlines()]
                break
            if lines[int(bad[1]) - 1] in unknown:
                raise ToolError(f"llvm-mc cannot read what was executed\n{done.tail()}")
            unknown.add(lines[int(bad[1]) - 1])
    said = [line for line in said if line and not line.startswith(".")]
    if len(said) != len(lines):
        raise ToolError(f"llvm-mc gave {len(said)} instructions for {len(lines)}\n{done.tail()}")
    return said, lines, unknown


def disassemble(codes: Iterable[bytes], cpu: str) -> Mapping[bytes, tuple[str, ...]]:
    """Each piece of code as text, an item an instruction.

    What LLVM cannot read becomes `NOTHING` with a comment, so that nothing is lost silently.

    Args:
        codes: Thumb code.
        cpu: The core, as LLVM writes it.

    Raises:
        ToolError: LLVM is missing, or says something that cannot be understood.
    """
    pieces = tuple(dict.fromkeys(codes))
    said, lines, unknown = _read_code(pieces, cpu)
    found, at = {}, 0
    for code in pieces:
        size = len(thumb_instructions(code))
        each = zip(said[at : at + size], lines[at : at + size], strict=True)
        found[code] = tuple(
            f"{NOTHING}{UNREAD}{line.hex()}" if line in unknown else text for text, line in each
        )
        at += size + SEPARATORS
    return found


@tool_versions.once
def identity(*tools: str) -> str:
    """What tells the cycles, for the key of them: version and content of programs and library.

    Raises:
        ToolError: A tool is missing, or too old.
    """
    programs, versions = zip(*map(_found, tools), strict=True)
    libraries = dict.fromkeys(file for program in programs for file in linked(program, LIBRARY))
    return f"{versions[-1]} {' '.join(map(identified, (*programs, *libraries)))}"


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _regions(texts: Sequence[tuple[str, ...]]) -> str:
    parts = [".syntax unified\n"]
    for index, text in enumerate(texts):
        body = "".join(f"{line}\n" for line in text)
        parts.append(f"# LLVM-MCA-BEGIN {index}\n{body}# LLVM-MCA-END\n{BETWEEN * SEPARATORS}")
    return "".join(parts)


def _cycles(
    texts: Sequence[tuple[str, ...]], cpu: str, iterations: int
) -> list[tuple[int, list[str]]]:
    """Cycles of each text, and the instructions that they are for."""
    path, _ = _found("llvm-mca")
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder) / "blocks.s", Path(folder) / "timing.json"
        source.write_text(_regions(texts))
        argv = [path, f"-mtriple={TRIPLE}", f"-mcpu={cpu}", f"-iterations={iterations}"]
        argv += ["-call-latency=1", "-skip-unsupported-instructions=any"]
        argv += ["--json", str(source), "-o", str(result)]
        done = process.run(argv, timeout_s=TIMEOUT_S)
        if done.returncode != 0 or done.timed_out:
            raise ToolError(done.ending(f"llvm-mca for {cpu}"))
        try:
            answer = _Answer.model_validate_json(result.read_bytes())
        except (OSError, ValueError) as error:
            raise ToolError(
                f"llvm-mca for {cpu} gave no figures ({error})\n{done.tail()}"
            ) from None
    # Of a text that it knows nothing of, it says nothing.
    found = {one.index: (one.summary.cycles, one.instructions) for one in answer.regions}
    return [found.get(index, (0, [])) for index in range(len(texts))]


def _left_out(text: tuple[str, ...], kept: Sequence[str]) -> tuple[str, ...]:
    """What of a text is not among the instructions that were timed, which keep their order."""
    rest = [_spaced(line) for line in kept]
    missing = []
    for line in text:
        known, _, unread = line.partition(UNREAD)
        timed = bool(rest) and rest[0] == known
        if timed:
            rest.pop(0)
        if unread or not timed:
            missing.append(line)
    if rest:
        raise ToolError(f"llvm-mca timed '{rest[0]}', which it was not asked of")
    return tuple(missing)


def time_blocks(texts: Iterable[tuple[str, ...]], cpu: str) -> Mapping[tuple[str, ...], Timing]:
    """What each piece of code takes on a core.

    Args:
        texts: Instructions, as `disassemble` writes them.
        cpu: A core that LLVM has a model of.

    Raises:
        ToolError: LLVM is missing, knows no such core, or says what cannot be understood.
    """
    asked = tuple(dict.fromkeys(texts))
    once, often = _cycles(asked, cpu, 1), _cycles(asked, cpu, STEADY)
    found = {}
    for text, (first, kept), (total, _) in zip(asked, once, often, strict=True):
        if total < first:
            raise ToolError(f"llvm-mca for {cpu} has {STEADY} turns end before one: {text}")
        alone = float(max(first - FILLING, 0))
        steady = (total - first) / (STEADY - 1)
        found[text] = Timing(min(steady, alone), alone, _left_out(text, kept))
    _check_left_out(found, cpu)
    return found


def _check_left_out(found: Mapping[tuple[str, ...], Timing], cpu: str) -> None:
    """An instruction is known to a model or is not, wherever it stands.

    Raises:
        ToolError: One was left out in one place and timed in another: the answer has gaps.
    """
    unknown = {line for timing in found.values() for line in timing.left_out}
    for text, timing in found.items():
        gap = unknown & {*text} - {*timing.left_out}
        if gap:
            raise ToolError(f"llvm-mca for {cpu} left out '{gap.pop()}', which it knows elsewhere")
