"""`doit new`: a contract to start from, written by what is in a file or folder."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract import loader
from mlforge_tasks.contract.schema import SCHEMA
from mlforge_tasks.datasets._look import look
from mlforge_tasks.errors import ContractError, MlforgeError
from mlforge_tasks.graph.code_version import PROJECT_ROOT
from mlforge_tasks.render import render
from mlforge_tasks.yaml_file.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.datasets._look import Column, Look
    from mlforge_tasks.shell.request import Request

LABELS = (
    *("label", "class", "activity", "target", "state", "fault", "anomaly", "species", "gesture"),
    *("word", "digit", "y"),
)
GROUPS = (
    *("group", "subject", "user", "person", "patient", "device", "machine", "session", "record"),
    *("recording", "file"),
)
SPLITS = ("split", "set", "subset", "partition")
# Text that YAML takes for nothing else.
_PLAIN, _WORDS = re.compile(r"[A-Za-z][\w./-]*"), {"true", "false", "null"}
MOST_LABELS, MOST_FEATURES = 40, 16
# Recordings that are all as long as one another, and no longer, are examples as they are.
MOST_ROWS = 512
# Of sound, and of whatever is measured as often, some rows say nothing: an example is so long.
_FAST_S, _HEARD_S = 1 / 4000, 0.25
# What a label is called that an anomaly is not.
NORMAL = ("normal", "ok", "good", "healthy", "nominal", "inlier", "no_fault", "fault_free")
_ODD = ("anomaly", "outlier", "is_anomaly", "is_outlier")
# A model for a microcontroller, even where a board that is emulated has much more.
MOST_FLASH_BYTES, MOST_RAM_BYTES = 64 << 10, 32 << 10


def write(asked: Request) -> None:
    """Writes the contract.

    Raises:
        MlforgeError: The data cannot be read, or no contract could be made of it.
    """
    found = look(asked.data, PROJECT_ROOT)
    asked.path.write_text(contract_text(asked.path.stem, found, asked.board))
    try:
        loader.load(asked.path, PROJECT_ROOT)
    except ContractError as error:
        asked.path.unlink()
        raise MlforgeError(f"{asked.data}: no contract could be made of it: {error}") from None


def contract_text(name: str, found: Look, board: Board) -> str:
    """A commented contract for what was found in data."""
    rest = [one for one in found.columns if len(one.values) != 1]
    time = next((one for one in rest if one.interval_s is not None), None)
    split, tests = _own_split(rest)
    label = _named(rest, LABELS, most=MOST_LABELS) or _text(rest) or _flag(rest)
    group = _group([one for one in rest if one not in (label, split)], found.recordings)
    special = (time, split, label, group)
    numeric = [one for one in rest if one.numeric]
    features = [one for one in numeric if one not in special and not one.counts] or numeric
    if not features:
        raise MlforgeError(f"{found.source['path']}: no column holds numbers")
    wide = next((one for one in features if one.axes), None)
    window, target = _window(found, time, label, wide), features[-1]
    if label is None and window is None:
        features, window = _apart(features)
    shown = [wide] if wide is not None else features[:MOST_FEATURES]
    return render(
        "contract.yaml.jinja",
        name=name,
        schema=SCHEMA,
        flow=_flow,
        found=found,
        features=shown,
        left_out=[one.name for one in found.columns if one not in (*special, *shown, target)],
        wide=wide,
        label=label,
        target=target,
        time=time,
        group=group,
        split=split,
        tests=tests,
        normal=_normal(label),
        window=window,
        alone=_alone(found, label),
        target_share=round(50 + 50 / len(label.values)) if label else 0,
        half=f"{target.deviation / 2:.4g}",
        **_clock(time),
        **_limits(board),
    )


def _alone(found: Look, label: Column | None) -> bool:
    """Whether there are too few recordings for each split to have some of each label."""
    return label is not None and found.recordings <= len(label.values)


def _apart(features: list[Column]) -> tuple[list[Column], dict[str, int] | None]:
    """Inputs without the target, which in the same row would be its own answer; or a later one."""
    return (features[:-1], None) if len(features) > 1 else (features, {"length": 16, "horizon": 1})


def _own_split(columns: Sequence[Column]) -> tuple[Column | None, list[str]]:
    """The column that says what tests, and which of its values do."""
    split = _named(columns, SPLITS, most=4)
    tests = [one for one in split.values if one.lower().startswith("te")] if split else []
    return split if tests else None, tests


def _named(columns: Sequence[Column], names: Sequence[str], most: int = 10**6) -> Column | None:
    """The column of few values whose name says what it is."""
    for name in names:
        for one in columns:
            if one.name.lower() == name and (not one.values or len(one.values) <= most):
                return one if one.values else None
    return None


def _group(columns: Sequence[Column], recordings: int) -> Column | None:
    """What recordings that belong together have in common; what names each says nothing more."""
    known = [one for one in columns if (one.values or one.said) and one.said != recordings]
    ranked = [one for name in GROUPS for one in known if one.name.lower() == name]
    return ranked[0] if ranked else None


def _normal(label: Column | None) -> str | None:
    """Of the labels the one that is normal, where others are not: what an anomaly is told from."""
    if label is None:
        return None
    called = [one for one in label.values if one.lower().replace(" ", "_") in NORMAL]
    if label.values == ("0", "1") and label.name.lower() in _ODD:
        return "0"
    return called[0] if len(called) == 1 else None


def _text(columns: Sequence[Column]) -> Column | None:
    """A column of a few texts, which is likely the class."""
    found = [one for one in columns if not one.numeric and 2 <= len(one.values) <= MOST_LABELS]
    left = [one for one in found if one.name.lower() not in (*GROUPS, *SPLITS)]
    return left[-1] if left else None


def _flag(columns: Sequence[Column]) -> Column | None:
    """The last column, where it is 0 or 1 and another holds more than that."""
    flags = [one for one in columns if one.values == ("0", "1")]
    return columns[-1] if columns[-1:] == flags[-1:] and len(flags) < len(columns) else None


def _window(
    found: Look, time: Column | None, label: Column | None, wide: Column | None
) -> dict[str, int] | None:
    """How rows become examples: none where each row is one, as of images."""
    whole = found.rows / max(1, found.recordings)
    if (wide is not None and len(wide.axes) > 1) or whole < 2:
        return None
    heard = _heard_rows(time)
    if label is not None:
        alone = _alone(found, label)
        same = 0 if alone or found.length is None else found.length
        if 0 < same <= MOST_ROWS and label.runs >= same:
            return {"length": same, "stride": same}
        # A tenth of a label's rows, so that each split has some examples.
        tenth = found.rows / len(label.values) / 10 if alone else whole
        if time is None and min(label.runs, whole) < 8:
            return None
        length = max(2, min(heard or 64, int(min(label.runs, whole, tenth))))
        return {"length": length, "stride": max(1, length // 2)}
    if time is None and found.recordings == 1:
        return None
    return {"length": max(2, min(heard or 16, int(whole) // 2)), "horizon": 1}


def _heard_rows(time: Column | None) -> int | None:
    """Rows of an example of sound; None where it is none."""
    step_s = time.interval_s if time else None
    return None if step_s is None or step_s > _FAST_S else round(_HEARD_S / step_s)


def _clock(time: Column | None) -> dict[str, str | None]:
    """The interval, and how far a step may be off."""
    step_s = time.interval_s if time else None
    if step_s is None:
        return {"interval": None, "tolerance": None}
    return {"interval": _duration(step_s), "tolerance": _duration(step_s / 5)}


def _limits(board: Board) -> dict[str, Any]:
    """What may be asked of a board: no more than half of it."""
    bare = board.uart is not None and board.qemu is not None
    common = {
        "board": board,
        "platform": "baremetal" if bare else "zephyr",
        "latency": "20 ms",
    }
    if board.flash is None or board.ram is None:
        has = "no memories of its own"
        return {**common, "flash": "64 KiB", "ram": "32 KiB", "has": has}
    flash, ram = board.flash.length_bytes, board.ram.length_bytes
    return {
        **common,
        "flash": format_bytes(min(flash // 2, MOST_FLASH_BYTES)),
        "ram": format_bytes(min(ram // 2, MOST_RAM_BYTES)),
        "has": f"{format_bytes(flash)} of flash, {format_bytes(ram)} of RAM",
    }


def _duration(seconds: float) -> str:
    for length_s, unit in ((3600, "h"), (60, "min")):
        if seconds >= length_s and not seconds % length_s:
            return f"{seconds / length_s:.6g} {unit}"
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.6g} {unit}"
    return f"{seconds * 1e9:.6g} ns"


def _flow(value: Any) -> str:
    """A value as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
