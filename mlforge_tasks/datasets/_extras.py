"""Libraries that not everybody has: an extra each, loaded when a file needs it."""

from __future__ import annotations

import importlib
from typing import Any

from mlforge_tasks.errors import ToolError


def library(module: str, extra: str, what: str) -> Any:
    """A library that reads a format.

    Args:
        module: What to import.
        extra: The extra in `pyproject.toml` that brings it.
        what: The files that need it, for the message: "Parquet files".

    Raises:
        ToolError: It is not installed, or does not load.
    """
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as error:  # a shared library that it needs may be missing
        raise ToolError(
            f"{what} need the extra '{extra}': {error}",
            hint=f"run `./bootstrap --data`, or `pip install 'mlforge[{extra}]'`",
        ) from error
