"""Takes channels out of a model that have one value whatever the input, or that nobody reads.

Small trained networks have many: half of the channels of a published visual wake words network.
Every other byte stays what it was.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.channels import Dropping
from mlforge_tasks.engines._aot.folding import added_by
from mlforge_tasks.engines._aot.graph import Quantisation, Tensor
from mlforge_tasks.engines._aot.intervals import channels_of
from mlforge_tasks.engines._aot.ranges import WEIGHTED, is_of_channels, ranges_of
from mlforge_tasks.engines._aot.still import with_still_channels
from mlforge_tasks.engines._aot.weighted import parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.intervals import Interval

    _Flags = NDArray[np.bool_]

# Operators that may read constants of a value for each channel.
_OF_CHANNELS = (
    *("ADD", "CONCATENATION", "MAXIMUM", "MINIMUM", "MUL", "SQUARED_DIFFERENCE", "SUB"),
)


def _some_scales(tensor: Tensor, kept: _Flags) -> Quantisation:
    """The scales of some output channels; one scale is for all."""
    affine = tensor.affine
    if len(affine.scales) == 1:
        return affine
    return replace(affine, scales=affine.scales[kept], zero_points=affine.zero_points[kept])


class _Cut:
    """A graph under change; tensors that operators have of their own are added."""

    def __init__(self, graph: Graph, dropping: Dropping, ranges: Mapping[int, Interval]) -> None:
        self._graph = graph
        self._dropping = dropping
        self._ranges = ranges
        self.tensors = list(graph.tensors)
        for index, gone in dropping.may_go.items():
            if gone.any():
                shape = (*self.tensors[index].shape[:-1], int((~gone).sum()))
                self.tensors[index] = replace(self.tensors[index], shape=shape)

    def _added(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def operator(self, operator: Operator) -> Operator:
        """The same on fewer channels."""
        touched = (*operator.inputs, *operator.outputs)
        may_go = self._dropping.may_go
        if not any(may_go[each].any() for each in touched if each in may_go):
            return operator
        dropped = int(may_go[operator.output].sum())
        operator = replace(operator, dropped_channels=dropped)
        if operator.op in WEIGHTED:
            return self._weighted(operator)
        if operator.op in _OF_CHANNELS:
            return self._of_channels(operator)
        return operator

    def _weighted(self, operator: Operator) -> Operator:
        source, output = operator.inputs[0], operator.output
        _, weights, bias = parts(operator, self._graph)
        kept = ~self._dropping.of(output)
        gone = self._dropping.may_go.get(source, np.zeros(1, np.bool_))
        values = weights.constant
        if operator.op == "DEPTHWISE_CONV_2D":
            values = values[..., kept]
        elif gone.any():
            bias = bias + added_by(operator, self._graph, self._ranges[source], gone)
            values = values[kept][..., np.tile(~gone, values.shape[-1] // len(gone))]
        else:
            values = values[kept]
        cut = replace(
            weights, shape=values.shape, data=values, quantisation=_some_scales(weights, kept)
        )
        name = f"{weights.name}_bias"
        biases = Tensor(name, (int(kept.sum()),), "int32", data=bias[kept])
        return replace(operator, inputs=(source, self._added(cut), self._added(biases)))

    def _of_channels(self, operator: Operator) -> Operator:
        """With constant operands cut too, as far as they have a value for each channel."""
        gone = self._dropping.of(operator.output)
        joins = operator.op == "CONCATENATION" and is_of_channels(operator, self._graph)
        inputs, end = [], 0
        for index in operator.inputs:
            tensor = self._graph.tensors[index]
            channels = channels_of(tensor.shape)
            of_it = gone[end : end + channels] if joins else gone
            end += channels
            if tensor.data is not None and channels == len(of_it):
                values = tensor.constant[..., ~of_it]
                index = self._added(replace(tensor, shape=values.shape, data=values))  # noqa: PLW2901
            if self.tensors[index].size:
                inputs.append(index)
        return replace(operator, inputs=tuple(inputs))


def _sharing_weights(graph: Graph) -> frozenset[str]:
    """Names of layers whose weights others have too, as unrolled ones do.

    They lie in flash once; cut in different ways they would not.
    """
    names: dict[bytes, list[str]] = {}
    for operator in graph.operators:
        if operator.op in WEIGHTED:
            weights = graph.inputs_of(operator)[1]
            if weights.data is not None:
                names.setdefault(weights.data.tobytes(), []).append(operator.name)
    return frozenset(name for each in names.values() if len(each) > 1 for name in each)


class Trimming:
    """The ways there are to take channels out of a graph.

    All that can go is not always best: kernels that read or write whole blocks of channels, or
    overwrite their input, want some to stay.

    Attributes:
        whole: The graph with all channels, those of one value as cheap as any.
        shares: Whether layers have weights in common that stay for that.
    """

    def __init__(self, graph: Graph, *, keeps_shared: bool = True) -> None:
        """Finds what can go.

        Args:
            graph: With explicit padding joined.
            keeps_shared: Whether layers that have weights in common keep all channels.
        """
        self._ranges = ranges_of(graph)
        sharing = _sharing_weights(graph) if keeps_shared else frozenset()
        self.shares = bool(sharing)
        self.whole = with_still_channels(graph, self._ranges, sharing)
        self._dropping = Dropping(self.whole, self._ranges, sharing)
        self._all = dict(self._dropping.may_go)

    def without(self, multiple: int, most_share: float, *, level: bool) -> Graph | None:
        """A graph of fewer channels that makes the same bytes; None where none go.

        Args:
            multiple: Layers keep whole blocks of so many channels.
            most_share: How many may be brought back for that, as a share of those that stay.
            level: Whether layers that make no more channels than they read go on doing so, since
                their output may lie where their input was.
        """
        self._dropping.may_go = dict(self._all)
        self._round_up(multiple, most_share)
        if level:
            self._level()
            self._round_up(multiple, most_share)
        if not any(flags.any() for flags in self._dropping.may_go.values()):
            return None
        cut = _Cut(self.whole, self._dropping, self._ranges)
        operators = tuple(cut.operator(each) for each in self.whole.operators)
        return replace(self.whole, operators=operators, tensors=tuple(cut.tensors))

    def _round_up(self, multiple: int, most_share: float) -> None:
        for operator in self._layers() * 2:  # a later one may bring back some of an earlier one's
            kept = self._dropping.kept(operator.output)
            missing = -kept % multiple
            if missing <= most_share * kept:
                self._dropping.bring_back(operator.output, missing)

    def _level(self) -> None:
        for operator in reversed(self._layers()):
            source, output = operator.inputs[0], operator.output
            if source in self._dropping.may_go and not self._grows(source, output):
                missing = self._dropping.kept(output) - self._dropping.kept(source)
                self._dropping.bring_back(source, missing)

    def _layers(self) -> list[Operator]:
        return [each for each in self.whole.operators if each.op in WEIGHTED]

    def _grows(self, source: int, output: int) -> bool:
        shapes = (self.whole.tensors[index].shape for index in (source, output))
        before, after = (channels_of(shape) for shape in shapes)
        return before < after
