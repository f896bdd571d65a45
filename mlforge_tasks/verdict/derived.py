"""Figures that follow from measured ones, the board's data and how the device is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.contract.board import Board
from mlforge_tasks.contract.operation import Operation
from mlforge_tasks.records import Record, Source
from mlforge_tasks.verdict import supplied
from mlforge_tasks.verdict.limit_kind import Known
from mlforge_tasks.verdict.limits import KINDS, average_power, battery_life

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlforge_tasks.records import Measurement

# Key of a stage's configuration.
CONDITIONS = "conditions"
# What is told of one inference every `operation.inference_period`.
PERIODIC = (average_power.LIMIT.field, battery_life.LIMIT.field)
# What was executed tells more than what was computed, and a board more than an emulator.
SOURCES: tuple[Source, ...] = ("static", "emulated", "hardware")


class Conditions(Record):
    """What derived figures depend on beside measurements.

    Attributes:
        board: The contract's, also where another one stands for it.
        operation: How it is used.
    """

    board: Board
    operation: Operation

    def derived(self, measurements: Iterable[Measurement]) -> tuple[Measurement, ...]:
        """The measurements, and what follows from those of each source.

        What was measured is never derived as well. A figure that follows from what two sources
        measured, and is neither's, is the one that follows from the more trustworthy.
        """
        found = tuple(measurements)
        there = {(one.metric, one.source) for one in found}
        made: dict[tuple[str, Source], Measurement] = {}
        for source in SOURCES:
            measured = {one.metric: one for one in found if one.source == source}
            made |= {(one.metric, one.source): one for one in self._of(source, measured)}
        return (*found, *(one for key, one in made.items() if key not in there))

    def untold(
        self, measurements: Iterable[Measurement], asked: Iterable[str]
    ) -> tuple[tuple[str, str], ...]:
        """Of figures that are asked and not known, those that a period does not allow, with why.

        Args:
            measurements: What is known.
            asked: What is asked and not known, by metric.
        """
        found, missing = tuple(measurements), [one for one in PERIODIC if one in set(asked)]
        reasons = (
            supplied.misfit(Known(source, measured, self.board, self.operation))
            for source in reversed(SOURCES)
            if (measured := {one.metric: one for one in found if one.source == source})
        )
        why = next(filter(None, reasons), "")
        return tuple((one, why) for one in missing if why)

    def _of(self, source: Source, measured: dict[str, Measurement]) -> list[Measurement]:
        made: list[Measurement] = []
        for kind in KINDS if measured else ():
            if kind.figure is None or kind.field in measured:
                continue
            known = Known(source, measured, self.board, self.operation)
            figure = kind.figure(known)
            if figure is not None:
                measured[figure.metric] = figure
                made.append(figure)
        return made
