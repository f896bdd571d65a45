"""Compilers for Zephyr on what is not a 32-bit Arm: the SDK's, else Debian's; for a process GCC.

Debian's have no C library for a device, so that images get Zephyr's own small one, and none for
C++.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.graph import process
from mlforge_tasks.graph.tool_versions import once
from mlforge_tasks.platforms._zephyr.compiler import HOST, TOOL_TIMEOUT_S, Toolchain, sdk

if TYPE_CHECKING:
    from collections.abc import Mapping

CROSS_COMPILE = "cross-compile"


@dataclass(frozen=True)
class Arch:
    """How a compiler for an architecture is had.

    Attributes:
        triples: What the SDK calls it.
        gcc: What Debian calls it; empty where it has none.
        hint: How to get it.
        cmake_args: What Zephyr must be told of Debian's.
        picks_library: Debian's has libraries for several cores; Zephyr would take the wrong one.
    """

    triples: tuple[str, ...]
    gcc: str
    hint: str
    cmake_args: tuple[str, ...] = ()
    picks_library: bool = False


ARCHES: Mapping[str, Arch] = {
    "riscv": Arch(
        ("riscv64-zephyr-elf",),
        "riscv64-unknown-elf-gcc",
        "sudo apt-get install gcc-riscv64-unknown-elf",
        picks_library=True,
    ),
    "arm64": Arch(
        ("aarch64-zephyr-elf",),
        "aarch64-linux-gnu-gcc",
        "sudo apt-get install gcc-aarch64-linux-gnu",
        # The library's functions for atomics ask Linux what the core can.
        ("-DEXTRA_CFLAGS=-mno-outline-atomics",),
    ),
    "x86": Arch(
        ("x86_64-zephyr-elf", "i586-zephyr-elf"),
        "i686-linux-gnu-gcc",
        "sudo apt-get install gcc-i686-linux-gnu",
    ),
    "xtensa": Arch(
        ("xtensa-*_zephyr-elf",),
        "",
        "install the Zephyr SDK with its xtensa toolchain: no distribution has another",
    ),
}
HOST_GCC = "gcc"
HOST_HINT = "sudo apt-get install gcc libc6-dev"


def find(
    arch: str, flags: tuple[str, ...], environ: Mapping[str, str] = os.environ
) -> Toolchain | None:
    """A compiler; None where there is none.

    Args:
        arch: One of `ARCHES`, or `host`.
        flags: What selects the core's code generation, and with it the library.
        environ: The environment.
    """
    if arch == HOST:
        found = shutil.which(HOST_GCC)
        return Toolchain(HOST, Path(found), {"ZEPHYR_TOOLCHAIN_VARIANT": HOST}) if found else None
    known = ARCHES[arch]
    return sdk(environ, *known.triples) or _debian(known, flags)


def _debian(known: Arch, flags: tuple[str, ...]) -> Toolchain | None:
    found = shutil.which(known.gcc) if known.gcc else None
    if found is None:
        return None
    gcc = Path(found)
    variables = {
        "ZEPHYR_TOOLCHAIN_VARIANT": CROSS_COMPILE,
        "CROSS_COMPILE": str(gcc).removesuffix("gcc"),
    }
    args = [*known.cmake_args, "-DCONFIG_MINIMAL_LIBC=y"]
    if known.picks_library:
        # Zephyr names more extensions than GCC 12 has libraries for, and would get another one.
        args.insert(0, f"-DCMAKE_EXE_LINKER_FLAGS=-L{_libraries(gcc, flags)}")
    return Toolchain(CROSS_COMPILE, gcc, variables, tuple(args))


@once
def _libraries(gcc: Path, flags: tuple[str, ...]) -> Path:
    argv = [str(gcc), *flags, "-print-libgcc-file-name"]
    return Path(process.check(argv, timeout_s=TOOL_TIMEOUT_S).strip()).parent


def wanted(arch: str) -> tuple[str, str]:
    """What is looked for, and how to get it."""
    if arch == HOST:
        return HOST_GCC, HOST_HINT
    known = ARCHES[arch]
    return known.gcc or f"compiler for {arch}", known.hint
