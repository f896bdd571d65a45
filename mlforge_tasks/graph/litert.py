"""LiteRT's shared library for the processors that its packages are made for.

It is taken out of the package `ai-edge-litert`, of which nothing else is needed: a program for
Linux calls its C interface. Which file it is is known here, so it needs no place in a key.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import product
from mlforge_tasks.graph.file_digests import digests

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "2.3.0"  # of requirements-litert.lock
NAME = "libLiteRt.so"
# By what `uname -m` says.
SHA256 = {
    "x86_64": "eec47eb35e2924b3166015887e652a58edc9af823ae38e02bf83bef2548300bb",
    "aarch64": "b57687dc234d2b8b0598aef5a9c961ed24263df8f8b3f56adbee1cff618e544b",
}
FOLDER = ".litert"
VARIABLE = "MLFORGE_LITERT"
HINT = f"./bootstrap --litert gets it, or let {VARIABLE} name a folder that has <processor>/{NAME}"


def place(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder that has a folder for each processor, or would."""
    named = environ.get(VARIABLE)
    return Path(named).absolute() if named else product.project().absolute() / FOLDER


def library(arch: str) -> Path:
    """The library for a processor.

    Raises:
        ToolError: There is none for it, it is not here, or it is another one.
    """
    if arch not in SHA256:
        there = " and ".join(sorted(SHA256))
        raise ToolError(f"there is no LiteRT for {arch}, only for {there}", hint="engine: aot")
    found = place() / arch / NAME
    if not found.is_file():
        raise ToolError(f"engine 'litert' needs LiteRT, and there is no '{found}'", hint=HINT)
    if digests([str(found)])[str(found)] != SHA256[arch]:
        raise ToolError(f"'{found}' is not that of ai-edge-litert {VERSION}", hint=HINT)
    return found


def is_linked(program: Path) -> bool:
    """Whether a program needs the library beside it, by the name that its loader looks for."""
    return b"\0" + NAME.encode() + b"\0" in program.read_bytes()
