"""Architectures as JSON from outside, and as one line for a table."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mlforge_tasks.architecture.graph import invalid
from mlforge_tasks.architecture.layers import Architecture, Layer, Residual
from mlforge_tasks.yaml_file.problems import A_MAPPING, explain
from mlforge_tasks.yaml_file.tree import node_of

if TYPE_CHECKING:
    from mlforge_tasks.errors import Problem

MAX_JSON_BYTES = 64 * 1024
MAX_ERRORS_SHOWN = 8

_SHORT_NAMES = {
    "depthwise_conv1d": "dw",
    "depthwise_conv2d": "dw",
    "separable_conv1d": "sep",
    "separable_conv2d": "sep",
    "max_pool": "max",
    "average_pool": "avg",
    "global_average_pool": "gap",
    "dropout": "drop",
    "batch_norm": "bn",
    "activation": "act",
}


def json_schema() -> dict[str, Any]:
    """The JSON schema of a proposal, for an agent that writes JSON."""
    return Architecture.model_json_schema()


def parse_architecture(data: object) -> Architecture:
    """Reads a proposal that comes from outside.

    Args:
        data: Decoded JSON, or its text or bytes.

    Raises:
        CandidateFailure: It is no architecture; the message lists what is wrong, each with its
            place, in words that can be handed back to whoever wrote it.
    """
    if isinstance(data, (str, bytes)):
        data = _decode(data)
    try:
        return Architecture.model_validate(data)
    except ValidationError as error:
        raise invalid(_describe(error, data)) from None


def _decode(text: str | bytes) -> object:
    if len(text) > MAX_JSON_BYTES:
        raise invalid(f"{len(text)} bytes of JSON; at most {MAX_JSON_BYTES} are read")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid(f"not JSON: {error}") from None


def _describe(error: ValidationError, data: object) -> str:
    found = explain(error, Path(), node_of(data), Architecture)
    lines = [
        f"{_place(one.field)}: found {one.found}, wanted {_wanted(one)}"
        for one in found[:MAX_ERRORS_SHOWN]
    ]
    if len(found) > MAX_ERRORS_SHOWN:
        lines.append(f"and {len(found) - MAX_ERRORS_SHOWN} more")
    return "; ".join(lines)


def _wanted(problem: Problem) -> str:
    """What would have been right, for somebody who writes JSON."""
    wanted = "a JSON object" if problem.wanted == A_MAPPING else problem.wanted
    return wanted + (f", perhaps '{problem.suggestion}'" if problem.suggestion else "")


def _place(field: str) -> str:
    """`layers[2].kernel` for `layers.2.kernel`."""
    return re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", field) or "(document)"


def brief(architecture: Architecture) -> str:
    """One line for a table: `conv1d 16k5s2 · sep 24k3 · gap · dense 16`."""
    return " · ".join(_brief_layer(layer) for layer in architecture.layers) or "head only"


def _brief_layer(layer: Layer) -> str:
    """A layer's name and size, then what is not its default (padding, activation)."""
    if isinstance(layer, Residual):
        words = [f"res({' · '.join(_brief_layer(inner) for inner in layer.layers)})"]
    else:
        words = [_SHORT_NAMES.get(layer.kind, layer.kind), _brief_size(layer.model_dump())]
    for name in ("padding", "activation"):
        value = getattr(layer, name, None)
        if value is not None and value != type(layer).model_fields[name].default:
            words.append(value)
    return " ".join(word for word in words if word)


def _brief_size(fields: dict[str, Any]) -> str:
    kernel = fields.get("kernel")
    if isinstance(kernel, tuple):
        kernel = "x".join(str(side) for side in kernel)
    sizes = (fields.get(name) for name in ("units", "filters", "rate", "clusters"))
    text = str(next((size for size in sizes if size), ""))
    text += f"k{kernel}" if kernel else ""
    text += str(fields.get("size", ""))
    for letter, name in (("s", "stride"), ("d", "dilation")):
        usual = fields.get("size", 1) if name == "stride" else 1
        if fields.get(name, usual) != usual:
            text += f"{letter}{fields[name]}"
    return text
