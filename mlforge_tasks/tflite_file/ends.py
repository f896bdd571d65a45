"""Takes the conversions at a model's ends away: float, uint8 and int16 ones become the type within.

A converter that is not asked for int8 ends puts QUANTIZE behind the input and DEQUANTIZE (of uint8
ends QUANTIZE) in front of the output. The firmware does just that itself, by the scales of the
tensors behind them, so the graph can begin and end there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.tflite_file.edit import Edit
from mlforge_tasks.tflite_file.model import read

if TYPE_CHECKING:
    from mlforge_tasks.tflite_file.model import FileGraph, FileTensor

_UINT8_TO_INT8 = 128
_INT16_MAX, _INT8 = 32767, (-128, 127)


def _holds(outer: FileTensor, inner: FileTensor) -> bool:
    """Whether int16 values reach as far as int8 ones, to a step of these, in steps as small."""
    if not len(outer.scales) == len(inner.scales) == len(inner.zero_points) == 1:
        return False
    (step,), (inner_step,), (zero,) = outer.scales, inner.scales, inner.zero_points
    furthest = (max(abs(end - zero) for end in _INT8) - 1) * inner_step
    return not any(outer.zero_points) and step <= inner_step and furthest <= _INT16_MAX * step


def _stands_for(outer: FileTensor, inner: FileTensor) -> bool:
    """Whether an int8 or int16 tensor has the same values as one at the model's end."""
    if inner.dtype not in {"int8", "int16"} or inner.shape != outer.shape:
        return False
    if outer.dtype == "float32":
        return True
    if (outer.dtype, inner.dtype) == ("int16", "int8"):
        return _holds(outer, inner)
    same = inner.scales == outer.scales and len(inner.scales) == 1
    shifted = tuple(each - _UINT8_TO_INT8 for each in outer.zero_points)
    return (outer.dtype, inner.dtype) == ("uint8", "int8") and same and shifted == inner.zero_points


def _first(graph: FileGraph, at: int) -> tuple[int, int] | None:
    """The conversion of an input, if it is all that reads it, and the tensor that it makes."""
    source = graph.inputs[at]
    readers = [at for at, each in enumerate(graph.operators) if source in each.inputs]
    if len(readers) != 1:
        return None
    operator = graph.operators[readers[0]]
    plain = operator.op == "QUANTIZE" and len(operator.outputs) == len(operator.inputs) == 1
    if not plain or not _stands_for(graph.tensors[source], graph.tensors[operator.outputs[0]]):
        return None
    return readers[0], operator.outputs[0]


def _last(graph: FileGraph, at: int) -> tuple[int, int] | None:
    """The conversion that makes an output, if nothing else reads that, and what it reads."""
    target = graph.outputs[at]
    makers = [at for at, each in enumerate(graph.operators) if target in each.outputs]
    if len(makers) != 1 or any(target in each.inputs for each in graph.operators):
        return None
    if graph.outputs.count(target) > 1:
        return None
    operator = graph.operators[makers[0]]
    wanted = "DEQUANTIZE" if graph.tensors[target].dtype == "float32" else "QUANTIZE"
    plain = operator.op == wanted and len(operator.outputs) == len(operator.inputs) == 1
    if not plain or not _stands_for(graph.tensors[target], graph.tensors[operator.inputs[0]]):
        return None
    return makers[0], operator.inputs[0]


def with_int8_ends(content: bytes) -> bytes:
    """A model whose ends are int8 or int16 where that says the same, else the model as it is.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    model = read(content)
    if model.has_control_flow:
        return content
    each = [(_first, "inputs", at) for at in range(len(model.main.inputs))]
    each += [(_last, "outputs", at) for at in range(len(model.main.outputs))]
    for find, which, at in each:
        graph = read(content).main
        found = find(graph, at)
        if found is not None:
            ends = list(getattr(graph, which))
            ends[at] = found[1]
            edit = Edit(content, operators={found[0]: None})
            setattr(edit, which, tuple(ends))
            changed = edit.written()
            if changed is None:
                return content  # lists that share their place in the file
            content = changed
    return content


def changed_ends(before: bytes, after: bytes) -> tuple[str, ...]:
    """What `with_int8_ends` did to a model, for who brought it."""
    graphs = read(before).main, read(after).main
    told = []
    for which in ("inputs", "outputs"):
        pairs = zip(*(getattr(graph, which) for graph in graphs), strict=True)
        types = [
            tuple(graph.tensors[at].dtype for graph, at in zip(graphs, pair, strict=True))
            for pair in pairs
        ]
        told += [
            f"its {was} {which[:-1]} became {now}: the firmware converts by scale and zero point"
            for was, now in dict.fromkeys(types)
            if was != now
        ]
    return tuple(told)
