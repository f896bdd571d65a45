"""What a model keeps from one inference to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlforge_tasks.tflite_file.model import FileGraph


def keeping(graph: FileGraph) -> tuple[str, ...]:
    """Operators that keep something, each once, in their order."""
    found = (
        each.op
        for each in graph.operators
        if each.op == "VAR_HANDLE"
        or any(index >= 0 and graph.tensors[index].is_variable for index in each.inputs)
    )
    return tuple(dict.fromkeys(found))


def is_set_once(graph: FileGraph) -> bool:
    """Whether variables are set before the first inference, which no reset does again."""
    return any(each.op == "CALL_ONCE" for each in graph.operators)
