"""An image as Intel HEX, the one format that every flasher reads.

Record layout: Intel, "Hexadecimal Object File Format Specification", revision A. ELF header layout:
System V ABI, chapter 4, 32 bits, little-endian.
"""

from __future__ import annotations

import struct

from mlforge_tasks.errors import ToolError

ELF32_LITTLE = b"\x7fELF\x01\x01"
_PROGRAM_HEADERS = struct.Struct("<28xI10xHH")  # offset, size of one, how many
_PROGRAM_HEADER = struct.Struct("<II4xII")  # type, offset, physical address, size in the file
_LOAD = 1

RECORD_BYTES = 16
_DATA, _END, _UPPER_ADDRESS = 0, 1, 4
_UPPER_SHIFT = 16


def load_address(elf: bytes, size_bytes: int) -> int:
    """Where the flat image of an ELF file begins in the device's memory.

    Args:
        elf: The ELF file.
        size_bytes: Size of its flat image.

    Raises:
        ToolError: The file is not an ELF file for a 32-bit core, or of another image.
    """
    if not elf.startswith(ELF32_LITTLE):
        raise ToolError("the image to flash is not a 32-bit little-endian ELF file")
    offset, entry, count = _PROGRAM_HEADERS.unpack_from(elf)
    spans = []
    for index in range(count):
        kind, _, address, size = _PROGRAM_HEADER.unpack_from(elf, offset + index * entry)
        if kind == _LOAD and size:
            spans.append((address, address + size))
    begin = min((first for first, _ in spans), default=0)
    end = max((last for _, last in spans), default=0)
    if end - begin != size_bytes:
        found = f"the ELF file loads {end - begin} bytes, the flat image has {size_bytes}"
        raise ToolError(f"the files to flash do not belong together: {found}")
    return begin


def _record(kind: int, address: int, data: bytes) -> bytes:
    body = struct.pack(">BHB", len(data), address, kind) + data
    return b":%s%02X\r\n" % (body.hex().upper().encode(), -sum(body) & 0xFF)


def intel_hex(data: bytes, origin: int) -> bytes:
    """Writes data as Intel HEX.

    Args:
        data: The bytes.
        origin: Address of the first one, a multiple of `RECORD_BYTES`.
    """
    lines = []
    upper = None
    for start in range(0, len(data), RECORD_BYTES):
        address = origin + start
        if address >> _UPPER_SHIFT != upper:
            upper = address >> _UPPER_SHIFT
            lines.append(_record(_UPPER_ADDRESS, 0, upper.to_bytes(2, "big")))
        lines.append(_record(_DATA, address & 0xFFFF, data[start : start + RECORD_BYTES]))
    return b"".join([*lines, _record(_END, 0, b"")])
