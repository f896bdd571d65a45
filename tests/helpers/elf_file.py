"""Small ELF files."""

from __future__ import annotations

import struct

LOAD, NOTE = 1, 4


def elf_file(*loaded: tuple[int, bytes], kind: int = LOAD) -> bytes:
    """An ELF file of a 32-bit core that loads some bytes at some physical addresses."""
    start = 52 + 32 * len(loaded)
    headers, content = b"", b""
    for address, data in loaded:
        at = start + len(content)
        headers += struct.pack(
            "<8I", kind, at, address ^ 0x20000000, address, len(data), len(data) + 8, 5, 4
        )
        content += data
    head = b"\x7fELF\x01\x01\x01" + bytes(9)
    head += struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, 0, 52, 0, 0, 52, 32, len(loaded), 40, 0, 0)
    return head + headers + content
