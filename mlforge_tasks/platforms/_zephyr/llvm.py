"""Clang for Zephyr (`ZEPHYR_TOOLCHAIN_VARIANT=llvm`), with GNU's linker and libraries for Arm.

`zephyr_app/llvm.cmake` has Zephyr find these.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.platforms import _clang, _gnu
from mlforge_tasks.platforms._zephyr.compiler import LLVM, PICOLIBC_OPTION, Toolchain

if TYPE_CHECKING:
    from mlforge_tasks.contract.board import Board


def require() -> Toolchain:
    """The compiler, in the folder where Zephyr looks for `clang` without a version in its name.

    Raises:
        ToolError: It, or what links for it, is not installed.
    """
    _gnu.require()
    clang = Path(_clang.program()).resolve().parent / "clang"
    if not clang.is_file():
        raise ToolError(f"Zephyr looks for a program named '{clang}'", hint=_clang.PACKAGE)
    variables = {"ZEPHYR_TOOLCHAIN_VARIANT": LLVM, "LLVM_TOOLCHAIN_PATH": str(clang.parent.parent)}
    args = ("-DTOOLCHAIN_HAS_PICOLIBC=ON", PICOLIBC_OPTION)
    return Toolchain(LLVM, clang, variables, args, binutils=_gnu.tool("gcc").removesuffix("gcc"))


def refuse(board: Board, arch: str, engine: str) -> None:
    """Stops where Zephyr does not build with Clang.

    Args:
        board: What is built for.
        arch: What its compiler is for.
        engine: What runs the model.

    Raises:
        ToolError: It is so; the hint says what to write.
    """
    why = None
    if arch != "arm":
        why = f"'llvm' is for Arm alone, {board.name} is none"
    elif board.mve:
        why = f"Zephyr gives the compiler '-mfpu=auto' for {board.cpu}, which Clang does not know"
    elif engine == "tflm":
        why = "engine 'tflm' is built by GCC, with its C++ library"
    if why is not None:
        bare = ", or `platform: baremetal`" if board.mve and board.uart is not None else ""
        raise ToolError(f"target.toolchain: {why}", hint=f"toolchain: gcc{bare}")
