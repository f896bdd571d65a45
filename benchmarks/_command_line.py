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


def networks(
    arguments: argparse.ArgumentParser, models: Sequence[str], boards: Iterable[Board]
) -> tuple[argparse.Namespace, list[str], list[Board]]:
    """What a benchmark of networks is asked for: its options, which networks, on which boards.

    Args:
        arguments: Has what else the benchmark takes; ends with an error where a name is not known.
        models: All there are.
        boards: All there are; each is known by its name and by its core's.
    """
    arguments.add_argument("names", nargs="*", help="models and boards; all without")
    arguments.add_argument("--models", type=Path, help="folder of .tflite files made before")
    options = arguments.parse_args()
    every, asked = list(boards), set(options.names)
    known = {*models, *(name for each in every for name in (each.cpu, each.name))}
    for name in sorted(asked - known):
        arguments.error(f"found {name}, wanted one of {', '.join(sorted(known))}")
    chosen = [each for each in every if {each.cpu, each.name} & asked]
    return options, [name for name in models if name in asked] or list(models), chosen or every
