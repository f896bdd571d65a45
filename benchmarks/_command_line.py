"""How a benchmark is asked for, and what it says of itself."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlforge_tasks.contract.board import Board


def parser(doc: str | None) -> argparse.ArgumentParser:
    """A parser whose `--help` shows a module's docstring as it is laid out."""
    return argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_networks(arguments: argparse.ArgumentParser) -> None:
    """Has a benchmark of networks take which of them, on which boards, and where they lie."""
    arguments.add_argument("names", nargs="*", help="models and boards; all without")
    arguments.add_argument("--models", type=Path, help="folder of .tflite files made before")


def picked(
    arguments: argparse.ArgumentParser,
    names: Iterable[str],
    models: Sequence[str],
    boards: Iterable[Board],
) -> tuple[list[str], list[Board]]:
    """The models and the boards that names pick; all of those of which they pick none.

    Args:
        arguments: What ends with an error where a name is not known.
        names: As they were given.
        models: All there are.
        boards: All there are; each is known by its name and by its core's.
    """
    every, asked = list(boards), set(names)
    known = {*models, *(name for each in every for name in (each.cpu, each.name))}
    for name in sorted(asked - known):
        arguments.error(f"found {name}, wanted one of {', '.join(sorted(known))}")
    chosen = [each for each in every if {each.cpu, each.name} & asked]
    return [name for name in models if name in asked] or list(models), chosen or every
