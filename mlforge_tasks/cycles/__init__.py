"""What executed code takes on a core: cycles of counted blocks, at least and at most.

`price` is all that others need; it may import what is below, and nothing that runs firmware.

To add a core: add its line to `cores.CORES`, from its reference manual and from what
`llvm-mca --mcpu=<core>` says; `pytest tests/cycles` holds every core to what must be true of it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """Machine code that was executed from its first byte to its last.

    Attributes:
        code: The bytes, as they lie in memory.
        jumped: What was executed next lies elsewhere than right behind it.
    """

    code: bytes
    jumped: bool


def thumb_instructions(code: bytes) -> tuple[bytes, ...]:
    """Thumb code cut into its instructions, of two or four bytes each."""
    found = []
    at = 0
    while at < len(code):
        size = 4 if code[at + 1] >> 3 in (0b11101, 0b11110, 0b11111) else 2
        found.append(code[at : at + size])
        at += size
    return tuple(found)
