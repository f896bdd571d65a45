"""Where the product's own files lie, and where the user's project does: in a checkout both are one.

Installed as a package, templates and the application lie within it, under the names that they have
at the top of the repository; the project is the folder of the user's `dodo.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "mlforge_tasks"
# Where a wheel has what lies beside the package in the repository (`setup.py`).
SHIPPED = ROOT / PACKAGE / "_shipped"
_BESIDE = SHIPPED if SHIPPED.is_dir() else ROOT
# Passed on to stages' processes, whose working folders are others.
VARIABLE = "MLFORGE_PROJECT"


def place(name: str) -> str:
    """Where a file or folder of the product's lies; as text, since a Path costs more.

    Args:
        name: Its path in the repository (`templates/aot`, `mlforge_tasks/boards`).
    """
    return f"{ROOT if name.startswith(PACKAGE) else _BESIDE}/{name}"


def path(name: str) -> Path:
    """The same as a path."""
    return Path(place(name))


def name(found: Path) -> str:
    """The name of a file or folder of the product's: the same in a checkout and in a wheel."""
    below = found.relative_to(ROOT).as_posix()
    return below.removeprefix(f"{PACKAGE}/{SHIPPED.name}/")


def version() -> str:
    """MLForge's own version: of a checkout what its `pyproject.toml` says, else the package's."""
    import tomllib  # noqa: PLC0415 - rarely needed
    from importlib import metadata  # noqa: PLC0415

    try:
        return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
    except OSError:
        return metadata.version("mlforge")


def settle(project: Path) -> None:
    """Says where the project is, to this process and to those that it starts."""
    os.environ[VARIABLE] = str(project.resolve())


def project() -> Path:
    """The user's project, in which contracts, data and a build tree's neighbours lie."""
    return Path(os.environ.get(VARIABLE) or ROOT)
