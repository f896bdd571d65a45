"""What is known of an int8 model, as records; `int8` computes with them."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Literal

from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

# Outputs of the float network by split, beside the model that was quantised from it.
FLOAT_OUTPUTS = "float_outputs.npz"
# The contract's field that says how far the output reaches.
OUTPUT_RANGE = "dataset.calibration.output_range"
# The contract's field that says in which order a model that was brought along takes its axes.
LAYOUT = "search.layout"
# What a stage is told of the inputs and outputs that the contract names.
ENDS = "ends"
# Whether a model that was brought along keeps its state from one example to the next.
STATE = "search.state"
# What a network is quantised to.
ACTIVATIONS = "search.activations"
# Of float32 without leading zeros in its fraction: what is smaller divides to infinity.
SMALLEST_SCALE = 2.0**-126
# Of the weights that bring an input and its reconstruction to one scale, and of what is left of
# their difference. A difference is below 2^13, so a sum over 2^22 squares is exact in a double.
WEIGHT_BITS, LEFT_BITS = 14, 4


# The types of a model's ends, and what an element of each takes.
EndType = Literal["int8", "int16"]
ITEM_BYTES: Mapping[EndType, int] = {"int8": 1, "int16": 2}


class TensorQuantisation(Record):
    """An int8 or int16 input or output.

    Attributes:
        name: The tensor's name in the graph.
        shape: Its shape, without the batch axis of 1.
        scale: Real difference of one step.
        zero_point: The int8 value that stands for 0; of int16 it is 0.
        channels_first: Of an input, whether the data set's last axis is its first.
        dtype: The type of its elements.
    """

    name: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    channels_first: bool = False
    dtype: EndType = "int8"

    @property
    def bytes(self) -> int:
        """What all its elements take."""
        return prod(self.shape) * ITEM_BYTES[self.dtype]


class InputPart(TensorQuantisation):
    """One of several inputs, or one that takes a part of an example.

    Attributes:
        features: Which of the data set's features it takes, in its own order.
        rows: How many rows of the window, the newest; None for all.
    """

    features: tuple[int, ...]
    rows: int | None = None


class OutputPart(TensorQuantisation):
    """One of several outputs, or one in an order of its own.

    Attributes:
        gives: Which of the data set's outputs or labels its elements are; empty where it is not
            judged.
    """

    gives: tuple[int, ...] = ()


class Joined(Record):
    """Inputs or outputs of one type that lie one behind the other, in the file's order."""

    parts: tuple[TensorQuantisation, ...]

    @property
    def shape(self) -> tuple[int]:
        """Elements of all."""
        return (sum(prod(one.shape) for one in self.parts),)

    @property
    def bytes(self) -> int:
        """What all of them take."""
        return sum(one.bytes for one in self.parts)

    @property
    def dtype(self) -> EndType:
        """The type of all their elements."""
        return self.parts[0].dtype


class JoinedInputs(Joined):
    """Inputs; see `Joined`."""

    parts: tuple[InputPart, ...]


class JoinedOutputs(Joined):
    """Outputs; see `Joined`."""

    parts: tuple[OutputPart, ...]

    @property
    def judged(self) -> tuple[tuple[int, OutputPart], ...]:
        """Of each of the data set's outputs or labels, the element and what that is part of."""
        found: dict[int, tuple[int, OutputPart]] = {}
        at = 0
        for part in self.parts:
            found |= {one: (at + k, part) for k, one in enumerate(part.gives)}
            at += prod(part.shape)
        return tuple(found[one] for one in sorted(found))


class Quantisation(Record):
    """What there is to know about an int8 model; `quantisation.json`.

    Attributes:
        input: The input tensor; or several, or one whose features the contract names.
        output: The output tensor; likewise.
        operators: TFLite operators in the order of execution.
        tflite_bytes: Size of the file.
        tflite_sha256: Its digest.
        centroids: Where the output's distance from the nearest of them is the score, each in the
            output's steps; empty where how far it is from the input is.
        changed: What was done to a file that was brought along, for who brought it.
        keeps_state: Whether what it has left is there for the next example.
    """

    input: TensorQuantisation | JoinedInputs
    output: TensorQuantisation | JoinedOutputs
    operators: tuple[str, ...]
    tflite_bytes: int
    tflite_sha256: str
    centroids: tuple[tuple[int, ...], ...] = ()
    changed: tuple[str, ...] = ()
    keeps_state: bool = False


class ScoreWeights(Record):
    """How a device tells in whole numbers how far a reconstruction is from its input.

    The difference of two elements is `(x - zero point) * input - (y - zero point) * output`,
    without its last `shift` bits; the score is the sum of its squares.

    Attributes:
        input: Weight of an input's step.
        output: Weight of an output's step; of the two the coarser one has 2^14.
        shift: Bits that are rounded off.
    """

    input: int
    output: int
    shift: int


def score_weights(quantisation: Quantisation) -> ScoreWeights:
    """The weights of a network that reconstructs its input."""
    coarser = _coarser(quantisation)
    return ScoreWeights(
        input=round(alone(quantisation.input).scale / coarser * 2**WEIGHT_BITS),
        output=round(alone(quantisation.output).scale / coarser * 2**WEIGHT_BITS),
        shift=WEIGHT_BITS - LEFT_BITS,
    )


def score_unit(quantisation: Quantisation) -> float:
    """What 1 of a score is of the mean squared error, in normalised units."""
    step: float = _coarser(quantisation) / 2**LEFT_BITS
    if quantisation.centroids:
        step = alone(quantisation.output).scale
    return step * step / prod(quantisation.output.shape)


def _coarser(quantisation: Quantisation) -> float:
    return max(alone(quantisation.input).scale, alone(quantisation.output).scale)


def alone(end: TensorQuantisation | Joined) -> TensorQuantisation:
    """The only input or output, of a model that the caller knows to have one.

    Raises:
        TypeError: There are several.
    """
    if isinstance(end, TensorQuantisation):
        return end
    raise TypeError(f"{len(end.parts)} inputs or outputs where one was expected")
