"""Whether an image can be built at all, told before anything is started."""

from __future__ import annotations

import importlib.util
import shutil
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import product
from mlforge_tasks.platforms._zephyr import doctor, llvm, workspace
from mlforge_tasks.platforms._zephyr import toolchain as toolchains

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sections import Toolchain
    from mlforge_tasks.platforms._zephyr import compiler


def require(
    modules: tuple[str, ...],
    arch: str = "arm",
    toolchain: Toolchain = "gcc",
    flags: tuple[str, ...] = (),
    *,
    bare: bool = False,
) -> None:
    """Looks for everything that a build calls.

    Args:
        modules: Zephyr modules that are built in.
        arch: What the compiler must be for.
        toolchain: Whose compiler it is.
        flags: What selects the core's code generation.
        bare: Whether the board can do without Zephyr.

    Raises:
        ToolError: Something is missing; the hint says what to run.
    """
    found = workspace.require()
    if not (found.topdir / ".west").is_dir():
        raise ToolError(
            f"{found.topdir} is no west workspace", hint="run `west init -l zephyr` in it"
        )
    refuse_spaces(product.path("zephyr_app"), product.project(), found.topdir, bare=bare)
    found.modules(modules)
    required(arch, toolchain, flags)
    _packages()
    _programs()


def required(arch: str, toolchain: Toolchain, flags: tuple[str, ...] = ()) -> compiler.Toolchain:
    """The compiler to build with.

    Raises:
        ToolError: There is none.
    """
    return llvm.require() if toolchain == "llvm" else toolchains.require(arch, flags)


def refuse_spaces(*folders: Path, bare: bool = False) -> None:
    """Zephyr's CMake files take a space in a path for the end of it (kconfig.cmake: CONF_FILE).

    Raises:
        ToolError: A folder's path has one.
    """
    for folder in folders:
        if " " in str(folder):
            raise ToolError(
                f"Zephyr cannot build where a path has a space: '{folder}'",
                hint="move it to a path without" + (", or `platform: baremetal`" if bare else ""),
            )


def _packages() -> None:
    needs = doctor.PYTHON_NEEDS.items()
    missing = [name for module, name in needs if importlib.util.find_spec(module) is None]
    if missing:
        raise ToolError(
            f"Zephyr's build needs the Python packages {', '.join(missing)}",
            hint=workspace.PYTHON_HINT,
        )


def _programs() -> None:
    missing = {name: pack for name, pack in doctor.PROGRAMS.items() if shutil.which(name) is None}
    if missing:
        raise ToolError(
            f"Zephyr's build needs {', '.join(missing)}: not found on PATH",
            hint=f"sudo apt-get install {' '.join(missing.values())}",
        )
