"""The imported model: tensors and operators as TensorFlow Lite defines them, without its reader."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Activation = Literal["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]
Shape = tuple[int, ...]
# By type of the elements; what is of any other is never in an arena.
ITEM_BYTES: Mapping[str, int] = {"int16": 2, "int32": 4, "int64": 8, "float32": 4}


@dataclass(frozen=True)
class Quantisation:
    """Affine quantisation: real = scale * (value - zero_point).

    Attributes:
        scales: float32; one, or one per index of `axis`.
        zero_points: As many.
        axis: The quantised dimension of a per-channel tensor.
    """

    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int = 0


@dataclass(frozen=True)
class Tensor:
    """One tensor.

    Attributes:
        name: Its name in the model.
        shape: Its static shape.
        dtype: Name as the flatbuffer schema has it, lower case (`int8`).
        quantisation: None where it has none.
        data: Its value where it is constant.
        oddity: What it is that no engine here runs (`sparse`), or empty.
        scales_without_zero_points: Whether that is why it has no quantisation.
        four_bits: Whether its values are of -8 to 7, and lie in flash two to a byte.
    """

    name: str
    shape: Shape
    dtype: str
    quantisation: Quantisation | None = None
    data: NDArray[np.generic] | None = None
    oddity: str = ""
    scales_without_zero_points: bool = False
    four_bits: bool = False

    @property
    def size(self) -> int:
        """Number of elements, which for int8 is the number of bytes."""
        return math.prod(self.shape)

    @property
    def item_bytes(self) -> int:
        """What an element takes."""
        return ITEM_BYTES.get(self.dtype, 1)

    @property
    def is_int16_value(self) -> bool:
        """Whether it is int16 and computed: no constant, and no state of an operator's own."""
        return self.dtype == "int16" and self.data is None and not self.oddity

    @property
    def bytes(self) -> int:
        """What all of it takes."""
        return self.size * self.item_bytes

    @property
    def scale(self) -> np.float32:
        """The scale of a per-tensor quantised tensor."""
        return np.float32(self.affine.scales[0])

    @property
    def zero_point(self) -> int:
        """The zero point of a per-tensor quantised tensor."""
        return int(self.affine.zero_points[0])

    @property
    def affine(self) -> Quantisation:
        """The quantisation, which the importer has made sure of for every int8 tensor."""
        if self.quantisation is None:
            raise ValueError(f"tensor '{self.name}' is not quantised")
        return self.quantisation

    @property
    def constant(self) -> NDArray[np.generic]:
        """The value of a constant tensor."""
        if self.data is None:
            raise ValueError(f"tensor '{self.name}' is not constant")
        return self.data


@dataclass(frozen=True)
class Options:
    """The options of all operators; each reads its own.

    Pairs are (height, width). `before` is padding in front that a rewrite made explicit. `count` is
    what DEPTHWISE_CONV_2D multiplies channels by, how many tensors PACK and UNPACK have, and how
    many filters a unit of SVDF has. `axes` are those that SQUEEZE takes away, none for all of size
    1. Masks have a bit per axis; `other_masks` are those that no reference kernel reads.
    `from_float` is QUANTIZE that the reference gives floats. `block` is the side of a block of
    pixels. `batch_axes` are those that GATHER's places have as well. `reflects`: a mirrored border
    does not have the edge itself twice. `adjoint`: which of two matrices are transposed. `fed` are
    a first row of the model's input, how many rows later each turn of a loop begins, and how many
    rows there are in each. `table` is of a map without another definition, by int8 + 128; `least`
    and `greatest` are what it makes of any int8. `clip` is of an LSTM's cells, 0 for none, and
    `time_major` where its steps are the first axis.
    """

    same_padding: bool = False
    before: tuple[int, int] | None = None
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    kernel: tuple[int, int] = (1, 1)
    activation: Activation = "NONE"
    axis: int = 0
    count: int = 0
    axes: tuple[int, ...] = ()
    beta: float = 1.0
    alpha: float = 0.0
    align_corners: bool = False
    half_pixel_centers: bool = False
    begin_mask: int = 0
    end_mask: int = 0
    shrink_mask: int = 0
    other_masks: int = 0
    from_float: bool = False
    block: int = 1
    batch_axes: int = 0
    reflects: bool = False
    adjoint: tuple[bool, bool] = (False, False)
    fed: tuple[int, int, int] = (0, 0, 0)
    table: tuple[int, ...] = ()
    least: float = -math.inf
    greatest: float = math.inf
    clip: float = 0.0
    time_major: bool = False


@dataclass(frozen=True)
class Operator:
    """One operator.

    Attributes:
        op: Name as the schema has it (`CONV_2D`).
        inputs: Tensor indices; -1 where an optional input is absent.
        outputs: Tensor indices.
        options: Its options.
        name: Readable, unique, a C identifier.
        dropped_channels: Of its output in the file, that a rewrite took away.
    """

    op: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options = field(default_factory=Options)
    name: str = ""
    dropped_channels: int = 0

    @property
    def output(self) -> int:
        """The only output, or the first."""
        return self.outputs[0]


@dataclass(frozen=True)
class View:
    """A tensor that is a part of another one.

    Attributes:
        of: The other tensor.
        first: Bytes from its start.
        step: Bytes that the part moves with every turn of the loop that it is in.
    """

    of: int
    first: int
    step: int = 0


@dataclass(frozen=True)
class Loop:
    """Operators, the first to the last, that run several times, one after the other each time."""

    first: int
    last: int
    turns: int


@dataclass(frozen=True)
class Pair:
    """An output that may grow into an input, both of several operators.

    Attributes:
        output: A tensor.
        input: A tensor that is read up to the last of these operators.
        bytes: By which the output must start before the input at least.
    """

    output: int
    input: int
    bytes: int


@dataclass(frozen=True)
class State:
    """What a model keeps from one inference to the next.

    Attributes:
        tensor: The tensor that has it; nothing makes it.
        first: What it begins with, of the tensor's shape and type.
    """

    tensor: int
    first: NDArray[np.generic]


@dataclass(frozen=True)
class Graph:
    """A model, operators in the order they run.

    Attributes:
        tensors: All of them.
        operators: All of them.
        inputs: Tensors, one at least.
        outputs: Tensors, one at least.
        views: Tensors that are parts of others.
        joined: Of a model with several, the tensors that all inputs and all outputs are parts of.
        loops: Operators that run more than once; loops have none in common.
        pairs: Of all operators that stripes are made of.
        rows: How many the model's input has, and bytes of one, where it comes by rows.
        states: What it keeps.
    """

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    views: Mapping[int, View] = field(default_factory=dict)
    joined: frozenset[int] = frozenset()
    loops: tuple[Loop, ...] = ()
    pairs: tuple[Pair, ...] = ()
    rows: tuple[int, int] | None = None
    states: tuple[State, ...] = ()

    @property
    def input(self) -> int:
        """The only input, where the caller has seen to it that there is one alone."""
        (only,) = self.inputs
        return only

    @property
    def output(self) -> int:
        """The only output, likewise."""
        (only,) = self.outputs
        return only

    @property
    def has_several_ends(self) -> bool:
        """Whether there are several inputs, or several outputs."""
        return len(self.inputs) > 1 or len(self.outputs) > 1

    @property
    def is_int8(self) -> bool:
        """Whether no value is int16: what looks through values knows those of int8."""
        return not any(each.is_int16_value for each in self.tensors)

    def loop_of(self, index: int) -> Loop | None:
        """The loop that an operator is in."""
        return next((each for each in self.loops if each.first <= index <= each.last), None)

    def turns(self, index: int) -> int:
        """How often an operator runs."""
        loop = self.loop_of(index)
        return 1 if loop is None else loop.turns

    def inputs_of(self, operator: Operator) -> tuple[Tensor, ...]:
        """Its input tensors, absent ones left out."""
        return tuple(self.tensors[index] for index in operator.inputs if index >= 0)

    def outputs_of(self, operator: Operator) -> tuple[Tensor, ...]:
        """Its output tensors."""
        return tuple(self.tensors[index] for index in operator.outputs)

    def output_of(self, operator: Operator) -> Tensor:
        """Its output tensor, or the first."""
        return self.tensors[operator.output]
