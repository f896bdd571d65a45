"""What a GCC is made of, for the key of all that it makes: itself, and what it calls and links.

Its version line says little: a wrapper of the same name that comes first on PATH, a patched
assembler or another C library has the same.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.graph.file_digests import digests
from mlforge_tasks.graph.tool_versions import once
from mlforge_tasks.records import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TIMEOUT_S = 60.0
# What GCC starts, beside the compiler proper.
CALLED = ("as", "collect2", "ld", "lto-wrapper", "cc1plus")
LIBRARIES = ("libc.a", "libgcc.a", "libm.a", "libstdc++.a")
# This computer's own: its C library is known by its file, and too much else lies beside it.
SYSTEM_HEADERS = "/usr/include"
_VERSION = re.compile(r'#define (__VERSION__|_PICOLIBC_VERSION) "(.*)"')
_COMPILER = re.compile(r"^ (\S+/cc1) ", re.MULTILINE)
_SPECS = re.compile(r"^Reading specs from (/.*)$", re.MULTILINE)
_HEADERS = re.compile(
    r"^#include <\.\.\.> search starts here:\n(.*?)^End of", re.MULTILINE | re.DOTALL
)


def _search_path(name: str, said: str) -> str:
    found = re.search(rf"^{name}=(.*)$", said, re.MULTILINE)
    return found[1] if found else ""


def _called(said: str) -> dict[str, str]:
    """The programs that a compiler starts, as it finds them."""
    path = _search_path("COMPILER_PATH", said)
    programs = {name: shutil.which(name, path=path) or shutil.which(name) for name in CALLED}
    programs["cc1"] = match[1] if (match := _COMPILER.search(said)) else None
    return {name: program for name, program in programs.items() if program is not None}


def _libraries(folders: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for folder in folders:
        for name in LIBRARIES:
            path = Path(folder, name)
            if name not in found and path.is_file():
                found[name] = str(path)
    return found


def _headers(said: str) -> dict[str, str]:
    """Every header that is found without being told where, by its name below its folder."""
    listed = _HEADERS.search(said)
    lines = (line.strip() for line in (listed[1] if listed else "").splitlines())
    folders = [line for line in lines if not line.startswith(SYSTEM_HEADERS)]
    return {
        f"{index}/{path.removeprefix(folder)}": path
        for index, folder in enumerate(folders)
        for where, _, names in os.walk(folder)
        for path in (f"{where}/{name}" for name in names)
    }


@once
def identity(gcc: str, *flags: str) -> Mapping[str, str]:
    """What a GCC is, part by part: `12.2.1 sha256:…` of itself, digests of the others.

    Args:
        gcc: The compiler; a link, or a wrapper, is what it holds.
        flags: Those that choose its libraries: the core, the specs, `-include picolibc.h`.

    Raises:
        ToolError: It does not work, or a part of it cannot be read.
    """
    asked = [gcc, *flags, "-v", "-E", "-dM", "-x", "c", os.devnull]
    said = process.check(asked, timeout_s=TIMEOUT_S)
    versions = dict(_VERSION.findall(said))
    if "__VERSION__" not in versions:
        raise ToolError(f"`{shlex.join(asked)}` names no version\n{said[-1000:]}")
    linked = process.check([gcc, *flags, "-###", "-nostartfiles", "x.o"], timeout_s=TIMEOUT_S)
    # The folders stand in the linker's command line, each in its own argument.
    folders = re.findall(r' "?-L([^"\s]+)"?', linked)
    specs = {Path(path).name: path for path in _SPECS.findall(said)}
    parts = {"gcc": gcc, **specs, **_called(said), **_libraries(folders)}
    included = _headers(said)
    known = digests([*parts.values(), *included.values()])
    told = {name: f"sha256:{known[path]}" for name, path in sorted(parts.items())}
    told["gcc"] = f"{versions['__VERSION__']} {told['gcc']}"
    if "_PICOLIBC_VERSION" in versions:
        told["libc.a"] = f"picolibc {versions['_PICOLIBC_VERSION']} {told.get('libc.a', '')}"
    if included:
        every = {name: known[path] for name, path in included.items()}
        told["headers"] = f"sha256:{sha256_bytes(canonical_json(every))}"
    return told
