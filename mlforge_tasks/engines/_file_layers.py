"""What the layers of a model file take, for engines that run the file itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlforge_tasks.records import LayerProfile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlforge_tasks.tflite_file.model import FileGraph, FileTensor

_WEIGHTS_INPUT = 1


def layers(graph: FileGraph) -> Iterator[LayerProfile]:
    """A model's operators, in the order in which they run."""
    for operator in graph.operators:
        inputs = [graph.tensors[index] for index in operator.inputs if index >= 0]
        outputs = [graph.tensors[index] for index in operator.outputs]
        yield LayerProfile(
            name=outputs[0].name if outputs else "",
            op=operator.op,
            macs=_macs(operator.op, [each.shape for each in inputs if each.shape], outputs),
            weight_bytes=sum(len(each.data) for each in inputs if each.data is not None),
            output_bytes=sum(math.prod(each.shape) for each in outputs[:1]),
        )


def _macs(name: str, shapes: Sequence[tuple[int, ...]], outputs: Sequence[FileTensor]) -> int:
    """Multiply-accumulates; weights are [out, h, w, in], [1, h, w, out] and [out, in]."""
    taps = shapes[_WEIGHTS_INPUT][1:] if len(shapes) > _WEIGHTS_INPUT else ()
    made = sum(math.prod(each.shape) for each in outputs[:1])
    if name in {"CONV_2D", "FULLY_CONNECTED"}:
        return made * math.prod(taps)
    return made * math.prod(taps[:2]) if name == "DEPTHWISE_CONV_2D" else 0
