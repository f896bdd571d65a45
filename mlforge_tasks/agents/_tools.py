"""What a language model may do besides answering: estimate, probe, look back, and propose.

Nothing here executes anything that the model wrote: an architecture is validated data, whatever
else it sends is refused with the reason.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from mlforge_tasks.agents._cost import CostModel
from mlforge_tasks.agents._text import COMPACT, fenced
from mlforge_tasks.agents._told import detail, profile, reason_of, rounded
from mlforge_tasks.architecture import Architecture, parse_architecture, score_of, static_figures
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.records import Reason, Record
from mlforge_tasks.verdict.transcript import Probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlforge_tasks.agents import DesignBrief, Workbench
    from mlforge_tasks.architecture import StaticFigures
    from mlforge_tasks.contract.search import Llm
    from mlforge_tasks.records import Measurement
    from mlforge_tasks.verdict.trial import Trial

DESCRIPTIONS = {
    "estimate": "Static figures of a design, what it is predicted to take on the target, and "
    "which of its operators take how much. Costs nothing but a tool call.",
    "probe": "Builds a design untrained, runs it on the target and measures it. Flash, RAM and "
    "latency are those that it will have when trained.",
    "history": "Every design that was judged or probed so far, in full: layers, figures, clauses, "
    "profile.",
    "propose": "Your answer: ends this round.",
}
# Of a validator's message.
ANSWER_LENGTH = 4000


class OneDesign(Record):
    """A design to look at."""

    architecture: Architecture


class Nothing(Record):
    """No input."""


@dataclass(frozen=True)
class Answer:
    """What a tool call came to.

    Attributes:
        text: For the model.
        wrong: The call was not valid.
        proposal: What was proposed, where it was.
    """

    text: str
    wrong: bool = False
    proposal: tuple[Architecture, ...] = ()


def proposal_schema(wanted: int) -> dict[str, Any]:
    """JSON schema of the final answer."""

    class Proposal(Record):
        """The designs to build, train and measure next, the most promising first."""

        reasoning: str = Field(default="", max_length=4000)
        architectures: tuple[Architecture, ...] = Field(min_length=wanted, max_length=wanted)

    return Proposal.model_json_schema()


def definitions(wanted: int, *, probes: bool) -> list[dict[str, Any]]:
    """The tools as the Messages API takes them.

    Args:
        wanted: How many designs a proposal has.
        probes: Whether designs may be measured before they are proposed.
    """
    return [
        {"name": name, "description": DESCRIPTIONS[name], "input_schema": schema}
        for name, schema in _schemas(wanted).items()
        if probes or name != "probe"
    ]


@functools.cache
def _schemas(wanted: int) -> dict[str, dict[str, Any]]:
    """What each tool takes; half a second of work, so done once."""
    one_design = OneDesign.model_json_schema()
    return {
        "estimate": one_design,
        "probe": one_design,
        "history": Nothing.model_json_schema(),
        "propose": proposal_schema(wanted),
    }


def _text(value: object) -> str:
    return fenced(value, COMPACT)


class Toolbox:
    """The tools of one round, and what is left of their budgets."""

    def __init__(
        self,
        brief: DesignBrief,
        history: tuple[Trial, ...],
        wanted: int,
        bench: Workbench,
        settings: Llm,
    ) -> None:
        self._brief = brief
        self._history = history
        self._wanted = wanted
        self._bench = bench
        self.probes: list[Probe] = []
        self.costs = self._learnt()
        self.calls_left = settings.tool_calls
        self.probes_left = settings.probes if bench.probe is not None else 0
        self._tried = {trial.architecture for trial in history}

    def _probed(self) -> tuple[Trial, ...]:
        """What was probed in this round and before."""
        now = enumerate(self.probes)
        return self._bench.probed + tuple(
            one.as_trial(self._bench.iteration, index) for index, one in now
        )

    def _learnt(self) -> CostModel:
        """Predictions that every measured design so far has a say in."""
        return CostModel(self._brief, self._history + self._probed())

    def call(self, name: str, given: object) -> Answer:
        """Answers a call; whatever is wrong with it is in the answer."""
        if not isinstance(given, dict):
            return Answer("the input has to be an object", wrong=True)
        if name == "propose":
            return self._propose(given)
        if name not in ("estimate", "probe", "history"):
            return Answer(f"there is no tool '{name[:40]}'", wrong=True)
        if self.calls_left <= 0:
            return Answer("no tool calls are left: propose now", wrong=True)
        self.calls_left -= 1
        try:
            return self._look(name, given)
        except CandidateFailure as failure:
            return Answer(_text({"failed": reason_of(failure.reason)}))

    def _look(self, name: str, given: dict[str, Any]) -> Answer:
        left = {"tool_calls_left": self.calls_left}
        if name == "history":
            trials = [detail(trial, self.costs) for trial in self._history]
            probed = [detail(trial, self.costs) for trial in self._probed()]
            return Answer(_text({"trials": trials, "probed": probed} | left))
        architecture = parse_architecture(given.get("architecture"))
        figures = self._figures(architecture)
        if name == "estimate":
            return Answer(_text(self._estimate(figures) | left))
        if self._bench.probe is None or self.probes_left <= 0:
            return Answer("no probes are left: estimate or propose", wrong=True)
        self.probes_left -= 1
        measured = self._against_limits(self._measure(self._bench.probe, architecture, figures))
        return Answer(_text({"measured": measured, "probes_left": self.probes_left} | left))

    def _measure(
        self,
        probe: Callable[[Architecture], tuple[Measurement, ...]],
        architecture: Architecture,
        figures: StaticFigures,
    ) -> tuple[Measurement, ...]:
        """Measures a design and learns from it, also where it cannot be built.

        Raises:
            CandidateFailure: It cannot be.
        """

        def keep(found: tuple[Measurement, ...], reason: Reason | None = None) -> None:
            self.probes.append(
                Probe(architecture=architecture, figures=figures, measurements=found, reason=reason)
            )
            self.costs = self._learnt()

        try:
            found = probe(architecture)
        except CandidateFailure as failure:
            keep((), failure.reason)
            raise
        keep(found)
        return found

    def _figures(self, architecture: Architecture) -> StaticFigures:
        """Static figures.

        Raises:
            CandidateFailure: Its shapes do not work out, or the contract wants another score.
        """
        known = self._brief
        if known.score not in {None, score_of(architecture)}:
            message = f"the contract wants a design whose score is a {known.score}"
            raise CandidateFailure(
                Reason(code="invalid_architecture", stage="propose", message=message)
            )
        return static_figures(architecture, known.input_shape, known.task, known.output_count)

    def _estimate(self, figures: StaticFigures) -> dict[str, Any]:
        limits = self._brief.limits.by_metric()
        predicted = self.costs.predict(self.costs.count(figures))
        return {
            "parameters": figures.parameters,
            "macs": figures.macs,
            "weight_bytes": figures.weight_bytes,
            "peak_activation_bytes": figures.peak_activation_bytes * self.costs.value_bytes,
            "predicted": {
                metric: {
                    "expected": rounded(one.expected),
                    "upper": rounded(one.upper),
                    "limit": limits.get(metric),
                }
                for metric, one in predicted.items()
            },
            "profile": profile(self.costs, figures),
        }

    def _against_limits(self, measurements: Iterable[Measurement]) -> dict[str, Any]:
        limits = self._brief.limits.by_metric()
        others = {one.metric: one for one in self._brief.limits.others}
        found = {one.metric: one for one in measurements}
        usual = {
            metric: _held(one, limit, keeps=limit is None or one.value <= limit)
            for metric, one in found.items()
            if metric in limits
            for limit in (limits[metric],)
        }
        return usual | {
            metric: _held(one, other.limit, keeps=other.past(one.value) <= 0)
            for metric, other in others.items()
            if (one := found.get(metric)) is not None
        }

    def _propose(self, given: dict[str, Any]) -> Answer:
        """Checks all designs of a proposal, and tells everything that is wrong with them."""
        designs = given.get("architectures")
        if not isinstance(designs, list) or len(designs) != self._wanted:
            found = f"{len(designs)}" if isinstance(designs, list) else "none"
            return Answer(
                f"'architectures' has to be a list of {self._wanted}, found {found}", wrong=True
            )
        accepted: list[Architecture] = []
        problems: list[str] = []
        for index, design in enumerate(designs):
            try:
                architecture = parse_architecture(design)
                self._figures(architecture)
            except CandidateFailure as failure:
                problems.append(f"architectures[{index}]: {failure.reason.message}")
                continue
            if architecture in self._tried or architecture in accepted:
                problems.append(f"architectures[{index}]: it was judged already, or is in twice")
            accepted.append(architecture)
        if problems:
            text = "not accepted: " + "; ".join(problems)
            return Answer(text[:ANSWER_LENGTH], wrong=True)
        return Answer("accepted", proposal=tuple(accepted))


def _held(one: Measurement, limit: float | None, *, keeps: bool) -> dict[str, Any]:
    """A measurement beside its limit."""
    return {"value": rounded(one.value), "limit": limit, "keeps": keeps, "source": one.source}
