"""A compiler for Zephyr as a record, and the Zephyr SDK's, which Zephyr needs no help with."""

from __future__ import annotations

import platform
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.graph import compiler, process
from mlforge_tasks.graph.tool_versions import once
from mlforge_tasks.platforms import _clang

if TYPE_CHECKING:
    from collections.abc import Mapping

SDK = "zephyr"
LLVM = "llvm"
HOST = "host"
# Where Zephyr's own build system looks for an SDK (cmake/modules/FindZephyr-sdk.cmake).
SDK_PARENTS = ("/usr", "/usr/local", "/opt", "~", "~/.local", "~/.local/opt", "~/bin")
PICOLIBC_OPTION = "-DCONFIG_PICOLIBC=y"
PICOLIBC_SPECS = "--specs=picolibc.specs"
TOOL_TIMEOUT_S = 60.0
# What Zephyr asks a GCC below 13.1 for (cmake/compiler/gcc/target.cmake), and where Debian's
# compilers for Linux have it.
LIMITS, OWN_LIMITS = "include-fixed/limits.h", "include/limits.h"
# A shell's words that put a script before such a compiler, and links before the tools beside it, in
# the folder $before.
BEFORE = f"""\
mkdir -p "$before"
for tool in "$CROSS_COMPILE"*; do ln -sf "$tool" "$before/"; done
before=$before/${{CROSS_COMPILE##*/}}
rm -f "${{before}}gcc"
cat > "${{before}}gcc" <<END
#!/bin/sh
[ "\\$1" = --print-file-name={LIMITS} ] && set -- --print-file-name={OWN_LIMITS}
exec ${{CROSS_COMPILE}}gcc "\\$@"
END
chmod +x "${{before}}gcc"
"""


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


@once
def file_name(gcc: Path, name: str, *flags: str) -> Path | None:
    """Where a compiler has a file of its own; None where it has none."""
    argv = [str(gcc), *flags, f"-print-file-name={name}"]
    # GCC answers with the bare name of a file that it does not have.
    found = Path(process.check(argv, timeout_s=TOOL_TIMEOUT_S).strip())
    return found if found.is_absolute() else None


def sdk(environ: Mapping[str, str], *triples: str) -> Toolchain | None:
    """The SDK's compiler for one of some targets, which may be patterns."""
    named = environ.get("ZEPHYR_SDK_INSTALL_DIR")
    folders = [Path(named)] if named else []
    for parent in SDK_PARENTS:
        folders += sorted(Path(parent).expanduser().glob("zephyr-sdk-*"), reverse=True)
    for folder in folders:
        for triple in triples:
            for below in ("", "gnu/"):
                for gcc in sorted(folder.glob(f"{below}{triple}/bin/{triple}-gcc")):
                    variables = {
                        "ZEPHYR_TOOLCHAIN_VARIANT": SDK,
                        "ZEPHYR_SDK_INSTALL_DIR": str(folder),
                    }
                    return Toolchain(SDK, gcc, variables)
    return None


def asks_in_vain(toolchain: Toolchain) -> bool:
    """Whether the compiler has no `limits.h` where Zephyr asks for it.

    Zephyr would put the relative path `include-fixed` into its targets, and CMake stop.
    """
    crossing = "CROSS_COMPILE" in toolchain.environment
    return crossing and file_name(toolchain.gcc, LIMITS) is None


def helped(toolchain: Toolchain, folder: Path) -> Mapping[str, str]:
    """Variables of a build, with a compiler that tells Zephyr where its `limits.h` is.

    Args:
        toolchain: The compiler.
        folder: Where to put a script that stands before it, if it needs one.
    """
    if not asks_in_vain(toolchain):
        return toolchain.environment
    prefix = toolchain.environment["CROSS_COMPILE"]
    argv = ["sh", "-ec", f"before={shlex.quote(str(folder))}\n{BEFORE}"]
    process.check(argv, timeout_s=TOOL_TIMEOUT_S, env={"CROSS_COMPILE": prefix})
    return {**toolchain.environment, "CROSS_COMPILE": str(folder / Path(prefix).name)}
