"""What is told of cycles, as it lies on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file.units import Bytes


class WaitStates(Record):
    """Cycles that memory keeps the core waiting.

    Attributes:
        flash: For each line that is read of it.
        ram: For each access.
        line_bytes: What flash gives at a time.
    """

    flash: int = Field(default=0, ge=0, le=64)
    ram: int = Field(default=0, ge=0, le=64)
    line_bytes: Bytes = Field(default=4, alias="line", gt=0)


class Cycles(Record):
    """What an inference takes on an emulated core, and what turns that into its latency.

    latency = instructions measured * (upper / instructions) / clock_hz.

    Attributes:
        method: Where the cycles of an instruction are from.
        tool: What told them, with its version; None where that is a table.
        cpu: The core.
        clock_hz: Its clock.
        instructions: Of the inference whose blocks were counted.
        lower: Its cycles where neighbouring blocks overlap, branches are foreseen and memory never
            waits.
        upper: Its cycles where none of that helps.
        left_out: The share of its instructions that the model does not know, taken from a table.
        refill_lower: What a branch that is taken (one that was not foreseen, where the core
            predicts them) adds, at least.
        refill_upper: The same, at most.
        wait_states: Those of the board's memories, in `upper`.
    """

    method: str
    tool: str | None
    cpu: str
    clock_hz: int
    instructions: int
    lower: float
    upper: float
    left_out: float
    refill_lower: float
    refill_upper: float
    wait_states: WaitStates

    def latency_us(self, instructions: float, bound: Literal["lower", "upper"] = "upper") -> float:
        """Latency of so many instructions of the kind that were counted."""
        cycles = self.upper if bound == "upper" else self.lower
        return instructions * (cycles / self.instructions) / self.clock_hz * 1e6


@dataclass(frozen=True)
class LayerCycles:
    """Cycles of a layer, at least and at most."""

    lower: float
    upper: float
