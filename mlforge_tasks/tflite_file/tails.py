"""Has int8 or int16 do what a file does in float at its ends alone.

A quantiser that leaves a last SOFTMAX in float puts DEQUANTIZE in front of it; copies come between
a conversion and the model's input or output likewise. The reference has these operators of integer
values, whose scales at the output it prescribes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlforge_tasks.tflite_file.edit import Edit
from mlforge_tasks.tflite_file.integers import PRESCRIBED, is_plain, like, made_of, readers, told
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.origin import origin_of

if TYPE_CHECKING:
    from mlforge_tasks.tflite_file.model import FileGraph

_COPIES = {"EXPAND_DIMS", "RESHAPE", "SQUEEZE", "TRANSPOSE"}


def _maker(graph: FileGraph, tensor: int) -> int | None:
    """What makes a tensor, of nothing else and of one operand that is computed."""
    makers = [at for at, one in enumerate(graph.operators) if tensor in one.outputs]
    if len(makers) != 1 or len(graph.operators[makers[0]].outputs) != 1:
        return None
    return makers[0] if graph.operators[makers[0]].inputs[:1] > (-1,) else None


def _behind(graph: FileGraph, output: int) -> list[int]:
    """DEQUANTIZE and what follows it up to an output; empty where that is no more than that."""
    chain: list[int] = []
    tensor = output
    while is_plain(graph.tensors[tensor], real=True) and len(readers(graph, tensor)) == min(
        len(chain), 1
    ):
        at = _maker(graph, tensor)
        if at is None or (chain and tensor in graph.outputs):
            return []
        chain.insert(0, at)
        operator = graph.operators[at]
        tensor = operator.inputs[0]
        if operator.op == "DEQUANTIZE":
            whole = len(chain) > 1 and is_plain(graph.tensors[tensor], real=False)
            return chain if whole else []
        if operator.op not in _COPIES and operator.op not in PRESCRIBED:
            return []
    return []


def _before(graph: FileGraph, source: int) -> list[int]:
    """Copies of an input and the QUANTIZE behind them; empty where there are none."""
    chain: list[int] = []
    tensor = source
    while is_plain(graph.tensors[tensor], real=True) and tensor not in graph.outputs:
        following = readers(graph, tensor)
        operator = graph.operators[following[0]] if len(following) == 1 else None
        if operator is None or operator.inputs[0] != tensor or len(operator.outputs) != 1:
            return []
        chain.append(following[0])
        tensor = operator.outputs[0]
        if operator.op == "QUANTIZE":
            whole = len(chain) > 1 and is_plain(graph.tensors[tensor], real=False)
            return chain if whole else []
        if operator.op not in _COPIES:
            return []
    return []


def _with_tail(content: bytes, graph: FileGraph, chain: list[int]) -> bytes | None:
    """The file without a DEQUANTIZE, what follows it in integers; None where that cannot be."""
    edit = Edit(content, operators={chain[0]: None})
    index = graph.operators[chain[0]].inputs[0]
    tensor = graph.tensors[index]
    for at in chain[1:]:
        operator = graph.operators[at]
        made = operator.outputs[0]
        prescribed = made_of(operator.op, tensor)
        if prescribed is None:
            return None
        edit.tensors[made] = tensor = like(graph.tensors[made], prescribed)
        if at == chain[1]:
            edit.operators[at] = replace(operator, inputs=(index, *operator.inputs[1:]))
    return edit.written()


def _with_head(content: bytes, graph: FileGraph, chain: list[int]) -> bytes | None:
    """The file without a QUANTIZE, the copies in front of it of what that makes."""
    edit = Edit(content, operators={chain[-1]: None})
    target = graph.operators[chain[-1]].outputs[0]
    for at in chain[:-1]:
        index = graph.operators[at].inputs[0]
        edit.tensors[index] = like(graph.tensors[index], graph.tensors[target])
    last = graph.operators[chain[-2]]
    if graph.tensors[last.outputs[0]].shape != graph.tensors[target].shape:
        return None
    edit.operators[chain[-2]] = replace(last, outputs=(target,))
    return edit.written()


def with_integer_tails(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A model that does in integers what it did in float at its ends, and what was done.

    Of copies nothing is told: they are the same. Where there is nothing to do it is as it was.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    model = read(content)
    origin = origin_of(model)
    said: tuple[str, ...] = ()
    for at in range(len(model.main.inputs)):
        graph = read(content).main
        chain = _before(graph, graph.inputs[at])
        changed = _with_head(content, graph, chain) if chain else None
        content = content if changed is None else changed
    for at in range(len(model.main.outputs)):
        graph = read(content).main
        chain = (
            _behind(graph, graph.outputs[at]) if graph.outputs.count(graph.outputs[at]) == 1 else []
        )
        changed = _with_tail(content, graph, chain) if chain else None
        if changed is not None:
            operators = [graph.operators[place] for place in chain[1:]]
            dtype = graph.tensors[graph.operators[chain[0]].inputs[0]].dtype
            said += told(operators, graph, origin, dtype)
            content = changed
    return content, said
