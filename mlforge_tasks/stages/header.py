"""Writes `model_data.h`: what firmware in C or C++ has to know about a model."""

from __future__ import annotations

import re
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.contract.window import horizon_text
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.quantisation import (
    ITEM_BYTES,
    JoinedInputs,
    JoinedOutputs,
    Quantisation,
    TensorQuantisation,
    alone,
    score_unit,
    score_weights,
)
from mlforge_tasks.render import render
from mlforge_tasks.stages import main
from mlforge_tasks.verdict.decision import Decision, decision_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TEMPLATE = "model_data.h.jinja"
NAME_DIGITS = 12
_MOST_NAME_LENGTH = 60


KIND = StageKind(
    __name__,
    ("model_data.h",),
    resources=("templates/model_data.h.jinja",),
)


_NOT_IN_NAMES = re.compile(r"[^A-Z0-9]+")


def _tensor(tensor: TensorQuantisation, dims: tuple[int, ...]) -> dict[str, Any]:
    return {
        "parts": (),
        "bytes": tensor.bytes,
        "dims": dims,
        "dtype": tensor.dtype,
        "type": f"{tensor.dtype}_t",
        "least": -(1 << (8 * ITEM_BYTES[tensor.dtype] - 1)),
        "most": (1 << (8 * ITEM_BYTES[tensor.dtype] - 1)) - 1,
        "channels_first": tensor.channels_first,
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
    }


def _input_dims(quantisation: Quantisation, card: DataCard) -> tuple[int, ...]:
    """An example's shape in the order of the model, whatever axes of size 1 that has."""
    first = alone(quantisation.input).channels_first
    return (*card.input_shape[-1:], *card.input_shape[:-1]) if first else card.input_shape


def _ends(quantisation: Quantisation, card: DataCard) -> dict[str, dict[str, Any]]:
    """What the header says of inputs and outputs."""
    source, output = quantisation.input, quantisation.output
    return {
        "INPUT": _parts(source)
        if isinstance(source, JoinedInputs)
        else _tensor(source, _input_dims(quantisation, card)),
        "OUTPUT": _parts(output) | {"judged": output.judged}
        if isinstance(output, JoinedOutputs)
        else _tensor(output, output.shape),
    }


def _parts(end: JoinedInputs | JoinedOutputs) -> dict[str, Any]:
    sizes = [prod(one.shape) for one in end.parts]
    starts = accumulate(sizes[:-1], initial=0)
    names: list[str] = []
    for at, one in enumerate(end.parts):
        name = _NOT_IN_NAMES.sub("_", one.name.upper()).strip("_")[:_MOST_NAME_LENGTH]
        names.append(name if name and name not in names else f"{name}_{at}".strip("_"))
    parts = [
        _tensor(one, one.shape) | {"name": name, "of": one, "offset": start}
        for one, name, start in zip(end.parts, names, starts, strict=True)
    ]
    return parts[0] | {"bytes": end.bytes, "parts": parts}


def header(
    tflite: bytes, quantisation: Quantisation, card: DataCard, decision: Decision | None = None
) -> str:
    """The header's text.

    Args:
        tflite: The model.
        quantisation: Its scales and shapes.
        card: The data set that it was made for, which knows the sensor's units.
        decision: What the device decides from the outputs; None where it only gives them.
    """
    interval_s, window = card.interval_s, card.window
    ahead = window is not None and not window.named and window.horizons[0]
    return render(
        TEMPLATE,
        interval="" if interval_s is None else horizon_text(1, interval_s),
        ahead=horizon_text(ahead, interval_s) if ahead else "",
        digest=quantisation.tflite_sha256,
        name=f"mlforge-{quantisation.tflite_sha256[:NAME_DIGITS]}",
        tensors=_ends(quantisation, card),
        card=card,
        decision=decision,
        score=score_weights(quantisation) if card.task == "anomaly" else None,
        score_unit=score_unit(quantisation) if card.task == "anomaly" else None,
        centroids=quantisation.centroids,
        keeps_state=quantisation.keeps_state,
        tflite=tflite,
    )


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `model_data.h`.

    Args:
        inputs: `quantise` and `dataset`; `decide` where the device decides.
        out: Where the output goes.
        config: Nothing.
    """
    del config
    text = header(
        (inputs["quantise"] / "model.tflite").read_bytes(),
        Quantisation.read(inputs["quantise"] / "quantisation.json"),
        DataCard.read(inputs["dataset"] / "data_card.json"),
        decision_in(inputs),
    )
    (out / "model_data.h").write_text(text)


if __name__ == "__main__":
    main(run)
