"""An image as Intel HEX, the one format that every flasher reads.

Record layout: Intel, "Hexadecimal Object File Format Specification", revision A.
"""

from __future__ import annotations

import struct

RECORD_BYTES = 16
_DATA, _END, _UPPER_ADDRESS = 0, 1, 4
_UPPER_SHIFT = 16


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
