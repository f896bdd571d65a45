"""Programs in Python that stand in for others."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, code: str) -> None:
    """Makes an executable file of some code, for this Python.

    Its first lines run it by the shell, since a `#!` cannot name an interpreter whose path has a
    space; to Python they are a comment and a string.
    """
    path.write_text(f'#!/bin/sh\n"exec" "{sys.executable}" "$0" "$@"\n{code}')
    path.chmod(0o755)
