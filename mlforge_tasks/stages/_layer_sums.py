"""Sums over examples of what sets an int8 model's layers apart from a float network's."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mlforge_tasks.stages._layer_tensors import range_of
from mlforge_tasks.verdict.layer_noise import Noise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.stages._layer_twins import Twins
    from mlforge_tasks.tflite_file.model import FileTensor

    Values = NDArray[np.float32]

# Of a layer's own error: all of it, what its range cuts off, and what rounded weights make.
Part = Literal["all", "cut off", "weights"]
PARTS: tuple[Part, ...] = ("all", "cut off", "weights")
LEAST_DB, MOST_DB = -60.0, 120.0
# Values are cut off that lie further beyond an end; a SOFTMAX's 1 is a step beyond its own.
_STEPS = 1.5


@dataclass(frozen=True)
class Ran:
    """One example.

    Attributes:
        int8: What tensors of the int8 model are.
        whole: What they are in the float network.
        own: What float layers make of the int8 model's values.
        own_rounded: The same with the int8 model's constants.
    """

    int8: Mapping[int, Values]
    whole: Mapping[int, Values]
    own: Mapping[int, Values]
    own_rounded: Mapping[int, Values]

    def errors(self, tensor: int, made: FileTensor) -> Iterator[tuple[Part, Values]]:
        """A layer's own error, and the parts of it that there are."""
        own, rounded = self.own[tensor], self.own_rounded[tensor]
        yield "all", self.int8[tensor] - own
        ends = reach_of(made)
        if ends is not None:
            yield "cut off", rounded.clip(*ends) - rounded
        yield "weights", rounded - own


@dataclass
class _Tensor:
    """Of one layer."""

    count: int = 0
    signal: float = 0.0
    noise: float = 0.0
    own_signal: float = 0.0
    own_noise: float = 0.0
    below: int = 0
    above: int = 0
    low: float = math.inf
    high: float = -math.inf
    reach: NDArray[Any] = field(default_factory=lambda: np.zeros(0))


class Sums:
    """Of all inputs and layers, one behind the other.

    Args:
        twins: What they are.
    """

    def __init__(self, twins: Twins) -> None:
        inputs = [(one,) for one in twins.graph.inputs]
        self._made = [*inputs, *(one.outputs for one in twins.layers)]
        self._tensors = twins.graph.tensors
        self._sums = [_Tensor() for _ in self._made]
        self._outputs = np.zeros(len(twins.graph.outputs))
        # What all of a layer's own error does to each output, and what parts of it do.
        self._alone = np.zeros((len(PARTS), len(self._made), len(twins.graph.outputs)))
        self._ends = twins.graph.outputs
        self._end_sums = np.zeros((2, len(self._ends)))
        self.examples = 0

    def add(self, ran: Ran) -> None:
        """One example more."""
        self.examples += 1
        for sums, made in zip(self._sums, self._made, strict=True):
            for tensor in made:
                self._add(sums, tensor, ran)
        for at, tensor in enumerate(self._ends):
            off = ran.int8[tensor] - ran.whole[tensor]
            self._end_sums[:, at] += _power(ran.whole[tensor]), _power(off)

    def _add(self, sums: _Tensor, tensor: int, ran: Ran) -> None:
        int8, whole, own = ran.int8[tensor], ran.whole[tensor], ran.own[tensor]
        sums.count += whole.size
        sums.signal += _power(whole)
        sums.noise += _power(int8 - whole)
        sums.own_signal += _power(own)
        sums.own_noise += _power(int8 - own)
        sums.low = min(sums.low, float(whole.min()))
        sums.high = max(sums.high, float(whole.max()))
        channels = np.abs(whole.reshape(-1, whole.shape[-1] if whole.ndim else 1)).max(axis=0)
        if not sums.reach.size:
            sums.reach = np.zeros(channels.shape)
        if sums.reach.shape == channels.shape:  # parts of a split may have others
            sums.reach = np.maximum(sums.reach, channels)
        ends = reach_of(self._tensors[tensor])
        if ends is not None:
            sums.below += int((whole < ends[0]).sum())
            sums.above += int((whole > ends[1]).sum())

    def add_outputs(self, outputs: Sequence[Values]) -> None:
        """What the float network gives for an example that layers are asked on."""
        self._outputs += [_power(one) for one in outputs]

    def add_alone(self, at: int, part: Part, errors: Sequence[Values]) -> None:
        """What a part of a layer's own error, or an input's, brings to the outputs there."""
        self._alone[PARTS.index(part), at] += [_power(one) for one in errors]

    def noise(self, at: int) -> Noise:
        """Of an input or a layer."""
        sums = self._sums[at]
        return Noise(
            snr_db=ratio_db(sums.signal, sums.noise),
            own_db=ratio_db(sums.own_signal, sums.own_noise),
            alone_db=_worst(self._outputs, self._alone[0, at]),
            low=_short(sums.low),
            high=_short(sums.high),
            below=_short(sums.below / sums.count),
            above=_short(sums.above / sums.count),
        )

    def output_db(self) -> float | None:
        """The int8 model's outputs against the float network's."""
        return _worst(*self._end_sums)

    def shares(self, at: int) -> tuple[float, float]:
        """Of what a layer brings to the outputs: what its range cuts off, and rounded weights."""
        signal = np.where(self._outputs > 0, self._outputs, 1.0)
        every, cut_off, weights = (self._alone[:, at] / signal).sum(axis=1).tolist()
        return (_share(cut_off, every), _share(weights, every))

    def reach(self, at: int) -> tuple[float, NDArray[Any]]:
        """The root mean square of a layer's values, and how far each channel reaches."""
        sums = self._sums[at]
        return math.sqrt(sums.signal / sums.count), sums.reach


def reach_of(tensor: FileTensor) -> tuple[float, float] | None:
    """Beyond what values are cut off; None in float."""
    ends = range_of(tensor)
    near = _STEPS * tensor.scales[0] if ends else 0.0
    return ends and (ends[0] - near, ends[1] + near)


def _share(part: float, every: float) -> float:
    return _short(min(part / every, 1.0)) if every else 0.0


def _power(values: NDArray[Any]) -> float:
    flat = values.astype(np.float64).ravel()
    return float(flat @ flat)


def ratio_db(signal: float, noise: float) -> float | None:
    """10 log10(signal / noise) within ends; None where there is no noise."""
    if not noise:
        return None
    found = 10 * math.log10(signal / noise) if signal else LEAST_DB
    return round(min(max(found, LEAST_DB), MOST_DB), 2)


def _worst(signals: NDArray[Any], noises: NDArray[Any]) -> float | None:
    found = [ratio_db(*one) for one in zip(signals.tolist(), noises.tolist(), strict=True)]
    return min((one for one in found if one is not None), default=None)


def _short(value: float) -> float:
    """What two sums in another order have in common."""
    return float(f"{value:.5g}")
