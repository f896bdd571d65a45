"""What `doit new` is asked for, checked before anything is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.contract.board import Board, find_board, load_board
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph import product

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
BOARD = "mps2/an385"


@dataclass(frozen=True)
class Request:
    """A contract that is wanted.

    Attributes:
        path: Where it goes.
        data: The file or folder that it is for, relative to the project's root.
        board: The board that it is for.
    """

    path: Path
    data: str
    board: Board


def read(words: Mapping[str, str]) -> Request:
    """A request from the `name=value` words of a command line.

    Raises:
        MlforgeError: One is missing, the contract is there already, or there is no such data in the
            project, or no such board.
    """
    name, data = words.get("name"), words.get("data")
    if name is None or data is None:
        raise MlforgeError(
            "found no name, or no data, for a new contract",
            hint=f"`doit new name=pump data=data/pump.csv board={BOARD}`",
        )
    if not NAME.fullmatch(name):
        raise MlforgeError(f"name={name}: found other characters, wanted letters, digits, _ - .")
    path = product.project() / "contracts" / f"{name}.yaml"
    if path.exists():
        raise MlforgeError(f"'{path}' is there already", hint="another name=…, or remove it")
    return Request(path, _in_project(data), _board(words.get("board", BOARD)))


def _board(name: str) -> Board:
    own = product.project() / "contracts" / "boards"
    return find_board(name, own) or load_board(name)


def _in_project(data: str) -> str:
    """The path relative to the project's root."""
    project = product.project()
    place = project / Path(data).expanduser()
    if not place.exists():
        raise MlforgeError(f"data={data}: there is nothing at this path")
    if not place.resolve().is_relative_to(project.resolve()):
        raise MlforgeError(
            f"data={data}: found a path outside the project, wanted one in it",
            hint=f"copy it to '{project / 'data'}'",
        )
    return place.resolve().relative_to(project.resolve()).as_posix()
