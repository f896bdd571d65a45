"""What an ELF file puts into a device's memory, and whether a flat image is that.

Header layout: System V ABI, chapter 4, 32 bits, little-endian.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = b"\x7fELF\x01\x01"
# Offsets of program and section headers, then size and number of each.
_HEADER = struct.Struct("<28xII6xHHHH")
_SEGMENT = struct.Struct("<IIIII")  # type, offset, virtual and physical address, size in the file
_SECTION = struct.Struct("<4xII4xII")  # type, flags, offset, size
_LOAD = 1
_NO_BITS, _ALLOCATED = 8, 2
# What objcopy and Zephyr put where no section lies.
_FILLS = (0x00, 0xFF)


@dataclass(frozen=True)
class Piece:
    """Bytes that are loaded: a section's.

    Attributes:
        address: Physical address of the first.
        data: The bytes.
    """

    address: int
    data: bytes

    @property
    def end(self) -> int:
        """Address after the last."""
        return self.address + len(self.data)


def _unpacked(elf: bytes) -> Iterator[Piece]:
    segments_at, sections_at, segment_size, segments, section_size, sections = _HEADER.unpack_from(
        elf
    )
    spans = []
    for index in range(segments):
        kind, start, _, address, length = _SEGMENT.unpack_from(
            elf, segments_at + index * segment_size
        )
        if kind == _LOAD:
            spans.append((start, start + length, address))
    for index in range(sections):
        kind, flags, start, length = _SECTION.unpack_from(elf, sections_at + index * section_size)
        if kind == _NO_BITS or not flags & _ALLOCATED or not length:
            continue
        if start + length > len(elf):
            raise ToolError("the image's ELF file is cut off")
        for first, last, address in spans:
            if first <= start and start + length <= last:
                yield Piece(address + start - first, elf[start : start + length])


def pieces(elf: bytes) -> tuple[Piece, ...]:
    """What an ELF file loads, by address.

    Section by section: what lies between two of them in one segment is padding, which another tool
    fills with other bytes.

    Raises:
        ToolError: It is not an ELF file for a 32-bit core, or is cut off.
    """
    if not elf.startswith(_MAGIC):
        raise ToolError("the image is not a 32-bit little-endian ELF file")
    try:
        return tuple(sorted(_unpacked(elf), key=lambda one: one.address))
    except struct.error:
        raise ToolError("the image's ELF file is cut off") from None


def flat_origin(elf: bytes, flat: bytes) -> int:
    """Where a flat image begins in the device's memory.

    Args:
        elf: The ELF file that it was made from.
        flat: The flat image.

    Raises:
        ToolError: It is not to the byte what the ELF file loads.
    """
    loaded = pieces(elf)
    origin = loaded[0].address if loaded else 0
    end = max((one.end for one in loaded), default=0)
    if end - origin != len(flat):
        raise _strangers(f"the ELF file loads {end - origin} bytes, the flat image has {len(flat)}")
    between = bytearray()
    covered = origin
    for one in loaded:
        start = one.address - origin
        if flat[start : start + len(one.data)] != one.data:
            raise _strangers(
                f"at {one.address:#x} the flat image has other bytes than the ELF file"
            )
        between += flat[covered - origin : start]
        covered = max(covered, one.end)
    if between and (len(set(between)) > 1 or between[0] not in _FILLS):
        raise _strangers("the flat image has bytes where the ELF file loads none")
    return origin


def _strangers(found: str) -> ToolError:
    return ToolError(f"the image's files do not belong together: {found}")


def is_program(image: bytes) -> bool:
    """Whether what lies beside an ELF file is no flat image, but that without its symbols."""
    return image.startswith(b"\x7fELF")


def check_stripped(elf: bytes, program: bytes) -> None:
    """Sees that a program without symbols loads what the one with them loads.

    Args:
        elf: The program with symbols.
        program: The one without.

    Raises:
        ToolError: It does not.
    """
    if _loaded(elf) != _loaded(program):
        raise _strangers("the program without symbols loads something else than the one with them")


def _loaded(elf: bytes) -> list[object]:
    """What a kernel loads of a program, and where it begins.

    The file's own header is loaded as well; of it the places of sections differ.
    """
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415 - of programs alone

    file = ELFFile(io.BytesIO(elf))
    size = file["e_ehsize"]
    found: list[object] = [(file["e_machine"], file["e_entry"])]
    for one in file.iter_segments("PT_LOAD"):
        data = one.data()
        kept = data[size:] if one["p_offset"] == 0 else data
        found.append((one["p_vaddr"], one["p_memsz"], one["p_flags"], kept))
    return found
