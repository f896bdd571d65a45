"""Which blocks of code an image executes, from QEMU's own log of every block that it runs.

QEMU tells each block's code when it translates it and a line whenever it runs it. Two things make
a run differ from the block as it was translated, and QEMU tells both: it may not have begun (the
slice of time was used up, an interrupt came), or end early (access to a device is made anew from
the instruction that asks for it). Parts are cut off, so what is counted is what was executed.

Reading the clock marks where measurements begin and end, as it does on the device.
"""

from __future__ import annotations

import os
import re
import select
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mlforge_tasks.cycles import Block
from mlforge_tasks.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlforge_tasks.elf import Piece

# What `Counter` holds may become negative where one is subtracted from another.
Executed: TypeAlias = Counter[Block]

CLOCK = b"hal_ticks"
FLAGS = ("-d", "in_asm,exec,nochain")
SILENCE_S = 300.0
_READ_BYTES = 1 << 18
_RUN, _RULE, _IN, _CODE = b"Trace ", b"----------------", b"IN: ", b"0x"
_NOT_RUN, _CUT = b"Stopped execution", b"cpu_io_recompile"
_PC = re.compile(rb"\[[0-9a-f]+/([0-9a-f]+)/")
_ADDRESS = re.compile(rb"to ([0-9a-f]+)")
_HEX = re.compile(rb"0x[0-9a-f]+:  ((?:[0-9a-f]{4} ?)+)")


@dataclass(frozen=True)
class _Translated:
    """A block as QEMU translated it."""

    pc: int
    code: bytes
    clock: bool


def _odd(line: bytes) -> ToolError:
    return ToolError(f"QEMU's log has a line that cannot be understood: {line!r}")


def _code(line: bytes) -> bytes:
    """The bytes of an instruction that QEMU shows, as halfwords, most significant byte first."""
    found = _HEX.match(line)
    if found is None:
        raise _odd(line)
    halves = found[1].split()
    return b"".join(bytes.fromhex(half.decode())[::-1] for half in halves)


class _Log:
    """Reads the log line by line.

    Attributes:
        calls: How often the clock was asked so far.
    """

    def __init__(self, wanted: Iterable[int], loaded: Sequence[Piece]) -> None:
        self.calls = 0
        self._loaded = loaded
        self._left = set(wanted)
        self._found: dict[int, Executed] = {number: Counter() for number in self._left}
        self._sink: Executed | None = None
        self._known: dict[bytes, _Translated] = {}
        self._new: bytearray | None = None
        self._name = b""
        self._entry: int | None = None
        self._last: _Translated | None = None

    def done(self) -> bool:
        """Whether everything that was asked for is over."""
        return not self._left

    @property
    def found(self) -> Mapping[int, Executed]:
        """What was executed between a reading of the clock and the next, by its number."""
        return self._found

    def line(self, line: bytes) -> None:
        """Takes the next line."""
        if line.startswith(_RUN):
            self._run(line)
        elif line.startswith(_CODE) and self._new is not None:
            self._new += _code(line)
        elif line.startswith(_IN):
            self._new, self._name = bytearray(), line[len(_IN) :].strip()
        elif line.startswith(_NOT_RUN):
            self._last = None
        elif line.startswith(_CUT):
            self._cut(line)

    def _run(self, line: bytes) -> None:
        if self._new:
            self._known[line] = self._translated(line, bytes(self._new))
            self._new = None
        block = self._known.get(line)
        if block is None:
            raise ToolError(f"QEMU's log runs what it has not translated: {line!r}")
        if self._last is not None:
            self._executed(self._last, block.pc)
        self._last = block

    def _executed(self, block: _Translated, then: int) -> None:
        """A block ran, for what comes after it has begun."""
        if block.clock:
            self._mark()
        if self._sink is not None:
            self._sink[Block(block.code, block.pc + len(block.code) != then)] += 1

    def _translated(self, line: bytes, code: bytes) -> _Translated:
        found = _PC.search(line)
        if found is None:
            raise _odd(line)
        pc = int(found[1], 16)
        for piece in self._loaded:
            here = pc - piece.address
            if here >= 0 and pc + len(code) <= piece.end and piece.data[here:][: len(code)] != code:
                raise ToolError(f"QEMU's log has other code at {pc:#x} than the image")
        if self._entry is None and self._name == CLOCK:
            self._entry = pc  # of a function, what is translated first is what is called
        return _Translated(pc, code, clock=pc == self._entry)

    def _mark(self) -> None:
        self._left.discard(self.calls)
        self.calls += 1
        self._sink = self._found.get(self.calls)

    def _cut(self, line: bytes) -> None:
        last, address = self._last, _ADDRESS.search(line)
        if last is None or address is None:
            raise _odd(line)
        size = int(address[1], 16) - last.pc
        code = last.code[:size]
        self._last = _Translated(last.pc, code, last.clock) if code else None


def _lines(stream: int) -> Iterator[list[bytes]]:
    """Whole lines, many at a time, until the stream ends."""
    rest = b""
    while select.select([stream], [], [], SILENCE_S)[0]:
        data = os.read(stream, _READ_BYTES)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        yield lines
    raise ToolError(f"QEMU's log stood still for {SILENCE_S:g} s")


def executed(stream: int, wanted: Iterable[int], loaded: Sequence[Piece]) -> Mapping[int, Executed]:
    """What is executed between some readings of the clock and the next one each.

    Args:
        stream: Where QEMU's log comes from.
        wanted: Numbers of the readings, from 1.
        loaded: What the image has in memory, where it is not copied elsewhere before it runs.

    Raises:
        ToolError: The log ends before that, or cannot be understood.
    """
    log = _Log(wanted, loaded)
    for lines in _lines(stream):
        for line in lines:
            log.line(line)
            if log.done():
                return log.found
    text = f"QEMU ended after {log.calls} readings of the clock, before what was to be counted"
    raise ToolError(text)
