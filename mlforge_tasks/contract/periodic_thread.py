"""`operation.periodic_thread`: what must run on time beside the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from mlforge_tasks.contract.fields import checked
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake
from mlforge_tasks.yaml_file.units import Microseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.contract.limits import Limits
    from mlforge_tasks.contract.operation import Operation
    from mlforge_tasks.contract.sections import Target

# Key of a stage's configuration.
PERIODIC_THREAD = "periodic_thread"
# Zephyr's kernel counts time in 100 us; a 24-bit SysTick of a fast core wraps after 100 ms.
STEP_US = 100
MOST_US = 100_000
# Platforms whose firmware can have such a thread.
PLATFORMS = ("baremetal", "zephyr")
# What is judged by it.
LIMITS = (
    *("wakeup_latency_us", "period_jitter_us", "interrupts_off_us"),
    *("cpu_share", "start_up_us", "inferences_per_second"),
)


class PeriodicThread(Record):
    """A thread above the one that the model runs in; on bare metal an interrupt.

    Attributes:
        period_us: How often it wakes up.
        busy_us: How long it computes each time; by default not at all.
    """

    period_us: Microseconds = Field(alias="period")
    busy_us: Microseconds | None = Field(default=None, alias="busy")

    @model_validator(mode="after")
    def _possible(self) -> PeriodicThread:
        return checked(self, self._mistakes())

    @property
    def busy_share(self) -> float:
        """The part of the time that it computes."""
        return (self.busy_us or 0) / self.period_us

    def _mistakes(self) -> Iterator[Mistake]:
        if self.period_us % STEP_US or not STEP_US <= self.period_us <= MOST_US:
            yield Mistake("a whole number of 100 us, at most 100 ms", at=("period",))
        elif self.busy_us is not None and self.busy_us > self.period_us / 2:
            yield Mistake("at most half of the period", at=("busy",))


def misfits(operation: Operation, limits: Limits) -> Iterator[Mistake]:
    """What limits need that is not said, relative to `operation`.

    Args:
        operation: What is said.
        limits: The contract's.
    """
    known = dict(limits.set_fields())
    judged = ", ".join(limits.key(name) for name in LIMITS if name in known)
    if judged and operation.periodic_thread is None:
        wanted = f"what runs beside the model, as `periodic_thread: {{period: 1 ms}}`, for {judged}"
        yield Mistake(wanted, at=("periodic_thread",), found="nothing")
    if "cpu_share" in known and operation.inference_period_s is None:
        wanted = "how often there is an inference, such as 100 ms, for limits.cpu_share"
        yield Mistake(wanted, at=("inference_period",), found="nothing")
    share = 0 if operation.periodic_thread is None else operation.periodic_thread.busy_share
    if share >= known.get("cpu_share", 1):
        wanted = "less of the period than limits.cpu_share, which is for it and inference"
        yield Mistake(wanted, at=("periodic_thread", "busy"))


def off_target(operation: Operation, target: Target) -> Iterator[Mistake]:
    """A thread that the target cannot have, relative to `operation`.

    Args:
        operation: What is said.
        target: The contract's.
    """
    if operation.periodic_thread is None:
        return
    if target.on_board.linux is not None:  # cyclictest's, on the machine
        if operation.periodic_thread.busy_us is not None:
            wanted = "no such key: on Linux the thread is cyclictest's, which only wakes up"
            yield Mistake(wanted, at=("periodic_thread", "busy"))
    elif target.platform not in PLATFORMS or target.on_board.process:
        wanted = f"no such key: a process on {target.board} has no thread that is told of"
        yield Mistake(wanted, at=("periodic_thread",))
