"""Turns a proposal into the Keras source that is trained, and into its static figures.

An agent's output stops here: what goes on is a validated `Architecture`, and the source is rendered
from its numbers and from names that we make. Nothing an agent wrote is ever executed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlforge_tasks.architecture import (
    INPUT,
    Architecture,
    KMeans,
    LayerShape,
    Shape,
    StaticFigures,
    Task,
    infer_shapes,
    parse_architecture,
    static_figures,
)
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.records import Reason
from mlforge_tasks.render import render
from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TEMPLATE = "model.py.jinja"

_KERAS_CLASSES = {
    "dense": "Dense",
    "conv1d": "Conv1D",
    "depthwise_conv1d": "DepthwiseConv1D",
    "separable_conv1d": "SeparableConv1D",
    "conv2d": "Conv2D",
    "depthwise_conv2d": "DepthwiseConv2D",
    "separable_conv2d": "SeparableConv2D",
    "flatten": "Flatten",
    "dropout": "Dropout",
    "batch_norm": "BatchNormalization",
    "activation": "Activation",
    "add": "Add",
    "softmax": "Softmax",
    "k_means": "Reshape",  # what it tells is computed from what comes out
}
# Keras has a class of its own for each rank of these.
_KERAS_RANKED_CLASSES = {
    "max_pool": "MaxPooling{}D",
    "average_pool": "AveragePooling{}D",
    "global_average_pool": "GlobalAveragePooling{}D",
}
_KERAS_ARGUMENTS = {
    "units": "units",
    "filters": "filters",
    "kernel": "kernel_size",
    "size": "pool_size",
    "stride": "strides",
    "dilation": "dilation_rate",
    "padding": "padding",
    "rate": "rate",
    "activation": "activation",
}
# Keras' default of 0.99 needs thousands of batches, and a small data set's epoch has dozens.
_BATCH_NORM_MOMENTUM = 0.9
# Left out of the source where they are what Keras does anyway.
_KERAS_DEFAULTS = {("dilation", 1), ("activation", "linear")}


KIND = StageKind(
    __name__,
    ("architecture.json", "model.py", "static.json"),
    resources=("templates/model.py.jinja",),
)


@dataclass(frozen=True)
class Node:
    """One line of the rendered network.

    Attributes:
        name: Variable and layer name.
        keras_class: Class in `keras.layers`.
        arguments: Its keyword arguments.
        inputs: Variables of the nodes that feed it.
        output_shape: Without the batch axis.
        parameters: As Keras counts them.
        macs: Multiply-accumulates per inference.
    """

    name: str
    keras_class: str
    arguments: tuple[tuple[str, object], ...]
    inputs: tuple[str, ...]
    output_shape: Shape
    parameters: int
    macs: int


def _keras_class(shape: LayerShape) -> str:
    if shape.kind in _KERAS_RANKED_CLASSES:
        return _KERAS_RANKED_CLASSES[shape.kind].format(len(shape.input_shape) - 1)
    return _KERAS_CLASSES[shape.kind]


def _keras_arguments(shape: LayerShape) -> tuple[tuple[str, object], ...]:
    if shape.layer is None:
        return ()
    if shape.kind == "k_means":
        return (("target_shape", shape.output_shape),)
    if shape.kind == "batch_norm":
        return (("momentum", _BATCH_NORM_MOMENTUM),)
    fields = dict(shape.layer)
    return tuple(
        (argument, fields[field])
        for field, argument in _KERAS_ARGUMENTS.items()
        if field in fields
        and ((field, fields[field]) not in _KERAS_DEFAULTS or shape.kind == "activation")
    )


def _node(shape: LayerShape, macs: int) -> Node:
    return Node(
        name=shape.name,
        keras_class=_keras_class(shape),
        arguments=_keras_arguments(shape),
        inputs=tuple("inputs" if name == INPUT else name for name in shape.inputs),
        output_shape=shape.output_shape,
        parameters=shape.parameters,
        macs=macs,
    )


def keras_source(
    architecture: Architecture, input_shape: Shape, task: Task, output_count: int
) -> tuple[str, StaticFigures]:
    """Python source with a `build_model()`, and what the network costs.

    Args:
        architecture: The body.
        input_shape: Shape of one input, without the batch axis.
        task: `classification` gets a softmax.
        output_count: Units of the head.

    Raises:
        CandidateFailure: The architecture is not valid for this input.
    """
    shapes = infer_shapes(architecture, input_shape, task, output_count)
    figures = static_figures(architecture, input_shape, task, output_count)
    clusters = [one.clusters for one in architecture.layers if isinstance(one, KMeans)]
    macs = dict.fromkeys((shape.name for shape in shapes), 0)
    for layer in figures.layers:
        macs[layer.name] += layer.macs
    source = render(
        TEMPLATE,
        task=task,
        input_shape=tuple(input_shape),
        parameters=figures.parameters,
        macs=figures.macs,
        clusters=clusters[0] if clusters else 0,
        nodes=[_node(shape, macs[shape.name]) for shape in shapes],
    )
    return source, figures


def _proposal(path: Path, index: int) -> Architecture:
    candidates = json.loads(path.read_bytes())["candidates"]
    if index >= len(candidates):
        message = f"candidate {index} was asked for, the agent proposed {len(candidates)}"
        raise CandidateFailure(Reason(code="invalid_architecture", stage="render", message=message))
    return parse_architecture(candidates[index])


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `architecture.json`, `model.py` and `static.json` of one candidate."""
    architecture = _proposal(inputs["propose"] / "candidates.json", config["candidate"])
    card = DataCard.read(inputs["dataset"] / "data_card.json")
    source, figures = keras_source(architecture, card.input_shape, card.task, card.output_count)
    architecture.write(out / "architecture.json")
    (out / "model.py").write_text(source)
    figures.write(out / "static.json")


if __name__ == "__main__":
    main(run)
