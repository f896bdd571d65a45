"""Where candidates stand against the contract while a run goes: what is measured of them so far."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlforge_tasks.architecture import parse_architecture
from mlforge_tasks.architecture.text import brief
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.records import Measurement
from mlforge_tasks.stages._training import Training
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.verdict import clauses
from mlforge_tasks.verdict.constraints import judge
from mlforge_tasks.verdict.forecast import FORECAST, Forecast
from mlforge_tasks.verdict.trials import Trials, ranked
from mlforge_tasks.verdict.words import verdict_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.graph.stage import Stage
    from mlforge_tasks.pipeline.plan import Plan
    from mlforge_tasks.records import Status
    from mlforge_tasks.verdict.constraints import Bound
    from mlforge_tasks.verdict.trials import TrialResult

RUNS = ("probe_run", "run", "hardware_run")
UNTRAINED, TRAINED, MEASURED = "untrained", "trained", "trained, int8"
_UNREADABLE = (OSError, ValueError, MlforgeError)


@dataclass(frozen=True)
class Bar:
    """One figure against its limit.

    Attributes:
        metric: Which.
        unit: Of all that follows.
        limit: The contract's, margins taken off.
        at_most: Whether the figure is to stay below it.
        value: What was measured; None as long as nothing was.
        status: What the contract says of that.
        baseline: What needs no model has; None where that is nothing.
        foretold: What the agent expected before it was built.
    """

    metric: str
    unit: str
    limit: float
    at_most: bool
    value: float | None = None
    status: Status = "unknown"
    baseline: float | None = None
    foretold: float | None = None


@dataclass(frozen=True)
class Standing:
    """One candidate.

    Attributes:
        id: Its name, such as `2.0`.
        brief: Its architecture in a line.
        state: How far it is, or its verdict.
        bars: Its figures.
        best: Whether it is the best of those that are judged.
    """

    id: str
    brief: str
    state: str
    bars: tuple[Bar, ...]
    best: bool = False


@dataclass
class _Candidate:
    """What is known of one that is not judged yet."""

    brief: str = ""
    state: str = ""
    foretold: Mapping[str, float] = field(default_factory=dict)
    measurements: tuple[Measurement, ...] = ()


class Standings:
    """Reads what stages made as they end.

    Args:
        plan: The contract's graph.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._bounds = tuple(one for one in clauses.bounds(plan.contract) if not one.on_test)
        self._candidates: dict[str, _Candidate] = {}
        self._judged: list[TrialResult] = []
        self._card: DataCard | None = None
        self._newest = ""

    def ended(self, stage: str) -> None:
        """A stage has ended well; what cannot be read is not shown."""
        kind, _, at = stage.partition(":")
        with contextlib.suppress(*_UNREADABLE):
            if kind == "propose":
                self._proposed(int(at))
            elif kind == "judge":
                self._judge(int(at))
            elif kind in RUNS:
                found = RunReport.read(self._folder(stage) / "measurements.json").measurements
                self._measured(at, found, UNTRAINED if kind == RUNS[0] else MEASURED)
            elif kind == "train":
                self._trained(at, Training.read(self._folder(stage) / "training.json"))

    def _folder(self, stage: str) -> Path:
        return self._stage(stage).folder

    def _stage(self, name: str) -> Stage:
        number = int(name.partition(":")[2].partition(".")[0])
        stages = self._plan.iterations[number - 1].stages
        return next(one for one in stages if one.name == name)

    def _proposed(self, number: int) -> None:
        folder = self._folder(f"propose:{number}")
        proposals = json.loads((folder / "candidates.json").read_bytes())["candidates"]
        foretold: tuple[dict[str, float], ...] = ()
        if (folder / FORECAST).exists():
            foretold = Forecast.read(folder / FORECAST).candidates
        for index, proposal in enumerate(proposals):
            self._candidates[f"{number}.{index}"] = _Candidate(
                brief=brief(parse_architecture(proposal)),
                foretold=foretold[index] if index < len(foretold) else {},
            )

    def _measured(self, at: str, found: tuple[Measurement, ...], state: str) -> None:
        one = self._candidates.setdefault(at, _Candidate())
        names = {new.metric for new in found}
        kept = tuple(old for old in one.measurements if old.metric not in names)
        one.measurements, one.state = (*kept, *found), state
        self._newest = at

    def _trained(self, at: str, training: Training) -> None:
        """The float model's figures, until the int8 model has its own."""
        units = {bound.metric: bound.unit for bound in self._bounds}
        found = tuple(
            Measurement(metric=name, value=value, unit=units[name], source="emulated")
            for name, value in training.validation.items()
            if name in units
        )
        self._measured(at, found, TRAINED)

    def _judge(self, number: int) -> None:
        folder = self._folder(f"judge:{number}")
        self._judged += Trials.read(folder / "trials.json").results
        if self._judged:
            self._newest = ""

    def shown(self) -> tuple[Standing, ...]:
        """The one that was measured last, and the best of those that are judged."""
        found = []
        if self._newest:
            one = self._candidates[self._newest]
            bars = self._bars(one.measurements, one.foretold)
            found.append(Standing(self._newest, one.brief, one.state, bars))
        if self._judged:
            best = ranked(self._judged, self._bounds)[0]
            known = self._candidates.get(best.trial.id, _Candidate())
            bars = self._bars(best.trial.measurements, known.foretold)
            found.append(Standing(best.trial.id, best.brief, verdict_text(best), bars, best=True))
        return tuple(found)

    def _bars(
        self, measurements: tuple[Measurement, ...], foretold: Mapping[str, float]
    ) -> tuple[Bar, ...]:
        verdict = judge(self._bounds, measurements)
        # An emulated figure is shown of a board too, of which it is no verdict.
        known = {one.metric: one.value for one in measurements}
        return tuple(
            Bar(
                metric=bound.metric,
                unit=bound.unit,
                limit=bound.limit,
                at_most=bound.direction == "at_most",
                value=known.get(bound.measured) if clause.value is None else clause.value,
                status=clause.status,
                baseline=self._baseline(bound),
                foretold=foretold.get(bound.measured),
            )
            for bound, clause in zip(self._bounds, verdict.clauses, strict=True)
        )

    def _baseline(self, bound: Bound) -> float | None:
        """What the best rule without a model reaches on validation data."""
        if self._card is None:
            with contextlib.suppress(*_UNREADABLE):
                folder = self._plan.preparation.dataset.folder
                self._card = DataCard.read(folder / "data_card.json")
        told = self._card.baselines if self._card else ()
        found = [
            one.value for one in told if one.split == "validation" and one.metric == bound.metric
        ]
        return (min if bound.direction == "at_most" else max)(found, default=None)
