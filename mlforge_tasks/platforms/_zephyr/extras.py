"""What a board's images are built with beside Zephyr's own files: those of the user's project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import product
from mlforge_tasks.graph.file_digests import digest_together, identified

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlforge_tasks.contract.board import Zephyr

# What Zephyr finds in a tree of boards, by the variable that names the tree.
_ROOTS = {"BOARD_ROOT": "boards", "SOC_ROOT": "soc", "DTS_ROOT": "dts"}


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
    """What is in the files, for the keys of images.

    Raises:
        ToolError: One is not there.
    """
    files = {name: identified(product.project() / name) for name in (*known.overlays, *known.confs)}
    if known.board_root is not None:
        root = product.project() / known.board_root
        files[known.board_root] = digest_together(root, _below(root))
    return files


def _below(root: Path) -> tuple[Path, ...]:
    found = (path for folder in _ROOTS.values() for path in (root / folder).rglob("*"))
    return tuple(sorted(path.relative_to(root) for path in found if path.is_file()))


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
