"""The contract: what the device allows, what the model must reach, what the search may cost.

The YAML keys are the fields' aliases; `docs/contract.md` is their reference. Everything that can
be wrong with a contract is found while it is read, before anything is started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from mlforge_tasks.contract import design, ends, power_needs, state, torch_network
from mlforge_tasks.contract.activations import int16_misfit
from mlforge_tasks.contract.asked import (
    asked,
    detector_figures,
    leading,
    learning_figure,
    misfits,
)
from mlforge_tasks.contract.benchmark import benchmark_misfit
from mlforge_tasks.contract.dataset import DatasetSpec
from mlforge_tasks.contract.fields import checked
from mlforge_tasks.contract.goal import Asked, Figure, Goal
from mlforge_tasks.contract.limits import Limits, Margins, effective
from mlforge_tasks.contract.linux_process import limits_misfits, off_linux
from mlforge_tasks.contract.model_names import misnamed
from mlforge_tasks.contract.operation import Operation
from mlforge_tasks.contract.operation import misfits as misfits_of
from mlforge_tasks.contract.periodic_thread import off_target
from mlforge_tasks.contract.search import Search
from mlforge_tasks.contract.sections import Target, Training
from mlforge_tasks.contract.target import TOLD_BY, Task
from mlforge_tasks.contract.targets import Entry, Mode, Models, OwnKeys
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake, Mistakes
from mlforge_tasks.yaml_file.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable


class Contract(Record):
    """One YAML file of `contracts/`.

    Fields that a check compares with others come after those, so that every field is reported on
    even where another one is wrong.

    Attributes:
        version: Of this format.
        task: What the model does.
        dataset: Where the data is, and how it becomes examples.
        target: Where the model runs.
        mode: Where figures are measured; an emulator's never meet a contract for hardware. `static`
            executes nothing: figures are computed.
        limits: What the device allows.
        margins: How much of the limits stays in reserve.
        operation: How the device is used.
        goal: What the int8 model must reach.
        training: What one training may cost.
        search: What the whole search may cost.
        targets: In place of `target`, several: a candidate has to keep the limits of each.
        models: Of several targets, whether `one` model is searched for all, or one for `each`.
        own_keys: Of one of them alone, where the sections stand that are its own, by their names;
            no key of a contract.
    """

    version: Literal[1]
    task: Task
    dataset: DatasetSpec
    target: Target
    mode: Mode
    limits: Limits
    margins: Margins = Margins()
    operation: Operation = Field(default=Operation(), validate_default=True)
    goal: Goal
    training: Training
    search: Search
    targets: tuple[Entry, ...] = ()
    models: Models = "one"
    own_keys: OwnKeys = Field(default_factory=dict)

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
            wanted = f"{TOLD_BY[task]}, since task is {task}"
            raise Mistake(wanted, at=("target",), found=TOLD_BY[dataset.task])
        return dataset

    @field_validator("mode")
    @classmethod
    def _target_has_the_mode(cls, mode: Mode, info: ValidationInfo) -> Mode:
        target: Target | None = info.data.get("target")
        wanted = None if target is None else target.modes()
        if wanted is not None and mode not in wanted[0]:
            raise Mistake(f"{' or '.join(wanted[0])}: {wanted[1]}")
        return mode

    @field_validator("limits")
    @classmethod
    def _limits_fit_board(cls, limits: Limits, info: ValidationInfo) -> Limits:
        target: Target | None = info.data.get("target")
        if target is None:
            return limits
        board = target.on_board
        needed = [*limits_misfits(limits, target)]
        if board.process:
            return checked(limits, needed)
        flash, ram = board.memories()
        wanted = "at most the {kind} of {board}, {size}"
        mistakes = [
            Mistake(wanted.format(kind=kind, board=board.name, size=format_bytes(size)), at=(key,))
            for key, kind, limit, size in (
                ("ram", "RAM", limits.ram_bytes, ram.length_bytes),
                ("flash", "flash", limits.flash_bytes, flash.length_bytes),
            )
            if limit is not None and limit > size
        ]
        mistakes += needed
        mistakes += power_needs.of_board(
            limits, board, computed="hardware" not in info.data.get("mode", "")
        )
        return checked(limits, mistakes)

    @field_validator("margins")
    @classmethod
    def _margins_have_limits(cls, margins: Margins, info: ValidationInfo) -> Margins:
        limits: Limits | None = info.data.get("limits")
        return checked(margins, [] if limits is None else limits.not_there(margins))

    @field_validator("operation")
    @classmethod
    def _operation_has_what_limits_need(
        cls, operation: Operation, info: ValidationInfo
    ) -> Operation:
        target: Target | None = info.data.get("target")
        limits: Limits | None = info.data.get("limits")
        found = [] if limits is None else [*misfits_of(operation, limits)]
        if target is not None:
            found += [*off_linux(operation, target), *off_target(operation, target)]
        if limits is not None and target is not None:
            computed = "hardware" not in info.data.get("mode", "")
            found += power_needs.of_operation(operation, limits, target.on_board, computed=computed)
        return checked(operation, found)

    @field_validator("goal")
    @classmethod
    def _goal_fits_task_and_data(cls, goal: Goal, info: ValidationInfo) -> Goal:
        mistakes = misfits(goal, info.data.get("task"), info.data.get("dataset"))
        if mistakes:
            raise Mistakes(*mistakes)
        return goal

    @field_validator("training")
    @classmethod
    def _weights_have_classes(cls, training: Training, info: ValidationInfo) -> Training:
        task: Task | None = info.data.get("task")
        if training.class_weights is not None and task not in {
            None,
            "classification",
            "multilabel",
        }:
            raise Mistake(f"no such key: {task} has no classes", at=("class_weights",))
        return training

    @field_validator("training")
    @classmethod
    def _examples_can_be_varied(cls, training: Training, info: ValidationInfo) -> Training:
        dataset: DatasetSpec | None = info.data.get("dataset")
        shape = None if dataset is None else dataset.input_shape
        if training.augment is not None and shape is not None:
            return checked(training, training.augment.mistakes(shape))
        return training

    @field_validator("target")
    @classmethod
    def _no_score_needs_the_input(cls, target: Target, info: ValidationInfo) -> Target:
        if target.patches == "streamed" and info.data.get("task") == "anomaly":
            wanted = "auto or off, since the score of task anomaly compares with the whole input"
            raise Mistake(wanted, at=("patches",))
        return target

    @field_validator("target")
    @classmethod
    def _benchmark_fits_task(cls, target: Target, info: ValidationInfo) -> Target:
        task: Task | None = info.data.get("task")
        if target.mlperf is not None and task is not None:
            misfit = benchmark_misfit(target.mlperf, task)
            if misfit is not None:
                raise Mistake(f"a name of your own, since {misfit}", at=("mlperf",))
        return target

    @field_validator("search")
    @classmethod
    def _only_anomalies_have_scores(cls, search: Search, info: ValidationInfo) -> Search:
        task: Task | None = info.data.get("task")
        if search.score is not None and task not in {None, "anomaly"}:
            raise Mistake(f"no such key: {task} has no score", at=("score",))
        return search

    @field_validator("search")
    @classmethod
    def _activations_can_be_run(cls, search: Search, info: ValidationInfo) -> Search:
        if search.activations == "int16":
            misfit = int16_misfit(info.data.get("target"), info.data.get("task"))
            if misfit is not None:
                raise Mistake(f"int8, since {misfit}", at=("activations",))
        return search

    @field_validator("search")
    @classmethod
    def _torch_networks_can_be_trained_so(cls, search: Search, info: ValidationInfo) -> Search:
        training: Training | None = info.data.get("training")
        return checked(search, torch_network.misfits(search.torch, training))

    @field_validator("search")
    @classmethod
    def _design_fits_data(cls, search: Search, info: ValidationInfo) -> Search:
        dataset: DatasetSpec | None = info.data.get("dataset")
        return checked(search, design.misfits(search.architecture, dataset))

    @field_validator("search")
    @classmethod
    def _ends_fit_data(cls, search: Search, info: ValidationInfo) -> Search:
        dataset: DatasetSpec | None = info.data.get("dataset")
        target: Target | None = info.data.get("target")
        if dataset is None:
            return search
        found = list(ends.misfits(search.inputs, search.outputs, dataset))
        if target is not None:
            found += ends.whole(search.inputs, search.outputs, target)
        found += state.misfits(search, dataset, target)
        found += misnamed(search, (info.context or {}).get("project_root"))
        return checked(search, found)

    def model_ends(self) -> ends.Ends:
        """What is said of the inputs and outputs of a model that was brought along."""
        return ends.ends(self.search.inputs, self.search.outputs, self.dataset)

    def asked(self) -> tuple[Asked, ...]:
        """Every figure that the goal asks and its bound, the leading one first."""
        return asked(self.goal, self.dataset)

    def leading_figures(self) -> list[str]:
        """Names of the figures of the leading metric."""
        return [one.figure.name for one in leading(self.goal, self.dataset)]

    def must_beat(self) -> list[str]:
        """Names of the figures that must be better than what needs no network has."""
        return [] if self.goal.baseline == "ignore" else self.leading_figures()

    def learning_figure(self) -> Figure:
        """The figure that a training is steered by."""
        return learning_figure(self.goal, self.dataset)

    def detector_figures(self) -> tuple[Figure, ...]:
        """What a detector's thresholds are chosen by; empty where nothing is detected."""
        return detector_figures(self.goal, self.dataset)

    def margins_by_metric(self) -> dict[str, float]:
        """The share of each limit that is kept in reserve, by the metric it limits."""
        shares = self.margins.by_field()
        return {self.limits.metric(field): share for field, share in shares.items()}

    def effective_limits(self) -> dict[str, float]:
        """What each measured figure may be: see `limits.effective`."""
        return effective(self.limits, self.margins)

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
