"""What a network costs, computed from its shapes alone: the first step of the cascade."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from mlforge_tasks.architecture.geometry import Operation, Patches, Shape, Window, Work
from mlforge_tasks.architecture.graph import INPUT, LayerShape, Task, infer_shapes
from mlforge_tasks.architecture.layers import Activate, BatchNorm
from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from mlforge_tasks.architecture.layers import Architecture
    from mlforge_tasks.quantisation import EndType

BIAS_BYTES = 4
# TFLite's int8 kernels clamp for these; tanh and sigmoid become an operator of their own.
FUSED_ACTIVATIONS = frozenset({"linear", "relu", "relu6"})
# A depthwise convolution needs no more than a few rows beside its input.
IN_PLACE = frozenset({"elementwise", "depthwise", "distance"})
CLAMPING_KINDS = frozenset({"add", "batch_norm", "max_pool", "average_pool"})
VANISHING_KINDS = frozenset({"flatten", "dropout"})
# Where among the operators what they read first comes from.
NETWORK_INPUT = -1


class LayerFigures(Record):
    """One operator on the device.

    Attributes:
        name: The network node it belongs to.
        operation: Class of operator.
        macs: Multiply-accumulates per inference.
        reads: Elements read without a multiplication.
        channels: Output channels with a requantisation scale of their own.
        weight_bytes: int8 weights and int32 biases.
        output_bytes: Size of its int8 output.
        live_bytes: int8 activations that exist while it runs, its input and output included.
        inputs: Whose outputs it reads, by their place among the operators; -1 is the network's
            input.
        window: A convolution's or pool's; None where it is the whole input.
    """

    name: str
    operation: Operation
    macs: int
    reads: int
    channels: int
    weight_bytes: int
    output_bytes: int
    live_bytes: int
    inputs: tuple[int, ...]
    window: Window | None = None

    @property
    def may_be_striped(self) -> bool:
        """Whether some rows of its output follow from some rows of its inputs."""
        return self.window is not None or self.operation == "elementwise"


class StaticFigures(Record):
    """Sums over a network, for int8 weights and activations.

    Attributes:
        parameters: As Keras counts them, the non-trainable ones included; and what centroids hold.
        macs: Multiply-accumulates per inference.
        weight_bytes: int8 weights and int32 biases that end up in flash.
        peak_activation_bytes: The least working memory in which the operators can run in this
            order: no memory planner can do with less.
        input_bytes: Of the network's int8 input.
        layers: One entry per operator on the device.
    """

    parameters: int
    macs: int
    weight_bytes: int
    peak_activation_bytes: int
    input_bytes: int
    layers: tuple[LayerFigures, ...]

    def at_least(self, patches: Patches = "off", activations: EndType = "int8") -> dict[str, int]:
        """Lower bounds of measured figures: weights lie in flash, live activations in RAM.

        Args:
            patches: Whether first layers may run stripe by stripe, as a contract says it.
            activations: What they are; of int16 no layer runs in stripes.
        """
        least = self.peak_activation_bytes
        if activations == "int16":
            least *= 2
        elif patches != "off":
            least = self._behind_stripes(streamed=patches == "streamed")
        return {"flash_bytes": self.weight_bytes, "ram_bytes": least}

    def _behind_stripes(self, *, streamed: bool) -> int:
        """What the layers take that no stripe can have: those from the first that is whole on.

        And the input, unless it comes by rows too.
        """
        whole = (at for at, layer in enumerate(self.layers) if not layer.may_be_striped)
        first = next(whole, len(self.layers) - 1)
        sizes = {NETWORK_INPUT: self.input_bytes}
        sizes |= {at: layer.output_bytes for at, layer in enumerate(self.layers)}
        dies = {each: at for at, layer in enumerate(self.layers) for each in layer.inputs}
        least = 0 if streamed else self.input_bytes
        for at, layer in enumerate(self.layers[first:], first):
            alive = sum(sizes[made] for made, last in dies.items() if made < at <= last)
            over = max((sizes[each] for each in layer.inputs if dies[each] == at), default=0)
            least = max(least, alive + layer.output_bytes - min(over, layer.output_bytes))
        return least


@dataclass(frozen=True)
class _Operator:
    name: str
    work: Work
    inputs: tuple[str, ...]
    output: str


class _Lowering:
    """Turns nodes into the operators that remain after conversion.

    Attributes:
        operators: In the order of computation.
        tensors: Which tensor holds a node's output; folded nodes share their input's.
    """

    def __init__(self, nodes: tuple[LayerShape, ...]) -> None:
        self.operators: list[_Operator] = []
        self.tensors = {INPUT: INPUT}
        self._uses = Counter(name for node in nodes for name in node.inputs)
        # Tensors whose operator can still take a batch norm, or an activation, into itself.
        self._takes_norm: set[str] = set()
        self._takes_activation: set[str] = set()
        for node in nodes:
            self._lower(node)

    def _lower(self, node: LayerShape) -> None:
        if self._vanishes(node):
            self.tensors[node.name] = self.tensors[node.inputs[0]]
            return
        works = _works(node)
        inputs = tuple(self.tensors[name] for name in node.inputs)
        for index, work in enumerate(works):
            output = f"{node.name}/{index}"
            self.operators.append(_Operator(node.name, work, inputs, output))
            inputs = (output,)
        output = inputs[0]
        self.tensors[node.name] = output
        if getattr(node.layer, "activation", "linear") == "linear":
            weighted = works[-1].channels > 0
            if weighted:
                self._takes_norm.add(output)
            if weighted or node.kind in CLAMPING_KINDS:
                self._takes_activation.add(output)

    def _vanishes(self, node: LayerShape) -> bool:
        """Whether nothing is left of a node; an activation it brings closes its operator."""
        source = self.tensors[node.inputs[0]]
        alone = self._uses[node.inputs[0]] == 1
        if isinstance(node.layer, BatchNorm):
            return alone and source in self._takes_norm
        if isinstance(node.layer, Activate) and node.layer.activation != "linear":
            fused = node.layer.activation in FUSED_ACTIVATIONS
            fused = fused and alone and source in self._takes_activation
            if fused:
                self._takes_activation.remove(source)
                self._takes_norm.discard(source)
            return fused
        return isinstance(node.layer, Activate) or node.kind in VANISHING_KINDS


def _works(node: LayerShape) -> tuple[Work, ...]:
    size = prod(node.output_shape)
    if node.layer is None:
        return (Work("elementwise", size, reads=size * len(node.inputs)),)
    works = node.layer.work(node.input_shape)
    activation = getattr(node.layer, "activation", "linear")
    if activation in FUSED_ACTIVATIONS or isinstance(node.layer, Activate):
        return works
    return (*works, Work("elementwise", size, reads=size))


def _live_bytes(operators: list[_Operator], input_bytes: int) -> tuple[list[int], int]:
    """int8 activations that exist during each operator, and the least that any plan takes.

    An operator of `IN_PLACE` can write over an input that nothing reads after it, on every core;
    kernels of some cores do that with others too, and let input and output overlap in part.
    """
    sizes = {INPUT: input_bytes} | {each.output: each.work.output_elements for each in operators}
    born = {INPUT: 0} | {each.output: step for step, each in enumerate(operators)}
    dies = {name: step for step, each in enumerate(operators) for name in each.inputs}
    dies[operators[-1].output] = len(operators)
    live, least = [], 0
    for step, each in enumerate(operators):
        alive = sum(size for name, size in sizes.items() if born[name] <= step <= dies[name])
        over = max((sizes[name] for name in each.inputs if dies[name] == step), default=0)
        least = max(least, alive - min(over, each.work.output_elements))
        if each.work.operation in IN_PLACE and over >= each.work.output_elements:
            alive -= each.work.output_elements
        live.append(alive)
    return live, least


def _read(operators: list[_Operator]) -> list[tuple[int, ...]]:
    """See `LayerFigures.inputs`."""
    places = {INPUT: NETWORK_INPUT} | {each.output: at for at, each in enumerate(operators)}
    return [tuple(places[name] for name in each.inputs) for each in operators]


def static_figures(
    architecture: Architecture, input_shape: Shape, task: Task, output_count: int
) -> StaticFigures:
    """What a proposal costs before anything is built.

    Args:
        architecture: The proposed body.
        input_shape: Shape of one input, without the batch axis.
        task: `classification` has a softmax after the head.
        output_count: Units of the head.

    Raises:
        CandidateFailure: The architecture is not valid for this input.
    """
    nodes = infer_shapes(architecture, input_shape, task, output_count)
    operators = _Lowering(nodes).operators
    live, least_bytes = _live_bytes(operators, prod(input_shape))
    layers = tuple(
        LayerFigures(
            name=each.name,
            operation=each.work.operation,
            macs=each.work.macs,
            reads=each.work.reads,
            channels=each.work.channels,
            weight_bytes=each.work.weights + BIAS_BYTES * each.work.channels,
            output_bytes=each.work.output_elements,
            live_bytes=bytes_alive,
            inputs=read,
            window=each.work.window,
        )
        for each, bytes_alive, read in zip(operators, live, _read(operators), strict=True)
    )
    return StaticFigures(
        parameters=sum(node.parameters for node in nodes),
        macs=sum(layer.macs for layer in layers),
        weight_bytes=sum(layer.weight_bytes for layer in layers),
        peak_activation_bytes=least_bytes,
        input_bytes=prod(input_shape),
        layers=layers,
    )
