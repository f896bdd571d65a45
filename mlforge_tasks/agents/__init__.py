"""Agents: they read the brief and what was measured so far, and propose what to try next.

To add one (docs/add/agent.md has an example):

1. Write a module here whose `PLUGIN` has a `name` and a `propose` as in `Agent`. It may keep no
   state: all it knows is its arguments, and the same arguments give the same proposals.
2. Propose `Architecture` records only; JSON from outside goes through `parse_architecture`.
3. Add its name to `AGENTS` in `tests/agents/test_conformance.py`, whose suite it must pass.

The module's name is what a contract calls it by: `search: {agent: optimizer}`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from mlforge_tasks.architecture import Architecture, Score, Shape, Task
from mlforge_tasks.calibration.classes import KernelClass
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.contract.search import Llm, Search
from mlforge_tasks.errors import ToolError
from mlforge_tasks.quantisation import EndType
from mlforge_tasks.records import Measurement, Record
from mlforge_tasks.verdict.constraints import LATENCIES
from mlforge_tasks.verdict.limit_kind import Direction
from mlforge_tasks.verdict.trial import Trial

# A share is of a bound, and a bound may be 0.
TINY = 1e-9
PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]


class OtherLimit(Record):
    """A limit on a figure that no agent foretells from a design alone.

    Attributes:
        metric: The measurement that it binds.
        limit: The bound.
        unit: Of the bound.
        direction: Whether the figure must stay at or below the bound, or at or above it.
        told: What it is, and what makes it less.
        grows_with: The figure of `Limits` that it grows with, or falls with where it must be large.
    """

    metric: str
    limit: float
    unit: str
    direction: Direction
    told: str
    grows_with: str | None = None

    def past(self, value: float) -> float:
        """How far a value is past the bound, relative to it; at most 0 keeps it."""
        share = (value - self.limit) / max(abs(self.limit), TINY)
        return share if self.direction == "at_most" else -share


class Limits(Record):
    """The contract's hardware limits, margins already taken off; None where it sets none.

    At most one of the latencies is limited: the statistic that the verdict binds.
    """

    ram_bytes: PositiveFloat | None = None
    flash_bytes: PositiveFloat | None = None
    latency_us: PositiveFloat | None = None
    latency_p99_us: PositiveFloat | None = None
    latency_max_us: PositiveFloat | None = None
    stack_bytes: PositiveFloat | None = None
    others: tuple[OtherLimit, ...] = ()

    @property
    def latency_metric(self) -> str:
        """The latency that is limited; the median where none is."""
        limits = dict(self)
        return next((name for name in LATENCIES if limits[name] is not None), LATENCIES[0])

    def by_metric(self) -> dict[str, float | None]:
        """Each usual limit by what it binds; of the latencies the limited one only."""
        unjudged = {*LATENCIES, "others"} - {self.latency_metric}
        return {metric: limit for metric, limit in self if metric not in unjudged}

    @model_serializer(mode="wrap")
    def _without_unjudged(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A limit on the median reads as it did before others could be limited."""
        kept = {*self.by_metric(), *(("others",) if self.others else ())}
        return {metric: limit for metric, limit in dump(self).items() if metric in kept}


class Goal(Record):
    """A figure that the trained model must reach.

    Attributes:
        metric: Its name, as in the measurements (`mse`, `accuracy`, `mae(below 70)`).
        target: The value to reach.
        direction: Which way is better.
        unit: Of the value.
    """

    metric: str
    target: float
    direction: Literal["minimize", "maximize"]
    unit: str = "1"

    def met_by(self, value: float) -> bool:
        """Whether a value keeps it."""
        return value <= self.target if self.direction == "minimize" else value >= self.target


class BoardFacts(Record):
    """The target, as far as it matters to a design; a process has neither memories nor a clock.

    Attributes:
        npu: Its accelerator, where that runs the model.
        calibrated: Cycles of the board for an instruction of each class of kernels, where they were
            measured and the figures that limits bind are the board's own.
    """

    name: str
    cpu: str
    clock_hz: PositiveInt | None = None
    cycles_per_instruction: PositiveFloat | None = None
    flash_bytes: PositiveInt | None = None
    ram_bytes: PositiveInt | None = None
    fpu: bool
    dsp: bool
    mve: bool
    npu: str | None = None
    calibrated: dict[KernelClass, PositiveFloat] | None = None

    @model_serializer(mode="wrap")
    def _without_what_is_usual(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A board without an NPU or a calibration reads as it did before there was any."""
        kept: dict[str, Any] = dump(self)
        for name in ("npu", "calibrated"):
            if kept[name] is None:
                del kept[name]
        return kept


class Stripes(Record):
    """When the engine runs first layers stripe by stripe, to need less working memory.

    Attributes:
        beyond_bytes: Of working memory, from which on it does.
        streamed: It does in any case, and the input comes by rows.
    """

    beyond_bytes: Annotated[int, Field(ge=0)]
    streamed: bool = False


class DesignBrief(Record):
    """All that an agent needs to know besides the history.

    Attributes:
        task: What the head does.
        input_shape: Shape of one input, without the batch axis: `(features,)`,
            `(steps, channels)` or `(height, width, channels)`.
        output_count: Units of the head.
        limits: The contract's hardware limits.
        goals: What the contract asks of the model, the leading figure first.
        board: The target.
        engines: What runs the model on the device; several as long as it is open which of them
            will, in which case figures are those of the one that leaves more of the limits.
        iterations_left: How many proposals' worth of budget are left, this one included.
        seed: For every random choice.
        score: For task anomaly, what alone a design may tell by; None for either.
        stripes: Whether first layers may run stripe by stripe; None where they may not.
        activations: What the network's values are quantised to; its weights are int8.
    """

    task: Task
    input_shape: Shape
    output_count: PositiveInt
    limits: Limits
    goals: tuple[Goal, ...] = Field(min_length=1)
    board: BoardFacts
    engines: tuple[str, ...] = Field(min_length=1)
    iterations_left: PositiveInt
    seed: int
    score: Score | None = None
    stripes: Stripes | None = None
    activations: EndType = "int8"

    @model_serializer(mode="wrap")
    def _without_what_is_usual(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A brief without stripes, or of int8, reads as it did before there was anything else."""
        kept: dict[str, Any] = dump(self)
        if self.activations == "int8":
            del kept["activations"]
        if self.stripes is None:
            del kept["stripes"]
        return kept


class Setup(Record):
    """How a design will be trained, built and measured.

    Attributes:
        mode: The contract's execution mode.
        platform: How firmware is built.
        engine: What runs the model on the device; `auto` as long as it is open which one will.
        operators: The TFLite operators that it runs on this core.
        margins: The share of a limit that is held back, by metric; the brief's limits are without.
        training: The contract's section on it: epochs, batch size, learning rate, patience, time.
    """

    mode: str
    platform: str
    engine: str
    operators: tuple[str, ...]
    margins: dict[str, float]
    training: dict[str, Any]


@dataclass(frozen=True)
class Workbench:
    """What an agent may use besides its brief.

    Attributes:
        search: The contract's section on the search, with the agent's settings.
        file: Content of the file that the section names, if it names one.
        iteration: Which round this is, from 1.
        card: What there is to know about the data.
        setup: How a design will be trained, built and measured.
        probed: Designs that were measured in earlier rounds and not proposed then.
        tokens_used: What earlier rounds used of the search's tokens.
        probe: Builds a network untrained and measures it on the target.
        keep: Keeps a file, by name, beside the proposals: how they came about.
    """

    search: Search
    file: bytes | None = None
    iteration: int = 1
    card: DataCard | None = None
    setup: Setup | None = None
    probed: tuple[Trial, ...] = ()
    tokens_used: int = 0
    probe: Callable[[Architecture], tuple[Measurement, ...]] | None = None
    keep: Callable[[str, bytes], None] = lambda *_: None

    @property
    def llm(self) -> Llm:
        """How a model is asked.

        Raises:
            ToolError: The search says nothing of it.
        """
        if self.search.llm is None:
            raise ToolError("the contract's search has no 'llm' section")
        return self.search.llm


class Agent(Protocol):
    """Designs networks under measured constraints."""

    name: str

    def propose(
        self, brief: DesignBrief, history: tuple[Trial, ...], count: int, bench: Workbench
    ) -> tuple[Architecture, ...]:
        """What to build, train and measure next.

        A pure function of its arguments, but for a model that is asked over the network: what it
        said is kept, and repeated by `replay`. It repeats an architecture of the history only when
        it has no other. Where nothing can meet the limits it proposes the least bad: saying so is
        the judge's business.

        Args:
            brief: The task and its limits.
            history: Every candidate judged so far, oldest first.
            count: How many proposals are wanted.
            bench: Settings and tools.

        Returns:
            `count` architectures, the most promising first.

        Raises:
            CandidateFailure: It could not come up with any; the round is lost, the search goes on.
            ToolError: What it depends on cannot be reached.
        """
        ...
