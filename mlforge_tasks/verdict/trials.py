"""Judged candidates as they lie on disk, and what the end of a run reports of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from mlforge_tasks.calibration.foretell import Calibrated
from mlforge_tasks.cycles.record import Cycles
from mlforge_tasks.quantisation import EndType
from mlforge_tasks.records import Clause, Measurement, Record, Verdict
from mlforge_tasks.verdict.constraints import (
    IMPOSSIBLE,
    LATENCIES,
    TEST_SUFFIX,
    UNITS,
    Bound,
    plain,
    target_of,
)
from mlforge_tasks.verdict.decision import Counts
from mlforge_tasks.verdict.energy_notes import EnergyNotes
from mlforge_tasks.verdict.engine_choice import EngineChoice
from mlforge_tasks.verdict.evaluation import OutputErrors, Rail
from mlforge_tasks.verdict.forecast import ForecastError
from mlforge_tasks.verdict.quantisation_loss import QuantisationLoss
from mlforge_tasks.verdict.relaxation import Shortfall
from mlforge_tasks.verdict.transcript import ModelUse
from mlforge_tasks.verdict.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Iterable


class TrialResult(Record):
    """A judged candidate with what only people read.

    Attributes:
        trial: What happened, the held-out test figures included.
        brief: Its architecture in one line.
        device_metric: The goal's first figure over the golden vectors, from outputs that the
            device computed; None where it never ran there.
        float_metrics: What the goal asks, of the float model, by the name of the int8 figure that
            it stands beside; empty where it was not trained here.
        not_compared: Why its outputs were not compared with TensorFlow Lite Micro's; empty where
            they were, or where it never ran.
        differs: How far they are from those, of an engine whose arithmetic is its own.
        examples_run: Test examples that it ran on its target, a board where there is one.
        examples_left_out: Further ones that `target.verification_time` does not allow.
        cycles: What its emulated latency was computed from; None where it never ran in an emulator.
        detected: What its threshold makes of the splits that it was asked on; empty where nothing
            is to be detected.
        not_measured: Figures that were asked for and could not be had, each with why.
        changed: What was done to the model file, for who brought it.
        calibrated: What its board's calibration makes of its emulated layers; None where the board
            has none.
    """

    trial: Trial
    brief: str
    device_metric: float | None = None
    float_metrics: dict[str, float] = Field(default_factory=dict)
    not_compared: str = ""
    differs: str = ""
    examples_run: int = 0
    examples_left_out: int = 0
    cycles: Cycles | None = None
    detected: dict[str, Counts] = Field(default_factory=dict)
    not_measured: tuple[tuple[str, str], ...] = ()
    changed: tuple[str, ...] = ()
    calibrated: Calibrated | None = None

    @model_serializer(mode="wrap")
    def _without_what_is_usual(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A result on a board without a calibration reads as it did before there was any."""
        kept: dict[str, Any] = dump(self)
        if self.calibrated is None:
            del kept["calibrated"]
        return kept

    def measurement(self, metric: str) -> Measurement | None:
        """The best figure of a metric: a board's where there is one, else the emulator's."""
        found = (one for one in reversed(self.trial.measurements) if one.metric == metric)
        return next(found, None)


def holds(verdict: Verdict | None) -> bool:
    """Whether a candidate keeps all that can be told of it, be it all clauses or not.

    The test split is only asked of one that keeps all else that can be.
    """
    if verdict is None:
        return False
    asked = [one.status == "pass" for one in verdict.clauses if one.metric.endswith(TEST_SUFFIX)]
    broken = any(clause.status == "fail" for clause in verdict.clauses)
    return verdict.met or (bool(asked) and all(asked) and not broken)


def _relative_excess(clause: Clause) -> float:
    """How far past its bound a clause is, as a share of the bound."""
    return max(0.0, clause.slack or 0.0) / max(abs(clause.limit), 1e-9)


def ranked(results: Iterable[TrialResult], bounds: Iterable[Bound]) -> list[TrialResult]:
    """Candidates, best first.

    Those that keep all that can be told come first, then those with the fewest unknown clauses,
    then the least far from their bounds; the goal's metric breaks ties. Among the others the test
    split has no say.

    Args:
        results: Those, judged.
        bounds: All clauses; the goal's is the first that is of no device.
    """
    goal = next(one for one in bounds if not one.on_device)
    return sorted(results, key=lambda one: _badness(one, goal))


def _badness(result: TrialResult, goal: Bound) -> tuple[float, ...]:
    verdict = result.trial.verdict
    if verdict is None:
        return (1.0, float("inf"), 0.0, 0.0)
    clauses = [one for one in verdict.clauses if not one.metric.endswith(TEST_SUFFIX)]
    unknown = sum(clause.status == "unknown" for clause in clauses)
    excess = sum(_relative_excess(clause) for clause in clauses)
    value = next((one.value for one in clauses if one.metric == goal.metric), None)
    signed = 0.0 if value is None else (-value if goal.direction == "at_least" else value)
    return (0.0 if holds(verdict) else 1.0, unknown, excess, signed)


class Trials(Record):
    """All candidates of one iteration.

    Attributes:
        results: What was proposed.
        probes: What a language model had measured before it proposed, untrained.
        tokens: What it used.
    """

    results: tuple[TrialResult, ...]
    probes: tuple[Trial, ...] = ()
    tokens: int = 0

    @property
    def met(self) -> bool:
        """Whether one of them meets the contract."""
        verdicts = (result.trial.verdict for result in self.results)
        return any(verdict is not None and verdict.met for verdict in verdicts)

    @property
    def hold(self) -> bool:
        """Whether one of them keeps all that can be told, so that further rounds are pointless."""
        return any(holds(result.trial.verdict) for result in self.results)

    @property
    def impossible(self) -> bool:
        """Whether a limit allows no model at all, so that further rounds are pointless."""
        reasons = (result.trial.reason for result in self.results)
        return any(reason is not None and reason.code == IMPOSSIBLE for reason in reasons)


class Carried(Record):
    """That a candidate was found by an earlier search, with other limits, and not searched anew.

    Attributes:
        bounds: The clauses of that search.
        asked: The candidates that the test split was asked of, then and since.
        edited: What else of the contract is other now, in words.
    """

    bounds: tuple[Bound, ...]
    asked: tuple[str, ...]
    edited: tuple[str, ...] = ()


class ReportedTarget(Record):
    """One of several targets.

    Attributes:
        name: What its figures are called by; empty of the leading one.
        board: As the contract has it, and so are the others.
        platform: How firmware is built.
        engine: What runs the model.
        mode: Where figures are measured.
    """

    name: str
    board: str
    platform: str
    engine: str
    mode: str

    def clauses(self, verdict: Verdict | None) -> tuple[Clause, ...]:
        """What a verdict says of this target: its limits, and what the model reaches anywhere."""
        known = () if verdict is None else verdict.clauses
        return tuple(
            one for one in known if target_of(one.metric) == self.name or _of_model(one.metric)
        )


def _of_model(metric: str) -> bool:
    return plain(metric) not in UNITS


class Report(Record):
    """A whole run: the contract's clauses, every candidate, the outcome.

    Attributes:
        name: The contract's name.
        board: The target board.
        mode: The contract's execution mode.
        engine: The engine, as the contract has it.
        choice: Where that is `auto`: which engine it came to be, and why.
        bounds: All clauses, margins taken off.
        met: Whether a candidate meets the contract.
        best: Its id, or that of the one that came closest.
        results: Every candidate, oldest first.
        shortfall: Where it was not met, why not and what would have to give.
        forecast_errors: How far off the agent's forecasts were, by metric; None where it made none.
        model_use: What a language model was asked, where one was.
        carried: Where the candidate was found by an earlier search.
        without_model: What the best rule without a network has of each leading figure, on both
            splits, as bounds; some of `bounds` unless the contract ignores it. Empty as long as
            nothing is evaluated.
        outputs: How each predicted quantity of the best candidate comes out on validation data.
        layers: How many values of its layers stand at an end of their range there; empty where it
            is not known.
        dtype: The type of its output.
        int16_fits: Whether the contract could ask for int16 activations, or does.
        quantisation: Of each evaluated candidate with a float network: what int8 changed.
        energy: Where figures of energy and heat are from, and what they lack; None where neither
            the board's file nor the contract has anything of them.
        targets: Of several targets, each, the leading one first; empty of one.
    """

    name: str
    board: str
    mode: str
    engine: str
    choice: EngineChoice | None
    bounds: tuple[Bound, ...]
    met: bool
    best: str | None
    results: tuple[TrialResult, ...]
    shortfall: Shortfall | None
    forecast_errors: dict[str, ForecastError] | None = None
    model_use: ModelUse | None = None
    carried: Carried | None = None
    without_model: tuple[Bound, ...] = ()
    outputs: tuple[OutputErrors, ...] = ()
    layers: tuple[Rail, ...] = ()
    dtype: EndType = "int8"
    int16_fits: bool = False
    quantisation: tuple[QuantisationLoss, ...] = ()
    energy: EnergyNotes | None = None
    targets: tuple[ReportedTarget, ...] = ()

    @property
    def shown(self) -> tuple[str, str, str]:
        """The limited figures that every candidate is shown with; the latency that is judged."""
        latency = (one.metric for one in self.bounds if one.metric in LATENCIES)
        return ("flash_bytes", "ram_bytes", next(latency, LATENCIES[0]))

    @property
    def goals(self) -> tuple[str, ...]:
        """The figures that are asked of the model, the leading one first."""
        asked = (one for one in self.bounds if not (one.on_device or one.on_test or one.of))
        return tuple(one.metric for one in asked)

    @property
    def goal(self) -> str:
        """The leading one."""
        return self.goals[0]

    def asked(self) -> tuple[str, ...]:
        """The candidates that the test split was asked of."""
        metric = self.goal + TEST_SUFFIX
        found = {one.trial.id for one in self.results if one.measurement(metric) is not None}
        relaxations = self.shortfall.relaxations if self.shortfall else ()
        found |= {one.candidate for one in relaxations if one.test_asked}
        return tuple(sorted(found | set(self.carried.asked if self.carried else ())))

    def best_result(self) -> TrialResult | None:
        """The candidate that `best` names."""
        return next((one for one in self.results if one.trial.id == self.best), None)


def as_agents_see_it(trial: Trial) -> Trial:
    """A trial without its figures on the test split, which no search may learn from."""
    if trial.verdict is None:
        verdict = None
    else:
        clauses = tuple(c for c in trial.verdict.clauses if not c.metric.endswith(TEST_SUFFIX))
        verdict = Verdict(met=all(c.status == "pass" for c in clauses), clauses=clauses)
    seen = tuple(m for m in trial.measurements if not m.metric.endswith(TEST_SUFFIX))
    return trial.model_copy(update={"measurements": seen, "verdict": verdict})
