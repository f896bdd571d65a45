"""GNU's tools for Arm, and the C library picolibc: they link every bare-metal image."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import compiler, process
from mlforge_tasks.graph.file_digests import identified

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "arm-none-eabi-"
BINUTILS = ("ld", "objcopy", "size")
TOOLS = ("gcc", *BINUTILS)
GCC_PACKAGE = "sudo apt-get install gcc-arm-none-eabi"
BINUTILS_PACKAGE = "sudo apt-get install binutils-arm-none-eabi"
PICOLIBC_PACKAGE = "sudo apt-get install picolibc-arm-none-eabi"
PICOLIBC_SPECS = "--specs=picolibc.specs"
TIMEOUT_S = 300.0
_OWN_HEADER = "picolibc.h"


def tool(name: str) -> str:
    """Full path of one of the cross tools (`gcc`, `objcopy`).

    Raises:
        ToolError: It is not installed.
    """
    hint = BINUTILS_PACKAGE if name in BINUTILS else GCC_PACKAGE
    return process.which(PREFIX + name, hint=hint)


@functools.cache
def picolibc_specs() -> Path:
    """The file that tells GCC where the C library is.

    Raises:
        ToolError: It is not installed.
    """
    argv = [tool("gcc"), "-print-file-name=picolibc.specs"]
    specs = Path(process.check(argv, timeout_s=TIMEOUT_S).strip())
    if not specs.is_absolute():  # GCC answers with the bare name of what it does not find
        raise ToolError("the C library picolibc is not installed for Arm", hint=PICOLIBC_PACKAGE)
    return specs


@functools.cache
def picolibc_headers() -> Path:
    """The folder of its headers, which it has for all cores together.

    Raises:
        ToolError: It is not installed, or GCC does not say where they are.
    """
    specs = f"--specs={picolibc_specs()}"
    asked = [tool("gcc"), specs, "-M", "-include", _OWN_HEADER, "-x", "c", os.devnull]
    said = process.check(asked, timeout_s=TIMEOUT_S)
    found = [Path(word).parent for word in said.split() if Path(word).name == _OWN_HEADER]
    if not found:
        raise ToolError(f"`{' '.join(asked)}` does not name {_OWN_HEADER}\n{said}")
    return found[0]


def _compiler(*flags: str) -> Mapping[str, str]:
    specs = f"--specs={picolibc_specs()}"
    return compiler.identity(tool("gcc"), *flags, specs, "-include", _OWN_HEADER)


def _linker_version() -> str:
    return process.first_line([tool("ld"), "--version"], timeout_s=TIMEOUT_S)


def picolibc_version() -> str:
    """The C library's version.

    Raises:
        ToolError: It, or the compiler that knows where it is, is not installed or does not work.
    """
    return _compiler()["libc.a"].split()[1]


def binutils_version() -> str:
    """What the linker says of itself and the others.

    Raises:
        ToolError: One of them is not installed, or does not work.
    """
    for name in BINUTILS:
        tool(name)
    return _linker_version()


def identity(*flags: str) -> dict[str, str]:
    """What compiler, linker and C library are.

    Args:
        flags: What selects the core's code generation, and with it the libraries.

    Raises:
        ToolError: One of them is not installed, or does not work.
    """
    return {
        **_compiler(*flags),
        f"{PREFIX}ld": identified(tool("ld"), _linker_version()),
        **{name: identified(tool(name)) for name in ("objcopy", "size")},
    }


def require() -> None:
    """Looks for all of them.

    Raises:
        ToolError: One of them is not installed.
    """
    for name in TOOLS:
        tool(name)
    picolibc_specs()
