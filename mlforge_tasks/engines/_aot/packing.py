"""How kernels that pack several windows at a time want windows and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.pairs import dsp_members, paired, requant_of_pairs, summed
from mlforge_tasks.engines._aot.program import Constant
from mlforge_tasks.engines._aot.weighted import requant

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Value

_WINDOWS = 4
# Bytes of a run from which on DSP kernels pack run by run, and the most that a place may be.
_LONG_RUN, _MOST_PLACE = 32, 0x7FFF
# MVE kernels take as many eights of windows at a time as fit into this, if windows are so small.
_NARROW_BYTES, _NARROW_ROOM_BYTES = 64, 1024
# Their places for the outputs of eight windows, a channel each, are 16 bits wide.
_MOST_SCATTERED = 0xFFFF // 7


@dataclass(frozen=True)
class Packing:
    """How the kernels of a core want weights and windows.

    Attributes:
        run_multiple: Taps of a run that fill no multiple of this lie behind all others.
        window_multiple: A whole window is padded to a multiple of this.
        bytes_per_tap: Of a packed window.
        paired: Which channels of weights [channel, tap] make a pair; -1 is none.
        order: Weights [channel pair, 2, taps] to the order in which the kernel reads them.
        comment: That order.
        direct: Whether windows that are contiguous and need no padding are read where they lie.
    """

    run_multiple: int
    window_multiple: int
    bytes_per_tap: int
    paired: Callable[[NDArray[np.int64]], NDArray[np.int64]]
    order: Callable[[NDArray[np.int64]], NDArray[np.int64]]
    comment: str
    direct: bool


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _neighbours(taps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs of any two channels; -1 where there is no second."""
    channels = np.arange(len(taps) + len(taps) % 2)
    return np.where(channels < len(taps), channels, -1).reshape(-1, 2)


def _dsp_order(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    fours = summed(pairs).reshape(len(pairs), 2, -1, 2, 2)  # pair, channel, four, half, parity
    return fours.transpose(0, 2, 4, 3, 1)


def _mve_order(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    return pairs.reshape(len(pairs), 2, -1, 16).transpose(0, 2, 1, 3)


DSP = Packing(
    *(4, 4, 2, paired, _dsp_order),
    "[pair][tap / 4][even, odd taps][2 taps], first + 256 * second channel",
    direct=False,
)
MVE = Packing(
    *(1, 16, 1, _neighbours, _mve_order),
    "[channel / 2][tap / 16][2 channels][16 taps]",
    direct=True,
)


@dataclass(frozen=True)
class PackedWindow:
    """A window as runs of neighbouring taps, padded for the kernel."""

    packing: Packing
    runs: int
    run: int

    @property
    def taps(self) -> int:
        """Of one packed window."""
        return _round_up(self.runs * self.run, self.packing.window_multiple)

    @property
    def bytes(self) -> int:
        """Of one packed window."""
        return self.taps * self.packing.bytes_per_tap

    def weight_bytes(self, channels: int) -> int:
        """Of so many output channels, if they make pairs without gaps."""
        return _round_up(channels, 2) * self.taps

    def group(self, count: int) -> int:
        """Windows packed at a time, see aot_group_s8 of the kernels."""
        if self.packing is MVE and self.bytes <= _NARROW_BYTES and count >= 2 * _WINDOWS:
            return min(count, _NARROW_ROOM_BYTES // self.bytes & ~7)
        return _WINDOWS if count >= _WINDOWS else 1

    def weights(
        self, operator: Operator, taps: NDArray[np.int64], pairs: NDArray[np.int64]
    ) -> Constant:
        """Weights [output channel, tap], with zeros where windows are padded or channels miss."""
        runs = taps.reshape(len(taps), self.runs, self.run)
        whole = self.run - self.run % self.packing.run_multiple
        split = [part.reshape(len(taps), -1) for part in np.split(runs, [whole], axis=2)]
        ordered = np.concatenate(split, axis=1)
        ordered = np.pad(ordered, ((0, 1), (0, self.taps - ordered.shape[1])))
        values = self.packing.order(ordered[pairs]).ravel().astype(np.int8)
        name = f"{operator.name}_weights"
        return Constant(name, "int8_t", values, self.packing.comment, alignment_bytes=4)

    def places(self, operator: Operator, step: int) -> Constant | None:
        """Where words and single taps of a window inside the input lie, its runs `step` apart.

        None where runs are whole words, or long enough to be packed one by one as fast.
        """
        multiple = self.packing.run_multiple
        whole = self.run - self.run % multiple
        if self.runs == 1 or self.run >= _LONG_RUN or not step or whole == self.run:
            return None
        runs = np.arange(self.runs)[:, None] * step
        words = (runs + np.arange(0, whole, multiple)).ravel()
        taps = (runs + np.arange(whole, self.run)).ravel()
        taps = np.pad(taps, (0, -len(taps) % multiple))
        if max(words.max(initial=0), taps.max(initial=0)) > _MOST_PLACE:
            return None
        values = np.concatenate([[len(words), len(taps) // multiple], words, taps])
        return Constant(f"{operator.name}_places", "int16_t", values.astype(np.int16))

    @property
    def direct(self) -> bool:
        """Whether one that lies inside the input needs no packing."""
        whole = self.runs == 1 and self.run % self.packing.window_multiple == 0
        return self.packing.direct and whole

    def layer(
        self,
        operator: Operator,
        graph: Graph,
        taps: NDArray[np.int64],
        bias: NDArray[np.int64],
        *,
        single: bool = False,
        step: int = 0,
    ) -> tuple[dict[str, Value], tuple[Constant, ...]]:
        """An `aot_dot_t` and its arrays.

        Args:
            operator: A layer.
            graph: Its graph.
            taps: Weights [output channel, tap].
            bias: [output channel].
            single: Whether there is one window.
            step: From a run to the next in the input; 0 where windows are not read there.
        """
        members: dict[str, Value] = {"weights": f"{operator.name}_weights"}
        pairs = self.packing.paired(taps)
        gaps = bool(np.any(pairs[:-1] < 0))
        records = requant(operator, graph, taps, bias, may_share=single and not gaps)
        own: dict[str, Value] = {"fast": int(records.is_fast and len(taps) <= _MOST_SCATTERED)}
        if self.packing is DSP:
            own = {"taps": self.taps, **dsp_members(taps, pairs, records, single=single)}
            records = requant_of_pairs(records, pairs)
        members.update(records.dot_members)
        members["channels"] = len(taps)
        members["zero_point"] = graph.output_of(operator).zero_point
        members.update(own, runs=self.runs, run=self.run)
        constants = (self.weights(operator, taps, pairs), *records.constants)
        places = self.places(operator, step)
        if places is None:
            return members, constants
        by_places: dict[str, Value] = {"places": places.name, "near": "aot_pack_places_s8"}
        return members | by_places, (*constants, places)
