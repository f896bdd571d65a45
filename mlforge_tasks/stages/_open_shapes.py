"""Shapes of what a model file computes for one example, as TensorFlow Lite finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.graph import shortage
from mlforge_tasks.tflite_file.model import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.stages._several import Wanted

    Shape = tuple[int, ...]


def shapes_of(content: bytes, tensorflow: Any, wanted: Wanted) -> Mapping[int, Shape]:
    """By place of a tensor; nothing where TensorFlow Lite does not run the model.

    Args:
        content: The model.
        tensorflow: The module.
        wanted: An input that the file leaves open takes the shape of the data set's examples.
    """
    lite = tensorflow.lite
    try:
        runs = lite.Interpreter(
            model_content=content,
            experimental_op_resolver_type=(
                lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            ),
            experimental_preserve_all_tensors=True,
            num_threads=1,
        )
        inputs = runs.get_input_details()
        if len(inputs) == 1:
            runs.resize_tensor_input(inputs[0]["index"], _resized(inputs[0], wanted))
        runs.allocate_tensors()
        for one in runs.get_input_details():
            runs.set_tensor(one["index"], tensorflow.zeros(one["shape"], one["dtype"]).numpy())
        runs.invoke()
        return {at: tuple(map(int, runs.get_tensor(at).shape)) for at in _computed(content)}
    except (RuntimeError, ValueError) as error:  # an operator it lacks, shapes that do not fit
        shortage.refuse(error, "running the .tflite file")
        print(f"TensorFlow Lite does not run the file: {error}", flush=True)
        return {}


def _resized(source: Mapping[str, Any], wanted: Wanted) -> list[int]:
    """The shape of an input, with the data set's where the file leaves it open."""
    known, open_ones = list(map(int, source["shape"])), list(source["shape_signature"])
    *sides, channels = wanted.card.input_shape
    example = (channels, *sides) if wanted.layout == "nchw" else (*sides, channels)
    if len(open_ones) != len(known) or len(known) != 1 + len(example):
        return known
    sizes = zip(known, open_ones, (1, *example), strict=True)
    return [size if found < 0 else one for one, found, size in sizes]


def _computed(content: bytes) -> list[int]:
    graph = read(content).main
    made = {index for one in graph.operators for index in one.outputs}
    return sorted(made.union(graph.inputs))
