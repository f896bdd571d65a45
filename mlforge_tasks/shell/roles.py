"""What each column of data likely is, by its name and values: for a contract to start from."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.shell.first_window import alone, first_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.datasets._column import Column
    from mlforge_tasks.datasets._look import Look

LABELS = (
    *("label", "labels", "class", "activity", "target", "state", "fault", "anomaly", "species"),
    *("gesture", "failure", "condition", "status", "word", "digit", "y"),
)
GROUPS = (
    *("group", "subject", "user", "person", "patient", "device", "machine", "session", "record"),
    *("recording", "file"),
)
SPLITS = ("split", "set", "subset", "partition")
FLAGS = (("0", "1"), ("0.0", "1.0"))
# Words of a name; a text that is a date or a time of day.
_WORD, _TIME = re.compile("[a-z]{2,}"), re.compile(r"[\d\s:/.,+-]+([ap]m)?", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d+(\.0*)?|\D*")
MOST_LABELS, MOST_FEATURES = 40, 64
# One to train, one to validate and one to test; of fewer than five a fifth is one of few labels.
_LEAST_GROUPS, _FEW_GROUPS = 3, 5
# What a label is called that an anomaly is not.
NORMAL = ("normal", "ok", "good", "healthy", "nominal", "inlier", "no_fault", "fault_free")
_ODD = {"anomaly", "outlier"}
# A quantity that is missing more often would take most examples with it.
_MOST_MISSING = 0.5
# An array with two axes as long as these is a grey image, not a series.
_LEAST_PIXELS, _MOST_UNLIKE = 16, 2


@dataclass(frozen=True)
class Roles:
    """What the columns are.

    Attributes:
        features: Inputs.
        wide: The only input, where it has axes of its own.
        left_out: Names of what is used for nothing.
        label: The class; None for regression.
        normal: The one of its values that an anomaly is not.
        target: What is foretold where there is no class.
        time: When rows were measured.
        group: What recordings belong to.
        split: What says which rows test.
        tests: Its values that do.
        validates: Its values that say which rows validate, where it has some.
        window: How rows become examples.
        alone: Whether labels are in too few recordings for each split to have some.
    """

    features: tuple[Column, ...]
    wide: Column | None
    left_out: tuple[str, ...]
    label: Column | None
    normal: str | None
    target: Column
    time: Column | None
    group: Column | None
    split: Column | None
    tests: tuple[str, ...]
    validates: tuple[str, ...]
    window: dict[str, int] | None
    alone: bool


def roles_of(found: Look) -> Roles:
    """Guesses what the columns are.

    Raises:
        MlforgeError: There is nothing to learn from, or nothing to learn.
    """
    rest = [one for one in found.columns if len(one.values) != 1]
    clocks = [one for one in rest if one.interval_s is not None]
    time = _time(clocks)
    split, tests, validates = _own_split(rest)
    label = _named(_classes(rest), LABELS, MOST_LABELS) or _text(rest) or _flag(rest)
    group = _group([one for one in rest if one is not label], found.recordings, split)
    features = _features(found, label, (*clocks, split, group))
    wide = _wide(found, features, label)
    target = next((one for one in features if one.whole), features[-1])
    window = first_window(found, time, label or (target if target.whole else None), wide)
    if target.whole:
        features = [one for one in features if not one.whole]
    elif label is None and window is None:
        features, window = _apart(features)
    shown = (wide,) if wide is not None else tuple(features[:MOST_FEATURES])
    used = {one.name for one in (time, split, label, group, target, *shown) if one is not None}
    return Roles(
        features=shown,
        wide=wide,
        left_out=tuple(one.name for one in found.columns if one.name not in used),
        label=label,
        normal=_normal(label),
        target=target,
        time=time,
        group=group,
        split=split,
        tests=tests,
        validates=validates,
        window=window,
        alone=alone(label) and (window is None or window["length"] != found.length),
    )


def _features(found: Look, label: Column | None, others: Sequence[Column | None]) -> list[Column]:
    """What may be an input: no clock or number of the row, unless there is nothing else.

    Raises:
        MlforgeError: There is none.
    """
    numeric = [one for one in found.columns if one.numeric and len(one.values) != 1]
    numeric = [one for one in numeric if one is not label and one.missing <= _MOST_MISSING]
    features = [one for one in numeric if one not in others and not one.counts] or numeric
    if not features:
        beside = f" beside the label '{label.name}'" if label else ""
        raise MlforgeError(f"{found.source['path']}: no column holds numbers{beside}")
    return features


def _time(clocks: Sequence[Column]) -> Column | None:
    """The first that never goes back; of the others no time of day, which does at midnight."""
    days = [one for one in clocks if not (one.format or "").startswith(("%H", "%I"))]
    ahead = [one for one in clocks if not one.goes_back]
    return next(iter((*ahead, *days)), None)


def _wide(found: Look, features: Sequence[Column], label: Column | None) -> Column | None:
    """An array that is the only input.

    Raises:
        MlforgeError: It is an image, and there is nothing to tell of it.
    """
    wide = next((one for one in features if one.axes), None)
    if wide is not None and len(wide.axes) == 2:
        short, long = sorted(wide.axes)
        if short >= _LEAST_PIXELS and long <= _MOST_UNLIKE * short:
            wide = replace(wide, axes=(*wide.axes, 1))
    if label is None and wide is not None and len(wide.axes) > 1:
        raise MlforgeError(
            f"{found.source['path']}: nothing says what each {wide.name} is",
            hint="put those of each label into a folder of its own, or begin their names with it, "
            "as in ok_01.png",
        )
    return wide


def _apart(features: list[Column]) -> tuple[list[Column], dict[str, int] | None]:
    """Inputs without the target, which in the same row would be its own answer; or a later one."""
    return (features[:-1], None) if len(features) > 1 else (features, {"length": 16, "horizon": 1})


def _own_split(
    columns: Sequence[Column],
) -> tuple[Column | None, tuple[str, ...], tuple[str, ...]]:
    """The column that says what tests, and which of its values do, and which validate."""
    split = _named([one for one in columns if _called(one, "te")], SPLITS, most=4)
    return (None, (), ()) if split is None else (split, _called(split, "te"), _called(split, "val"))


def _called(column: Column, beginning: str) -> tuple[str, ...]:
    return tuple(one for one in column.values if one.lower().startswith(beginning))


def _named(columns: Sequence[Column], names: Sequence[str], most: int) -> Column | None:
    """The column of few values whose name says what it is, or has a word that does."""
    few = [one for one in reversed(columns) if one.values and len(one.values) <= most]
    whole = {one.name.lower(): one for one in few}
    words = {word: one for one in few for word in _WORD.findall(one.name.lower())}
    found = (known.get(name) for known in (whole, words) for name in names)
    return next((one for one in found if one is not None), None)


def _classes(columns: Sequence[Column]) -> list[Column]:
    """Those whose values may be classes: texts, or whole numbers."""
    return [one for one in columns if not one.numeric or all(map(_WHOLE.fullmatch, one.values))]


def _group(columns: Sequence[Column], recordings: int, split: Column | None) -> Column | None:
    """What recordings that belong together have in common; what names each says nothing more."""
    least = _FEW_GROUPS if split else _LEAST_GROUPS
    known = [
        one
        for one in columns
        if (one.said or len(one.values)) >= least and one.said != recordings and one is not split
    ]
    ranked = [one for name in GROUPS for one in known if one.name.lower() == name]
    return ranked[0] if ranked else None


def _normal(label: Column | None) -> str | None:
    """Of the labels the one that is normal, where others are not: what an anomaly is told from."""
    if label is None:
        return None
    called = [one for one in label.values if one.lower().replace(" ", "_") in NORMAL]
    if label.values in FLAGS and _ODD & {*_WORD.findall(label.name.lower())}:
        return label.values[0]
    return called[0] if len(called) == 1 else None


def _text(columns: Sequence[Column]) -> Column | None:
    """A column of a few texts that are no times, which is likely the class."""
    found = [one for one in columns if not one.numeric and 2 <= len(one.values) <= MOST_LABELS]
    named = [one for one in found if one.name.lower() not in (*GROUPS, *SPLITS)]
    left = [one for one in named if not all(map(_TIME.fullmatch, one.values))]
    return left[-1] if left else None


def _flag(columns: Sequence[Column]) -> Column | None:
    """The last column, where it is 0 or 1 and another holds more than that."""
    columns = [one for one in columns if not one.said]
    flags = [one for one in columns if one.values in FLAGS]
    return columns[-1] if columns[-1:] == flags[-1:] and len(flags) < len(columns) else None
