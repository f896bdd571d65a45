"""Clang, where a contract says `toolchain: llvm`: GNU's linker and libraries take its objects.

Debian's has neither a linker nor libraries for bare metal of its own.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.cycles.linked import linked
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.graph.file_digests import digests, identified
from mlforge_tasks.graph.tool_versions import once
from mlforge_tasks.records import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

# The oldest that gave the reference's bytes; the one that is preferred; none is as new as the last.
OLDEST, PREFERRED, NEWEST = 14, 22, 40
PACKAGE = f"sudo apt-get install clang-{PREFERRED}"
TRIPLE = "arm-none-eabi"
TIMEOUT_S = 60.0
_QUIET = ("-Wno-unused-variable",)
# Its objects say that they need no executable stack, GNU's libraries for Arm say nothing, and the
# linker would warn that these may.
LINK_FLAGS = ("-Wl,-z,noexecstack",)
LIBRARIES = ("libclang-cpp", "libLLVM")  # which have the compiler, where they are there
_VERSION = re.compile(r"clang version (\d+)\S*")


def flags(headers: Path) -> tuple[str, ...]:
    """What makes its objects fit GNU's libraries for Arm.

    These have enumerations that are as short as their values allow, which Clang does not take by
    itself. Kernels have variables that only the assembly has a use for which GCC alone compiles.

    Args:
        headers: Folder of the C library's.
    """
    return (
        f"--target={TRIPLE}",
        "-fshort-enums",
        *_QUIET,
        "-nostdlibinc",
        "-isystem",
        str(headers),
    )


@once
def _found() -> tuple[str, str]:
    """Path and version: the oldest from `PREFERRED` on, else the newest before it."""
    numbers = (*range(PREFERRED, NEWEST), *range(PREFERRED - 1, OLDEST - 1, -1))
    for name in (*(f"clang-{number}" for number in numbers), "clang"):
        path = shutil.which(name)
        if path is None:
            continue
        line = process.first_line([path, "--version"], timeout_s=TIMEOUT_S)
        said = _VERSION.search(line)
        if said is not None and int(said[1]) >= OLDEST:
            return path, line
    raise ToolError(f"no clang of LLVM {OLDEST} or newer was found on PATH", hint=PACKAGE)


def program() -> str:
    """The compiler.

    Raises:
        ToolError: There is none, or it is too old.
    """
    return _found()[0]


def version() -> str:
    """What it says of itself.

    Raises:
        ToolError: There is none, or it is too old.
    """
    return _found()[1]


@once
def identity(*flags: str) -> Mapping[str, str]:
    """What it is made of: itself, its libraries, its headers.

    Args:
        flags: What selects the core's code generation.

    Raises:
        ToolError: There is none, it is too old, or does not work.
    """
    path, line = _found()
    asked = [path, f"--target={TRIPLE}", *flags, "-print-resource-dir"]
    resources = Path(process.check(asked, timeout_s=TIMEOUT_S).strip()) / "include"
    included = sorted(file for file in resources.rglob("*") if file.is_file())
    known = digests(included)
    every = {str(file.relative_to(resources)): known[str(file)] for file in included}
    libraries = [file for name in LIBRARIES for file in linked(path, name)]
    return {
        "clang": identified(path, line),
        "clang's headers": f"sha256:{sha256_bytes(canonical_json(every))}",
        **{Path(file).name: identified(file) for file in libraries},
    }
