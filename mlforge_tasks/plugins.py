"""Finds plug-ins by name among the modules that are there, and nowhere else.

A key in a contract (`agent: optimizer`) names a module of the plug-in folder, so a contract can
never make the pipeline import code from anywhere else.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from types import ModuleType

# In place of an engine's name: the one with more slack, found by measurement.
AUTO = "auto"


def installed(folder: str) -> tuple[str, ...]:
    """The plug-ins of a folder of this package, by file name: nothing is imported."""
    modules = pkgutil.iter_modules([str(Path(__file__).parent / folder)])
    return tuple(sorted(one.name for one in modules if not one.name.startswith("_")))


def names(package: ModuleType) -> tuple[str, ...]:
    """The plug-ins of a folder, sorted; modules that start with an underscore are helpers."""
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in found if not name.startswith("_")))


def module(package: ModuleType, name: str) -> str:
    """The dotted name of a plug-in's module; nothing is imported."""
    return f"{package.__name__}.{name}"


def load(package: ModuleType, name: str) -> Any:
    """The plug-in object of `package.name`, which every plug-in module calls `PLUGIN`.

    Raises:
        MlforgeError: There is no such plug-in.
    """
    if name not in names(package):
        raise MlforgeError(
            f"no plug-in '{name}' in {package.__name__}",
            hint=f"one of: {', '.join(names(package))}",
        )
    return importlib.import_module(module(package, name)).PLUGIN
