"""The clock of a stand-in's board: layers take what is known, whatever QEMU's ticks say."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

from mlforge_tasks.calibration.classes import class_of
from mlforge_tasks.runners._frames import Frame, FrameReader, FrameType
from tests.helpers.standin import Noise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.calibration.classes import KernelClass
    from mlforge_tasks.calibration.record import Costs
    from mlforge_tasks.records import LayerProfile


class Retimed:
    """A line from a board, for `StandIn.to_host`, that changes what a profile image says.

    Args:
        costs: What a layer takes on this board, of each class, in ticks.
        share: Relative standard deviation of each lap.
        faults: The share of lines that are damaged.

    Attributes:
        emulated: Each network's layers and their emulated cycles, by its digest; to be filled
            before the board is asked.
        changed: How many laps were changed.
    """

    def __init__(
        self, costs: Mapping[KernelClass, Costs], share: float = 0.0, faults: float = 0.0
    ) -> None:
        self.emulated: dict[str, list[tuple[LayerProfile, float]]] = {}
        self.changed: Counter[str] = Counter()
        self._costs, self._share = costs, share
        self._random = random.Random(5)  # noqa: S311 - noise, not secrets
        self._known: dict[tuple[str, int], int] = {}
        self.noise = Noise(2, faults)

    def __call__(self, line: bytes) -> bytes:
        """What arrives instead of a line."""
        for event in FrameReader().feed(line):
            if isinstance(event, Frame) and event.type == FrameType.HELLO:
                payload = b"\n".join(self._said(event.payload))
                return self.noise(Frame(event.seq, event.type, payload).encode())
        return self.noise(line)

    def _said(self, payload: bytes) -> list[bytes]:
        lines = payload.split(b"\n")
        fields = dict(line.split(b"=", 1) for line in lines if b"=" in line)
        model, empty = fields[b"model"].decode(), b"0*0"
        empty = fields.get(b"no_layer", empty).partition(b"*")[2]
        return [
            self._lap(model, line, int(empty, 16)) if line.startswith(b"layer=") else line
            for line in lines
        ]

    def _lap(self, model: str, line: bytes, empty: int) -> bytes:
        index = int(line.partition(b"=")[2].partition(b"*")[0], 16)
        ticks = self._known.setdefault((model, index), self._took(model, index))
        self.changed[model] += 1
        return b"layer=%x*%x" % (index, ticks + empty)

    def _took(self, model: str, index: int) -> int:
        """A board is asked again after a bad line, and says the same."""
        layer, cycles = self.emulated[model][index]
        cost = self._costs[class_of(layer.op)].cycles(cycles, layer.weight_bytes)
        return round(cost * self._random.gauss(1.0, self._share))
