"""What an ELF file puts into a device's memory, and whether a flat image is that.

Header layout: System V ABI, chapter 4, 32 bits, little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mlforge_tasks.errors import ToolError

_MAGIC = b"\x7fELF\x01\x01"
_PROGRAM_HEADERS = struct.Struct("<28xI10xHH")  # offset, size of one, how many
_PROGRAM_HEADER = struct.Struct("<IIIIIII")  # type, offset, (virtual), physical, in file, in memory
_LOAD = 1
# What objcopy and Zephyr put between two segments.
_FILLS = (0x00, 0xFF)


@dataclass(frozen=True)
class Segment:
    """Bytes that are loaded.

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


def segments(elf: bytes) -> tuple[Segment, ...]:
    """What an ELF file loads, by address.

    Raises:
        ToolError: It is not an ELF file for a 32-bit core, or is cut off.
    """
    if not elf.startswith(_MAGIC):
        raise ToolError("the image is not a 32-bit little-endian ELF file")
    found = []
    try:
        offset, size, count = _PROGRAM_HEADERS.unpack_from(elf)
        for index in range(count):
            kind, at, _, address, length, *_ = _PROGRAM_HEADER.unpack_from(
                elf, offset + index * size
            )
            if kind == _LOAD and length:
                found.append(Segment(address, elf[at : at + length]))
                if len(found[-1].data) != length:
                    raise ToolError("the image's ELF file is cut off")
    except struct.error:
        raise ToolError("the image's ELF file is cut off") from None
    return tuple(sorted(found, key=lambda one: one.address))


def flat_origin(elf: bytes, flat: bytes) -> int:
    """Where a flat image begins in the device's memory.

    Args:
        elf: The ELF file that it was made from.
        flat: The flat image.

    Raises:
        ToolError: It is not to the byte what the ELF file loads.
    """
    loaded = segments(elf)
    origin = loaded[0].address if loaded else 0
    end = max((one.end for one in loaded), default=0)
    if end - origin != len(flat):
        found = f"the ELF file loads {end - origin} bytes, the flat image has {len(flat)}"
        raise ToolError(f"the image's files do not belong together: {found}")
    gaps = bytearray()
    covered = origin
    for one in loaded:
        start = one.address - origin
        if flat[start : start + len(one.data)] != one.data:
            raise ToolError(
                "the image's files do not belong together: the flat image has other bytes than "
                f"the ELF file loads at {one.address:#x}"
            )
        gaps += flat[covered - origin : start]
        covered = max(covered, one.end)
    if gaps and (len(set(gaps)) > 1 or gaps[0] not in _FILLS):
        raise ToolError(
            "the image's files do not belong together: the flat image has bytes where the ELF file "
            "loads none"
        )
    return origin
