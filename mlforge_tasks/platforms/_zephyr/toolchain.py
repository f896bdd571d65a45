"""Finds a compiler for Zephyr: the Zephyr SDK or a GNU Arm toolchain such as Debian's.

For RISC-V it is Debian's, with Zephyr's own small C library; for a process, the computer's own.
"""

from __future__ import annotations

import functools
import os
import platform
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import compiler, process
from mlforge_tasks.graph.tool_versions import once
from mlforge_tasks.platforms import _clang

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SDK = "zephyr"
GNU_ARM = "gnuarmemb"
LLVM = "llvm"
GNU_ARM_GCC = "arm-none-eabi-gcc"
# Where Zephyr's own build system looks for an SDK (cmake/modules/FindZephyr-sdk.cmake).
SDK_PARENTS = ("/usr", "/usr/local", "/opt", "~", "~/.local", "~/.local/opt", "~/bin")
SDK_GCCS = (
    "arm-zephyr-eabi/bin/arm-zephyr-eabi-gcc",
    "gnu/arm-zephyr-eabi/bin/arm-zephyr-eabi-gcc",
)
CROSS_COMPILE = "cross-compile"
RISCV_GCC = "riscv64-unknown-elf-gcc"
# What the RISC-V boards have; their images link GCC's library for it.
RISCV_CORE = ("-march=rv32imac", "-mabi=ilp32")
RISCV_HINT = "sudo apt-get install gcc-riscv64-unknown-elf"
HOST = "host"
HOST_GCC = "gcc"
HOST_HINT = "sudo apt-get install gcc libc6-dev"
PICOLIBC_OPTION = "-DCONFIG_PICOLIBC=y"
PICOLIBC_SPECS = "--specs=picolibc.specs"
TOOL_TIMEOUT_S = 60.0
INSTALL_HINT = (
    "install the Zephyr SDK, or on Debian `sudo apt-get install gcc-arm-none-eabi "
    "picolibc-arm-none-eabi libstdc++-arm-none-eabi-picolibc`"
)


@dataclass(frozen=True)
class Toolchain:
    """A compiler for Zephyr and what its build system must be told about it.

    Attributes:
        variant: As `ZEPHYR_TOOLCHAIN_VARIANT` names it.
        gcc: The compiler; Clang where the variant is `llvm`.
        environment: Variables for the build.
        cmake_args: Arguments for CMake.
        binutils: What the other tools' paths begin with, where that is not as the compiler's.
    """

    variant: str
    gcc: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    cmake_args: tuple[str, ...] = ()
    binutils: str = ""

    def identity(self, *flags: str) -> Mapping[str, str]:
        """What compiler and libraries are; Clang links those of the GCC beside `binutils`.

        Args:
            flags: What selects the core's code generation, and with it the libraries.
        """
        if self.variant == LLVM:
            gnu = compiler.identity(f"{self.binutils}gcc", *flags, *self.specs)
            return {**gnu, **_clang.identity(*flags)}
        return compiler.identity(str(self.gcc), *flags, *self.specs)

    @property
    def specs(self) -> tuple[str, ...]:
        """What has the compiler find the C library that images are linked with."""
        return (PICOLIBC_SPECS,) if PICOLIBC_OPTION in self.cmake_args else ()

    def tool(self, name: str) -> str:
        """Full path of a tool beside the compiler (`size`, `nm`)."""
        return (self.binutils or str(self.gcc).removesuffix("gcc")) + name

    def version(self) -> str:
        """First line of `gcc --version`; for a process also what it is compiled for."""
        line = _first_line(self.gcc)
        if self.variant != HOST:
            return line
        return f"{line}, {platform.machine()}, {' '.join(platform.libc_ver())}"


@once
def _first_line(gcc: Path) -> str:
    return process.first_line([str(gcc), "--version"], timeout_s=TOOL_TIMEOUT_S)


def _sdk(environ: Mapping[str, str]) -> Toolchain | None:
    named = environ.get("ZEPHYR_SDK_INSTALL_DIR")
    folders = [Path(named)] if named else []
    for parent in SDK_PARENTS:
        folders += sorted(Path(parent).expanduser().glob("zephyr-sdk-*"), reverse=True)
    compilers = (folder / gcc for folder in folders for gcc in SDK_GCCS)
    gcc = next((gcc for gcc in compilers if gcc.is_file()), None)
    if gcc is None:
        return None
    root = next(folder for folder in folders if gcc.is_relative_to(folder))
    variables = {"ZEPHYR_TOOLCHAIN_VARIANT": SDK, "ZEPHYR_SDK_INSTALL_DIR": str(root)}
    return Toolchain(SDK, gcc, variables)


def _gnu_arm(environ: Mapping[str, str]) -> Toolchain | None:
    named = environ.get("GNUARMEMB_TOOLCHAIN_PATH")
    found = shutil.which(f"{named}/bin/{GNU_ARM_GCC}" if named else GNU_ARM_GCC)
    if found is None:
        return None
    gcc = Path(found)
    variables = {
        "ZEPHYR_TOOLCHAIN_VARIANT": GNU_ARM,
        "GNUARMEMB_TOOLCHAIN_PATH": str(gcc.parent.parent),
    }
    if not _has_picolibc(gcc):
        return Toolchain(GNU_ARM, gcc, variables)
    # Debian's picolibc keeps errno in thread-local storage, and its newlib lacks the locks that
    # Zephyr asks for.
    variables["ZEPHYR_TOOLCHAIN_SUPPORTS_THREAD_LOCAL_STORAGE"] = "y"
    args = ("-DTOOLCHAIN_HAS_PICOLIBC=ON", PICOLIBC_OPTION)
    return Toolchain(GNU_ARM, gcc, variables, args)


def _riscv() -> Toolchain | None:
    found = shutil.which(RISCV_GCC)
    if found is None:
        return None
    gcc = Path(found)
    variables = {
        "ZEPHYR_TOOLCHAIN_VARIANT": CROSS_COMPILE,
        "CROSS_COMPILE": str(gcc).removesuffix("gcc"),
    }
    # Zephyr names more extensions than GCC 12 has libraries for, and would get the 64-bit one.
    args = (f"-DCMAKE_EXE_LINKER_FLAGS=-L{_riscv_libraries(gcc)}", "-DCONFIG_MINIMAL_LIBC=y")
    return Toolchain(CROSS_COMPILE, gcc, variables, args)


def _host() -> Toolchain | None:
    found = shutil.which(HOST_GCC)
    return Toolchain(HOST, Path(found), {"ZEPHYR_TOOLCHAIN_VARIANT": HOST}) if found else None


@functools.cache
def _riscv_libraries(gcc: Path) -> Path:
    argv = [str(gcc), *RISCV_CORE, "-print-libgcc-file-name"]
    return Path(process.check(argv, timeout_s=TOOL_TIMEOUT_S).strip()).parent


@functools.cache
def _has_picolibc(gcc: Path) -> bool:
    argv = [str(gcc), "-print-file-name=picolibc.specs"]
    # GCC answers with the bare name of a file that it does not have.
    return Path(process.check(argv, timeout_s=TOOL_TIMEOUT_S).strip()).is_absolute()


# Of what is not Arm: how it is found, what is looked for, and how to get it.
_OTHERS: Mapping[str, tuple[Callable[[], Toolchain | None], str, str]] = {
    "riscv": (_riscv, RISCV_GCC, RISCV_HINT),
    "host": (_host, HOST_GCC, HOST_HINT),
}


def find(environ: Mapping[str, str] = os.environ, arch: str = "arm") -> Toolchain | None:
    """The toolchain to use: the one that `ZEPHYR_TOOLCHAIN_VARIANT` names, else what is there.

    Args:
        environ: The environment.
        arch: As a board's `zephyr.arch`; the variable chooses among those for Arm.
    """
    if arch in _OTHERS:
        return _OTHERS[arch][0]()
    kinds = {SDK: _sdk, GNU_ARM: _gnu_arm}
    named = environ.get("ZEPHYR_TOOLCHAIN_VARIANT")
    tried = [kinds[named]] if named in kinds else list(kinds.values())
    found = (kind(environ) for kind in tried)
    return next((toolchain for toolchain in found if toolchain is not None), None)


@functools.cache
def require(arch: str = "arm") -> Toolchain:
    """The toolchain to use.

    Raises:
        ToolError: There is none.
    """
    toolchain = find(arch=arch)
    if toolchain is None and arch in _OTHERS:
        _, gcc, hint = _OTHERS[arch]
        raise ToolError(f"no {gcc} was found on PATH", hint=hint)
    if toolchain is None:
        wanted = os.environ.get("ZEPHYR_TOOLCHAIN_VARIANT", f"{SDK} or {GNU_ARM}")
        raise ToolError(f"no toolchain for Zephyr was found (wanted: {wanted})", hint=INSTALL_HINT)
    return toolchain
