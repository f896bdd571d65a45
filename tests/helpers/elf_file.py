"""Small ELF files."""

from __future__ import annotations

import struct

LOAD, NOTE = 1, 4
_SECTION = "<10I"


def elf_file(
    *loaded: tuple[int, bytes] | tuple[int, bytes, bytes, bytes], kind: int = LOAD
) -> bytes:
    """An ELF file of a 32-bit core.

    Args:
        loaded: Segments: a physical address and a section, or a section, padding and a section.
        kind: Of the segments.
    """
    start = 52 + 32 * len(loaded)
    segments, sections, content = b"", struct.pack(_SECTION, *[0] * 10), b""
    for address, *parts in loaded:
        at, data = start + len(content), b"".join(parts)
        size = len(data)
        segments += struct.pack(
            "<8I", kind, at, address ^ 0x20000000, address, size, size + 8, 5, 4
        )
        offset = at
        for index, part in enumerate(parts):
            if index != 1:
                sections += struct.pack(_SECTION, 0, 1, 2, 0, offset, len(part), 0, 0, 1, 0)
            offset += len(part)
        content += data
    # One in RAM that takes no room in the file, and one that is not loaded.
    sections += struct.pack(_SECTION, 0, 8, 3, 0x20000000, start, 64, 0, 0, 1, 0)
    sections += struct.pack(_SECTION, 0, 1, 0, 0, start, len(content), 0, 0, 1, 0)
    head = b"\x7fELF\x01\x01\x01" + bytes(9)
    numbers = (2, 40, 1, 0, 52, start + len(content), 0, 52, 32, len(loaded), 40)
    head += struct.pack("<HHIIIIIHHHHHH", *numbers, len(sections) // 40, 0)
    return head + segments + content + sections
