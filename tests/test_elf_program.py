"""A program without symbols is held against the one with them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.elf import check_stripped, is_program
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process

if TYPE_CHECKING:
    from pathlib import Path

COMPILERS = ("gcc", "aarch64-linux-gnu-gcc", "arm-linux-gnueabihf-gcc")
CODE = "int table[] = {1, 2, 3}; int main(void) { return table[1] - 2; }"


@pytest.mark.parametrize("compiler", COMPILERS)
def test_what_is_loaded_is_compared_to_the_byte(compiler: str, tmp_path: Path) -> None:
    """Strip moves sections and nothing that is loaded; one other byte of data is told."""
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    source, elf, flat = tmp_path / "a.c", tmp_path / "a.elf", tmp_path / "a.bin"
    source.write_text(CODE)
    process.check(
        [compiler, "-g", "-nostdlib", "-e", "main", str(source), "-o", str(elf)], timeout_s=60
    )
    strip = compiler.removesuffix("gcc") + "strip"
    process.check([strip, "-o", str(flat), str(elf)], timeout_s=60)
    with_symbols, without = elf.read_bytes(), flat.read_bytes()
    assert is_program(without)
    assert len(without) < len(with_symbols)
    check_stripped(with_symbols, without)
    at = without.index(bytes([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]))
    other = without[:at] + b"\x09" + without[at + 1 :]
    with pytest.raises(ToolError, match="loads something else"):
        check_stripped(with_symbols, other)
    assert not is_program(b"\x00\x00\x40\x20")
