"""Whether a design that a contract gives fits its data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlforge_tasks.architecture import Architecture, infer_shapes
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.yaml_file import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.architecture.layers import Layers
    from mlforge_tasks.contract.dataset import DatasetSpec

# Of `layers[2].layers[0] (conv1d) needs …`.
_PLACE = re.compile(r"(layers\[\d+\]\.?)+")


def misfits(layers: Layers | None, dataset: DatasetSpec | None) -> Iterator[Mistake]:
    """The mistake of `search.architecture`, if shapes are known and do not work out."""
    shape = None if dataset is None else dataset.input_shape
    if dataset is None or shape is None or layers is None:
        return
    count = dataset.output_count(shape)
    try:
        infer_shapes(Architecture(layers=layers), shape, dataset.task, count)
    except CandidateFailure as failure:
        message = failure.reason.message
        place = _PLACE.match(message)
        parts = re.findall(r"\w+", place[0])[1:] if place else []
        at = tuple(int(part) if part.isdigit() else part for part in parts)
        wanted = f"layers that fit the data's {shape}: {message}"
        yield Mistake(wanted, at=("architecture", *at))
