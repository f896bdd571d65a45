"""What a board's images are built with beside Zephyr's own files: those of the user's project."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import product
from mlforge_tasks.graph.file_digests import digest_together, identified

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.contract.board import Zephyr

# What Zephyr finds in a tree of boards, by the variable that names the tree.
_ROOTS = {"BOARD_ROOT": "boards", "SOC_ROOT": "soc", "DTS_ROOT": "dts"}
# What an overlay takes from beside it, by the C preprocessor or by the devicetree's own word.
_INCLUDED = re.compile(r'^[ \t]*(?:#[ \t]*include|/include/)[ \t]*"([^"\n]+)"', re.MULTILINE)


def cmake_args(known: Zephyr) -> tuple[str, ...]:
    """CMake's arguments for them."""
    return tuple(_args(known))


def conf_files(known: Zephyr) -> tuple[Path, ...]:
    """The user's Kconfig files."""
    return tuple(product.project() / name for name in known.confs)


def _args(known: Zephyr) -> Iterator[str]:
    if known.board_root is not None:
        root = product.project() / known.board_root
        for variable, folder in _ROOTS.items():
            if (root / folder).is_dir():
                yield f"-D{variable}={root}"
    if known.shields:
        yield f"-DSHIELD={';'.join(known.shields)}"
    if known.overlays:
        yield f"-DEXTRA_DTC_OVERLAY_FILE={_paths(known.overlays)}"
    if known.confs:
        yield f"-DEXTRA_CONF_FILE={_paths(known.confs)}"
    yield from (f"-D{option}" for option in known.options)


def _paths(names: tuple[str, ...]) -> str:
    return ";".join(str(product.project() / name) for name in names)


def identities(known: Zephyr) -> Mapping[str, str]:
    """What is in the files, for the keys of images: by the names of files and folders.

    Raises:
        ToolError: One is not there, or outside the project.
    """
    project = product.project()
    files = {name: identified(project / name) for name in _single(known)}
    held = {name: digest_together(project / name, below) for name, below in _folders(known)}
    return files | held


def names(known: Zephyr) -> tuple[str, ...]:
    """Each of the files by its name in the project.

    Raises:
        ToolError: One is outside the project.
    """
    below = (str(Path(name) / file) for name, files in _folders(known) for file in files)
    return tuple(dict.fromkeys((*_single(known), *below)))


def _single(known: Zephyr) -> Mapping[str, None]:
    found = dict.fromkeys((*known.overlays, *known.confs))
    for name in known.overlays:
        found |= dict.fromkeys(_included(name, seen=set()))
    return found


def _folders(known: Zephyr) -> Iterator[tuple[str, tuple[Path, ...]]]:
    """Modules and the tree of boards, each with the files that may count."""
    for name in known.modules:
        if "/" in name:
            yield name, _below(name, ".")
    if known.board_root is not None:
        yield known.board_root, _below(known.board_root, *_ROOTS.values())


def _below(name: str, *parts: str) -> tuple[Path, ...]:
    root = product.project() / name
    found = (path for part in parts for path in (root / part).rglob("*") if path.is_file())
    below = (path.relative_to(root) for path in found)
    return tuple(sorted(path for path in below if path.parts[0] != ".git"))


def _included(name: str, seen: set[str]) -> Iterator[str]:
    """Files of the project that one of its overlays is made of, beside itself."""
    seen.add(name)
    try:
        text = (product.project() / name).read_text(errors="replace")
    except OSError:
        return  # whoever identifies it says that it is not there
    for found in _INCLUDED.findall(text):
        other = os.path.normpath(Path(name).parent / found)
        if other in seen or not (product.project() / other).is_file():
            continue  # Zephyr's own, or none: the preprocessor says so
        if other.startswith(".."):
            raise ToolError(
                f"'{product.project() / name}' includes '{found}', which is outside the project",
                hint="copy it beside the overlay",
            )
        yield other
        yield from _included(other, seen)


def require(known: Zephyr) -> None:
    """Looks for them.

    Raises:
        ToolError: One is not there; says which.
    """
    for name in (*known.overlays, *known.confs):
        if not (product.project() / name).is_file():
            raise ToolError(f"there is no file '{product.project() / name}', which the board needs")
    if (
        known.board_root is not None
        and not (product.project() / known.board_root / "boards").is_dir()
    ):
        raise ToolError(
            f"target.zephyr.board_root: '{known.board_root}' has no folder 'boards'",
            hint="Zephyr looks for `boards/<vendor>/<board>/board.yml` below it",
        )
