"""The data card: what the data is, how it is split, what its quantities and classes look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.contract.data_card import CARD, DataCard
from mlforge_tasks.contract.window import horizon_text
from mlforge_tasks.origins import Origins
from mlforge_tasks.page.quantities import features, targets
from mlforge_tasks.page.samples import samples
from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import clipped, fill
from mlforge_tasks.quantisation import Quantisation
from mlforge_tasks.yaml_file.units import format_share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.contract.data_card import SplitCard
    from mlforge_tasks.contract.window import Window
    from mlforge_tasks.page.found import Found

MOST_GROUPS = 12
RATE_FROM_S = 1.0


@dataclass(frozen=True)
class Share:
    """One class in one split.

    Attributes:
        count: Its examples.
        share: Of the split's.
        text: That in words.
    """

    count: int
    share: float
    text: str


def section(found: Found) -> Section | None:
    """What there is to know about the data; nothing before it is prepared."""
    folder = found.folder("dataset")
    if folder is None or not (folder / CARD).is_file():
        return None
    card, origins = DataCard.read(folder / CARD), Origins.read(folder)
    described = found.file(found.best, "quantise", "quantisation.json")
    quantisation = None if described is None else Quantisation.read(described)
    body = fill(
        "data.html",
        facts=list(_facts(card, origins)),
        remarks=card.remarks(),
        splits=[(one, _groups(one)) for one in card.splits],
        balance=list(_balance(card)),
        features=features(folder, card, quantisation),
        targets=targets(folder, card),
        samples=samples(folder, card, origins),
        dtype="int8" if quantisation is None else quantisation.input.dtype,
    )
    return Section("data", "Data", body)


def _facts(card: DataCard, origins: Origins | None) -> Iterator[tuple[str, str]]:
    source = card.source
    yield (
        "source",
        f"{source.name} ({source.kind})" + (f", {source.member}" if source.member else ""),
    )
    yield "licence", card.licence
    yield "task", card.task
    yield "rows", f"{card.rows:,}"
    if origins is not None:
        files, recordings = len(origins.names.files), origins.names.recordings
        counted = f"{recordings:,} recording" + ("s" if recordings > 1 else "")
        yield "recordings", f"{counted} in {files:,} file" + ("s" if files > 1 else "")
        if origins.names.groups:
            yield "groups", f"{len(origins.names.groups):,}"
    yield "an example", " x ".join(map(str, card.input_shape))
    if card.window is not None:
        yield "window", _window(card.window, card.interval_s)
    if card.interval_s is not None:
        yield "sampling", _rate(card.interval_s)
    rule = card.split_rule.model_dump(mode="json")
    parts = [f"{name} {_said(value)}" for name, value in rule.items() if name != "rule"]
    yield "split", f"{rule['rule'].replace('_', ' ')}: {'; '.join(parts)}"
    yield "calibration", f"{card.calibration_examples:,} training examples"
    yield "source's sha256", source.sha256


def _said(value: object) -> str:
    if isinstance(value, float):
        return format_share(value)
    if isinstance(value, list):
        more = f" and {len(value) - MOST_GROUPS} more" if len(value) > MOST_GROUPS else ""
        return ", ".join(clipped(str(one), 24) for one in value[:MOST_GROUPS]) + more
    return str(value)


def _window(window: Window, interval_s: float | None) -> str:
    ahead = ", ".join(horizon_text(one, interval_s) for one in window.horizons if one)
    step = "at each row" if window.stride == 1 else f"every {window.stride:,} rows"
    text = f"{window.length:,} rows, a new one {step}"
    return f"{text}; target {ahead} ahead" if ahead else text


def _rate(interval_s: float) -> str:
    """A row every so many seconds, or so many a second."""
    if interval_s >= RATE_FROM_S:
        return f"a row every {interval_s:,g} s"
    return f"{1 / interval_s:,.6g} rows a second"


def _groups(split: SplitCard) -> str:
    """The first of its groups, and how many there are."""
    return _said(list(split.groups))


def _balance(card: DataCard) -> Iterator[tuple[str, tuple[Share, ...]]]:
    """Each class with its share of each split."""
    for at, label in enumerate(card.labels):
        shares = []
        for split in card.splits:
            if split.class_counts:
                count = split.class_counts[at]
                share = count / split.examples if split.examples else 0.0
                shares.append(Share(count, share, format_share(share)))
        if shares:
            yield label, tuple(shares)
