"""What a training holds in memory for sure, told before it starts.

A lower bound: the data, the weights, and what a batch leaves behind for its gradients. TensorFlow
takes more (scratch of its kernels, gradients on their way), so that a training that passes may
still meet its limit; but none is refused that would have fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import room
from mlforge_tasks.stages._keras import PREDICT_BATCH
from mlforge_tasks.stages._training import BASE_BYTES, failure
from mlforge_tasks.yaml_file.units import format_against, format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlforge_tasks.stages._trainer import Split

FLOAT_BYTES = 4
# A weight, its gradient, Adam's two moments, and the best epoch's copy.
COPIES_OF_WEIGHTS = 5
# Layers that give their input in another shape: no memory of their own.
_RESHAPING = {"Flatten", "Reshape"}


@dataclass(frozen=True)
class Need:
    """What a training needs at least, in bytes.

    Attributes:
        data: Rows, and each example's start and target.
        weights: With gradients, moments and the best epoch's.
        step: What a training step's batch holds for its gradients.
        prediction: What the validation split takes when it is run: the largest layer's ends for
            a batch, and all outputs, which are then put together.
        outputs: Those outputs, once.
        batch: Examples of a training step.
    """

    data: int
    weights: int
    step: int
    prediction: int
    outputs: int
    batch: int

    @property
    def total(self) -> int:
        """All that is there at one time, TensorFlow itself included."""
        return BASE_BYTES + self.data + self.weights + max(self.step, self.prediction)

    def advice(self) -> str:
        """What would make the largest part smaller."""
        if self.data > max(self.step, self.prediction, self.weights):
            return "use fewer or narrower rows"
        if self.step > self.prediction:
            return f"lower training.batch_size ({self.batch:,})"
        if 2 * self.outputs >= self.prediction:
            return "have fewer examples validate (dataset.window.stride, dataset.split)"
        return "have the first layers give less (a larger stride, fewer filters)"


def need(model: Any, train: Split, validation: Split, batch: int) -> Need:
    """What a training holds for sure.

    Args:
        model: The network.
        train: The training split.
        validation: The split that decides.
        batch: Examples of a step.
    """
    batch = min(batch, len(train.inputs))
    splits = (train, validation)
    predicted = min(PREDICT_BATCH, len(validation.inputs))
    ends = [_size(layer.input) + _size(layer.output) for layer in _layers(model)]
    outputs = len(validation.inputs) * FLOAT_BYTES * _size(model.output)
    return Need(
        data=train.inputs.rows.nbytes
        + sum(one.inputs.starts.nbytes + _bytes(one.learned) for one in splits),
        weights=COPIES_OF_WEIGHTS * FLOAT_BYTES * model.count_params(),
        step=batch * FLOAT_BYTES * _kept(model),
        prediction=outputs + max(outputs, predicted * FLOAT_BYTES * max(ends, default=0)),
        outputs=outputs,
        batch=batch,
    )


def _bytes(array: NDArray[Any] | None) -> int:
    return 0 if array is None else array.nbytes


def check(found: Need, limit_bytes: int) -> None:
    """Ends a training that cannot fit before it starts.

    Raises:
        CandidateFailure: It needs more than the contract gives it.
        ToolError: It needs more than this machine has.
    """
    if found.total > limit_bytes:
        wanted, limit = format_against(found.total, limit_bytes, "B")
        message = (
            f"training needs at least {wanted} of memory, its limit is {limit} "
            f"(training.memory_limit): {format_bytes(found.step)} for what a batch of "
            f"{found.batch:,} examples leaves for its gradients, {format_bytes(found.data)} for "
            f"the data, {format_bytes(found.prediction)} to run the validation split; "
            f"{found.advice()}, or raise training.memory_limit"
        )
        raise failure("train_memory", message, limit_bytes, value=found.total)
    short = room.lacking_memory(found.total)
    if short is not None:
        raise ToolError(
            f"training needs at least {format_bytes(found.total)} of memory: {short}",
            hint=f"free some, or {found.advice()}",
        )


def _layers(model: Any) -> Iterator[Any]:
    return (layer for layer in model.layers if not isinstance(layer.output, list | tuple | dict))


def _size(tensor: Any) -> int:
    """Values of a tensor for one example; of one whose shape is not known, none."""
    several = tensor if isinstance(tensor, list | tuple) else [tensor]
    return sum(prod(size or 0 for size in each.shape[1:]) for each in several)


def _kept(model: Any) -> int:
    """The most values that gradients need at one time, for one example.

    The gradient of a layer's weights needs its input, that of an activation its output, and beside
    it what comes back to it, which is as large; by then no earlier layer has let go of anything.
    """
    most = 0
    kept: dict[int, int] = {}
    same: dict[int, Any] = {}
    for layer in _layers(model):
        given = same.get(id(layer.input), layer.input)
        if type(layer).__name__ in _RESHAPING:
            same[id(layer.output)] = given
            continue
        if layer.trainable_weights:
            kept[id(given)] = _size(given)
        if getattr(getattr(layer, "activation", None), "__name__", "linear") != "linear":
            kept[id(layer.output)] = _size(layer.output)
            most = max(most, sum(kept.values()) + _size(layer.output))
    return max(most, sum(kept.values()))
