"""The contract: what the device allows, what the model must reach, what the search may cost.

The YAML keys are the fields' aliases; `docs/contract.md` is their reference. Everything that can
be wrong with a contract is found while it is read, before anything is started.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from mlforge_tasks.contract.board import board_names, load_board
from mlforge_tasks.contract.dataset import DatasetSpec, Task
from mlforge_tasks.contract.search import Search
from mlforge_tasks.plugins import AUTO, installed
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake, Mistakes, one_of
from mlforge_tasks.yaml_file.units import (
    Bytes,
    Microseconds,
    Seconds,
    Share,
    format_bytes,
    format_share,
    parse_share,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Mode = Literal["simulate", "hardware", "simulate-then-hardware"]
Metric = Literal["mse", "mae", "accuracy", "auc"]
Direction = Literal["minimize", "maximize"]
Statistic = Literal["median", "p99", "max"]
Patches = Literal["auto", "off"]
# Engines that can run the first layers of a model stripe by stripe.
_PATCHING = ("aot", AUTO)

# Metric -> (task, direction, unit)
_METRICS: Mapping[str, tuple[Task, Direction, str]] = {
    "mse": ("regression", "minimize", "target unit^2"),
    "mae": ("regression", "minimize", "target unit"),
    "accuracy": ("classification", "maximize", "1"),
    "auc": ("classification", "maximize", "1"),
}


class Target(Record):
    """Where the model runs.

    Attributes:
        board: A board of `mlforge_tasks/boards`, as Zephyr writes it.
        platform: How firmware is built.
        engine: What runs the model on the device, or `auto`.
        mlperf: Name that the firmware answers the MLPerf Tiny benchmark's own runner with; without
            one it does not answer it.
        patches: Whether the first layers run stripe by stripe where the RAM limit needs it.
    """

    board: str
    platform: str
    engine: str
    mlperf: Annotated[str, Field(pattern=r"^\w[\w-]{0,31}$")] | None = None
    patches: Patches = "off"

    @field_validator("board")
    @classmethod
    def _known_board(cls, name: str) -> str:
        one_of(name, board_names(), kind="a board")
        return name

    @field_validator("platform")
    @classmethod
    def _known_platform(cls, name: str) -> str:
        one_of(name, installed("platforms"), kind="a platform")
        return name

    @field_validator("engine")
    @classmethod
    def _known_engine(cls, name: str) -> str:
        one_of(name, (AUTO, *installed("engines")), kind="an engine")
        return name

    @field_validator("patches")
    @classmethod
    def _engine_has_patches(cls, patches: Patches, info: ValidationInfo) -> Patches:
        engine = info.data.get("engine", AUTO)
        if patches == "auto" and engine not in _PATCHING:
            raise Mistake(f"off, since engine '{engine}' has no patches; 'aot' has")
        return patches


class Limits(Record):
    """What the device allows.

    Attributes:
        ram_bytes: Static RAM, the model's arena included, plus the stack's high-water mark.
        flash_bytes: The whole image.
        latency_us: One inference.
        latency_statistic: Which of the repeated inferences the limit is for.
        stack_bytes: The stack's high-water mark; not judged on its own by default.
    """

    ram_bytes: Bytes = Field(alias="ram")
    flash_bytes: Bytes = Field(alias="flash")
    latency_us: Microseconds = Field(alias="latency")
    latency_statistic: Statistic = "median"
    stack_bytes: Bytes | None = Field(default=None, alias="stack")

    @property
    def latency_metric(self) -> str:
        """The measurement that the latency limit binds."""
        return (
            "latency_us"
            if self.latency_statistic == "median"
            else f"latency_{self.latency_statistic}_us"
        )

    @field_validator("stack_bytes")
    @classmethod
    def _stack_is_part_of_ram(cls, stack: int | None, info: ValidationInfo) -> int | None:
        ram = info.data.get("ram_bytes")
        if stack is not None and ram is not None and stack > ram:
            raise Mistake(f"at most the RAM limit, {format_bytes(ram)}, which the stack is part of")
        return stack


def _below_one(share: float) -> float:
    if share == 1:
        raise Mistake("a margin of less than 100 %")
    return share


Margin = Annotated[Share, AfterValidator(_below_one)]


class Margins(Record):
    """The share of each limit that is kept in reserve, 0 to 1."""

    ram_share: Margin = Field(default=0.0, alias="ram")
    flash_share: Margin = Field(default=0.0, alias="flash")
    latency_share: Margin = Field(default=0.0, alias="latency")
    stack_share: Margin = Field(default=0.0, alias="stack")


class Goal(Record):
    """What the int8 model must reach, on validation and on test data.

    Attributes:
        metric: The figure; it implies whether less or more is better.
        target: The bound, in the metric's unit.
    """

    metric: Metric
    target: float

    @property
    def direction(self) -> Direction:
        """Whether the metric should be small or large."""
        return _METRICS[self.metric][1]

    @property
    def unit(self) -> str:
        """The metric's unit."""
        return _METRICS[self.metric][2]

    @field_validator("target", mode="before")
    @classmethod
    def _percentage(cls, target: object, info: ValidationInfo) -> object:
        if isinstance(target, str) and info.data.get("metric") not in {"mse", "mae"}:
            return parse_share(target)
        return target

    @field_validator("target")
    @classmethod
    def _in_range(cls, target: float, info: ValidationInfo) -> float:
        metric = info.data.get("metric")
        if metric in {"accuracy", "auc"} and not 0 < target <= 1:
            percent = format_share(target / 100) if 1 < target <= 100 else None
            raise Mistake("a share from 0 to 1, such as 0.72 or '72 %'", suggestion=percent)
        if metric in {"mse", "mae"} and target <= 0:
            raise Mistake("a number greater than 0")
        return target


class Training(Record):
    """What one training may cost.

    Attributes:
        epochs: At most so many passes over the training split.
        batch_size: Examples a step.
        learning_rate: Adam's step size at the start.
        patience: Epochs without a better validation figure after which training stops.
        time_limit_s: Wall time after which training is ended and the candidate fails.
        memory_limit_bytes: The same for the training process's memory.
        prune: Whether a training is stopped that falls behind most of those of earlier rounds.
    """

    epochs: int = Field(ge=1, le=10_000)
    batch_size: int = Field(default=64, ge=1, le=65_536)
    learning_rate: float = Field(default=0.001, gt=0, le=1)
    patience: int = Field(default=5, ge=1, le=10_000)
    time_limit_s: Seconds = Field(default=600.0, alias="time_limit")
    memory_limit_bytes: Bytes = Field(default=4 << 30, alias="memory_limit")
    prune: bool = False


class Contract(Record):
    """One YAML file of `contracts/`.

    Fields that a check compares with others come after those, so that every field is reported on
    even where another one is wrong.
    """

    version: Literal[1]
    task: Task
    dataset: DatasetSpec
    target: Target
    mode: Mode
    limits: Limits
    margins: Margins = Margins()
    goal: Goal
    training: Training
    search: Search

    @field_validator("version", mode="before")
    @classmethod
    def _readable_version(cls, version: object) -> object:
        if version != 1 or isinstance(version, bool):
            raise Mistake("1, the only contract version that this MLForge reads")
        return version

    @field_validator("dataset")
    @classmethod
    def _dataset_fits_task(cls, dataset: DatasetSpec, info: ValidationInfo) -> DatasetSpec:
        task = info.data.get("task", dataset.task)
        if dataset.task != task:
            holds = "labels" if task == "classification" else "outputs"
            found = "outputs" if task == "classification" else "labels"
            raise Mistake(f"{holds}, since task is {task}", at=("target",), found=found)
        return dataset

    @field_validator("mode")
    @classmethod
    def _a_process_is_no_hardware(cls, mode: Mode, info: ValidationInfo) -> Mode:
        target: Target | None = info.data.get("target")
        if target is not None and mode != "simulate" and load_board(target.board).native:
            raise Mistake(f"simulate: {target.board} is a process of this computer")
        return mode

    @field_validator("limits")
    @classmethod
    def _limits_fit_board(cls, limits: Limits, info: ValidationInfo) -> Limits:
        target: Target | None = info.data.get("target")
        if target is None:
            return limits
        board = load_board(target.board)
        if board.native:
            return limits
        flash, ram = board.memories()
        wanted = "at most the {kind} of {board}, {size}"
        mistakes = [
            Mistake(wanted.format(kind=kind, board=board.name, size=format_bytes(size)), at=(key,))
            for key, kind, limit, size in (
                ("ram", "RAM", limits.ram_bytes, ram.length_bytes),
                ("flash", "flash", limits.flash_bytes, flash.length_bytes),
            )
            if limit > size
        ]
        if mistakes:
            raise Mistakes(*mistakes)
        return limits

    @field_validator("margins")
    @classmethod
    def _margins_have_limits(cls, margins: Margins, info: ValidationInfo) -> Margins:
        limits: Limits | None = info.data.get("limits")
        if limits is not None and limits.stack_bytes is None and margins.stack_share:
            raise Mistake("a margin of something that 'limits' limits", at=("stack",))
        return margins

    @field_validator("goal")
    @classmethod
    def _metric_fits_task(cls, goal: Goal, info: ValidationInfo) -> Goal:
        task = info.data.get("task")
        fitting = [name for name, (kind, _, _) in _METRICS.items() if kind == task]
        if task is not None and goal.metric not in fitting:
            raise Mistake(f"a metric for {task}: {' or '.join(fitting)}", at=("metric",))
        dataset: DatasetSpec | None = info.data.get("dataset")
        if dataset is not None and goal.metric == "auc" and len(dataset.target.labels) != 2:
            found = f"auc with {len(dataset.target.labels)} labels"
            raise Mistake("accuracy, or a data set of 2 labels", at=("metric",), found=found)
        return goal

    def margins_by_metric(self) -> dict[str, float]:
        """The share of each limit that is kept in reserve, by the metric it limits."""
        shares = self.margins
        return {
            "ram_bytes": shares.ram_share,
            "flash_bytes": shares.flash_share,
            self.limits.latency_metric: shares.latency_share,
            "stack_bytes": shares.stack_share,
        }

    def effective_limits(self) -> dict[str, float]:
        """What each measured figure may be at most: the limits with their margins taken off.

        Returns:
            Metric (`ram_bytes`, `latency_us`...) to bound; bytes are rounded down. A latency has
            the name of the statistic that is judged.
        """
        shares = self.margins
        bounds = {
            "ram_bytes": math.floor(self.limits.ram_bytes * (1 - shares.ram_share)),
            "flash_bytes": math.floor(self.limits.flash_bytes * (1 - shares.flash_share)),
            self.limits.latency_metric: self.limits.latency_us * (1 - shares.latency_share),
        }
        if self.limits.stack_bytes is not None:
            bounds["stack_bytes"] = math.floor(self.limits.stack_bytes * (1 - shares.stack_share))
        return bounds

    def project(self, fields: Iterable[str]) -> dict[str, Any]:
        """Some fields as JSON values: what a stage may read.

        Args:
            fields: Dotted names, by the fields' own names (`training.time_limit_s`), or whole
                sections (`limits`).

        Raises:
            KeyError: There is no such field.
        """
        document = self.model_dump(mode="json")
        return {field: _at(document, field) for field in fields}


def _at(document: Any, field: str) -> Any:
    for part in field.split("."):
        if not isinstance(document, dict) or part not in document:
            raise KeyError(field)
        document = document[part]
    return document
