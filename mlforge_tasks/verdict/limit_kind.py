"""What a limit is: which measurement it binds, where that comes from, what an agent is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlforge_tasks.contract.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.contract.operation import Operation
    from mlforge_tasks.records import Measurement, Source

Direction = Literal["at_most", "at_least"]


@dataclass(frozen=True)
class Known:
    """What a figure can be derived from: all that one source measured.

    Attributes:
        source: Which.
        measured: Its figures, by metric.
        board: The contract's board.
        operation: How it is used.
    """

    source: Source
    measured: Mapping[str, Measurement]
    board: Board
    operation: Operation

    def value(self, metric: str) -> float | None:
        """A measured figure; None where there is none."""
        found = self.measured.get(metric)
        return None if found is None else found.value


@dataclass(frozen=True)
class LimitKind:
    """One limit that a contract may set.

    Attributes:
        field: Its field of `contract.limits.Limits`, which has the name of the measurement that it
            binds.
        unit: Of limit and measurement.
        told: What an agent is told of it, in a sentence: what it is, and what makes it less.
        direction: Whether the figure must stay at or below the limit, or at or above it.
        estimated: In `mode: simulate` a figure counts that is `static`: one that was computed, from
            data sheets say, and not measured. Where it has an interval the worse end is judged.
        grows_with: Figure that a design's is foretold by: it grows with it, or falls where the
            limit is `at_least`. None where no design changes it.
        floor: Measurement of the same without any inference, at best: where that is past the limit,
            no model can keep it.
        binds: Other measurements that it may bind in place of `field`.
        figure: Derives the figure from others of one source, where no stage measures it.
    """

    field: str
    unit: str
    told: str
    direction: Direction = "at_most"
    estimated: bool = False
    grows_with: str | None = None
    floor: str | None = None
    binds: tuple[str, ...] = ()
    figure: Callable[[Known], Measurement | None] | None = None

    @property
    def metrics(self) -> tuple[str, ...]:
        """The measurements that it may bind."""
        return (self.field, *self.binds)

    @property
    def key(self) -> str:
        """Where it stands in a contract."""
        return Limits.key(self.field)
