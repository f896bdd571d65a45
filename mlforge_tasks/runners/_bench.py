"""The bench: which boards are plugged in, from twister's hardware map, read as twister writes it.

Twister's own description is "Running Tests on Hardware" in Zephyr's documentation; the keys are
those of its `hwmap-schema.yaml`. `_bench_board` has what an entry may hold.
"""

from __future__ import annotations

import codecs
import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import field_validator

from mlforge_tasks.errors import ContractError, ToolError
from mlforge_tasks.records import Record
from mlforge_tasks.runners._bench_board import UNKNOWN, BenchBoard
from mlforge_tasks.yaml_file import Mistake, Mistakes, closest, read_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlforge_tasks.errors import Problem

MAP_VARIABLE = "MLFORGE_HARDWARE_MAP"
PROBE_VARIABLE = "MLFORGE_PROBE_ID"
MAP_FILE = "hardware-map.yaml"
GENERATE_HINT = "`twister --generate-hardware-map <file>` writes one; see docs/hardware.md"

_DOCUMENT_START = re.compile(rb"^---[ \t]*(?=\r?\n)", re.MULTILINE)


class _Map(Record):
    """The whole file."""

    boards: tuple[BenchBoard, ...]

    @field_validator("boards")
    @classmethod
    def _each_board_once(cls, boards: tuple[BenchBoard, ...]) -> tuple[BenchBoard, ...]:
        """One probe may appear as several kinds of board, as one kind only once."""
        seen: dict[tuple[str, str], int] = {}
        mistakes = []
        for index, board in enumerate(boards):
            if not board.reachable or board.probe is None:
                continue
            first = [seen.setdefault((board.probe, name), index) for name in board.platforms]
            if min(first) != index:
                key = "id" if board.probe_id is None else "probe_id"
                wanted = f"another id than that of board {min(first) + 1} of the map, or one of "
                wanted += "the two with 'connected: false'"
                mistakes.append(Mistake(wanted, at=(index, key), found=f"'{board.probe}' again"))
        if mistakes:
            raise Mistakes(*mistakes)
        return boards


def map_path(root: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the hardware map is: `MLFORGE_HARDWARE_MAP`, or `hardware-map.yaml` in the project."""
    named = environ.get(MAP_VARIABLE)
    return Path(named).expanduser() if named else root / MAP_FILE


def read_map(path: Path) -> tuple[BenchBoard, ...]:
    """Reads a hardware map.

    Raises:
        ToolError: There is no such file.
        ContractError: It is not a valid hardware map; with every mistake's line.
    """
    if not path.is_file():
        raise ToolError(f"there is no hardware map at {path}", hint=GENERATE_HINT)
    # Twister's file is a list, `read_model` reads mappings: the list is indented below a name.
    content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    lines = _DOCUMENT_START.sub(b"#", content, count=1).splitlines()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(b"\n ".join([b"boards:", *lines]))
        try:
            return read_model(copy, _Map).boards
        except ContractError as error:
            problems = (_in_original(problem, path) for problem in error.problems)
            raise ContractError(tuple(problems)) from None


def _in_original(problem: Problem, path: Path) -> Problem:
    """A mistake where the user sees it."""
    where = f"{path}:{max(int(problem.where.rpartition(':')[2]) - 1, 1)}"
    return replace(problem, where=where, field=problem.field.partition(".")[2])


def choose(
    boards: Sequence[BenchBoard], names: Sequence[str], probe_id: str | None = None
) -> BenchBoard:
    """The board to use.

    Args:
        boards: The bench.
        names: What Zephyr calls the board; the first is for messages.
        probe_id: Which one, where there are several.

    Raises:
        ToolError: There is none, none is connected, or there are several.
    """
    named = [board for board in boards if set(board.platforms) & set(names)]
    if not named:
        raise ToolError(f"there is no {names[0]} on the bench", hint=_add_hint(boards, names[0]))
    if probe_id is not None:
        named = _with_probe(named, names[0], probe_id)
    reachable = [board for board in named if board.reachable]
    if not reachable:
        raise ToolError(
            f"no {names[0]} is connected: {_listed(named)} in the hardware map",
            hint="plug it in and let twister update the map (--generate-hardware-map), or set its "
            "'serial' and 'connected: true'",
        )
    if len(reachable) > 1:
        raise ToolError(
            f"several {names[0]} are connected: {_listed(reachable)}",
            hint=f"say which: {PROBE_VARIABLE}=<id>",
        )
    return _flashable(reachable[0])


def _with_probe(boards: Iterable[BenchBoard], name: str, probe_id: str) -> list[BenchBoard]:
    boards = list(boards)
    found = [board for board in boards if probe_id in (board.probe_id, board.id)]
    if not found:
        raise ToolError(
            f"there is no {name} with probe id '{probe_id}' on the bench",
            hint=f"the bench has {_listed(boards)}",
        )
    return found


def _flashable(board: BenchBoard) -> BenchBoard:
    flashes = board.ssh is None or board.serial is not None
    if flashes and board.flash_command is None and board.runner in (None, UNKNOWN):
        raise ToolError(
            f"the hardware map does not say how to flash the {board.platforms[0]} "
            f"({_listed([board])})",
            hint="set its 'runner' to one that `west flash --context` lists for the board, or its "
            "'flash_command'",
        )
    return board


def _listed(boards: Iterable[BenchBoard]) -> str:
    return ", ".join(board.called for board in boards)


def _add_hint(boards: Sequence[BenchBoard], name: str) -> str:
    platforms = sorted({platform for board in boards for platform in board.platforms})
    if UNKNOWN in platforms:
        return f"the hardware map has a board of platform 'unknown': if it is the one, write {name}"
    similar = closest(name, platforms)
    meant = f"did you mean '{similar}'? " if similar else ""
    return f"{meant}The hardware map has {', '.join(platforms) or 'no boards'}. {GENERATE_HINT}"


def find(
    names: Sequence[str], *, root: Path, environ: Mapping[str, str] = os.environ
) -> tuple[BenchBoard, Path]:
    """Reads the hardware map and chooses a board: what `MLFORGE_PROBE_ID` says, or the only one.

    Args:
        names: What Zephyr calls the board.
        root: The project's folder.
        environ: Variables.

    Returns:
        The board, and the map's folder, which relative paths in the map start from.

    Raises:
        ToolError: There is no map, or no such board in it.
        ContractError: The map is not valid.
    """
    path = map_path(root, environ)
    probe_id = environ.get(PROBE_VARIABLE) or None
    return choose(read_map(path), names, probe_id), path.resolve().parent
