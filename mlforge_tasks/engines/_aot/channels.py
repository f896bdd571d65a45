"""Which channels of which tensors a graph can do without.

A channel can go if whoever reads it folds it into a bias, or loses the same channel of what it
makes; and if who makes it can leave it out. From all channels those are taken away that cannot go,
and what follows from that, until nothing follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.folding import foldable
from mlforge_tasks.engines._aot.intervals import channels_of
from mlforge_tasks.engines._aot.ranges import (
    MAPS,
    SAME_ELEMENTS,
    averages_channels_apart,
    is_of_channels,
)
from mlforge_tasks.engines._aot.taps import taps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.intervals import Interval

    _Flags = NDArray[np.bool_]
    _Rule = Callable[["Dropping", Operator], None]

_FOLDING = ("CONV_2D", "FULLY_CONNECTED")


class Dropping:
    """Channels that may go, by tensor.

    Attributes:
        graph: The model.
        may_go: By computed tensor, a flag for each channel.
    """

    def __init__(
        self, graph: Graph, ranges: Mapping[int, Interval], whole: Collection[str] = ()
    ) -> None:
        """Finds them.

        Args:
            graph: The model.
            ranges: What its tensors can be, as `ranges_of` finds it.
            whole: Names of operators that keep all their channels.
        """
        self.graph = graph
        self._whole = whole
        computed = {index for each in graph.operators for index in each.outputs}
        self.may_go: dict[int, _Flags] = {
            index: np.ones(channels_of(graph.tensors[index].shape), np.bool_)
            for index in sorted({*graph.inputs, *computed})
        }
        self._folded = {
            each.name: foldable(each, graph, ranges[each.inputs[0]])
            for each in graph.operators
            if each.op in _FOLDING
        }
        self._changed = False
        self._settle()
        self._keep_one_each()

    def keep(self, tensor: int, kept: _Flags) -> None:
        """Takes channels of a tensor away from those that may go."""
        if tensor in self.may_go and (self.may_go[tensor] & kept).any():
            self.may_go[tensor] = self.may_go[tensor] & ~kept
            self._changed = True

    def bring_back(self, tensor: int, count: int) -> None:
        """Keeps some more channels of a tensor, as far as it has them."""
        flags = self.may_go.get(tensor, np.zeros(1, np.bool_))
        if count > 0:
            self.keep_and_settle(tensor, flags & (flags.cumsum() <= count))

    def kept(self, tensor: int) -> int:
        """How many channels stay."""
        return int((~self.may_go[tensor]).sum())

    def keep_and_settle(self, tensor: int, kept: _Flags) -> None:
        """The same, with what follows from it."""
        self.keep(tensor, kept)
        self._settle()

    def of(self, tensor: int) -> _Flags:
        """Channels of a tensor that may go; of a constant all, since it can be cut."""
        channels = channels_of(self.graph.tensors[tensor].shape)
        return self.may_go.get(tensor, np.ones(channels, np.bool_))

    def agree(self, operator: Operator, *tensors: int) -> None:
        """Channels go together: of the output, and of inputs that have as many."""
        together = (operator.output, *tensors)
        flags = np.all([self.of(each) for each in together], axis=0)
        for each in together:
            self.keep(each, ~flags)

    def keep_all(self, operator: Operator) -> None:
        """Nothing of what an operator reads or makes may go."""
        for each in (*operator.inputs, *operator.outputs):
            self.keep(each, np.ones_like(self.of(each)))

    def fold(self, operator: Operator) -> None:
        """CONV_2D and FULLY_CONNECTED: an output channel may go, an input channel if foldable."""
        foldable_channels = self._folded[operator.name]
        if foldable_channels is None:
            self.keep_all(operator)
        else:
            self.keep(operator.inputs[0], ~foldable_channels)

    def _settle(self) -> None:
        for end in (*self.graph.inputs, *self.graph.outputs):
            self.keep(end, np.ones_like(self.of(end)))
        self._changed = True
        while self._changed:
            self._changed = False
            for operator in reversed(self.graph.operators):
                rule = None if operator.name in self._whole else _RULES.get(operator.op)
                (rule or Dropping.keep_all)(self, operator)

    def _keep_one_each(self) -> None:
        """Kernels want one channel at least."""
        for tensor in list(self.may_go):
            flags = self.may_go[tensor]
            if flags.all():
                self.keep_and_settle(tensor, np.arange(len(flags)) == 0)


def _map(dropping: Dropping, operator: Operator) -> None:
    dropping.agree(operator, operator.inputs[0])


def _depthwise(dropping: Dropping, operator: Operator) -> None:
    """An input channel goes with all that are made of it."""
    if taps_of(operator, dropping.graph) is None:
        dropping.keep_all(operator)
        return
    source = dropping.of(operator.inputs[0])
    made = dropping.of(operator.output).reshape(len(source), -1)
    flags = source & made.all(axis=1)
    dropping.keep(operator.inputs[0], ~flags)
    dropping.keep(operator.output, ~np.repeat(flags, made.shape[1]))


def _binary(dropping: Dropping, operator: Operator) -> None:
    """An operand of one channel is broadcast over all, or all there is."""
    channels = len(dropping.of(operator.output))
    alike = [each for each in operator.inputs if len(dropping.of(each)) == channels]
    dropping.agree(operator, *alike)
    for each in set(operator.inputs) - set(alike):
        dropping.keep(each, np.ones_like(dropping.of(each)))


def _mean(dropping: Dropping, operator: Operator) -> None:
    apart = averages_channels_apart(operator, dropping.graph)
    (_map if apart else Dropping.keep_all)(dropping, operator)


def _padded(dropping: Dropping, operator: Operator) -> None:
    apart = len(dropping.of(operator.inputs[0])) == len(dropping.of(operator.output))
    (_map if apart else Dropping.keep_all)(dropping, operator)


def _joined(dropping: Dropping, operator: Operator) -> None:
    """CONCATENATION: parts of the output's channels, or all of them."""
    if not is_of_channels(operator, dropping.graph):
        dropping.agree(operator, *operator.inputs)
        return
    made = dropping.of(operator.output)
    flags, end = [], 0
    for each in operator.inputs:
        part = dropping.of(each)
        flags.append(part & made[end : end + len(part)])
        end += len(part)
        dropping.keep(each, ~flags[-1])
    dropping.keep(operator.output, ~np.concatenate(flags))


def _reshaped(dropping: Dropping, operator: Operator) -> None:
    """A channel goes if all of its elements make up whole channels under the other shape."""
    source, output = operator.inputs[0], operator.output
    if source not in dropping.may_go:
        dropping.keep_all(operator)
        return
    tensors = dropping.graph.tensors
    shapes = (tensors[source].shape, tensors[output].shape)
    elements = np.broadcast_to(dropping.of(source), shapes[0]).ravel()
    elements = elements & np.broadcast_to(dropping.of(output), shapes[1]).ravel()
    for tensor, shape in zip((source, output), shapes, strict=True):
        whole: _Flags = np.all(elements.reshape(-1, channels_of(shape)), axis=0, keepdims=True)
        dropping.keep(tensor, ~whole.ravel())


_RULES: Mapping[str, _Rule] = {
    "ADD": _binary,
    "AVERAGE_POOL_2D": _map,
    "CONCATENATION": _joined,
    "CONV_2D": Dropping.fold,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": Dropping.fold,
    "MAXIMUM": _binary,
    "MAX_POOL_2D": _map,
    "MEAN": _mean,
    "MINIMUM": _binary,
    "MUL": _binary,
    "MIRROR_PAD": _padded,
    "PAD": _padded,
    "PADV2": _padded,
    "RESIZE_BILINEAR": _map,
    "RESIZE_NEAREST_NEIGHBOR": _map,
    "SQUARED_DIFFERENCE": _binary,
    "SUB": _binary,
    "SUM": _mean,
    "TRANSPOSE_CONV": _padded,
    **dict.fromkeys(MAPS, _map),
    **dict.fromkeys(SAME_ELEMENTS, _reshaped),
}
