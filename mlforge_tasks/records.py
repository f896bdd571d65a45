"""The data shapes that pass between modules and lie in `build/` as JSON.

Every record is frozen, refuses unknown fields, and has one canonical JSON form (sorted keys, no
spaces, no NaN), so equal records have equal digests.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from pathlib import Path

# Plug-ins of pydantic could change what a record comes to; looking for them reads the metadata of
# every installed package.
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"

Source = Literal["static", "emulated", "hardware"]
Status = Literal["pass", "fail", "unknown"]


def canonical_json(value: object) -> bytes:
    """JSON with sorted keys and no spaces.

    Raises:
        ValueError: The value holds a NaN or an infinity.
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def sha256_bytes(data: bytes) -> str:
    """Hex sha256 of some bytes."""
    return hashlib.sha256(data).hexdigest()


class Record(BaseModel):
    """Base of every record.

    A schema is built when it is first needed: a run that has nothing to do needs few of them, and
    building all took a quarter of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    def to_bytes(self) -> bytes:
        """The canonical JSON form."""
        return canonical_json(self.model_dump(mode="json"))

    def write(self, path: Path) -> None:
        """Writes the canonical JSON form, with a newline at the end."""
        path.write_bytes(self.to_bytes() + b"\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a record back.

        Raises:
            pydantic.ValidationError: The file is not such a record.
        """
        return cls.model_validate_json(path.read_bytes(), by_name=True)

    @classmethod
    def from_dump(cls, data: object) -> Self:
        """A record from its `model_dump(mode="json")`: by field names, not by YAML keys.

        Raises:
            pydantic.ValidationError: The data is not such a record.
        """
        return cls.model_validate(data, by_name=True)


class Reason(Record):
    """Why a candidate failed, for the agent to read.

    Attributes:
        code: Stable and machine-readable: `static_limit`, `measured_limit`, `does_not_fit`,
            `diverged`, `train_timeout`, `train_memory`, `convert_failed`,
            `unsupported_operator`, `hang`, `fault`, `truncated_console`,
            `invalid_architecture`, `unusable_model`, `impossible_limit`, `no_proposal`,
            `not_needed`, `on_cpu`.
        stage: The stage that found it.
        message: One sentence for a person.
        metric: The measured metric it is about, if any.
        value: The figure found.
        limit: The figure allowed.
    """

    code: str
    stage: str
    message: str
    metric: str | None = None
    value: float | None = None
    limit: float | None = None


class Interval(Record):
    """What a figure of few examples may be over many, or what one that was computed may be.

    Attributes:
        low: The lower end.
        high: The upper end.
        level: How likely what is meant lies between them, such as 0.95; 1 of bounds, which no
            sample was taken for.
    """

    low: float
    high: float
    level: float


class Measurement(Record):
    """One figure. Its unit is that of `metric`'s suffix (`flash_bytes`, `latency_us`).

    Attributes:
        metric: Which.
        value: The figure.
        unit: Its unit.
        source: Where it comes from.
        interval: How sure it is, where that is known and matters.
    """

    metric: str
    value: float
    unit: str
    source: Source
    interval: Interval | None = None


class Clause(Record):
    """One line of a verdict.

    Attributes:
        metric: Which figure is judged.
        limit: The bound, after margins.
        value: What was measured, or None.
        unit: Unit of limit, value and slack.
        source: Where the value comes from, or None.
        slack: How far past the bound the value is, in the metric's unit, or the worse end of its
            interval where that is judged; <= 0 passes.
        status: `unknown` where nothing was measured; that is never a pass.
        of: The measurement that is judged, where the metric is only the clause's name.
        against: What has the limit, where it is no number of the contract.
        interval: How sure the value is, where that is known and matters.
    """

    metric: str
    limit: float
    value: float | None
    unit: str
    source: Source | None
    slack: float | None
    status: Status
    of: str = ""
    against: str = ""
    interval: Interval | None = None


class Verdict(Record):
    """All clauses of one candidate; `met` only where every clause passes."""

    met: bool
    clauses: tuple[Clause, ...]


class LayerProfile(Record):
    """What one layer of the deployed model costs.

    Attributes:
        name: The layer's name in the graph.
        op: TFLite operator.
        macs: Multiply-accumulates per inference.
        weight_bytes: Constants in flash.
        output_bytes: Size of its output tensor.
        dropped_channels: Channels of its output in the model file that the engine does without,
            since they are the same whatever the input, or nobody reads them.
    """

    name: str
    op: str
    macs: int
    weight_bytes: int
    output_bytes: int
    dropped_channels: int = 0


class Patches(Record):
    """How the first layers of a deployed model run: stripe by stripe, so that none is whole.

    Attributes:
        last_layer: The last of them, whose output is whole again.
        stripes: How many.
        extra_macs: Multiply-accumulates per inference that are done once more than without.
        whole_arena_bytes: Working memory that the model would take without.
        streamed: Whether the model's input comes by rows, so that it is not whole either.
    """

    last_layer: str
    stripes: int
    extra_macs: int
    whole_arena_bytes: int
    streamed: bool = False


class LayerCost(Record):
    """What one layer was measured to take on the device.

    Attributes:
        name: The layer's name in the graph.
        op: TFLite operator.
        share: Of the whole inference; they sum to 1.
        instructions: Where they can be counted.
        cycles_lower: Where instructions can be counted; `cycles_upper` too.
        time_us: By the board's clock, or of `cycles_upper`.
        macs: Multiply-accumulates.
        instructions_per_mac: Where there are both.
        weight_bytes: Constants in flash.
        output_bytes: Size of its output tensor.
        dropped_channels: As of `LayerProfile`.
    """

    name: str
    op: str
    share: float
    instructions: int | None
    cycles_lower: float | None = None
    cycles_upper: float | None = None
    time_us: float
    macs: int
    instructions_per_mac: float | None
    weight_bytes: int
    output_bytes: int
    dropped_channels: int = 0


class Profile(Record):
    """Where the time of an inference goes, layer by layer in the order they run.

    Attributes:
        source: Where it was measured.
        layers: All of them; those that are the same bytes or a constant take nothing.
    """

    source: Source
    layers: tuple[LayerCost, ...]


class StackUse(Record):
    """One thread's stack: its high-water mark, and its size."""

    name: str
    used_bytes: int
    reserved_bytes: int


class SelfTest(Record):
    """What the firmware measured before it said it was ready.

    Attributes:
        ticks: Clock ticks of each repeated inference, ascending. Where more than a handful differ,
            the device has put neighbours together under the larger one. None of a process, whose
            clock stands still while it computes.
        tick_hz: Frequency of that clock.
        stacks: Every thread's stack; none of a process, whose threads have the computer's.
        arena_bytes: Working memory of the model.
        peak_memory_bytes: The most that was ever resident, of a process on its own computer.
        model_digest: sha256 of the `.tflite` inside.
        firmware_id: Build digest inside.
        laps: Index and ticks of each layer's every turn, as they ran; only of a profile image.
        schedule: Numbers by name, as `zephyr_app/src/scheduler.c` sends them; only of its image.
    """

    ticks: tuple[int, ...]
    tick_hz: int
    stacks: tuple[StackUse, ...]
    arena_bytes: int
    peak_memory_bytes: int | None = None
    model_digest: str
    firmware_id: str
    laps: tuple[tuple[int, int], ...] = ()
    schedule: dict[str, tuple[int, ...]] = {}

    def layer_ticks(self, layer: int) -> int:
        """Ticks of a layer, by its index; of one in a loop those of all its turns."""
        return sum(ticks for index, ticks in self.laps if index == layer)

    @property
    def stack_used_bytes(self) -> int:
        """All high-water marks together."""
        return sum(one.used_bytes for one in self.stacks)
