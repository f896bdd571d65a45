"""Channels that are the same whatever the input, or that nobody reads: found, dropped, folded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.engines._aot.dead import Trimming
from mlforge_tasks.engines._aot.fixed_point import FAST_SHIFTS
from mlforge_tasks.engines._aot.importer import import_model
from mlforge_tasks.engines._aot.program import Step
from mlforge_tasks.engines._aot.rewrite import rewrite
from mlforge_tasks.engines._aot.trimmed import planned, trimmed
from mlforge_tasks.engines._aot.weighted import factors
from mlforge_tasks.engines.aot import PLUGIN
from tests.helpers import graph_dead
from tests.helpers.aot_host import Case, differing_bytes, make_case
from tests.helpers.aot_writer import Quant, Ref, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph

RELU = 1
SAME, VALID = 0, 1
IMAGE = Quant(np.float32(0.02), -7)
# As ReLU has it: a channel that is never above zero is the zero point.
POSITIVE = Quant(np.float32(0.05), -128)
TINY = 1e-7
DEAD, BIASED = [1, 4], 6


class Net:
    """A network of 8x8 images under construction, its weights random but for what is dead."""

    def __init__(self, channels: int = 4) -> None:
        self.rng = np.random.default_rng(channels)
        self.writer = Writer()
        self.source = self.last = self.writer.activation((1, 8, 8, channels), IMAGE, 1.0)

    def add(self, op: str, inputs: list[int], shape: tuple[int, ...], options: Any = None) -> Ref:
        """An operator behind the last one."""
        output = self.writer.activation(shape, POSITIVE, 1.0)
        self.writer.operator(op, inputs, [output.index], options)
        self.last = output
        return output

    def _weighted(
        self, values: NDArray[np.int8], axis: int, dead: Mapping[int, float]
    ) -> list[int]:
        """Weights and bias; a dead channel is what its bias says, in steps of the output."""
        channels = values.shape[axis]
        scales = np.full(channels, 0.002, np.float32)
        along = np.moveaxis(values, axis, 0)
        bias = self.rng.integers(-900, 900, (channels,))
        for channel, steps in dead.items():
            along[channel] = 0
            scales[channel] = TINY
            step = float(self.last.quant.scale) * float(scales[channel])
            bias[channel] = round(steps * float(POSITIVE.scale) / step)
        zeros = [0] * channels
        weights = self.writer.constant(values, scales, zeros, axis)
        steps_of_bias = (scales * self.last.quant.scale).astype(np.float32)
        return [weights, self.writer.constant(bias.astype(np.int32), steps_of_bias, zeros)]

    def conv(
        self,
        channels: int,
        kernel: int = 1,
        dead: Mapping[int, float] | None = None,
        padding: int = SAME,
    ) -> Ref:
        """A convolution with ReLU."""
        _, height, width, inputs = self.last.shape
        values = self.rng.integers(-90, 90, (channels, kernel, kernel, inputs)).astype(np.int8)
        short = kernel - 1 if padding == VALID else 0
        operands = [self.last.index, *self._weighted(values, 0, dead or {})]
        options = schema.Conv2DOptionsT(
            padding=padding, strideH=1, strideW=1, fusedActivationFunction=RELU
        )
        return self.add("CONV_2D", operands, (1, height - short, width - short, channels), options)

    def depthwise(self, padding: int = SAME) -> Ref:
        """A depthwise convolution, 3x3."""
        _, height, width, channels = self.last.shape
        values = self.rng.integers(-90, 90, (1, 3, 3, channels)).astype(np.int8)
        short = 2 if padding == VALID else 0
        operands = [self.last.index, *self._weighted(values, 3, {})]
        options = schema.DepthwiseConv2DOptionsT(
            padding=padding,
            strideH=1,
            strideW=1,
            depthMultiplier=1,
            fusedActivationFunction=RELU,
        )
        shape = (1, height - short, width - short, channels)
        return self.add("DEPTHWISE_CONV_2D", operands, shape, options)

    def dense(self, outputs: int, dead: Mapping[int, float] | None = None) -> Ref:
        """A dense layer of all there is."""
        inputs = int(np.prod(self.last.shape))
        values = self.rng.integers(-90, 90, (outputs, inputs)).astype(np.int8)
        operands = [self.last.index, *self._weighted(values, 0, dead or {})]
        return self.add("FULLY_CONNECTED", operands, (1, outputs), schema.FullyConnectedOptionsT())

    def flat(self) -> Ref:
        """The same bytes in one row."""
        size = int(np.prod(self.last.shape))
        shape = self.writer.constant(np.array([1, size], np.int32))
        return self.add("RESHAPE", [self.last.index, shape], (1, size))

    def finish(self) -> bytes:
        """The model."""
        return self.writer.finish(self.source.index, self.last.index)


def _chain(net: Net) -> None:
    net.conv(8, dead=dict.fromkeys(DEAD, -3.0))
    net.depthwise()
    net.conv(5)


def _bordered(value: float, padding: int) -> Callable[[Net], None]:
    def build(net: Net) -> None:
        net.conv(8, dead={BIASED: value})
        net.conv(5, kernel=3, padding=padding)

    return build


def _levelled(net: Net) -> None:
    """A depthwise layer makes more of the channel than int8 holds, at the border and inside."""
    net.conv(8, dead={BIASED: 80.0})
    values = net.rng.integers(-90, 90, (1, 3, 3, 8)).astype(np.int8)
    values[..., BIASED] = 127
    weights = net.writer.constant(values, np.full(8, 0.9, np.float32), [0] * 8, 3)
    options = schema.DepthwiseConv2DOptionsT(strideH=1, strideW=1, depthMultiplier=1)
    net.add("DEPTHWISE_CONV_2D", [net.last.index, weights], (1, 8, 8, 8), options)
    net.conv(5)


def _unread(net: Net) -> None:
    """The channels differ from input to input, but are multiplied by zeros only."""
    net.conv(8)
    net.depthwise()
    values = net.rng.integers(-90, 90, (5, 1, 1, 8)).astype(np.int8)
    values[..., DEAD] = 0
    weights = net.writer.constant(values, [0.002], [0])
    options = schema.Conv2DOptionsT(strideH=1, strideW=1)
    net.add("CONV_2D", [net.last.index, weights], (1, 8, 8, 5), options)


def _flattened(*, reshaped: bool) -> Callable[[Net], None]:
    def build(net: Net) -> None:
        net.conv(8, dead=dict.fromkeys(DEAD, 11.0))
        options = schema.Pool2DOptionsT(strideH=4, strideW=4, filterHeight=4, filterWidth=4)
        net.add("AVERAGE_POOL_2D", [net.last.index], (1, 2, 2, 8), options)
        if reshaped:
            net.flat()
        net.dense(3)

    return build


def _two(net: Net, other: Mapping[int, float]) -> list[int]:
    """Two layers that read the input; of one the dead channels are given."""
    first = net.conv(8, dead=dict.fromkeys(DEAD, 5.0))
    net.last = net.source
    return [first.index, net.conv(8, dead=other).index]


def _summed(*other: int) -> Callable[[Net], None]:
    def build(net: Net) -> None:
        inputs = _two(net, dict.fromkeys(other, 50.0))
        net.add("ADD", inputs, (1, 8, 8, 8), schema.AddOptionsT())
        net.conv(5)

    return build


def _joined(axis: int) -> Callable[[Net], None]:
    def build(net: Net) -> None:
        inputs = _two(net, {BIASED: 9.0})
        shape = [1, 8, 8, 8]
        shape[axis] *= 2
        options = schema.ConcatenationOptionsT(axis=axis)
        net.add("CONCATENATION", inputs, tuple(shape), options)
        net.conv(5)

    return build


def _alike(net: Net) -> None:
    """Two depthwise layers happen to have the same weights, so that these lie in flash once."""
    net.conv(8, dead=dict.fromkeys(DEAD, -3.0))
    net.rng = np.random.default_rng(9)
    net.depthwise()
    net.conv(8, dead={2: -3.0})
    net.rng = np.random.default_rng(9)
    net.depthwise()
    net.conv(5)


def _all_dead(net: Net) -> None:
    net.conv(8, dead=dict.fromkeys(range(8), 7.0))


def _all_dead_before_another(net: Net) -> None:
    _all_dead(net)
    net.conv(5)


# What builds a network, and how many channels each of its layers loses.
NETS: Mapping[str, tuple[Callable[[Net], None], list[int]]] = {
    "from_its_layer_to_the_next_that_adds_up": (_chain, [2, 2, 0]),
    "zero_point_at_a_border": (_bordered(0.0, SAME), [1, 0]),
    "below_zero_at_a_border": (_bordered(-80.0, SAME), [1, 0]),
    "value_at_a_border_stays": (_bordered(30.0, SAME), [0, 0]),
    "value_without_a_border": (_bordered(30.0, VALID), [1, 0]),
    "levelled_by_a_depthwise_layer": (_levelled, [1, 1, 0]),
    "layers_have_weights_in_common": (_alike, [2, 2, 5, 5, 0]),
    "nobody_reads_it": (_unread, [2, 2, 0]),
    "at_every_pixel_of_a_flattened_image": (_flattened(reshaped=True), [2, 2, 8, 0]),
    "of_an_image_that_a_dense_layer_reads": (_flattened(reshaped=False), [2, 2, 0]),
    "dead_in_both_operands": (_summed(*DEAD), [2, 2, 2, 0]),
    "dead_in_one_operand_stays": (_summed(), [0, 0, 0, 0]),
    "of_each_part_its_own": (_joined(3), [2, 1, 3, 0]),
    "of_parts_along_rows_what_both_have": (_joined(1), [0, 0, 0, 0]),
    "the_output_stays": (_all_dead, [0]),
    "one_is_left_where_all_are_dead": (_all_dead_before_another, [7, 0]),
}


@pytest.fixture(scope="module")
def cases() -> Mapping[str, Case]:
    """The networks, with what the oracle makes of them."""
    found = {}
    for name, (build, _) in NETS.items():
        net = Net()
        build(net)
        found[name] = make_case(name, net.finish())
    return found


@pytest.mark.parametrize("name", NETS)
def test_layers_lose_dead_channels(name: str, cases: Mapping[str, Case]) -> None:
    """As many as there are, as far as what reads them can do without."""
    layers = cases[name].generated.layers
    assert [layer.dropped_channels for layer in layers] == NETS[name][1]


def test_not_a_byte_is_another_without_dead_channels(
    cases: Mapping[str, Case], tmp_path: Path
) -> None:
    """What is folded into biases is exact."""
    assert differing_bytes([*cases.values()], tmp_path) == {}


def test_what_is_left_is_counted(cases: Mapping[str, Case]) -> None:
    """Multiply-accumulates are those that are done."""
    layers = cases["from_its_layer_to_the_next_that_adds_up"].generated.layers
    assert [layer.macs for layer in layers] == [64 * 4 * 6, 64 * 9 * 6, 64 * 6 * 5]
    assert [layer.output_bytes for layer in layers] == [64 * 6, 64 * 6, 64 * 5]


def test_a_dead_channel_that_stays_is_as_fast_as_others() -> None:
    """The converter's tiny scale wants the wide requantisation, for a whole layer on some cores."""
    net = Net()
    net.conv(8, dead={1: 3.0, 2: -80.0, 3: 80.0})
    net.depthwise()
    net.add("ADD", [net.last.index, net.last.index - 3], (1, 8, 8, 8), schema.AddOptionsT())
    plain = rewrite(import_model(net.finish()))
    graph = trimmed(plain, "host").graph
    assert [each.dropped_channels for each in graph.operators] == [0, 0, 0]

    def wide(graph: Graph) -> list[int]:
        by = [factors(each, graph, 8) for each in graph.operators[:2]]
        return [sum(-one.shift not in FAST_SHIFTS for one in each) for each in by]

    assert (wide(plain), wide(graph)) == ([3, 0], [0, 0])


def test_weights_that_layers_share_stay_shared() -> None:
    """Cut in two ways they would lie in flash twice."""
    net = Net(6)
    values = net.rng.integers(-90, 90, (6, 1, 1, 6)).astype(np.int8)
    values[DEAD[0]] = 0
    weights = net.writer.constant(values, [0.002], [0])
    options = schema.Conv2DOptionsT(strideH=1, strideW=1)
    for _ in range(3):
        net.add("CONV_2D", [net.last.index, weights], (1, 8, 8, 6), options)
    layers = make_case("shared", net.finish()).generated.layers
    assert [layer.dropped_channels for layer in layers] == [0, 0, 0]
    requantisation = 6 * 9
    assert layers[0].weight_bytes == 36 + requantisation
    assert layers[1].weight_bytes <= requantisation


def test_random_graphs_have_dead_channels() -> None:
    """Through most operators that keep channels apart."""
    seen: set[str] = set()
    for seed in range(5, 200, 8):
        found = trimmed(rewrite(import_model(graph_dead.dead_graph(seed))), "host")
        seen |= {each.op for each in found.graph.operators if each.dropped_channels}
    assert len(seen) >= 9


@pytest.mark.parametrize("cpu", ["cortex-m3", "cortex-m4", "cortex-m55"])
def test_fewer_channels_take_no_more(cpu: str) -> None:
    """Neither memory nor multiply-accumulates, though outputs may no longer lie over inputs.

    So an untrained network, which keeps its channels, says what the trained one takes at most.
    """
    net = Net(16)
    for kept in (14, 15, 16, 9):
        net.conv(16, dead=dict.fromkeys(range(kept, 16), -50.0))
        net.depthwise()
    models = [net.finish(), *(graph_dead.dead_graph(seed) for seed in range(5, 85, 8))]
    for model in models:
        graph = rewrite(import_model(model))
        whole = planned(Trimming(graph).whole, cpu)
        found = trimmed(graph, cpu)
        assert found.memory.arena_bytes <= whole.memory.arena_bytes
        assert found.constant_bytes <= whole.constant_bytes
        for one, before in zip(found.lowered, whole.lowered, strict=True):
            macs = [form.macs if isinstance(form, Step) else 0 for form in (one, before)]
            assert macs[0] <= macs[1]


def test_a_probe_keeps_its_channels(cases: Mapping[str, Case]) -> None:
    """Its weights are not those that will be delivered."""
    for case in cases.values():
        layers = PLUGIN.generate(case.tflite, "host", untrained=True).layers
        assert sum(layer.dropped_channels for layer in layers) == 0
