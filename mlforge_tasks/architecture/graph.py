"""The network as a graph: the body, the shortcuts of residual blocks and the head."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

from mlforge_tasks.architecture.convolution import Conv1D, Conv2D
from mlforge_tasks.architecture.geometry import Shape, ShapeError
from mlforge_tasks.architecture.layers import (
    Activate,
    Architecture,
    Dense,
    KMeans,
    PlainLayer,
    Residual,
)
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.records import Reason

Task: TypeAlias = Literal["regression", "classification", "multilabel", "anomaly"]
# What an anomaly is told by: how badly a network gives its input back, or how far off it is.
Score: TypeAlias = Literal["reconstruction", "distance"]
INPUT = "input"

# Past these a network is nonsense on any microcontroller and could exhaust the host's memory:
# agent output is untrusted. 16 Mi int8 weights is four times the largest board's flash.
MAX_TENSOR_ELEMENTS = 1 << 22
MAX_PARAMETERS = 1 << 24
MAX_STRIDE = 16


@dataclass(frozen=True)
class LayerShape:
    """One node of the network, in the order of computation.

    Attributes:
        name: Unique, an identifier, and the same for equal architectures: `conv1d_0`,
            `residual_2_conv1d_0`, `residual_2_shortcut`, `residual_2_add`, `head`, `softmax`.
        path: Where the layer stands in the proposal, as in `layers[2].layers[0]`.
        kind: The layer's kind, or `add` (two inputs, linear) or `softmax`.
        layer: The layer itself; None for `add` and `softmax`.
        inputs: Names of the nodes that feed it; `input` is the network's input.
        input_shape: Shape of each of them, without the batch axis.
        output_shape: Shape of the result, without the batch axis.
        parameters: As Keras counts them, the non-trainable ones included.
    """

    name: str
    path: str
    kind: str
    layer: PlainLayer | KMeans | None
    inputs: tuple[str, ...]
    input_shape: Shape
    output_shape: Shape
    parameters: int = 0


def invalid(message: str) -> CandidateFailure:
    """The failure of a proposal that is no valid network."""
    return CandidateFailure(
        Reason(code="invalid_architecture", stage="architecture", message=message)
    )


class _Builder:
    """Appends nodes one after the other and remembers where it stands."""

    def __init__(self, input_shape: Shape) -> None:
        self.nodes: list[LayerShape] = []
        self.tail = INPUT
        self.shape = input_shape
        self._parameters = 0

    def layer(self, layer: PlainLayer | KMeans, name: str, path: str) -> None:
        """Appends a layer of the proposal, fed by the last node."""
        try:
            output = layer.output_shape(self.shape)
        except ShapeError as error:
            raise invalid(f"{path} ({layer.kind}) {error}; it met {self.shape}") from None
        parameters = layer.parameters(self.shape)
        self._parameters += parameters
        if prod(output) > MAX_TENSOR_ELEMENTS:
            raise invalid(
                f"{path} ({layer.kind}) makes a tensor of {prod(output)} elements; "
                f"at most {MAX_TENSOR_ELEMENTS} are allowed"
            )
        if self._parameters > MAX_PARAMETERS:
            raise invalid(
                f"{path} ({layer.kind}) brings the network to {self._parameters} parameters; "
                f"at most {MAX_PARAMETERS} are allowed"
            )
        tail = (self.tail,)
        self._push(LayerShape(name, path, layer.kind, layer, tail, self.shape, output, parameters))

    def residual(self, block: Residual, name: str, path: str) -> None:
        """Appends a residual block: its layers, the shortcut where it needs one, the addition."""
        start, start_shape = self.tail, self.shape
        for index, layer in enumerate(block.layers):
            self.layer(layer, f"{name}_{layer.kind}_{index}", f"{path}.layers[{index}]")
        end, end_shape = self.tail, self.shape
        self.tail, self.shape = start, start_shape
        if end_shape != start_shape:
            self.layer(_projection(start_shape, end_shape, path), f"{name}_shortcut", path)
        self._special("add", f"{name}_add", path, (self.tail, end))
        if block.activation != "linear":
            self.layer(Activate(activation=block.activation), f"{name}_activation", path)

    def head(self, task: Task, output_count: int) -> None:
        """Appends what the pipeline adds to every body.

        Raises:
            CandidateFailure: The body does not end with a flat tensor.
        """
        if len(self.shape) != 1:
            raise invalid(
                f"the body ends with shape {self.shape}, but the head needs a flat tensor; "
                "end with global_average_pool or flatten"
            )
        activation: Literal["linear", "sigmoid"] = "sigmoid" if task == "multilabel" else "linear"
        self.layer(Dense(units=output_count, activation=activation), "head", "head")
        if task == "classification":
            self._special("softmax", "softmax", "head", (self.tail,))

    def _special(
        self, kind: Literal["add", "softmax"], name: str, path: str, inputs: tuple[str, ...]
    ) -> None:
        self._push(LayerShape(name, path, kind, None, inputs, self.shape, self.shape))

    def _push(self, node: LayerShape) -> None:
        self.nodes.append(node)
        self.tail, self.shape = node.name, node.output_shape


def _projection(start: Shape, end: Shape, path: str) -> PlainLayer:
    """The linear layer that takes a block's input to the shape of its output."""
    if len(start) == len(end) == 1:
        return Dense(units=end[0], activation="linear")
    for stride in range(1, MAX_STRIDE + 1):
        reached = tuple(-(-side // stride) for side in start[:-1])
        if len(start) == len(end) and reached == end[:-1]:
            if len(start) == 2:
                return Conv1D(filters=end[-1], kernel=1, stride=stride, activation="linear")
            return Conv2D(filters=end[-1], kernel=(1, 1), stride=stride, activation="linear")
    raise invalid(
        f"{path} (residual) turns {start} into {end}, and no 1x1 convolution with a stride of up "
        f"to {MAX_STRIDE} does that for the shortcut; use same padding, and no flatten inside"
    )


def infer_shapes(
    architecture: Architecture, input_shape: Shape, task: Task, output_count: int
) -> tuple[LayerShape, ...]:
    """The whole network, head included, node by node in the order of computation.

    Args:
        architecture: The proposed body.
        input_shape: Shape of one input, without the batch axis.
        task: `classification` gets a softmax after its linear head.
        output_count: Units of the head.

    Raises:
        CandidateFailure: A layer cannot take what it is fed with, or the network is too large to
            be meant seriously; the message names the layer and the shape it met.
    """
    builder = _Builder(input_shape)
    with_head = not _k_means(architecture, task)
    for index, layer in enumerate(architecture.layers):
        name, path = f"{layer.kind}_{index}", f"layers[{index}]"
        if isinstance(layer, Residual):
            builder.residual(layer, name, path)
        else:
            builder.layer(layer, name, path)
    if with_head:
        builder.head(task, output_count)
    return tuple(builder.nodes)


def score_of(architecture: Architecture) -> Score:
    """What a design of task anomaly tells by."""
    distance = any(isinstance(one, KMeans) for one in architecture.layers)
    return "distance" if distance else "reconstruction"


def _k_means(architecture: Architecture, task: Task) -> bool:
    """Whether there is no network, and centroids tell.

    Raises:
        CandidateFailure: There are both, or the task has no use for them.
    """
    at = next((at for at, one in enumerate(architecture.layers) if isinstance(one, KMeans)), None)
    if at is None:
        return False
    if task != "anomaly":
        raise invalid(
            f"layers[{at}] (k_means) tells how unlike what is normal an input is, which task "
            f"{task} does not ask; it is for anomaly"
        )
    if len(architecture.layers) > 1:
        raise invalid(
            f"layers[{at}] (k_means) compares the input itself, so it has to be the only layer"
        )
    return True
