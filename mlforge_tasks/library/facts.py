"""What a library says of its model and its task, and the examples that it tests itself with."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from mlforge_tasks.contract.window import horizon_text
from mlforge_tasks.library.words import comment, enumerators
from mlforge_tasks.quantisation import (
    ITEM_BYTES,
    JoinedOutputs,
    TensorQuantisation,
    score_unit,
    score_weights,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.contract.data_card import DataCard, FeatureCard
    from mlforge_tasks.quantisation import Joined, JoinedInputs, Quantisation
    from mlforge_tasks.verdict.decision import Decision


# Of a library's files, for its README. What `tflm` runs on is not among them.
_OURS = (
    ("the weights in `src`", "yours: `LicenseRef-model`"),
    ("the examples in the self-test", "the data set's: `LicenseRef-data`"),
    ("all else, generated code included", "Apache-2.0"),
)
_LICENCES = {
    "aot": _OURS,
    "tflm": (
        *_OURS,
        ("TensorFlow Lite Micro, with FlatBuffers, gemmlowp and ruy (not here)", "Apache-2.0"),
        ("CMSIS-NN, on Cortex-M (not here)", "Apache-2.0"),
    ),
}


@dataclass(frozen=True)
class Golden:
    """Examples of the test split, all of them as lists that a template prints.

    Attributes:
        inputs: Quantised, one list an example, in the order of the model.
        outputs: What the reference gives for them.
        scores: Of task anomaly, how far off each is; else empty.
        decisions: What a detector makes of them; else empty.
        example: Readings in the sensor's units that quantise to the first of the inputs.
        anew: Of a model that keeps its state, which inputs begin a stream; else empty.
        value: What the library tells of it as floats.
        computed_by: What gave the outputs.
    """

    inputs: Sequence[Sequence[int]]
    outputs: Sequence[Sequence[int]]
    scores: Sequence[int]
    decisions: Sequence[Sequence[int]]
    example: Sequence[float]
    value: Sequence[float]
    computed_by: str
    anew: Sequence[int] = ()


@dataclass(frozen=True)
class Facts:
    """What a library is about.

    Attributes:
        prefix: What its C names begin with.
        version: Its own.
        contract: The contract's name.
        card: The data set that the model was made for.
        quantisation: The model's.
        decision: What it decides; None where it only gives outputs.
        golden: What it tests itself with.
        streamed: Whether the model's input comes by rows.
        engine: What runs it.
        board: What it was measured on.
        zephyr_board: The same as Zephyr writes it; empty where Zephyr does not know it.
        arena_bytes: Working memory that it was found to need there.
        linux: Whether it is for a program of Linux.
    """

    prefix: str
    version: str
    contract: str
    card: DataCard
    quantisation: Quantisation
    decision: Decision | None
    golden: Golden
    streamed: bool
    engine: str
    board: str
    zephyr_board: str
    arena_bytes: int
    linux: bool = False

    def context(self) -> dict[str, object]:
        """What the templates of `templates/library` are filled in with."""
        card, window = self.card, self.card.window
        shape = self.quantisation.input.shape
        return {
            "p": self.prefix,
            "P": self.prefix.upper(),
            "version": self.version,
            "contract": comment(self.contract),
            "digest": self.quantisation.tflite_sha256,
            "about": self._about(),
            "task": card.task,
            "interval": "" if card.interval_s is None else horizon_text(1, card.interval_s),
            "window": window.length if window else 0,
            "stride": window.stride if window else 0,
            "ahead": self._ahead(),
            "readings": prod(card.input_shape),
            "streamed": (shape[0],) if self.streamed else (),
            "keeps_state": self.quantisation.keeps_state,
            "features": _quantities(card.features),
            "outputs": _quantities(card.outputs),
            "labels": [
                {"name": name, "enumerator": end}
                for name, end in zip(card.labels, enumerators(card.labels), strict=True)
            ],
            "source": comment(card.source.name),
            "licence": comment(card.licence),
            "engine": self.engine,
            "board": comment(self.board),
            "zephyr_board": self.zephyr_board,
            "arena_bytes": self.arena_bytes,
            "linux": self.linux,
            "licences": _LICENCES[self.engine],
            **self._scaling(),
            **self._judging(),
            **self._tested(),
        }

    def _about(self) -> list[str]:
        """What the library does, in lines of a comment."""
        card = self.card
        what = {
            "regression": "Foretells " + ", ".join(_with_unit(one) for one in card.outputs),
            "anomaly": "Tells what is not normal",
        }.get(card.task, "Tells " + ", ".join(card.labels))
        text = f"{what}{self._ahead() and f', {self._ahead()} ahead'}."
        return [comment(text[:160]), f"From the contract '{comment(self.contract)}'."]

    def _ahead(self) -> str:
        window = self.card.window
        ahead = window is not None and not window.named and window.horizons[0]
        return horizon_text(ahead, self.card.interval_s) if ahead else ""

    def _scaling(self) -> dict[str, object]:
        card = self.card
        return {
            "scaled": any(card.input_mean) or any(one != 1.0 for one in card.input_scale),
            "input_mean": card.input_mean,
            "input_scale": card.input_scale,
            "target_mean": card.target_mean,
            "target_scale": card.target_scale,
            "parts": _parts(self.quantisation.input, card.input_shape),
            # Whatever is beyond it is beyond the input's ends, wherever the zero point is.
            "reach": 4 << (8 * ITEM_BYTES[self.quantisation.input.dtype] - 1),
            "input": _end(self.quantisation.input),
            "output": _end(self.quantisation.output),
        }

    def _judging(self) -> dict[str, object]:
        anomaly = self.card.task == "anomaly"
        return {
            "decision": self.decision,
            "centroids": self.quantisation.centroids,
            "score": score_weights(self.quantisation) if anomaly else None,
            "score_unit": score_unit(self.quantisation) if anomaly else 0.0,
        }

    def _tested(self) -> dict[str, object]:
        golden = self.golden
        fields = {"regression": "value", "anomaly": ""}
        return {
            "golden": golden.inputs,
            "expected": golden.outputs,
            "scores": golden.scores,
            "decisions": golden.decisions,
            "example": golden.example,
            "example_value": golden.value,
            "value_field": fields.get(self.card.task, "probability"),
            "computed_by": golden.computed_by,
            "anew": golden.anew,
        }


def _end(end: TensorQuantisation | Joined) -> dict[str, object]:
    """An input, or output, or all of them one behind the other."""
    most = (1 << (8 * ITEM_BYTES[end.dtype] - 1)) - 1
    parts = [one for _, one in end.judged] if isinstance(end, JoinedOutputs) else []
    single = end if isinstance(end, TensorQuantisation) else None
    return {
        "type": f"{end.dtype}_t",
        "bytes": end.bytes,
        "elements": prod(end.shape),
        "scale": single.scale if single else 1.0,
        "zero_point": single.zero_point if single else 0,
        "single": single is not None,
        "places": [at for at, _ in end.judged] if isinstance(end, JoinedOutputs) else [],
        "scales": [one.scale for one in parts],
        "zero_points": [one.zero_point for one in parts],
        "least": -most - 1,
        "most": most,
    }


def _parts(
    end: TensorQuantisation | JoinedInputs, shape: tuple[int, ...]
) -> list[dict[str, object]]:
    """Inputs that take readings in another order than they come, or some of them.

    Args:
        end: The model's.
        shape: Of an example, features last.
    """
    places, features = prod(shape[:-1]), tuple(range(shape[-1]))
    if isinstance(end, TensorQuantisation):
        return [_part(end, features, 0, places)] if end.channels_first else []
    row = places // shape[0]
    skipped = (0 if one.rows is None else shape[0] - one.rows for one in end.parts)
    return [
        _part(one, one.features, first * row, places - first * row)
        for one, first in zip(end.parts, skipped, strict=True)
    ]


def _part(
    tensor: TensorQuantisation, features: tuple[int, ...], first: int, places: int
) -> dict[str, object]:
    return {
        "name": comment(tensor.name),
        "features": features,
        "first": first,
        "places": places,
        "channels_first": int(tensor.channels_first),
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
    }


def _with_unit(quantity: FeatureCard) -> str:
    return f"{quantity.name} in {quantity.unit}" if quantity.unit else quantity.name


def _quantities(cards: Sequence[FeatureCard]) -> list[dict[str, str]]:
    ends = enumerators(one.name for one in cards)
    return [
        {
            "enumerator": end,
            "name": one.name,
            "unit": one.unit,
            "text": comment(_with_unit(one)),
        }
        for one, end in zip(cards, ends, strict=True)
    ]
