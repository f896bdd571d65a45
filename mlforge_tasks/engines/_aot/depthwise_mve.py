"""Lowers DEPTHWISE_CONV_2D to the kernels for cores with MVE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot import depthwise, depthwise_lanes
from mlforge_tasks.engines._aot.fixed_point import INT8_MIN
from mlforge_tasks.engines._aot.program import Call, Data, Parameters, Scratch, Step
from mlforge_tasks.engines._aot.weighted import (
    fused_clamp,
    parts,
    requant,
)
from mlforge_tasks.engines._aot.window import window_axes

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Value
    from mlforge_tasks.engines._aot.window import Axis

_VECTOR = 16
_OUTPUTS = 4
_MOST_IN_BAND = 128
# Input and output are reached by 16-bit offsets, seven pixels ahead.
_MOST_STEP = 65535 // 7
# Instructions on Cortex-M55, measured in QEMU: of a channel, of eight bytes that are gathered, of
# eight outputs, and of a vector of theirs.
_CHANNEL, _GATHER, _EIGHT, _VECTOR_OF_EIGHT = 100, 8, 22, 36
# Kernels by the number of vectors they have room for.
_KERNELS = {1: "aot_depthwise_one_s8", 3: "aot_depthwise_three_s8", 5: "aot_depthwise_five_s8"}


@dataclass(frozen=True)
class Plane:
    """A channel in memory, its lines along the width of the image, or the height if turned."""

    across: Axis
    along: Axis
    turned: bool

    @property
    def pitch(self) -> int:
        """A line with the border before it, which is also that behind the line before.

        Kernel lines that share a vector must not overlap, so it is no shorter than one of them.
        """
        along = self.along
        return max(along.before + along.input, along.reach - along.before, along.span)

    @property
    def line_step(self) -> int:
        """From a kernel line to the next."""
        return self.across.dilation * self.pitch

    @property
    def lines(self) -> int:
        """Kernel lines that one vector covers; 0 where it does not cover one."""
        if self.along.span > _VECTOR:
            return 0
        return min((_VECTOR - self.along.span) // self.line_step + 1, self.across.kernel)

    @property
    def vectors(self) -> int:
        """Vectors that cover a window, 0 where a line does not fit into one."""
        return -(-self.across.kernel // self.lines) if self.lines else 0

    @property
    def rows(self) -> int:
        """Output rows of the image."""
        return self.along.output if self.turned else self.across.output

    @property
    def columns(self) -> int:
        """Output columns of the image."""
        return self.across.output if self.turned else self.along.output

    @property
    def band(self) -> int:
        """Output rows to make at a time."""
        return min(self.rows, max(1, _MOST_IN_BAND // self.columns))

    @property
    def room(self) -> int:
        """Vectors that the kernel has room for; 0 where no kernel takes the layer."""
        if not self.vectors or self.band * self.columns < _OUTPUTS:
            return 0
        return next((room for room in _KERNELS if room >= self.vectors), 0)

    @property
    def bytes(self) -> int:
        """With the border and what is read beyond it, in whole words."""
        lines = max(self.across.reach, self.across.before + self.across.input)
        last = (self.across.output - 1) * self.across.stride * self.pitch
        last += (self.along.output - 1) * self.along.stride
        read = last + (self.room - 1) * self.lines * self.line_step + _VECTOR
        return -(-max(lines * self.pitch + self.along.before, read) // 4) * 4

    @property
    def scratch_bytes(self) -> int:
        """With a band of sums."""
        return self.bytes + 4 * self.band * self.columns

    def cost(self, channels: int, channels_out: int) -> int:
        """About how many instructions it takes."""
        gathers = -(-self.along.input // 8) * (self.across.input + 1)
        eights = -(-self.rows // self.band) * -(-self.band * self.columns // 8)
        made = _CHANNEL + eights * (_EIGHT + self.room * _VECTOR_OF_EIGHT)
        return channels * (_CHANNEL + _GATHER * gathers) + channels_out * made


def plane_of(height: Axis, width: Axis) -> Plane:
    """The way to lie in which fewer vectors cover a window."""
    plane, turned = Plane(height, width, turned=False), Plane(width, height, turned=True)
    return turned if turned.room and (not plane.room or turned.room < plane.room) else plane


def way_of(
    height: Axis, width: Axis, channels: int, channels_out: int, *, lanes: bool = True
) -> Plane | depthwise_lanes.Lanes | None:
    """How a layer with fast requantisation runs; None where a portable kernel takes it.

    Args:
        height: From row to row.
        width: Along a row.
        channels: Of the input.
        channels_out: Of the output.
        lanes: Whether its weights let channels be lanes.
    """
    plane = plane_of(height, width)
    fits = plane.room > 0 and max(width.input * channels, channels_out) <= _MOST_STEP
    if lanes and channels == channels_out:
        way = depthwise_lanes.lanes_of(height, width, channels)
        if not fits or way.cost(channels) < plane.cost(channels, channels_out):
            return way
    return plane if fits else None


def _members(plane: Plane, channels: int, channels_out: int) -> dict[str, Value]:
    """What of an `aot_depthwise_mve_t` the plane decides."""
    across, along = plane.across, plane.along
    width = across if plane.turned else along
    input_step = (width.input * channels, channels)
    window_step = (across.stride * plane.pitch, along.stride)
    return {
        "input_channels": channels,
        "multiplier": channels_out // channels,
        "plane_bytes": plane.bytes,
        "pitch": plane.pitch,
        "first": across.before * plane.pitch + along.before,
        "input": (across.input, along.input),
        "input_step": input_step[::-1] if plane.turned else input_step,
        "output": (plane.rows, plane.columns),
        "output_step": (plane.columns * channels_out, channels_out),
        "kernel": (across.kernel, along.kernel),
        "window_step": window_step[::-1] if plane.turned else window_step,
        "lines": plane.lines,
        "line_step": plane.line_step,
        "vector_step": plane.lines * plane.line_step,
        "tap_step": along.dilation,
        "band": plane.band,
    }


def depthwise_conv_2d(operator: Operator, graph: Graph) -> Step:
    """DEPTHWISE_CONV_2D; weights come as [1, height, width, output channel]."""
    source, weights, bias = parts(operator, graph)
    output = graph.output_of(operator)
    height, width = window_axes(operator, source, output, (weights.shape[1], weights.shape[2]))
    filters = depthwise.filters_of(weights)
    channels, channels_out = source.shape[3], output.shape[3]
    records = requant(operator, graph, filters.reshape(channels_out, -1), bias)
    lanes = bool(filters.min() > INT8_MIN)
    plane = way_of(height, width, channels, channels_out, lanes=lanes) if records.is_fast else None
    if isinstance(plane, depthwise_lanes.Lanes):
        return depthwise_lanes.step(operator, graph, plane, filters, records)
    if plane is None:
        return depthwise.depthwise_conv_2d("portable", operator, graph)
    if plane.turned:
        filters = filters.transpose(0, 2, 1)
    members: dict[str, Value] = {
        "weights": f"{operator.name}_weights",
        **records.members,
        **_members(plane, channels, channels_out),
        "input_zero_point": source.zero_point,
        "output_zero_point": output.zero_point,
    }
    operands = (Data(operator.inputs[0]), Data(operator.output))
    arguments = (f"&{operator.name}", *operands, Scratch(), plane.bytes)
    call = Call("aot_depthwise_mve_s8.h", _KERNELS[plane.room], arguments)
    return Step(
        calls=(call, *fused_clamp(operator, output)),
        constants=(depthwise.packed(operator, filters), *records.constants),
        parameters=Parameters(operator.name, "aot_depthwise_mve_t", members),
        scratch_bytes=plane.scratch_bytes,
        overwrites=depthwise.overwritten(operator, source, output),
        macs=height.output * width.output * filters.size,
    )
