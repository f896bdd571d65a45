"""The sections `limits:` and `margins:`: what the device allows, and how much of it is kept back.

To add a limit: a field here, named like the measurement that it binds, and a module in
`verdict/limits/`; docs/add/constraint.md shows both.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake
from mlforge_tasks.yaml_file.electrical import Celsius, Hours, Microwatts
from mlforge_tasks.yaml_file.units import (
    Bytes,
    Hertz,
    Margin,
    Microjoules,
    Microseconds,
    Share,
    format_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

Statistic = Literal["median", "p99", "max"]
_LATENCY = "latency_us"


class Limits(Record):
    """What the device allows.

    Attributes:
        ram_bytes: Static RAM, the model's arena included, plus the stack's high-water mark. Only a
            board with Linux may be without this limit.
        flash_bytes: The whole image.
        latency_us: One inference. Only a board with Linux may be without this limit.
        latency_statistic: Which of the repeated inferences the limit is for.
        stack_bytes: The stack's high-water mark; not judged on its own by default.
        pss_bytes: A program's proportional share of the memory of its machine, which runs Linux.
        update_bytes: The patch that makes the new model of the one that `operation.update` names.
        energy_per_inference_uj: What an inference takes from the supply.
        average_power_uw: What the device draws on average, an inference every
            `operation.inference_period`.
        battery_life_h: How long `operation.battery` must feed it.
        junction_temperature_c: The chip's at its hottest, at `operation.ambient`.
        wakeup_latency_us: How late `operation.periodic_thread` may be beside inference.
        period_jitter_us: How much the time between two of its wake-ups may differ from the period.
        interrupts_off_us: How long the timer's interrupt may wait.
        cpu_share: What inference and that thread may take of the core together.
        start_up_us: From the start of the device's clock to the first result.
        inferences_per_second: How many there must be beside that thread.
    """

    ram_bytes: Bytes | None = Field(default=None, alias="ram")
    flash_bytes: Bytes = Field(alias="flash")
    latency_us: Microseconds | None = Field(default=None, alias="latency")
    latency_statistic: Statistic = "median"
    stack_bytes: Bytes | None = Field(default=None, alias="stack")
    pss_bytes: Bytes | None = Field(default=None, alias="pss")
    update_bytes: Bytes | None = Field(default=None, alias="update_size")
    energy_per_inference_uj: Microjoules | None = Field(default=None, alias="energy_per_inference")
    average_power_uw: Microwatts | None = Field(default=None, alias="average_power")
    battery_life_h: Hours | None = Field(default=None, alias="battery_life")
    junction_temperature_c: Celsius | None = Field(default=None, alias="junction_temperature")
    wakeup_latency_us: Microseconds | None = Field(default=None, alias="wakeup_latency")
    period_jitter_us: Microseconds | None = Field(default=None, alias="period_jitter")
    interrupts_off_us: Microseconds | None = Field(default=None, alias="interrupts_off")
    cpu_share: Annotated[Share, Field(gt=0)] | None = None
    start_up_us: Microseconds | None = Field(default=None, alias="start_up")
    inferences_per_second: Hertz | None = None

    @property
    def latency_metric(self) -> str:
        """The measurement that the latency limit binds."""
        if self.latency_statistic == "median":
            return _LATENCY
        return f"latency_{self.latency_statistic}_us"

    @field_validator("stack_bytes")
    @classmethod
    def _stack_is_part_of_ram(cls, stack: int | None, info: ValidationInfo) -> int | None:
        ram = info.data.get("ram_bytes")
        if stack is not None and ram is not None and stack > ram:
            raise Mistake(f"at most the RAM limit, {format_bytes(ram)}, which the stack is part of")
        return stack

    def missing(self) -> Iterator[Mistake]:
        """What a device has to be limited in; of a program for Linux an emulator cannot tell it."""
        for key, value in (("ram", self.ram_bytes), ("latency", self.latency_us)):
            if value is None:
                yield Mistake(f"the key '{key}'", at=(key,))

    def not_there(self, margins: Margins) -> Iterator[Mistake]:
        """Margins of limits that are not set."""
        for field, share in margins.by_field().items():
            if share and getattr(self, field) is None:
                key = type(self).model_fields[field].alias or field
                yield Mistake("a margin of something that 'limits' limits", at=(key,))

    def set_fields(self) -> Iterator[tuple[str, float]]:
        """Each limit that is set, by its field, in the order of the fields."""
        for name, value in self:
            if value is not None and name != "latency_statistic":
                yield name, value

    @classmethod
    def key(cls, field: str) -> str:
        """Where a field stands in a contract."""
        return f"limits.{cls.model_fields[field].alias or field}"

    def metric(self, field: str) -> str:
        """The measurement that a field's limit binds."""
        return self.latency_metric if field == _LATENCY else field


class Margins(Record):
    """The share of each limit that is kept in reserve, 0 to 1.

    Attributes:
        ram: Of `limits.ram`.
        flash: Of `limits.flash`.
        latency: Of `limits.latency`.
        stack: Of `limits.stack`, which must be there.
    """

    ram_share: Margin = Field(default=0.0, alias="ram")
    flash_share: Margin = Field(default=0.0, alias="flash")
    latency_share: Margin = Field(default=0.0, alias="latency")
    stack_share: Margin = Field(default=0.0, alias="stack")

    def by_field(self) -> dict[str, float]:
        """The share of each limit that can have one, by its field."""
        return {
            "ram_bytes": self.ram_share,
            "flash_bytes": self.flash_share,
            _LATENCY: self.latency_share,
            "stack_bytes": self.stack_share,
        }


def effective(limits: Limits, margins: Margins) -> dict[str, float]:
    """What each measured figure may be at most, or must be at least: limits without their margins.

    Returns:
        Metric (`ram_bytes`, `latency_us`...) to bound; bytes are rounded down. A latency has the
        name of the statistic that is judged.
    """
    shares = margins.by_field()
    return {limits.metric(name): _kept(name, one, shares) for name, one in limits.set_fields()}


def _kept(field: str, limit: float, shares: dict[str, float]) -> float:
    if field not in shares:
        return limit
    kept = limit * (1 - shares[field])
    return math.floor(kept) if field.endswith("_bytes") else kept
