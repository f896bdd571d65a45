"""Has int8 or int16 do what a file does in float between DEQUANTIZE and QUANTIZE.

A quantiser that has no rule for an operator leaves it in float: LiteRT's (ai-edge-quantizer) what
only moves values, as EXPAND_DIMS and SPACE_TO_BATCH_ND; and any that is told to, SOFTMAX and the
like. What moves values is the same in integers. An operator whose scale at the output the
reference prescribes is followed by a QUANTIZE from that to the file's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlforge_tasks.tflite_file.edit import Edit
from mlforge_tasks.tflite_file.integers import PRESCRIBED, alike, is_plain, like, made_of, told
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.origin import origin_of

if TYPE_CHECKING:
    from mlforge_tasks.tflite_file.model import FileGraph, FileOperator

# Of these no engine makes a table.
_PICKS = {"BATCH_TO_SPACE_ND", "REDUCE_MAX", "REDUCE_MIN", "SPACE_TO_BATCH_ND", "TILE"}
# What moves values, or picks one of them, is the same in integers.
_COPIES = _PICKS | {
    "BROADCAST_TO",
    "DEPTH_TO_SPACE",
    "EXPAND_DIMS",
    "RESHAPE",
    "SLICE",
    "SPACE_TO_DEPTH",
    "SQUEEZE",
    "STRIDED_SLICE",
    "TRANSPOSE",
}


def _readers(graph: FileGraph, tensor: int) -> list[int]:
    """Of its values: a shape is what it was."""
    return [
        at for at, one in enumerate(graph.operators) if tensor in one.inputs and one.op != "SHAPE"
    ]


def _chain(graph: FileGraph, first: int, source: int) -> list[int]:
    """What is done to a float tensor, one behind the other, and QUANTIZE; empty if anything else.

    Args:
        graph: The graph.
        first: The operator that reads it.
        source: The tensor.
    """
    chain, at, tensor = [], first, source
    while True:
        operator = graph.operators[at]
        chain.append(at)
        if operator.inputs.count(tensor) != 1 or operator.inputs[0] != tensor:
            return []
        if len(operator.outputs) != 1:
            return []
        (tensor,) = operator.outputs
        if operator.op == "QUANTIZE":
            return chain if len(chain) > 1 and is_plain(graph.tensors[tensor], real=False) else []
        following = _readers(graph, tensor)
        known = operator.op in _COPIES or operator.op in PRESCRIBED
        plain = is_plain(graph.tensors[tensor], real=True) and tensor not in graph.outputs
        if not known or not plain or len(following) != 1:
            return []
        (at,) = following


def _in_integers(edit: Edit, graph: FileGraph, chain: list[int], source: int) -> bool:
    """Whether a chain is now computed from what DEQUANTIZE reads."""
    *inner, last = chain
    tensor, target = graph.tensors[source], graph.operators[last].outputs[0]
    tensors = {}
    for at in inner:
        made = made_of(graph.operators[at].op, tensor)
        if made is None:
            return False
        index = graph.operators[at].outputs[0]
        tensors[index] = tensor = like(graph.tensors[index], made)
    same = alike(tensor, graph.tensors[target]) and tensor.shape == graph.tensors[target].shape
    # Of int8 the engine has a table with the very steps of what is done in float.
    moved = all(graph.operators[at].op in _COPIES - _PICKS for at in inner)
    if (moved and not same and tensor.dtype == "int8") or (
        tensor.dtype != graph.tensors[target].dtype
    ):
        return False
    first = graph.operators[inner[0]]
    edit.operators[inner[0]] = replace(first, inputs=(source, *first.inputs[1:]))
    if same:
        end = edit.operators.get(inner[-1]) or graph.operators[inner[-1]]
        edit.operators |= {inner[-1]: replace(end, outputs=(target,)), last: None}
        del tensors[end.outputs[0]]
    edit.tensors |= tensors
    return True


def _from_integers(edit: Edit, graph: FileGraph, conversion: FileOperator) -> list[FileOperator]:
    """What read floats that a DEQUANTIZE made, and is now computed from what that reads."""
    source, real = conversion.inputs[0], conversion.outputs[0]
    changed: list[FileOperator] = []
    for at, reader in enumerate(graph.operators):
        if real not in reader.inputs:
            continue
        if reader.op == "SHAPE":
            edit.operators[at] = replace(reader, inputs=(source,))
            continue
        chain = _chain(graph, at, real)
        if chain and _in_integers(edit, graph, chain, source):
            changed += [graph.operators[each] for each in chain]
    return changed


def with_integer_islands(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A model that does in integers what it did in float between them, and what is told of it.

    Where there is nothing to do it is as it was.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    model = read(content)
    graph, origin = model.main, origin_of(model)
    edit = Edit(content)
    said: tuple[str, ...] = ()
    for one in graph.operators:
        whole = one.inputs[:1] > (-1,) and len(one.outputs) == 1
        if one.op == "DEQUANTIZE" and whole:
            tensor = graph.tensors[one.inputs[0]]
            if is_plain(tensor, real=False):
                said += told(_from_integers(edit, graph, one), graph, origin, tensor.dtype)
    if not edit.operators:
        return content, ()
    edit.without_unread()
    changed = edit.written()
    return (content, ()) if changed is None else (changed, tuple(dict.fromkeys(said)))
