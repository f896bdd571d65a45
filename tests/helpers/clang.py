"""Clang, which not every computer has."""

from __future__ import annotations

import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.platforms import _clang


def clang_or_skip() -> str:
    """The compiler that `toolchain: llvm` means."""
    try:
        return _clang.program()
    except ToolError as error:
        pytest.skip(str(error))
