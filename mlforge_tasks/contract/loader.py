"""A contract file to a `Contract`, with everything checked that can be before a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.contract.apart import Apart
from mlforge_tasks.contract.board import OWN_BOARDS
from mlforge_tasks.contract.contract import Contract
from mlforge_tasks.yaml_file import read_views

if TYPE_CHECKING:
    from pathlib import Path


def load(path: Path, project_root: Path) -> Contract:
    """Reads a contract.

    Args:
        path: The YAML file. A folder `boards` beside it may have boards of the user's own.
        project_root: Folder that the data files it names must lie in.

    Raises:
        ContractError: Every mistake in it.
    """
    file = Apart(path)
    return file.together(
        read_views(
            path,
            Contract,
            file.views,
            context={"project_root": project_root, OWN_BOARDS: path.parent / "boards"},
        )
    )
