"""A loaded source to arrays and their data card."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.contract.data_card import (
    CARD,
    EXAMPLES_CARD,
    SPLITS,
    ArrayCard,
    DataCard,
    FeatureCard,
    SplitCard,
)
from mlforge_tasks.contract.dataset import (
    CALIBRATION_COUNT,
    CLASS_CALIBRATION_COUNT,
    ComputedScaling,
)
from mlforge_tasks.datasets import _baselines, _scaling
from mlforge_tasks.datasets._classes import class_counts
from mlforge_tasks.datasets._examples import (
    ONE_ROW,
    Examples,
    Rows,
    make_examples,
    read_rows,
    streams,
)
from mlforge_tasks.datasets._findings import findings
from mlforge_tasks.datasets._origins import origins
from mlforge_tasks.datasets._split import LEFT_OUT
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.records import canonical_json, sha256_bytes
from mlforge_tasks.windows import ROWS, covered, guess_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import BaselineRule, Split
    from mlforge_tasks.contract.dataset import DatasetSpec
    from mlforge_tasks.contract.target import Channel, Output
    from mlforge_tasks.datasets import Loaded
    from mlforge_tasks.origins import Origins

    Splits = Mapping[Split, Examples]


@dataclass(frozen=True)
class Prepared:
    """What the dataset stage writes: arrays by name, what needs no model, the card, and sources."""

    arrays: Mapping[str, NDArray[Any]]
    guesses: Mapping[tuple[BaselineRule, Split], NDArray[np.float32]]
    card: DataCard
    origins: Origins

    def write(self, out: Path) -> None:
        """Writes the card, the same without text, each array as a `.npy` file, and the origins."""
        for name, array in self.arrays.items():
            np.save(out / f"{name}.npy", array, allow_pickle=False)
        for (rule, split), array in self.guesses.items():
            np.save(out / guess_file(rule, split), array, allow_pickle=False)
        self.origins.write(out)
        self.card.write(out / CARD)
        self.card.without_text().write(out / EXAMPLES_CARD)


def prepare(spec: DatasetSpec, loaded: Loaded, *, in_streams: bool = False) -> Prepared:
    """Cuts examples, splits, normalises and describes a data set.

    Args:
        spec: What the contract says of it.
        loaded: The source.
        in_streams: Whether it is to be told which examples go on with the one before.

    Raises:
        MlforgeError: The data is not as the contract says.
    """
    table, rows = loaded.table, read_rows(spec, loaded.table)
    splits = make_examples(spec, table, rows)
    train = splits["train"]
    chosen = calibration_examples(spec, train.y, table.where)
    window = spec.window or ONE_ROW
    found = _scaling.measure(rows.features, covered(train.starts, table.rows, window.length))
    inputs = _scaling.fit(spec.scaling, found)
    told = findings(spec, window, loaded, rows, (one.starts for one in splits.values()))
    inputs.apply(rows.features)  # from here on all inputs are normalised
    arrays = _arrays(rows, splits, chosen, window.stride if in_streams else None)
    guesses = _baselines.without_model(spec, splits, inputs)
    card = DataCard(
        **_interface(spec, train, found, inputs),
        rows=table.rows,
        left_out=int(np.count_nonzero(rows.split == LEFT_OUT)),
        splits=tuple(_split_card(spec, rows, name, splits[name]) for name in SPLITS),
        calibration_examples=len(chosen),
        split_rule=spec.split,
        window=spec.window,
        interval_s=None if spec.time is None else spec.time.interval_s,
        baselines=(),
        **_digests(arrays),
        licence=spec.licence,
        source=loaded.card,
        **told,
    )
    baselines = tuple(_baselines.told(guesses, splits, card))
    card = card.model_copy(update={"baselines": baselines})
    return Prepared(arrays, guesses, card, origins(table, rows.groups))


def _interface(
    spec: DatasetSpec,
    train: Examples,
    found: _scaling.Statistics,
    inputs: _scaling.Normalisation,
) -> dict[str, Any]:
    """The card's fields about what goes in and comes out."""
    target = spec.target
    aims = None if target.labels else _scaling.measure(train.y)
    outputs = aims and _scaling.fit(ComputedScaling(rule="standard"), aims)
    return {
        "task": spec.task,
        "input_shape": train.x.shape,
        "output_count": spec.output_count(train.x.shape),
        "labels": target.classes,
        "features": _feature_cards(spec.inputs.features, found),
        "outputs": _feature_cards(spec.outputs, aims) if aims else (),
        "input_mean": inputs.mean.tolist(),
        "input_scale": inputs.scale.tolist(),
        "target_mean": outputs.mean.tolist() if outputs else (),
        "target_scale": outputs.scale.tolist() if outputs else (),
    }


def _digests(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """The card's fields about the files."""
    listed = [
        ArrayCard(
            name=name,
            shape=array.shape,
            dtype=str(array.dtype),
            sha256=_npy_digest(array),
        )
        for name, array in arrays.items()
    ]
    digest = sha256_bytes(canonical_json([one.model_dump(mode="json") for one in listed]))
    return {"arrays": tuple(listed), "digest": digest}


def _arrays(
    rows: Rows, splits: Splits, calibration: NDArray[np.int64], stride: int | None
) -> dict[str, NDArray[Any]]:
    """The files as `windows.read` and `windows.read_targets` find them.

    Args:
        rows: What was read.
        splits: Examples.
        calibration: Which of the training examples calibrate.
        stride: From one example to the next; None where each is one for itself.
    """
    arrays: dict[str, NDArray[Any]] = {ROWS: rows.features}
    for name in SPLITS:
        arrays[f"{name}_starts"] = splits[name].starts
        arrays[f"{name}_y"] = splits[name].y
        if stride is not None:
            arrays[f"{name}_anew"] = streams(rows, splits[name].starts, stride)
    arrays["calibration_starts"] = splits["train"].starts[calibration]
    return arrays


def calibration_examples(spec: DatasetSpec, targets: NDArray[Any], where: str) -> NDArray[np.int64]:
    """Which training examples calibrate, in their order.

    Args:
        spec: The data set's.
        targets: The training examples': [N] classes, [N, labels] or [N, outputs].
        where: The source, for messages.

    Raises:
        MlforgeError: The contract wants more than there are.
    """
    examples = len(targets)
    count = spec.calibration.count or min(CALIBRATION_COUNT, examples)
    if count > examples:
        raise MlforgeError(
            f"{where}: dataset.calibration.count: found {count}, wanted at most {examples}, the "
            "number of training examples",
            hint="leave it out: by default as many as there are calibrate, at most "
            f"{CALIBRATION_COUNT}",
        )
    drawn = np.random.default_rng(spec.calibration.seed).permutation(examples)
    if spec.target.labels:
        drawn = _rare_first(drawn, targets, count)
    return np.sort(drawn[:count])


def _rare_first(drawn: NDArray[np.int64], targets: NDArray[Any], count: int) -> NDArray[np.int64]:
    """The first few of each class, then the others.

    What a model is to tell from all else is often larger than all else: without it in the int8
    ranges, every example of a rare class stands at their end.
    """
    axis = 0 if targets.ndim > 1 else None  # equal rows are slower to find
    _, kinds = np.unique(targets[drawn], axis=axis, return_inverse=True)
    by_kind = np.argsort(kinds, kind="stable")
    ordered = kinds[by_kind]
    place = np.empty_like(by_kind)  # of each among its own, as they were drawn
    place[by_kind] = np.arange(len(drawn)) - np.searchsorted(ordered, ordered)
    few = place < min(CLASS_CALIBRATION_COUNT, count // (2 + 2 * kinds.max(initial=0)))
    return np.concatenate((drawn[few], drawn[~few]))


class _Hashing(io.RawIOBase):
    """A file that keeps nothing but the digest of what is written to it."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return len(data)


def _npy_digest(array: NDArray[Any]) -> str:
    """sha256 of the file that `numpy.save` makes, of which it has a part in memory at a time."""
    stream = _Hashing()
    np.save(stream, array, allow_pickle=False)
    return stream.digest.hexdigest()


def _feature_cards(
    channels: tuple[Channel | Output, ...], found: _scaling.Statistics
) -> tuple[FeatureCard, ...]:
    ranges = zip(channels, found.low.tolist(), found.high.tolist(), strict=True)
    return tuple(
        FeatureCard(name=channel.name, unit=channel.unit, minimum=low, maximum=high)
        for channel, low, high in ranges
    )


def _split_card(spec: DatasetSpec, rows: Rows, name: Split, examples: Examples) -> SplitCard:
    span = (spec.window or ONE_ROW).span
    groups = [] if rows.groups is None else sorted(set(rows.groups[examples.starts].tolist()))
    classes = len(spec.target.classes)
    return SplitCard(
        name=name,
        examples=len(examples.starts),
        rows=int(covered(examples.starts, len(rows.split), span).sum()),
        class_counts=class_counts(examples.y, classes) if classes else (),
        groups=tuple(groups),
    )
