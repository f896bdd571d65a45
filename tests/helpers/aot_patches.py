"""Models whose first layers can run stripe by stripe, and every way to cut them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.engines import GeneratedModel
from mlforge_tasks.engines._aot.emit import emit
from mlforge_tasks.engines._aot.importer import import_model
from mlforge_tasks.engines._aot.lower import lower_operators, lowering
from mlforge_tasks.engines._aot.memory import plan
from mlforge_tasks.engines._aot.patches import cut_up, cuts
from mlforge_tasks.engines._aot.rewrite import rewrite
from tests.helpers import graphs
from tests.helpers.aot_host import Case, make_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.helpers.aot_writer import Ref

_OPERATORS = (
    *["CONV_2D"] * 3,
    *["DEPTHWISE_CONV_2D"] * 3,
    *("AVERAGE_POOL_2D", "MAX_POOL_2D", "PADDED_CONV_2D", "WIDE_CONV_2D"),
    *("ADD", "MUL", "SUB", "RESIDUAL", "RESIDUAL"),
    *("ABS", "CHOICE", "MAXIMUM", "SQUARED_DIFFERENCE"),
    *("HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "QUANTIZE", "RELU", "RELU6", "TANH"),
)
_MOST_ELEMENTS = 6000


class _Stages(graphs.RandomGraph):
    """Layers that depend on rows of one another in more ways than those of other graphs."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._valid = self.rng.random() < 0.3  # so that all stripes may be alike
        self._other: Ref | None = None

    def window(
        self, source: Ref, kernel: tuple[int, int], *, neighbours: bool = False
    ) -> tuple[dict[str, int], list[int]]:
        """Without padding at all in some graphs, where windows fit."""
        if not self._valid or any(kernel[i] > source.shape[1 + i] for i in range(2)):
            return super().window(source, kernel, neighbours=neighbours)
        options = {"padding": 1, "strideH": 1, "strideW": 1, "fusedActivationFunction": 0}
        options |= {"dilationHFactor": 1, "dilationWFactor": 1}
        return options, [source.shape[1 + i] - kernel[i] + 1 for i in range(2)]

    def operand(self, source: Ref) -> Ref:
        """The tensor that a residual block began with, at its end."""
        return super().operand(source) if self._other is None else self._other

    def convolved(self, source: Ref, kernel: tuple[int, int], stride: int) -> Ref:
        """A convolution with padding and as many channels."""
        channels = source.shape[3]
        inputs, quant, rms = self.parameters(source, (channels, *kernel, channels), 0, channels)
        shape = (1, *(-(-each // stride) for each in source.shape[1:3]), channels)
        ref = self.writer.activation(shape, quant, rms)
        options = schema.Conv2DOptionsT(padding=0, strideH=stride, strideW=stride)
        self.made.append(self.output("CONV_2D", inputs, ref, options))
        return self.made[-1]

    def residual(self, source: Ref) -> Ref:
        """One or two convolutions, and what they began with added, at half the size in some."""
        stride = self.pick(1, 1, 2)
        last = self.convolved(source, self.pick((3, 3), (5, 3), (1, 3)), stride)
        if self.pick(1, 2) == 2:
            last = self.convolved(last, self.pick((3, 3), (5, 3), (1, 3)), 1)
        self._other = source if stride == 1 else self.convolved(source, (1, 1), stride)
        last = self.add(last)
        self._other = None
        return last


def _start(graph: graphs.RandomGraph) -> Ref:
    """An image, or a sequence in one of the forms that converters give it."""
    kind = graph.pick("image", "image", "image", "wide", "time", "column", "row")
    channels = int(graph.rng.integers(1, 9))
    if kind == "image":
        return graph.start((1, *(int(n) for n in graph.rng.integers(4, 22, 2)), channels))
    if kind == "wide":
        return graph.start((1, int(graph.rng.integers(4, 14)), graph.pick(8, 11), 16))
    steps = int(graph.rng.integers(9, 70))
    if kind == "column":
        return graph.start((1, steps, 1, channels))
    if kind == "row":
        return graph.start((1, 1, steps, channels))
    source = graph.start((1, steps, channels))
    shape = graph.pick((1, 1, steps, channels), (1, steps, 1, channels))
    options = schema.ReshapeOptionsT(newShape=list(shape))
    graph.made.append(graph.reshaped("RESHAPE", source, shape, shape, options))
    return graph.made[-1]


def random_stages(seed: int) -> bytes:
    """A few layers by rows, branches included, and what no stripe can do behind them."""
    graph = _Stages(seed)
    last = _start(graph)
    if graph.rng.random() < 0.3:
        last = graph.apply(graph.pick("RELU", "LOGISTIC", "DEPTHWISE_CONV_2D"), last)
    for _ in range(int(graph.rng.integers(2, 7))):
        small = last.shape[1] * last.shape[2] * last.shape[3] < _MOST_ELEMENTS
        last = graph.apply(graph.pick(*(_OPERATORS if small else _OPERATORS[-7:])), last)
    graph.apply(graph.pick("MEAN", "FULLY_CONNECTED", "SOFTMAX"), last)
    return graph.finish()


def pyramid() -> bytes:
    """An image network whose first layers take most of the memory."""
    graph = graphs.RandomGraph(1)
    last = graph.start((1, 33, 24, 3))
    for channels, stride, depthwise in (
        *((8, 1, False), (8, 2, True), (16, 1, False), (16, 2, True), (24, 1, False)),
        *((24, 2, True), (48, 1, False)),
    ):
        size = 3 if depthwise or last.shape[3] == 3 else 1
        sizes = [-(-each // stride) for each in last.shape[1:3]]
        shape = (1, size, size, channels) if depthwise else (channels, size, size, last.shape[3])
        inputs, quant, rms = graph.parameters(last, shape, 3 * depthwise, channels)
        ref = graph.writer.activation((1, *sizes, channels), quant, rms)
        if depthwise:
            settings = schema.DepthwiseConv2DOptionsT(
                padding=0, strideH=stride, strideW=stride, depthMultiplier=1
            )
            last = graph.output("DEPTHWISE_CONV_2D", inputs, ref, settings)
        else:
            options = schema.Conv2DOptionsT(padding=0, strideH=stride, strideW=stride)
            last = graph.output("CONV_2D", inputs, ref, options)
        graph.made.append(last)
    graph.apply("FULLY_CONNECTED", last)
    return graph.finish()


def cut_cases(
    prefix: str, tflite: bytes, cpu: str = "host", most: int = 1000, *, streamed: bool = False
) -> Iterator[Case]:
    """The model in all its cuts, or in some that are spread evenly over them."""
    graph, lowered = lower_operators(rewrite(import_model(tflite)), cpu)
    found = list(cuts(graph, lowered, streamed=streamed))
    whole = make_case(prefix, tflite, cpu) if found else None
    for number, cut in enumerate(found[:: -(-len(found) // most) or 1]):
        assert whole is not None
        name = f"{prefix}_{number}"
        made, cut_forms = cut_up(cut, graph, lowered, lowering(cpu))
        forms = cut_forms.lowered
        memory = plan(made, forms)
        files = emit(made, forms, memory, tflite=tflite, cpu=cpu, prefix=name)
        layers = whole.generated.layers  # weights are the same
        generated = GeneratedModel(files, memory.arena_bytes, layers, profiled=True)
        case = replace(whole, prefix=name, generated=generated)
        yield fed_from_whole(case) if streamed else case


_WHOLE_INPUT = """\
#include <string.h>
#include "PREFIX_aot.h"
#include "PREFIX_rows.h"

static int8_t whole[PREFIX_ROWS_ * PREFIX_ROW_BYTES_];
static int32_t next;

int8_t *PREFIX_input(void)
{
    next = 0;
    return whole;
}

void PREFIX_read_rows(int8_t *rows, int32_t first, int32_t count)
{
    if (first < next || count <= 0 || first + count > PREFIX_ROWS_) {
        return; /* a row that was read before, or is none: outputs differ */
    }
    next = first + count;
    memcpy(rows, whole + first * PREFIX_ROW_BYTES_, (size_t)count * PREFIX_ROW_BYTES_);
}
"""


def fed_from_whole(case: Case) -> Case:
    """A model that asks for rows of its input, with an application that has them all."""
    prefix, upper = case.prefix, case.prefix.upper()
    text = _WHOLE_INPUT.replace("PREFIX_ROWS_", f"{upper}_ROWS")
    text = text.replace("PREFIX_ROW_BYTES_", f"{upper}_ROW_BYTES").replace("PREFIX", prefix)
    header = case.generated.files[f"{prefix}_aot.h"].decode()
    output = f"const int8_t *{prefix}_output(void);"
    assert output in header
    files = {
        **case.generated.files,
        f"{prefix}_aot.h": header.replace(
            output, f"int8_t *{prefix}_input(void);\n{output}"
        ).encode(),
        f"{prefix}_whole.c": text.encode(),
    }
    return replace(case, generated=replace(case.generated, files=files))
