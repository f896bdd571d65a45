"""Depthwise layers of a model as calls of CMSIS-NN, in one image: the instructions of each."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import fixed_point
from mlforge_tasks.engines._aot.weighted import parts
from mlforge_tasks.engines._aot.window import window_axes
from mlforge_tasks.platforms._image import link_image
from mlforge_tasks.runners.qemu import run_to_end

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.window import Axis

LIMIT_S = 600.0
INPUT_STEP = 7
# As Zephyr compiles the module.
OPTIMISATION = "-Ofast"
_SOURCES = ("ConvolutionFunctions", "NNSupportFunctions", "TransposeFunctions")

_HEAD = """\
#include "hal.h"
#include "arm_nnfunctions.h"

static int8_t input[INPUT_BYTES], output[OUTPUT_BYTES], buffer[BUFFER_BYTES];

static void put_hex(uint32_t value)
{
    for (int shift = 28; shift >= 0; shift -= 4) {
        hal_put((uint8_t)"0123456789abcdef"[(value >> shift) & 15]);
    }
    hal_put(' ');
}

static uint32_t checksum(int32_t bytes)
{
    uint32_t crc = ~UINT32_C(0);
    for (int32_t i = 0; i < bytes; i++) {
        crc ^= (uint8_t)output[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (UINT32_C(0xEDB88320) & (0 - (crc & 1)));
        }
    }
    return ~crc;
}

static void run(const cmsis_nn_dw_conv_params *layer,
                const cmsis_nn_per_channel_quant_params *quant, cmsis_nn_dims in,
                cmsis_nn_dims filter, cmsis_nn_dims out, const int8_t *weights, const int32_t *bias)
{
    cmsis_nn_dims biases = {1, 1, 1, out.c};
    cmsis_nn_context context = {buffer, sizeof buffer};
    int32_t need = arm_depthwise_conv_wrapper_s8_get_buffer_size(layer, &in, &filter, &out);
    uint64_t start = hal_ticks(), empty = hal_ticks() - start;
    for (int32_t i = 0; i < in.h * in.w * in.c; i++) {
        input[i] = (int8_t)(uint8_t)(i * INPUT_STEP);
    }
    start = hal_ticks();
    int failed = need > (int32_t)sizeof buffer ||
                 arm_depthwise_conv_wrapper_s8(&context, layer, quant, &in, input, &filter, weights,
                                               &biases, bias, &out, output);
    put_hex(failed ? 0 : (uint32_t)(hal_ticks() - start - empty));
    put_hex(checksum(out.h * out.w * out.c));
    hal_put('\\n');
}
"""
_LAYER = """
static const int8_t weights_{n}[] = {{{weights}}};
static const int32_t bias_{n}[] = {{{bias}}};
static int32_t multiplier_{n}[] = {{{multiplier}}}, shift_{n}[] = {{{shift}}};

static void layer_{n}(void)
{{
    cmsis_nn_dw_conv_params layer = {{{offsets}, {multiples}, {strides}, {padding}, {dilation},
                                     {{{low}, {high}}}}};
    cmsis_nn_per_channel_quant_params quant = {{multiplier_{n}, shift_{n}}};
    run(&layer, &quant, (cmsis_nn_dims){{1, {source}}}, (cmsis_nn_dims){{1, {kernel}}},
        (cmsis_nn_dims){{1, {made}}}, weights_{n}, bias_{n});
}}
"""


def axes_of(operator: Operator, graph: Graph) -> tuple[Axis, Axis]:
    """Height and width of a layer's windows."""
    source, weights = graph.inputs_of(operator)[:2]
    return window_axes(
        operator, source, graph.output_of(operator), (weights.shape[1], weights.shape[2])
    )


def _factors(operator: Operator, graph: Graph) -> list[fixed_point.Factor]:
    source, weights = graph.inputs_of(operator)[:2]
    output = graph.output_of(operator)
    scales = [float(each) for each in weights.affine.scales]
    scales *= output.shape[3] // len(scales)
    real = (float(source.scale) * each / float(output.scale) for each in scales)
    return [fixed_point.factor(each) for each in real]


def _input_of(operator: Operator, graph: Graph) -> NDArray[np.int64]:
    shape = graph.inputs_of(operator)[0].shape
    ramp = (np.arange(np.prod(shape)) * INPUT_STEP).astype(np.uint8).view(np.int8)
    return ramp.reshape(shape[1:]).astype(np.int64)


def expected(operator: Operator, graph: Graph) -> int:
    """CRC-32 of the outputs in the reference's arithmetic."""
    source, weights, bias = parts(operator, graph)
    output = graph.output_of(operator)
    height, width = axes_of(operator, graph)
    padding = [(a.before, max(a.reach - a.before - a.input, 0)) for a in (height, width)]
    values = np.pad(_input_of(operator, graph) - source.zero_point, (*padding, (0, 0)))
    values = values.repeat(output.shape[3] // source.shape[3], axis=2)
    sums = np.tile(bias, (height.output, width.output, 1))
    for y in range(height.kernel):
        for x in range(width.kernel):
            rows, columns = (
                slice(tap * a.dilation, tap * a.dilation + (a.output - 1) * a.stride + 1, a.stride)
                for tap, a in ((y, height), (x, width))
            )
            sums += values[rows, columns] * weights.constant[0, y, x]
    factors = _factors(operator, graph)
    multipliers = np.array([each.multiplier for each in factors], np.int64)
    right = np.array([-each.shift for each in factors], np.int64)
    scaled = (sums * multipliers + (1 << 30)) >> 31
    half = np.where(right > 0, (1 << np.maximum(right - 1, 0)) - (scaled < 0), 0)
    low, high = fixed_point.activation_range(operator.options.activation, output)
    made = (((scaled + half) >> right) + output.zero_point).clip(low, high).astype(np.int8)
    return zlib.crc32(made.tobytes())


def _listed(values: Iterable[int]) -> str:
    return ", ".join(str(each) for each in values)


def _definition(number: int, operator: Operator, graph: Graph) -> str:
    source, weights, bias = parts(operator, graph)
    output = graph.output_of(operator)
    height, width = axes_of(operator, graph)
    factors = _factors(operator, graph)
    low, high = fixed_point.activation_range(operator.options.activation, output)
    return _LAYER.format(
        n=number,
        weights=_listed(weights.constant.ravel().tolist()),
        bias=_listed(bias.tolist()),
        multiplier=_listed([each.multiplier for each in factors]),
        shift=_listed([each.shift for each in factors]),
        offsets=f"{-source.zero_point}, {output.zero_point}",
        multiples=output.shape[3] // source.shape[3],
        strides=f"{{{width.stride}, {height.stride}}}",
        padding=f"{{{width.before}, {height.before}}}",
        dilation=f"{{{width.dilation}, {height.dilation}}}",
        low=low,
        high=high,
        source=_listed(source.shape[1:]),
        kernel=_listed((height.kernel, width.kernel, output.shape[3])),
        made=_listed(output.shape[1:]),
    )


def measure(
    layers: Sequence[Operator], graph: Graph, board: Board, folder: Path, module: Path
) -> Mapping[str, int]:
    """Instructions of each layer.

    Args:
        layers: Depthwise layers.
        graph: Their graph.
        board: Where they run.
        folder: An empty folder.
        module: CMSIS-NN.

    Raises:
        AssertionError: The outputs differ from the reference's.
    """
    calls = "".join(f"    layer_{number}();\n" for number in range(len(layers)))
    texts = [_definition(number, each, graph) for number, each in enumerate(layers)]
    main = folder / "main.c"
    main.write_text(f"{_HEAD}{''.join(texts)}\nint main(void)\n{{\n{calls}}}\n")
    sources = [each for name in _SOURCES for each in sorted((module / "Source" / name).glob("*.c"))]
    sources = [each for each in sources if "s16" not in each.name and "s4" not in each.name]
    pairs = [(graph.inputs_of(each)[0].size, graph.output_of(each).size) for each in layers]
    defines = {
        "INPUT_BYTES": max(source for source, _ in pairs),
        "OUTPUT_BYTES": max(made for _, made in pairs),
        "BUFFER_BYTES": 65536,
        "INPUT_STEP": INPUT_STEP,
    }
    image = link_image(
        board,
        [main, *sources],
        folder,
        include_dirs=[module / "Include"],
        defines=defines,
        optimisation=OPTIMISATION,
    )
    lines = run_to_end(board, image.elf, limit_s=LIMIT_S).decode().splitlines()
    if board.qemu is None:
        raise AssertionError("the board is not emulated")
    scale = 1e9 / board.systick_hz / 2**board.qemu.icount_shift
    counts = {}
    for line, layer in zip(lines, layers, strict=True):
        ticks, checksum = (int(each, 16) for each in line.split())
        if ticks == 0 or checksum != expected(layer, graph):
            raise AssertionError(f"CMSIS-NN's outputs of {layer.name} differ from the reference's")
        counts[layer.name] = round(ticks * scale)
    return counts
