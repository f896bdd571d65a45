"""Finds plug-ins by name among the modules that are there, and nowhere else.

A key in a contract (`agent: optimizer`) names a module of the plug-in folder, so a contract can
never make the pipeline import code from anywhere else.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from pathlib import Path
from typing import Any

from mlforge_tasks.errors import MlforgeError

# In place of an engine's name: the one with more slack, found by measurement.
AUTO = "auto"


@functools.cache
def installed(folder: str) -> tuple[str, ...]:
    """The plug-ins of a folder of this package, sorted; nothing is imported.

    Modules that start with an underscore are helpers.
    """
    modules = pkgutil.iter_modules([str(Path(__file__).parent / folder)])
    return tuple(sorted(one.name for one in modules if not one.name.startswith("_")))


def module(folder: str, name: str) -> str:
    """The dotted name of a plug-in's module; nothing is imported."""
    return f"{__package__}.{folder}.{name}"


def load(folder: str, name: str) -> Any:
    """The plug-in object of a folder's module, which every one of them calls `PLUGIN`.

    Raises:
        MlforgeError: There is no such plug-in.
    """
    known = installed(folder)
    if name not in known:
        raise MlforgeError(
            f"no plug-in '{name}' in {__package__}.{folder}", hint=f"one of: {', '.join(known)}"
        )
    return importlib.import_module(module(folder, name)).PLUGIN
