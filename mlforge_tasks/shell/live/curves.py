"""Learning curves of trainings that go on, from what they said of each epoch while we looked on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mlforge_tasks.graph.live import Live

# Of what a training says beside its epoch: `loss 0.513, …`, `validation mse 402.1`.
_FIGURE = re.compile(r"([a-z][a-z_ ]*?) (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\b", re.ASCII)
EPOCHS = "epochs"
# A figure that moves by less of itself is drawn as one that hardly moves.
FLAT = 0.05
WIDTH, HEIGHT = 240.0, 60.0


class Curve(NamedTuple):
    """One figure of a training over its epochs.

    Attributes:
        stage: The training.
        figure: Its name.
        epochs: Those that were heard of.
        values: One for each.
        last: As many epochs as it may take.
    """

    stage: str
    figure: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]
    last: int

    @property
    def points(self) -> str:
        """As SVG's `polyline` takes them, in a box of `WIDTH` by `HEIGHT`."""
        low, high = min(self.values), max(self.values)
        span = max(high - low, FLAT * abs(high)) or 1.0
        return " ".join(
            f"{WIDTH * epoch / max(1, self.last):.1f},{HEIGHT * (high - value) / span:.1f}"
            for epoch, value in zip(self.epochs, self.values, strict=True)
        )


class Curves:
    """What trainings said, as long as they go on."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, float], dict[str, dict[int, float]]] = {}
        self._last: dict[str, int] = {}

    def hear(self, running: Live | None) -> None:
        """Takes note of what runs just now; what has ended is forgotten."""
        stages = running.stages if running else ()
        there = {(one.name, one.started_unix_s) for one in stages}
        self._heard = {at: said for at, said in self._heard.items() if at in there}
        for one in stages:
            told = one.progress
            if told is None or told.unit != EPOCHS:
                continue
            said = self._heard.setdefault((one.name, one.started_unix_s), {})
            self._last[one.name] = told.total or told.done
            for figure, value in _FIGURE.findall(told.text):
                said.setdefault(figure.strip(), {})[told.done] = float(value)

    def known(self) -> list[Curve]:
        """Those of which two epochs or more are known."""
        return [
            Curve(stage, figure, tuple(sorted(of)), tuple(of[at] for at in sorted(of)), last)
            for (stage, _), said in self._heard.items()
            for figure, of in said.items()
            if len(of) > 1
            for last in (max(self._last[stage], *of),)
        ]
