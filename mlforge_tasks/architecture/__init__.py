"""A network as data: what an agent may propose, its shapes, its static costs.

`layers` and `convolution` hold the records, `base` and `geometry` what they have in common; `graph`
connects them into a network with its head, `figures` sums up what that costs, `text` reads and
shows architectures. Import from here.
"""

from mlforge_tasks.architecture.convolution import (
    Conv1D,
    Conv2D,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from mlforge_tasks.architecture.figures import LayerFigures, StaticFigures, static_figures
from mlforge_tasks.architecture.geometry import Shape
from mlforge_tasks.architecture.graph import (
    INPUT,
    LayerShape,
    Score,
    Task,
    infer_shapes,
    score_of,
)
from mlforge_tasks.architecture.layers import (
    Activate,
    Architecture,
    AveragePool,
    BatchNorm,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool,
    KMeans,
    Layer,
    Layers,
    MaxPool,
    PlainLayer,
    Residual,
)
from mlforge_tasks.architecture.smallest import linear_model, smallest
from mlforge_tasks.architecture.text import brief, json_schema, parse_architecture

__all__ = [
    "INPUT",
    "Activate",
    "Architecture",
    "AveragePool",
    "BatchNorm",
    "Conv1D",
    "Conv2D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePool",
    "KMeans",
    "Layer",
    "LayerFigures",
    "LayerShape",
    "Layers",
    "MaxPool",
    "PlainLayer",
    "Residual",
    "Score",
    "SeparableConv1D",
    "SeparableConv2D",
    "Shape",
    "StaticFigures",
    "Task",
    "brief",
    "infer_shapes",
    "json_schema",
    "linear_model",
    "parse_architecture",
    "score_of",
    "smallest",
    "static_figures",
]
