"""What GNU ld's map says of an image: the board's memories, and from which object each byte is."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MEMORIES, _PLACED = "Memory Configuration", "Linker script and memory map"
_MEMORY = re.compile(r"^(\S+) +0x([0-9a-f]+) +0x([0-9a-f]+)( +\S+)?$")
_DEFAULT = "*default*"
# ` .text.main  0x00000040  0x4 app.o`; a long name has a line of its own before the rest.
_INPUT = re.compile(r"^ (\S+)? *0x([0-9a-f]+) +0x([0-9a-f]+) (\S.*)$")
_NAME, _OUTPUT = re.compile(r"^ (\S+)$"), re.compile(r"^([^\s*(/]\S*)")


@dataclass(frozen=True)
class Memory:
    """A block that the linker may fill."""

    name: str
    origin: int
    length_bytes: int

    def holds(self, address: int) -> bool:
        """Whether an address lies in it."""
        return self.origin <= address < self.origin + self.length_bytes


@dataclass(frozen=True)
class Piece:
    """Bytes of one object.

    Attributes:
        address: Of the first.
        size_bytes: How many.
        section: As the object has it (`.text.main`).
        file: The object, and the archive that it is from: `zephyr/libzephyr.a(log.c.obj)`.
    """

    address: int
    size_bytes: int
    section: str
    file: str

    @property
    def end(self) -> int:
        """Address after the last."""
        return self.address + self.size_bytes


@dataclass(frozen=True)
class LinkMap:
    """A map.

    Attributes:
        memories: In the map's order.
        sections: What the image's sections are made of, by their name, sorted by address.
    """

    memories: tuple[Memory, ...] = ()
    sections: Mapping[str, Sequence[Piece]] = field(default_factory=dict)

    def pieces(self, section: str, start: int, end: int) -> Iterator[Piece]:
        """What a section of the image has between two addresses."""
        found = self.sections.get(section, ())
        at = bisect.bisect_right(found, start, key=lambda one: one.end)
        while at < len(found) and found[at].address < end:
            yield found[at]
            at += 1

    def memory(self, address: int) -> Memory | None:
        """The block that an address lies in."""
        return next((one for one in self.memories if one.holds(address)), None)


def _memories(lines: Sequence[str]) -> tuple[Memory, ...]:
    found = (_MEMORY.match(line) for line in lines)
    return tuple(
        Memory(one[1], int(one[2], 16), int(one[3], 16))
        for one in found
        if one is not None and one[1] != _DEFAULT
    )


def _placed(lines: Sequence[str]) -> dict[str, list[Piece]]:
    sections: dict[str, list[Piece]] = {}
    output = name = ""
    for line in lines:
        if heading := _OUTPUT.match(line):
            output, name = heading[1], ""
        elif alone := _NAME.match(line):
            name = alone[1]
        elif placed := _INPUT.match(line):
            section, address, size = placed[1] or name, int(placed[2], 16), int(placed[3], 16)
            if size:
                piece = Piece(address, size, section, placed[4].strip())
                sections.setdefault(output, []).append(piece)
    for found in sections.values():
        found.sort(key=lambda one: one.address)
    return sections


def read_map(text: str) -> LinkMap:
    """Reads a map; of another linker's there is nothing in it."""
    lines = text.splitlines()
    if _MEMORIES not in lines or _PLACED not in lines:
        return LinkMap()
    first, second = lines.index(_MEMORIES), lines.index(_PLACED)
    return LinkMap(_memories(lines[first:second]), _placed(lines[second:]))
