"""A flat image is to the byte what its ELF file loads, or it is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlforge_tasks.elf import Piece, flat_origin, pieces
from mlforge_tasks.errors import ToolError
from tests.helpers.elf_file import NOTE, elf_file

CODE, DATA = (0x08000000, b"code"), (0x08000008, b"data")
TWO = elf_file(DATA, CODE)


def test_pieces_are_told_by_physical_address() -> None:
    """In order, without what is not loaded or empty."""
    assert pieces(TWO) == (Piece(*CODE), Piece(*DATA))
    assert pieces(elf_file(CODE, kind=NOTE)) == ()
    assert pieces(elf_file((0x100, b""))) == ()


@pytest.mark.parametrize("gap", [bytes(4), b"\xff" * 4])
def test_a_flat_image_is_told_where_it_begins(gap: bytes) -> None:
    """Between sections lies what objcopy or Zephyr fills gaps with."""
    assert flat_origin(TWO, b"code" + gap + b"data") == 0x08000000
    assert flat_origin(elf_file(), b"") == 0
    # In one segment the ELF file has bytes there too, which no section is made of.
    assert (
        flat_origin(elf_file((0x100, b"code", bytes(4), b"data")), b"code" + gap + b"data") == 0x100
    )


@pytest.mark.parametrize(
    ("flat", "said"),
    [
        (b"code" + bytes(4) + b"dat", "loads 12 bytes, the flat image has 11"),
        (b"code" + bytes(4) + b"data!", "loads 12 bytes, the flat image has 13"),
        (b"", "has 0"),
        (b"cope" + bytes(4) + b"data", "at 0x8000000 the flat image has other bytes"),
        (b"code" + bytes(4) + b"date", "at 0x8000008 the flat image has other bytes"),
        (b"code\0\0\0\1data", "bytes where the ELF file loads none"),
        (b"code\1\1\1\1data", "bytes where the ELF file loads none"),
    ],
)
def test_another_flat_image_is_refused(flat: bytes, said: str) -> None:
    """In length, in what is loaded, in what lies between."""
    with pytest.raises(ToolError, match=f"do not belong together: .*{said}"):
        flat_origin(TWO, flat)


@pytest.mark.parametrize("elf", [b"", b"code", b"\x7fELF\x02\x01" + bytes(60)])
def test_what_is_no_elf_file_is_refused(elf: bytes) -> None:
    """Of a 64-bit core neither."""
    with pytest.raises(ToolError, match="not a 32-bit little-endian ELF file"):
        pieces(elf)


@given(cut=st.integers(6, len(TWO) - 17))
def test_one_that_is_cut_off_is_refused(cut: int) -> None:
    """Wherever, up to the end of the last header's fields that tell what is loaded."""
    with pytest.raises(ToolError, match="cut off"):
        pieces(TWO[:cut])


@given(data=st.binary(max_size=120))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """Whatever follows the magic number is read or refused."""
    with contextlib.suppress(ToolError):
        assert pieces(TWO[:6] + data) is not None
