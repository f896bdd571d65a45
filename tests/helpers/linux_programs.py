"""Programs for Linux, for tests: what they need, and what runs them here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks import plugins
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import ToolError
from mlforge_tasks.pipeline import places
from mlforge_tasks.platforms.linux import PLUGIN as LINUX

if TYPE_CHECKING:
    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.runners import Runner


def board_or_skip(name: str, engine: str = "aot") -> Board:
    """A board whose compiler and emulator are here, and the engine's library."""
    board = load_board(name)
    try:
        LINUX.require(board, engine)
        runner(board).require(board, west_builds=False)
    except ToolError as missing:
        pytest.skip(f"{missing.message} ({missing.hint})")
    return board


def runner(board: Board) -> Runner:
    """What runs its programs here."""
    found: Runner = plugins.load("runners", places.simulator(board))
    return found
