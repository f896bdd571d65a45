"""`toolchain: llvm`: Clang's objects, linked by GNU's tools, make images that run."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.platforms import _clang, _gnu, _image
from mlforge_tasks.platforms.baremetal import PLUGIN
from mlforge_tasks.runners.qemu import PLUGIN as QEMU
from mlforge_tasks.runners.qemu import run_to_end
from tests.helpers import programs, tiny_model
from tests.helpers.clang import clang_or_skip

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sections import Toolchain

BOARDS = ("mps2/an385", "mps2/an386", "mps2/an505", "mps3/an547")
TOOLCHAINS: tuple[Toolchain, ...] = ("gcc", "llvm")
PAINT_AND_SAY = """\
#include "hal.h"

static void show(const char *name, uint32_t used, uint32_t size)
{
    (void)name;
    (void)size;
    hal_put(used < 256 ? 'y' : 'n');
}

int main(void)
{
    hal_stack_paint();
    hal_stacks(show);
}
"""


def built(board: str, folder: Path) -> Path:
    """The tiny model's firmware, made by Clang."""
    clang_or_skip()
    model = tiny_model.write_model(folder / "model")
    request = tiny_model.request(load_board(board), model)
    PLUGIN.build(dataclasses.replace(request, toolchain="llvm"), folder)
    return folder / "firmware.elf"


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_firmware_of_clang_boots_serves_and_is_measured(name: str, tmp_path: Path) -> None:
    """Its outputs are right, it knows what its stack took, and its blocks have cycles."""
    board = load_board(name)
    with QEMU.open(board, built(name, tmp_path), tiny_model.EXPECTED) as session:
        assert session.infer(b"\x01\x7f\xff").output == tiny_model.add(b"\x01\x7f\xff")
        test = session.self_test
    assert 64 <= test.stack_used_bytes <= 512
    assert test.firmware_id == tiny_model.FIRMWARE_ID


@pytest.mark.slow
@pytest.mark.parametrize("toolchain", TOOLCHAINS)
@pytest.mark.parametrize("board", BOARDS)
def test_painting_the_stack_calls_nothing(board: str, toolchain: Toolchain, tmp_path: Path) -> None:
    """A call of memset, which Clang once made of it, overwrote its own return address."""
    if toolchain == "llvm":
        clang_or_skip()
    (tmp_path / "main.c").write_text(PAINT_AND_SAY)
    on = load_board(board)
    image = _image.link_image(on, [tmp_path / "main.c"], tmp_path, toolchain=toolchain)
    argv = [_gnu.tool("objdump"), "-d", "--disassemble=hal_stack_paint", str(image.elf)]
    code = process.check(argv, timeout_s=60)
    assert re.search(r"\bb?x?\t?lr\b|pop", code)
    assert not re.search(r"\tbl[x.]?", code)
    assert run_to_end(on, image.elf, limit_s=60) == b"y"


@pytest.mark.slow
def test_an_image_of_clang_is_the_same_in_any_folder(tmp_path: Path) -> None:
    """So it can come from the store."""
    images = [built("mps2/an386", tmp_path / name) for name in ("one", "quite/another")]
    assert images[0].read_bytes() == images[1].read_bytes()


@pytest.mark.slow
def test_clang_is_part_of_the_key() -> None:
    """With the libraries that have its code, and what GNU's tools add; not where GCC compiles."""
    path = clang_or_skip()
    on = load_board("mps2/an385")
    gcc, llvm = (PLUGIN.tool_versions(on, toolchain) for toolchain in TOOLCHAINS)
    assert gcc.items() < llvm.items()
    assert "clang version" in llvm["clang"]
    linked = process.check(["ldd", path], timeout_s=60)
    shared = {name for name in ("libLLVM", "libclang-cpp") if name in linked}
    added = set(llvm) - set(gcc)
    assert {name.split(".")[0] for name in added} == {"clang", "clang's headers"} | shared
    assert all(re.search(r"sha256:[0-9a-f]{64}$", llvm[name]) for name in added)


def test_a_clang_that_is_missing_or_old_is_told_before_a_run_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint names a package that has one."""
    monkeypatch.setattr(_clang, "_found", _clang._found.__wrapped__)
    monkeypatch.setattr(_clang, "identity", _clang.identity.__wrapped__)
    monkeypatch.setattr(_gnu, "require", lambda: None)
    monkeypatch.setattr(_gnu, "identity", lambda *_: {})
    monkeypatch.setattr(_image, "tool_versions", _image.tool_versions.__wrapped__)
    for name in ("", "clang-13", "clang"):
        if name:
            programs.write(tmp_path / name, 'print("clang version 13.0.1-11")\n')
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(ToolError, match="no clang of LLVM 14 or newer") as caught:
            PLUGIN.require(load_board("mps2/an385"), "aot", "llvm")
        assert caught.value.hint == "sudo apt-get install clang-22"
