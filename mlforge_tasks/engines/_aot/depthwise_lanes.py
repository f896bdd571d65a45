"""Lowers DEPTHWISE_CONV_2D to the MVE kernels that have channels as the lanes of a vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import depthwise
from mlforge_tasks.engines._aot.fixed_point import INT8_MIN
from mlforge_tasks.engines._aot.program import Call, Constant, Data, Parameters, Scratch, Step
from mlforge_tasks.engines._aot.weighted import fused_clamp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor
    from mlforge_tasks.engines._aot.program import Value
    from mlforge_tasks.engines._aot.weighted import Requant
    from mlforge_tasks.engines._aot.window import Axis

_BLOCK = 8
# Of a run, whose sum is kept in 16 bits.
_MOST_TAPS = 16
_COLUMN_BYTES = 16
# Of requantisation in a block: kernels have the even channels' sums in one vector.
_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)
# What scratch memory may take for speed: bytes, or of the input.
_LEAST_ROOM, _LEAST_SHARE = 1280, 4
# Instructions on Cortex-M55, measured in QEMU: of two windows; of a row and of a column that are
# copied, of a row that is made, of a band, and of a tap in its table.
_PAIR = {"aot_lanes_3x3_s8": 110, "aot_lanes_3x3_apart_s8": 126}
_PAIR_OF_RUNS, _RUN, _TAP = 100, 20, 9
_SUM, _TAP_OF_SUM = 85, 6
_LOADED_ROW, _COLUMN, _MADE_ROW, _BAND, _PLACE = 35, 5, 60, 220, 8


@dataclass(frozen=True)
class Lanes:
    """How a layer's windows lie in the ring.

    Attributes:
        across: From row to row of the ring: the image's height, or its width if turned.
        along: Along a row.
        turned: Whether rows of the ring are the image's columns.
        whole: Whether the ring has all rows, instead of those of a window.
    """

    across: Axis
    along: Axis
    turned: bool
    whole: bool

    @property
    def is_sum(self) -> bool:
        """Whether there is one window, which is all of the input."""
        return all(each.inside and each.kernel == each.input for each in (self.across, self.along))

    @property
    def kernel(self) -> str:
        """The function that takes the windows."""
        if self.is_sum:
            return "aot_lanes_sum_s8"
        plain = self.across.dilation == self.along.dilation == 1
        if (self.across.kernel, self.along.kernel) != (3, 3) or not plain:
            return "aot_lanes_s8"
        near = self.along.stride == 1 and self.along.output > 1
        return "aot_lanes_3x3_s8" if near else "aot_lanes_3x3_apart_s8"

    @property
    def runs(self) -> int:
        """Runs of neighbouring taps in a line of the kernel."""
        along = self.along
        return along.kernel if along.dilation > 1 else -(-along.kernel // _MOST_TAPS)

    @property
    def run(self) -> int:
        """Taps of a run; the last one's may be beyond the kernel."""
        return -(-self.along.kernel // self.runs)

    @property
    def rows(self) -> int:
        """Of the ring."""
        return self.across.reach if self.whole else self.across.span

    @property
    def band(self) -> int:
        """Output rows that are made at a time."""
        return self.across.output if self.whole else 1

    @property
    def row_bytes(self) -> int:
        """Of the ring, with the border and what runs read beyond it."""
        along = self.along
        beyond = (self.runs * self.run - along.kernel) * along.dilation
        return max(along.reach + beyond, along.before + along.input) * _COLUMN_BYTES

    @property
    def ring_bytes(self) -> int:
        return self.rows * self.row_bytes

    @property
    def block_bytes(self) -> int:
        """Of a block's weights."""
        return self.across.kernel * self.runs * self.run * _BLOCK

    def weight_bytes(self, channels: int) -> int:
        """With zeros where a block is not full."""
        return -(-channels // _BLOCK) * self.block_bytes

    @property
    def scratch_bytes(self) -> int:
        """The ring and the table."""
        return self.ring_bytes + 4 * self.across.kernel * self.runs

    @property
    def in_place(self) -> bool:
        """Whether no row of the output lies where the input is still to be read."""
        across, along = self.across, self.along
        if self.band == across.output:
            return True
        if self.turned and (across.input, along.input) != (across.output, along.output):
            return False
        read = (y * across.stride + across.span - across.before for y in range(across.output))
        return all(
            rows >= across.input or (y + 1) * along.output <= rows * along.input
            for y, rows in enumerate(read)
        )

    def cost(self, channels: int) -> int:
        """About how many instructions it takes."""
        across, along = self.across, self.along
        if self.is_sum:
            taps = across.kernel * along.kernel
            return -(-channels // _BLOCK) * (_SUM + _TAP_OF_SUM * taps)
        runs = across.kernel * self.runs
        pair = _PAIR.get(self.kernel) or _PAIR_OF_RUNS + runs * (_RUN + _TAP * self.run)
        pairs = -(-channels // _BLOCK) * across.output * -(-along.output // 2)
        bands = across.output // self.band
        loaded = max(across.reach, across.input) if self.whole else across.reach
        rows = loaded * (_LOADED_ROW + _COLUMN * along.input) + _MADE_ROW * across.output
        bands *= _BAND + _PLACE * runs
        return pairs * pair + -(-channels // _COLUMN_BYTES) * (rows + bands)


def lanes_of(height: Axis, width: Axis, channels: int) -> Lanes:
    """The way to lie that takes the fewest instructions without much memory."""
    ways = [
        Lanes(*axes, turned=bool(turned), whole=whole)
        for turned, axes in enumerate(((height, width), (width, height)))
        for whole in (False, True)
    ]
    room = max(
        _LEAST_ROOM,
        min(each.scratch_bytes for each in ways),
        height.input * width.input * channels // _LEAST_SHARE,
    )
    fitting = [each for each in ways if each.scratch_bytes <= room]
    return min(fitting, key=lambda each: each.cost(channels))


def _blocks(values: NDArray[np.integer]) -> NDArray[np.integer]:
    """[channel, ...] as [block, channel of the block, ...], zeros beyond the channels."""
    beyond = -len(values) % _BLOCK
    padded = np.pad(values, ((0, beyond), *[(0, 0)] * (values.ndim - 1)))
    return padded.reshape(-1, _BLOCK, *values.shape[1:])


def _constants(
    operator: Operator, filters: NDArray[np.int64], records: Requant
) -> tuple[Constant, ...]:
    """Weights and requantisation as the kernels read them."""
    weights = _blocks(filters.reshape(len(filters), -1)).transpose(0, 2, 1)
    words = _blocks(records.values.values.reshape(-1, 2))[:, _ORDER].transpose(0, 2, 1)
    shifts = np.ascontiguousarray(-_blocks(records.shifts.values)[:, _ORDER]).view("<i4")
    requant = np.concatenate([words.reshape(len(words), -1), shifts], axis=1)
    name, order = f"{operator.name}_weights", "[channel / 8][tap][8]"
    comment = "[channel / 8]{bias [8], multiplier [8], left shift [8]}"
    return (
        Constant(name, "int8_t", weights.ravel().astype(np.int8), order),
        Constant(records.values.name, "int32_t", requant.ravel(), comment),
    )


def _members(lanes: Lanes, channels: int) -> dict[str, Value]:
    """What of an `aot_lanes_t` the geometry decides."""
    across, along = lanes.across, lanes.along
    width = across if lanes.turned else along
    steps = (width.input * channels, channels)
    made = (width.output * channels, channels)
    steps, made = (each[::-1] if lanes.turned else each for each in (steps, made))
    alone = along.output == 1
    return {
        "channels": channels,
        "block_bytes": lanes.block_bytes,
        "input": (across.input, along.input),
        "input_step": steps,
        "pad": (across.before, along.before),
        "output": (across.output, along.output),
        "output_step": (made[0], 0 if alone else made[1]),
        "kernel": (across.kernel, lanes.runs),
        "run": lanes.run,
        "window_step": (across.stride, 0 if alone else along.stride * _COLUMN_BYTES),
        "dilation": (across.dilation, along.dilation * lanes.run * _COLUMN_BYTES),
        "rows": lanes.rows,
        "row_bytes": lanes.row_bytes,
        "band": lanes.band,
    }


def _sum_step(
    operator: Operator, graph: Graph, filters: NDArray[np.int64], records: Requant
) -> Step:
    """The layer as one window that is all of the input."""
    output = graph.output_of(operator)
    members: dict[str, Value] = {
        "weights": f"{operator.name}_weights",
        "requant": records.values.name,
        "channels": output.shape[3],
        "taps": filters[0].size,
        "output_zero_point": output.zero_point,
    }
    operands = (Data(operator.inputs[0]), Data(operator.output))
    call = Call("aot_lanes_sum_s8.h", "aot_lanes_sum_s8", (f"&{operator.name}", *operands))
    return Step(
        calls=(call, *fused_clamp(operator, output)),
        constants=_constants(operator, filters, records),
        parameters=Parameters(operator.name, "aot_lanes_sum_t", members),
        overwrites=operator.inputs[0],
        macs=filters.size,
    )


def _function(lanes: Lanes, output: Tensor) -> str:
    """The kernel; behind a ReLU there is a shorter one of the commonest."""
    if "3x3" in lanes.kernel and output.zero_point == INT8_MIN:
        return lanes.kernel.replace("_s8", "_relu_s8")
    return lanes.kernel


def step(
    operator: Operator,
    graph: Graph,
    lanes: Lanes,
    filters: NDArray[np.int64],
    records: Requant,
) -> Step:
    """The layer; filters are [channel, height, width]."""
    source, output = graph.inputs_of(operator)[0], graph.output_of(operator)
    if lanes.is_sum:
        return _sum_step(operator, graph, filters, records)
    taps = filters.transpose(0, 2, 1) if lanes.turned else filters
    taps = np.pad(taps, ((0, 0), (0, 0), (0, lanes.runs * lanes.run - taps.shape[2])))
    members: dict[str, Value] = {
        "weights": f"{operator.name}_weights",
        "requant": records.values.name,
        **_members(lanes, source.shape[3]),
        "input_zero_point": source.zero_point,
        "output_zero_point": output.zero_point,
    }
    operands = (Data(operator.inputs[0]), Data(operator.output))
    arguments = (f"&{operator.name}", *operands, Scratch(), lanes.ring_bytes)
    call = Call("aot_lanes_s8.h", _function(lanes, output), arguments)
    overwritten = depthwise.overwritten(operator, source, output) if lanes.in_place else None
    return Step(
        calls=(call, *fused_clamp(operator, output)),
        constants=_constants(operator, taps, records),
        parameters=Parameters(operator.name, "aot_lanes_t", members),
        scratch_bytes=lanes.scratch_bytes,
        overwrites=overwritten,
        macs=lanes.across.output * lanes.along.output * filters.size,
    )
