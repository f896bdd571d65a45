"""Energy of an inference by cycles and data sheets: five networks on two boards.

    .venv/bin/python -m benchmarks.energy > benchmarks/energy.md
    .venv/bin/python -m benchmarks.energy [--models folder] [model ...] [board ...]

Prints Markdown. The networks are those of benchmarks/engine.py. Each board's core is emulated; its
clock, wait states, supply and currents are the board file's. Nothing here is measured.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import _command_line
from benchmarks._engine_image import keras_models, measure
from benchmarks.cycles import price
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.contract.power import ROOM_C
from mlforge_tasks.pipeline import places
from mlforge_tasks.verdict import energy
from mlforge_tasks.verdict.energy import Span
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from mlforge_tasks.contract.board import Board

MODELS = ("keyword_spotting", "resnet_8", "autoencoder", "activity_200", "sequence")
BOARDS = ("nucleo_f446re", "nrf52840dk/nrf52840")
HEADER = ("network", "board", "clock", "cycles", "time", "energy, at least", "energy, at most")
INTRODUCTION = f"""\
# Energy of an inference, by cycles and data sheets
Made by `.venv/bin/python -m benchmarks.energy > benchmarks/energy.md`: bare metal images, engine
`aot`, GCC `-O2`, at {ROOM_C:g} °C. At least: the fewest cycles at the least current; at most: the
most cycles, each wait state included, at the most current. All of it is `static`: computed, not
measured.
"""


def cycles_of(tflite: bytes, board: Board) -> Span:
    """Cycles of one inference on the board's core, at least and at most."""
    stand_in = places.emulated(board)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measure(tflite, stand_in, folder)  # holds its outputs against the oracle's
        found = price(stand_in, folder / "firmware.elf")
    return Span(found.lower, found.upper)


def row(name: str, tflite: bytes, board: Board) -> tuple[str, ...]:
    """One line of the table."""
    if board.power is None or board.clock_hz is None:
        raise ValueError(f"{board.name} has no `power:`")
    cycles = cycles_of(tflite, board)
    time_s = energy.inference_s(cycles, board.clock_hz)
    active = energy.drawn_uw(board.power.supply_v, board.power.active, ROOM_C)
    if active is None:
        raise ValueError(f"{board.name}: no current at {ROOM_C:g} °C")
    spent = energy.energy_uj(active, time_s)
    return (
        name,
        board.name,
        f"{board.clock_hz / 1e6:g} MHz",
        f"{cycles.low:,.0f} to {cycles.high:,.0f}",
        " to ".join(format_value(one * 1e6, "us") for one in (time_s.low, time_s.high)),
        *(format_value(one, "uJ") for one in (spent.low, spent.high)),
    )


def print_sources(board: Board) -> None:
    """Prints a board's figures, and where they are from."""
    if board.power is None:
        raise ValueError(f"{board.name} has no `power:`")
    active = board.power.active
    most = active.most_ua(ROOM_C)
    print(f"\n`{board.name}`, {board.power.supply_v:g} V: {active.least_ua / 1e3:g} mA", end="")
    print("" if most is None else f" to {most / 1e3:g} mA", end=". ")
    print(f"{active.source}: {active.conditions}.", end=" ")
    print("" if active.guaranteed else "It has no maximum figures.")


def main() -> None:
    """Prints the table."""
    parser = _command_line.parser(__doc__)
    options, chosen, boards = _command_line.networks(parser, MODELS, map(load_board, BOARDS))
    print(INTRODUCTION)
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
    for name, tflite in keras_models(chosen, options.models).items():
        for board in boards:
            print(f"| {' | '.join(row(name, tflite, board))} |", flush=True)
    for board in boards:
        print_sources(board)


if __name__ == "__main__":
    main()
