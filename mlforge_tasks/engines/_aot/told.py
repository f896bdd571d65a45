"""What the engine refuses, in the words of the tool that a model was written with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.advice import ELSEWHERE, INSTEAD
from mlforge_tasks.engines._aot.importer import names_of
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.origin import origin_of

if TYPE_CHECKING:
    from mlforge_tasks.tflite_file.model import FileModel
    from mlforge_tasks.tflite_file.origin import Origin

# As `failure.unsupported` is given an operator.
_OPERATOR = re.compile(r"(?P<op>[A-Z0-9_]+|custom operator '[^']*') '(?P<name>l\d+_\w*)'")


def told(failure: CandidateFailure, tflite: bytes) -> CandidateFailure:
    """The same failure, with the layer that the user wrote and what that tool has instead.

    Args:
        failure: Of an operator that `failure.unsupported` names.
        tflite: The model.
    """
    model = read(tflite)
    origin = origin_of(model)
    message = failure.reason.message
    found = _OPERATOR.search(message)
    if found is None or not origin.tool:
        return failure
    usual = INSTEAD.get(found["op"], "")
    message = message.replace(usual, ELSEWHERE.get(origin.tool, {}).get(found["op"], usual))
    layer = _layer(found["name"], model, origin)
    message += f"; it comes from {layer}" if layer else ""
    return CandidateFailure(failure.reason.model_copy(update={"message": message}))


def _layer(name: str, model: FileModel, origin: Origin) -> str:
    """The user's layer: of the operator's tensors the first that tells one, outputs first."""
    tensors = names_of(model).get(name, ())
    return next((layer for layer in map(origin.layer, tensors) if layer), "")
