"""What the page shows of a model on data is what it is judged by, and is found in the data."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlforge_tasks import windows
from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.int8 import dequantise
from mlforge_tasks.page import classes, curves, data, errors, quality, scatter
from mlforge_tasks.page.detectors import detectors
from mlforge_tasks.page.evaluated import Evaluated, input_ranges
from mlforge_tasks.page.excerpt import STRETCH, worst_stretch
from mlforge_tasks.page.page import make
from mlforge_tasks.page.quantities import MOST_LOOKED_AT, rows_of
from mlforge_tasks.page.worst import worst_first, wrong
from mlforge_tasks.quantisation import InputPart, JoinedInputs, Quantisation, TensorQuantisation
from tests.helpers.model_data import card
from tests.helpers.page_evaluated import forecast, pair, unasked
from tests.helpers.page_reports import HOSTILE, Parsed

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.page.found import Found

F1 = Figure(name="f1", metric="f1", output=1)
HOURLY = Figure(
    name="false_alarms_per_hour",
    metric="false_alarms_per_hour",
    output=1,
    parameter=0.5,
    example_s=2.0,
)
AUC = Figure(name="auc", metric="auc")
TASKS: dict[str, tuple[str, list[Figure], dict[str, Any]]] = {
    "classification": ("classification", [Figure(name="accuracy", metric="accuracy")], {}),
    "detection": ("classification", [F1, HOURLY], {}),
    "multilabel": ("multilabel", [Figure(name="macro_f1", metric="macro_f1")], {}),
    "anomaly": ("anomaly", [AUC], {"labels": ("normal", "anomaly")}),
    "regression": ("regression", [Figure(name="mae", metric="mae")], {}),
}
LEVELS = [10, 12, 14, 11, 13, 15, 12, 10, 60, 12, 14, 13] * 12


@pytest.fixture(scope="module")
def each(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Found]:
    """A candidate of each task."""
    return {
        name: pair(tmp_path_factory.mktemp(name), task, figures, **about)
        for name, (task, figures, about) in TASKS.items()
    }


@pytest.fixture(params=list(TASKS))
def found(request: pytest.FixtureRequest, each: dict[str, Found]) -> Found:
    """One of them."""
    return each[request.param]


def _evaluated(found: Found) -> Evaluated:
    known = Evaluated.of(found)
    assert known is not None
    return known


def test_every_task_has_its_sections_and_no_nan(found: Found) -> None:
    """The same page twice; the test split only where it was asked; nothing without folders."""
    page = make(found)
    assert page == make(found)
    text = Parsed(page).text
    assert "nan" not in text.lower().split()
    assert "The test split was asked of 2 candidates." in text
    assert "The test split is not shown" in Parsed(make(unasked(found))).text
    assert len(_evaluated(unasked(found)).parts) == 1


@pytest.mark.parametrize("found", ["classification", "detection"], indirect=True)
def test_the_confusion_matrix_is_that_of_the_outputs(found: Found) -> None:
    """Its cells are all examples, its diagonal the accuracy's."""
    known = _evaluated(found)
    section = classes.section(found)
    assert section is not None
    tables = section.body.split('<table class="confusion')[1:]
    for part, table in zip(known.parts, tables, strict=True):
        cells = re.findall(r'<td class="(hit|miss)"[^>]*>(\d+)', table.split("</table>")[0])
        said = np.argmax(known.outputs(part), axis=1)
        right = sum(int(count) for kind, count in cells if kind == "hit")
        assert sum(int(count) for _, count in cells) == len(part.targets) == 96
        assert right == int((said == part.targets).sum())


@pytest.mark.parametrize("found", ["detection", "anomaly"], indirect=True)
def test_the_ring_is_where_the_device_decides(found: Found) -> None:
    """Hits and false alarms at the threshold are the evaluation's, on both splits."""
    known = _evaluated(found)
    (detector,) = detectors(known)
    drawn = list(curves._curves(detector, known.parts))
    assert [one.counts for one in drawn] == [part.judged.detection for part in known.parts]
    assert all(one.chosen in one.drawn() for one in drawn)
    section = curves.section(found)
    assert section is not None
    if "false_alarms_per_hour" in known.parts[0].judged.figures:
        assert "false alarms an hour" in section.body


def test_labels_have_their_own_curves(each: dict[str, Found]) -> None:
    """Of several labels each has the recall that the evaluation tells."""
    known = _evaluated(each["multilabel"])
    drawn = [one for label in detectors(known) for one in curves._curves(label, known.parts)]
    for one in drawn:
        (same,) = [c for c in one.part.judged.classes if c.label == one.detector.label]
        assert one.counts.recall == same.recall


def test_what_is_wrong_is_what_the_figures_count(found: Found) -> None:
    """As many errors as the evaluation has, and the first is the worst of them."""
    known = _evaluated(found)
    for part in known.parts:
        severity = wrong(known, part).severity
        mistaken = int((severity > 0).sum())
        judged = part.judged
        if known.card.task == "regression":
            off = np.abs(known.outputs(part) - part.targets) / known.card.target_scale
            assert severity.argmax() == off.max(axis=1).argmax()
        elif judged.detection is not None:
            assert mistaken == judged.detection.misses + judged.detection.false_alarms
        elif known.card.task == "classification":
            assert mistaken == round(len(part.targets) * (1 - judged.figures["accuracy"]))
    section = errors.section(found)
    assert section is not None
    assert "examples are told wrong" in section.body or known.card.task == "regression"


def test_the_worst_error_is_found_in_the_file(tmp_path: Path) -> None:
    """Its lines are those of the data, its values are as they stand there."""
    found = forecast(tmp_path, LEVELS)
    known = _evaluated(found)
    part = known.parts[0]
    off = np.abs(known.outputs(part)[:, 0] - part.targets[:, 0])
    worst = int(part.windows.starts[int(off.argmax())])
    section = errors.section(found)
    assert section is not None
    first = section.body.split('<li class="card">')[1]
    assert f"data.csv:{worst + 2}-{worst + 4}" in first
    given = LEVELS[worst : worst + 3]
    assert f"{min(given)} to {max(given)} m" in first
    assert f"{LEVELS[worst + 4]} m" in first  # two rows ahead
    shown = re.findall(r"data\.csv:(\d+)-", section.body.split("<h3>")[1])
    assert np.diff(sorted(map(int, shown))).min() >= 5  # no row of one is in another


def test_the_data_card_is_in_the_units_of_the_file(tmp_path: Path) -> None:
    """Least, median and greatest of the training rows, as they stand there; the source's splits."""
    found = forecast(tmp_path, LEVELS)
    section = data.section(found)
    assert section is not None
    used = windows.read(tmp_path / "dataset", "train", 3)
    rows = LEVELS[: int(used.starts.max()) + 3]
    table = section.body.split(">Features</caption>")[1].split("</table>")[0]
    cells = re.findall(r'<td class="number">([^<]*)</td>', table)
    assert [float(one) for one in cells[:3]] == [min(rows), float(np.median(rows)), max(rows)]
    assert f"{len(used):,}" in section.body
    assert "1 recording in 1 file" in section.body


def test_targets_that_never_change_are_drawn(tmp_path: Path) -> None:
    """Also where all errors are the same: no division by nothing, and no warning."""
    page = make(forecast(tmp_path, [7] * 144))
    assert "Predicted against true" in page
    assert "nan" not in Parsed(page).text.lower().split()


def test_a_class_without_an_example_is_told(tmp_path: Path) -> None:
    """It has no recall, and a split with one class alone nothing to tell apart."""
    found = pair(tmp_path, *TASKS["classification"][:2], labels=("a", "b"))
    np.save(tmp_path / "dataset" / "validation_y.npy", np.zeros(96, np.int32))
    evaluated = _evaluated(found)
    assert [one.points(evaluated.parts[0]) for one in detectors(evaluated)] == [None]
    section = curves.section(found)
    assert section is not None
    assert "nothing to tell apart" in section.body


def test_a_model_without_an_error_is_told_as_that(tmp_path: Path) -> None:
    """Nothing is confused, and there is no worst error."""
    found = pair(tmp_path, *TASKS["classification"][:2])
    part = _evaluated(found).parts[0]
    np.save(tmp_path / "dataset" / "validation_y.npy", np.argmax(part.raw, axis=1))
    known = errors.section(unasked(found))
    assert known is not None
    assert "Of 96 examples none is told wrong." in known.body
    assert 'class="card"' not in known.body


def test_rows_of_very_many_are_spread_over_all_windows() -> None:
    """Few enough, each of an example, at every place of it; of few rows all are looked at."""
    starts = np.arange(0, MOST_LOOKED_AT * 2 - 100, 50)
    some, whole = rows_of(starts, MOST_LOOKED_AT * 2, 100)
    assert (whole, len(some) <= 20_000) == (False, True)
    assert set((some - starts[:: -(-len(starts) // 20_000)]).tolist()) == set(range(100))
    assert rows_of(starts[:3], 1000, 100)[0].tolist() == list(range(200))


def test_labels_are_text_and_nothing_else(tmp_path: Path) -> None:
    """Whatever a label holds, the page has the same elements as without it."""
    found = pair(tmp_path, "classification", [F1], labels=("other", "plain"))
    plain = _tags(found)
    files = [path for path in tmp_path.rglob("*.json") if '"plain"' in path.read_text()]
    assert {one.name for one in files} >= {"data_card.json", "evaluation.json", "decision.json"}
    texts = {path: path.read_text() for path in files}
    for name in (HOSTILE[0], HOSTILE[1], HOSTILE[5], "_hidden"):
        for path, text in texts.items():
            path.write_text(text.replace('"plain"', json.dumps(name)))
        assert _tags(found) == plain


def _tags(found: Found) -> list[str]:
    parts = [each.section(found) for each in (quality, classes, curves, errors, data)]
    return [tag for tag, _ in Parsed("".join(one.body for one in parts if one)).tags]


def test_the_worst_stretch_has_the_largest_mean_error() -> None:
    """Of all that lie within one run of examples, as trying each of them says."""
    random = np.random.default_rng(3)
    off = random.exponential(1.0, 700)
    starts = np.arange(700) * 2
    starts[333:] += 50
    found = worst_stretch(off, starts, 2)
    whole = [at for at in range(700 - STRETCH) if not at < 333 < at + STRETCH]
    worst = max(whole, key=lambda at: off[at : at + STRETCH].mean())
    assert found is not None
    assert found[0] <= worst
    assert worst + STRETCH <= found[1]
    assert not found[0] < 333 < found[1]
    assert worst_stretch(off[:10], starts[:10], 2) is None
    assert worst_stretch(off, starts * 3, 2) is None


def test_errors_that_share_rows_are_shown_once() -> None:
    """The worst of them; what is right is not shown at all."""
    severity = np.array([1.0, 5.0, 4.0, 0.0, 3.0, 0.5])
    starts = np.array([0, 2, 4, 6, 8, 40])
    assert list(worst_first(severity, starts, 6, 12)) == [1, 4, 5]
    assert list(worst_first(severity, starts, 6, 2)) == [1, 4]
    assert not list(worst_first(np.zeros(3), starts[:3], 6, 2))


def test_input_ranges_are_what_the_ends_of_the_integers_mean() -> None:
    """Of one input, and of several of which each takes some features; in the data's units."""
    about = card("regression", (4, 2), 1)
    one = TensorQuantisation(name="in", shape=(4, 2), scale=0.5, zero_point=-28)
    described = _quantisation(one)
    low, high = dequantise(np.array([-128, 127], np.int8), one) * 2.0 + 0.5
    assert list(input_ranges(described, about)) == [(low, high)] * 2
    wide = InputPart(name="a", shape=(4, 1), scale=0.1, zero_point=0, features=(1,))
    several = _quantisation(JoinedInputs(parts=(wide,)))
    (first, second) = input_ranges(several, about)
    assert first == (-np.inf, np.inf)
    assert second == pytest.approx((-128 * 0.1 * 2 + 0.5, 127 * 0.1 * 2 + 0.5))


def _quantisation(source: Any) -> Quantisation:
    out = TensorQuantisation(name="out", shape=(1,), scale=1.0, zero_point=0)
    return Quantisation(input=source, output=out, operators=(), tflite_bytes=1, tflite_sha256="0")


def test_outputs_of_a_regression_are_those_that_are_judged(each: dict[str, Found]) -> None:
    """The mean absolute error of what is drawn is the evaluation's."""
    known = _evaluated(each["regression"])
    for part in known.parts:
        for at, output in enumerate(part.judged.outputs):
            column = scatter._column(known, part, at)
            assert np.abs(column.said - column.true).mean() == pytest.approx(output.mae)
