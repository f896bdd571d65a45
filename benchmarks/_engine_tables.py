"""What `benchmarks.engine` measured, as Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks._engine_image import Result
    from benchmarks.zephyr import Figures
    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.cycles.price import Price

SPEED = ("model", "core", "MACs", "instructions", "per MAC", "`-Os`", "`-Os` / `-O2`")
BESIDE = ("TFLM", "of TFLM", "TFLM flash", "TFLM arena")
MEMORY = (
    *("model", "core", "flash", "weights", "engine", "image without a model"),
    *("RAM", "tensors", "scratch", "stack"),
)
CHANGE = (
    *("model", "core", "instructions before", "now", "ratio", "cycles"),
    *("flash before", "now", "ratio", "RAM before", "now", "ratio"),
)
FLASH_NOTE = """
`flash` is the image: `weights` and biases, a byte and four bytes each; `engine`: kernels, calls,
parameters, requantisation, tables, and zeros between weights; and an image that only starts up.
`RAM` is the arena: input, output, activations and scratch. `tensors` is the most that the model's
tensors take at one time if each has memory of its own; layers that work in place need less.
`scratch` is the most that one kernel asks for.
"""
CHANGE_NOTE = """
Before and now, in the same run. `flash` is what the model adds to an image that only starts up,
`cycles` the ratio of them at least, and at most.
"""
SHARE_NOTE = """
What TFLM takes is 1. Cycles are counted at least and at most as in cycles.md; theirs at least is
held against ours at least, and at most against at most.
"""


@dataclass(frozen=True)
class Measured:
    """A model's image.

    Attributes:
        result: What it took.
        price: Its cycles, where they are asked for.
    """

    result: Result
    price: Price | None

    @property
    def added_bytes(self) -> int:
        """Flash for the model, its weights and the engine."""
        return self.result.flash_bytes - self.result.empty_bytes


@dataclass(frozen=True)
class Entry:
    """All that one model takes on one board.

    Attributes:
        model: Its name.
        board: The board.
        now: This version of the engine.
        small: The same, compiled for size.
        before: Another version.
        tflm: TensorFlow Lite Micro.
    """

    model: str
    board: Board
    now: Measured
    small: Result
    before: Measured | None
    tflm: Figures | None


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table."""
    print(f"\n| {' | '.join(header)} |\n|{'---|' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def row(name: str, core: str, values: Iterable[int | str]) -> tuple[str, ...]:
    """Cells of one line; numbers get their commas."""
    cells = (each if isinstance(each, str) else f"{each:,}" for each in values)
    return (name, core, *cells)


def _ratio(one: float, other: float) -> str:
    return f"{one / other:.2f}"


def _cycles(one: Price | None, other: Price | None) -> str:
    if one is None or other is None:
        return ""
    return f"{_ratio(one.lower, other.lower)}, {_ratio(one.upper, other.upper)}"


def _speed(entry: Entry) -> tuple[int | str, ...]:
    ours, tflm = entry.now.result, entry.tflm
    beside: tuple[int | str, ...] = ("",) * len(BESIDE)
    if tflm is not None:
        share = _ratio(ours.instructions, tflm.instructions)
        beside = (tflm.instructions, share, tflm.flash_bytes, tflm.arena_bytes)
    return (
        *(ours.macs, ours.instructions, _ratio(ours.instructions, ours.macs)),
        *(entry.small.instructions, _ratio(entry.small.instructions, ours.instructions)),
        *beside,
    )


def print_speed(entries: Sequence[Entry]) -> None:
    """Prints instructions, TFLM's beside where they are known."""
    beside = BESIDE if any(entry.tflm for entry in entries) else ()
    width = len(SPEED) + len(beside)
    rows = (row(entry.model, entry.board.cpu, _speed(entry))[:width] for entry in entries)
    table((*SPEED, *beside), rows)


def print_memory(entries: Sequence[Entry]) -> None:
    """Prints flash, RAM and stack."""
    print(FLASH_NOTE, end="")
    rows = []
    for entry in entries:
        found = entry.now.result
        flash = (found.flash_bytes, found.weight_bytes, found.engine_bytes, found.empty_bytes)
        memory = (found.ram_bytes, found.bound_bytes, found.scratch_bytes, found.stack_bytes)
        rows.append(row(entry.model, entry.board.cpu, (*flash, *memory)))
    table(MEMORY, rows)


def _pair(before: int, now: int) -> tuple[int | str, ...]:
    return before, now, _ratio(now, before)


def print_change(entries: Sequence[Entry]) -> None:
    """Prints what another version took, and what is left of it."""
    rows = []
    for entry in entries:
        now, before = entry.now, entry.before
        if before is not None:
            cells = (
                *_pair(before.result.instructions, now.result.instructions),
                _cycles(now.price, before.price),
                *_pair(before.added_bytes, now.added_bytes),
                *_pair(before.result.ram_bytes, now.result.ram_bytes),
            )
            rows.append(row(entry.model, entry.board.cpu, cells))
    if rows:
        print(CHANGE_NOTE, end="")
        table(CHANGE, rows)


def _share(entry: Entry, of: Measured | None) -> str:
    if of is None or entry.tflm is None:
        return ""
    return _ratio(of.result.instructions, entry.tflm.instructions)


def _cycle_share(entry: Entry, of: Measured | None) -> str:
    if of is None or entry.tflm is None:
        return ""
    return _cycles(of.price, entry.tflm.price)


_SHARES: tuple[tuple[str, Callable[[Entry], str]], ...] = (
    ("instructions before", lambda entry: _share(entry, entry.before)),
    ("instructions", lambda entry: _share(entry, entry.now)),
    ("cycles before", lambda entry: _cycle_share(entry, entry.before)),
    ("cycles", lambda entry: _cycle_share(entry, entry.now)),
)


def print_shares(entries: Sequence[Entry]) -> None:
    """Prints the share of TFLM that is taken, a line for each core, a column for each model."""
    models = tuple(dict.fromkeys(entry.model for entry in entries if entry.tflm))
    cores = dict.fromkeys(entry.board.cpu for entry in entries if entry.tflm)
    rows = []
    for core in cores:
        of_core = {entry.model: entry for entry in entries if entry.board.cpu == core}
        for name, share in _SHARES:
            cells = [share(of_core[model]) if model in of_core else "" for model in models]
            if any(cells):
                rows.append(row(core, name, cells))
    if rows:
        print(SHARE_NOTE, end="")
        table(("core", "of", *models), rows)
