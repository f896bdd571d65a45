"""Examples are cut from rows by the contract's rules, and nothing leaks between the splits."""

from __future__ import annotations

import itertools
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mlforge_tasks.contract.data_card import SPLITS
from mlforge_tasks.contract.split import ColumnSplit
from mlforge_tasks.contract.window import Window
from mlforge_tasks.datasets import _split
from mlforge_tasks.datasets._examples import make_examples, read_rows
from mlforge_tasks.datasets._prepare import Prepared, calibration_examples, prepare
from mlforge_tasks.datasets._split import _equal_rows
from mlforge_tasks.datasets._texts import Texts
from mlforge_tasks.datasets._windows import window_starts
from mlforge_tasks.errors import MlforgeError
from tests.helpers.datasets import FORECAST, SORTING, arrays_of, loaded, made, spec

windows = st.builds(
    Window,
    length=st.integers(1, 6),
    stride=st.integers(1, 4),
    horizon=st.integers(0, 4) | st.lists(st.integers(0, 4), min_size=1, max_size=3, unique=True),
)


@given(window=windows, breaks=st.lists(st.booleans(), min_size=1, max_size=60))
def test_windows_are_those_without_a_break(window: Window, breaks: list[bool]) -> None:
    """At stride 1 every window that spans no break is there; a stride keeps every nth of a run."""
    breaks[0] = True
    rows = len(breaks)
    run_start = [max(i for i in range(row + 1) if breaks[i]) for row in range(rows)]
    wanted = [
        start
        for start in range(rows - window.span + 1)
        if not any(breaks[start + 1 : start + window.span])
        and (start - run_start[start]) % window.stride == 0
    ]
    assert window_starts(np.array(breaks), window).tolist() == wanted


@settings(deadline=None)
@given(window=windows, rows=st.integers(60, 200), share=st.sampled_from([0.2, 0.25, 0.3]))
def test_chronological_windows_share_no_row(window: Window, rows: int, share: float) -> None:
    """No row, as input or as target, is in two splits; all of train lies before all of test."""
    split = {"rule": "chronological", "validation": share, "test": share}
    plan = spec(FORECAST, window=window.model_dump(), split=split, scaling={"rule": "none"})
    arrays = arrays_of(prepare(plan, loaded(level=np.arange(rows, dtype=np.float64))))
    seen = [
        set(arrays[f"{name}_x"].ravel().tolist()) | set(arrays[f"{name}_y"].ravel().tolist())
        for name in SPLITS
    ]
    for earlier, later in itertools.pairwise(seen):
        assert max(earlier) < min(later)
    last = arrays["test_x"][:, -1]
    assert (arrays["test_y"] == last + np.array(window.horizons)).all()


@pytest.mark.parametrize("rule", ["each_label", "each_recording"])
def test_each_label_and_each_recording_is_cut_by_itself(rule: str) -> None:
    """Its first rows train and its last test, whatever order they lie in."""
    kind = np.repeat(["cat", "dog", "cat"], [20, 50, 30])
    plan = spec(
        SORTING,
        window={"length": 3},
        split={"rule": rule, "validation": 0.2, "test": 0.2},
        scaling={"rule": "none"},
    )
    source = loaded([20, 70], a=np.arange(100.0), b=np.zeros(100), kind=kind)
    split = read_rows(plan, source.table).split
    parts = [kind == "cat", kind == "dog"]
    if rule == "each_recording":
        parts = [part & (np.arange(100) // 70 == at) for part in parts for at in (0, 1)]
    for part in parts:
        counts = np.bincount(split[part], minlength=3)
        assert split[part].tolist() == sorted(split[part])
        assert counts.tolist() == [part.sum() * share // 5 for share in (3, 1, 1)]
    for one in prepare(plan, source).card.splits:
        assert min(one.class_counts) > 0
    with pytest.raises(ValidationError, match="each_recording"):
        spec(FORECAST, split={"rule": "each_label", "validation": 0.2, "test": 0.2})


@settings(max_examples=30)
@given(
    groups=st.lists(st.integers(0, 5), min_size=40, max_size=120),
    seed=st.integers(0, 1000),
)
def test_groups_stay_whole(groups: list[int], seed: int) -> None:
    """Every group is in one split only, and no window mixes two groups or two runs of one."""
    groups = sorted(groups[:30]) + list(range(6)) * 2 + groups[30:]
    plan = spec(
        FORECAST,
        inputs={"features": [{"name": "level", "unit": "m"}, {"name": "who", "unit": "1"}]},
        group="who",
        window={"length": 1},
        split={"rule": "random_group", "validation": 0.3, "test": 0.3, "seed": seed},
        scaling={"rule": "none"},
    )
    source = loaded(level=np.arange(len(groups), dtype=float), who=groups)
    arrays = arrays_of(prepare(plan, source))
    people = [set(arrays[f"{name}_x"][:, 0, 1].tolist()) for name in SPLITS]
    assert sum(len(found) for found in people) == len(set(groups))
    longer = read_rows(spec(FORECAST, group="who", window={"length": 3}), source.table)
    for start in window_starts(longer.breaks, Window(length=3)).tolist():
        assert len(set(groups[start : start + 3])) == 1


@settings(max_examples=30)
@given(
    lengths=st.lists(st.integers(3, 9), min_size=12, max_size=30),
    seed=st.integers(0, 1000),
    label=st.booleans(),
)
def test_recordings_stay_whole(lengths: list[int], seed: int, *, label: bool) -> None:
    """Each is in one split, and each label in all of them, though a file is sorted by label."""
    split = {"rule": "random_recording", "validation": 0.25, "test": 0.25, "seed": seed}
    starts = np.cumsum([0, *lengths])[:-1]
    which = np.repeat(np.arange(len(lengths)), lengths)
    kind = np.where(which < len(lengths) // 2, "cat", "dog")
    base = {**SORTING, "window": {"length": 2}} if label else FORECAST
    plan = spec({**base, "scaling": {"rule": "none"}}, split=split, window={"length": 2})
    at = which.astype(float)
    arrays = arrays_of(prepare(plan, loaded(starts[1:], a=at, b=at, level=at, kind=kind)))
    found = [set(arrays[f"{name}_x"][..., 0].ravel().tolist()) for name in SPLITS]
    assert sum(map(len, found)) == len(set().union(*found)) == len(lengths)
    assert [len(one) for one in found[1:]] == [round(len(lengths) / 4)] * 2
    if label:
        assert all(set(arrays[f"{name}_y"].tolist()) == {0, 1} for name in SPLITS)


def test_recordings_that_are_too_few() -> None:
    """One to train on, and one for each of the others."""
    split = {"rule": "random_recording", "validation": 0.4, "test": 0.4, "seed": 1}
    with pytest.raises(MlforgeError, match=r"data\.csv: 2 recordings leave none to train on"):
        made(FORECAST, loaded([9], level=np.arange(20.0)), split=split)


def test_named_groups() -> None:
    """The named groups validate and test, all others train; the card lists them."""
    plan = spec(
        FORECAST,
        group="who",
        window={"length": 2},
        split={"rule": "group", "validation": ["7"], "test": ["3"]},
    )
    who = np.repeat([3, 10, 7, 1], 5)
    card = prepare(plan, loaded(level=np.arange(20.0), who=who)).card
    assert [(one.name, one.groups, one.examples) for one in card.splits] == [
        ("train", ("1", "10"), 8),
        ("validation", ("7",), 4),
        ("test", ("3",), 4),
    ]


@pytest.mark.parametrize("validation", [["val"], 0.25])
def test_a_split_by_a_column_is_written_as_it_is_read(validation: Any) -> None:
    """A list of values, or a share: without a warning of pydantic's on the console."""
    rule = {"rule": "column", "column": "part", "validation": validation, "test": ["test"]}
    read = ColumnSplit.model_validate(rule)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read.model_dump(mode="json") == {**rule, "seed": 1}


def test_recordings_that_two_splits_have_are_told() -> None:
    """A copied file in another split is no test; silence is like silence, and one file is alone."""
    level = np.random.default_rng(2).normal(size=40)
    level[30:35] = level[5:10]
    level[35:], level[10:15] = 0, 0
    who = np.repeat(list("abcdefgh"), 5)
    rule = {"rule": "group", "validation": ["f", "h"], "test": ["g"]}
    plan = spec(FORECAST, group="who", window={"length": 2}, split=rule)
    recorded = loaded(starts=range(5, 40, 5), level=level.copy(), who=who)
    (told,) = prepare(plan, recorded).card.warnings
    assert told.startswith(
        "1 of 8 recordings have the inputs of one in another split, such as data.csv, row 30 "
        "(test) and data.csv, row 5 (train): "
    )
    assert not prepare(plan, loaded(level=level.copy(), who=who)).card.warnings


def test_a_column_says_the_split() -> None:
    """Its values test and validate; what has others trains, and no window joins two splits."""
    part = np.array(["train"] * 6 + ["val"] * 5 + ["extra"] * 6 + ["test"] * 5)
    source = loaded(level=np.arange(22.0), part=part)
    rule = {"rule": "column", "column": "part", "validation": ["val"], "test": ["test"]}
    plan = spec(FORECAST, split=rule, scaling={"rule": "none"}, window={"length": 3})
    arrays = arrays_of(prepare(plan, source))
    first = {
        name: arrays[f"{name}_x"][:, 0, 0].tolist() for name in ("train", "validation", "test")
    }
    assert first == {
        "train": [0, 1, 2, 3, 11, 12, 13, 14],
        "validation": [6, 7, 8],
        "test": [17, 18, 19],
    }
    with pytest.raises(
        MlforgeError, match=r"no row whose column 'part' is 'tset'.*(\n.*)*extra, test, train"
    ):
        prepare(spec(FORECAST, split={**rule, "test": ["tset"]}), source)


@given(
    counts=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    share=st.floats(0.05, 0.6),
    seed=st.integers(0, 99),
)
def test_a_share_of_what_trains_validates(counts: list[int], share: float, seed: int) -> None:
    """Recordings are drawn whole, as many as asked, each class its share to within one."""
    kinds = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    units = np.repeat(np.arange(len(kinds)), 3)
    values = ["train"] * len(units) + ["test"] * 3
    rule = ColumnSplit(rule="column", column="c", validation=share, test=("test",), seed=seed)
    classes = np.append(np.repeat(kinds, 3), [0] * 3).astype(np.int32)
    split = _split.by_column(rule, Texts.of(values), np.append(units, [99] * 3), classes, "d.csv")
    assert (split[-3:] == _split.TEST).all()
    rows = split[:-3].reshape(-1, 3)
    assert (rows == rows[:, :1]).all()
    drawn = rows[:, 0] == _split.VALIDATION
    assert drawn.sum() == max(1, round(share * len(kinds)))
    for kind, count in enumerate(counts):
        assert abs(drawn[kinds == kind].sum() - drawn.mean() * count) < 1


def test_a_share_of_one_recording() -> None:
    """It cannot be drawn whole and leave some; the error says what to name."""
    columns = {"level": np.arange(20.0), "part": ["a"] * 15 + ["b"] * 5}
    rule = {"rule": "column", "column": "part", "validation": 0.4, "test": ["b"]}
    with pytest.raises(MlforgeError, match="none to train on of 1 recordings"):
        prepare(spec(FORECAST, split=rule), loaded(**columns))
    source = loaded(**columns, who=np.repeat(["x", "y", "z"], [8, 7, 5]))
    arrays = made(FORECAST, source, split=rule, group="who")
    assert {len(arrays["train_x"]), len(arrays["validation_x"])} == {4, 3}


@settings(max_examples=30)
@given(
    cells=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=40, max_size=100),
    seed=st.integers(0, 1000),
)
def test_equal_rows_stay_together(cells: list[tuple[int, int]], seed: int) -> None:
    """A random split never has the same input in two splits, even where rows repeat."""
    plan = spec(SORTING, split={**SORTING["split"], "seed": seed}, scaling={"rule": "none"})
    a, b = (np.array(column, dtype=float) for column in zip(*cells, strict=True))
    kind = np.where(a + b > 2, "cat", "dog")
    try:
        arrays = arrays_of(prepare(plan, loaded(a=a, b=b, kind=kind)))
    except MlforgeError as error:
        assert "split has no example" in str(error)  # noqa: PT017 - too few different rows
        return
    seen = [{tuple(row) for row in arrays[f"{name}_x"].tolist()} for name in SPLITS]
    assert sum(len(found) for found in seen) == len(set(cells))


@given(
    cells=st.lists(st.sampled_from([0.0, -0.0, 1.0, -2.5, 3e-45]), min_size=2, max_size=60),
    width=st.integers(1, 3),
)
def test_equal_rows_are_found_as_numpy_finds_them(cells: list[float], width: int) -> None:
    """In its order, on which drawn splits depend; 0 and -0 are equal."""
    rows = np.array(cells[: len(cells) // width * width], np.float32).reshape(-1, width)
    assume(len(rows))
    whole = (rows + np.float32(0)).view(np.dtype((np.void, 4 * width)))[:, 0]
    _, first, unit = np.unique(whole, return_index=True, return_inverse=True)
    found = _equal_rows(rows)
    assert found[0].tolist() == first.tolist()
    assert found[1].tolist() == unit.tolist()


def test_random_split_keeps_the_classes_shares() -> None:
    """Every split has its share of each class, and rows are shuffled."""
    plan = spec(SORTING)
    kind = np.repeat(["cat", "dog"], [60, 20])
    prepared = prepare(plan, loaded(a=np.arange(80.0), b=np.zeros(80), kind=kind))
    counts = {one.name: one.class_counts for one in prepared.card.splits}
    assert counts == {"train": (30, 10), "validation": (15, 5), "test": (15, 5)}
    train = arrays_of(prepared)["train_y"]
    assert train.dtype == np.int32
    assert sorted(train.tolist()) != train.tolist()


@settings(max_examples=30)
@given(
    rule=st.sampled_from(["standard", "minmax"]),
    values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=60, max_size=60),
    noise=st.lists(st.floats(-1e6, 1e6, width=32), min_size=24, max_size=24),
)
def test_training_data_knows_nothing_of_the_rest(
    rule: str, values: list[float], noise: list[float]
) -> None:
    """Other validation and test rows leave every training byte and every scale as it is."""
    plan = spec(FORECAST, scaling={"rule": rule})
    one = prepare(plan, loaded(level=values))
    other = prepare(plan, loaded(level=values[:36] + noise))
    mine, others = arrays_of(one), arrays_of(other)
    for name in ("train_x", "train_y", "calibration_x"):
        assert mine[name].tobytes() == others[name].tobytes()
    for field in ("input_mean", "input_scale", "target_mean", "target_scale"):
        assert getattr(one.card, field) == getattr(other.card, field)


@settings(max_examples=30)
@given(
    rule=st.sampled_from(["standard", "minmax", "none"]),
    values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=60, max_size=60),
)
def test_a_device_gets_the_same_bits(rule: str, values: list[float]) -> None:
    """(raw - mean) / scale in float32 with the card's figures is what lies in the arrays."""
    plan = spec(FORECAST, scaling={"rule": rule})
    source = loaded(level=values)
    prepared = prepare(plan, source)
    raw = make_examples(plan, source.table, read_rows(plan, source.table))["test"].x[:]
    mean, scale = np.float32(prepared.card.input_mean[0]), np.float32(prepared.card.input_scale[0])
    assert ((raw - mean) / scale).tobytes() == arrays_of(prepared)["test_x"].tobytes()


def test_standard_scaling() -> None:
    """Training inputs have mean 0 and deviation 1; the target's figures are those of train_y."""
    level = np.random.default_rng(0).normal(50, 7, 500)
    prepared = prepare(spec(FORECAST, window={"length": 1}), loaded(level=level))
    arrays = arrays_of(prepared)
    assert arrays["train_x"].mean() == pytest.approx(0, abs=1e-5)
    assert arrays["train_x"].std() == pytest.approx(1, abs=1e-5)
    assert prepared.card.target_mean[0] == pytest.approx(arrays["train_y"].mean())
    assert prepared.card.target_scale[0] == pytest.approx(arrays["train_y"].std())


def test_constant_feature_is_left_finite() -> None:
    """A feature that never changes in training gets scale 1, whatever rounding makes of it."""
    level = np.full(60, 0.1)
    for rule in ("standard", "minmax"):
        prepared = prepare(spec(FORECAST, scaling={"rule": rule}), loaded(level=level))
        assert prepared.card.input_scale == (1.0,)
        assert np.isfinite(arrays_of(prepared)["test_x"]).all()


def test_fixed_scaling() -> None:
    """Fixed figures are used as they are, one for all features or one for each."""
    columns = {"a": np.arange(16.0), "b": np.arange(16.0), "kind": ["cat", "dog"] * 8}
    one = {"rule": "fixed", "mean": [1], "scale": [4]}
    each = {"rule": "fixed", "mean": [0, 1], "scale": [1, 2]}
    assert prepare(spec(SORTING, scaling=one), loaded(**columns)).card.input_scale == (4, 4)
    assert prepare(spec(SORTING, scaling=each), loaded(**columns)).card.input_mean == (0, 1)


TIMES = {"column": "at", "interval": "10 s", "tolerance": "1 s"}


def test_gaps_break_windows() -> None:
    """A window's readings and its target are one interval apart, within the tolerance."""
    at = np.cumsum([0, 10, 10, 11, 9, 10, 25, 10, 10, 10, 10, 10, 3, 10, 10, 10, 10, 10, 10])
    level = np.arange(len(at), dtype=float)
    rows = read_rows(spec(FORECAST, time=TIMES), loaded(level=level, at=at).table)
    starts = window_starts(rows.breaks, Window(length=3, horizon=2))
    for start in starts.tolist():
        steps = np.diff(at[start : start + 5])
        assert (abs(steps - 10) <= 1).all()
    assert {0, 1}.issubset(starts.tolist())


def test_times_as_text_or_seconds_are_the_same() -> None:
    """ISO times, with or without zone, seconds as text, and numpy times break alike."""
    seconds = np.array([0, 10, 20, 30, 90, 100, 110, 120, 130, 140] * 1)
    moments = np.datetime64("2026-03-01T00:00:00") + seconds.astype("timedelta64[s]")
    iso = np.array([str(moment).replace("T", " ") for moment in moments], dtype=object)
    forms = [
        seconds,
        seconds.astype(float),
        moments,
        iso,
        np.array([f"{text}+02:00" for text in iso], dtype=object),
        np.array([str(value) for value in seconds], dtype=object),
    ]
    plan = spec(FORECAST, time=TIMES)
    found = [
        read_rows(plan, loaded(level=np.zeros(10), at=form).table).breaks.tolist() for form in forms
    ]
    assert found == [found[0]] * len(forms)
    assert found[0][4]


def test_rows_out_of_time_are_refused() -> None:
    """A time before the one above is an error with its row; a new recording may start anew."""
    level, at = np.zeros(10), [0, 10, 20, 5, 15, 25, 35, 45, 55, 65]
    with pytest.raises(MlforgeError, match="row 3: column 'at': found a time before"):
        read_rows(spec(FORECAST, time=TIMES), loaded(level=level, at=at).table)
    plan = spec(
        FORECAST,
        time=TIMES,
        group="who",
        split={"rule": "random_group", "validation": 0.3, "test": 0.3, "seed": 1},
    )
    who = [1, 1, 1, 2, 2, 2, 2, 3, 3, 3]
    assert read_rows(plan, loaded(level=level, at=at, who=who).table).breaks[3]


def test_windows_of_a_class_do_not_mix_classes() -> None:
    """Where each row has a label, a window has one label."""
    kind = np.repeat(["cat", "dog"] * 6, 5)
    plan = spec(
        SORTING,
        window={"length": 3},
        split={"rule": "chronological", "validation": 0.2, "test": 0.2},
    )
    source = loaded(a=np.arange(60.0), b=np.zeros(60), kind=kind)
    rows = read_rows(plan, source.table)
    for start in window_starts(rows.breaks, Window(length=3)).tolist():
        assert len(set(kind[start : start + 3])) == 1


WATCH: dict[str, Any] = {
    **SORTING,
    "target": {"column": "kind", "labels": ["dog", "cat", "cow"], "normal": ["cat"]},
    "split": {"rule": "chronological", "validation": 0.25, "test": 0.25},
}


@pytest.mark.parametrize("window", [None, {"length": 2}])
def test_a_model_of_what_is_normal_sees_nothing_else(window: dict[str, int] | None) -> None:
    """Training, scaling and calibration have normal rows alone; the others judge, as one class."""
    kind = np.array((["cat"] * 8 + ["dog", "cow"]) * 8)
    a = np.where(kind == "cat", np.arange(80.0), 1e6 + np.arange(80.0))
    plan = spec(WATCH, window=window, scaling={"rule": "none"}, calibration={"count": 20})
    prepared = prepare(plan, loaded(a=a, b=np.zeros(80), kind=kind))
    card, arrays = prepared.card, arrays_of(prepared)
    assert (card.task, card.labels) == ("anomaly", ("cat", "dog or cow"))
    assert card.output_count == np.prod(card.input_shape)
    assert card.left_out == 8
    assert "8 rows of the training split are left out: not cat" in card.remarks()
    assert card.splits[0].class_counts[1] == 0
    assert card.features[0].maximum < 80
    for name in ("train", "calibration"):
        assert arrays[f"{name}_x"].max() < 80
    assert not arrays["train_y"].any()
    for name in ("validation", "test"):
        strange = arrays[f"{name}_x"].reshape(len(arrays[f"{name}_y"]), -1).max(axis=1) > 80
        assert (arrays[f"{name}_y"] == strange).all()
        assert 0 < strange.sum() < len(strange)
    # The distance from the mean of what is normal tells them: they are 1e6 away.
    told = {(one.split, one.rule, one.metric, one.value) for one in card.baselines}
    assert told == {("validation", "distance", "auc", 1.0), ("test", "distance", "auc", 1.0)}


def test_recordings_are_not_joined() -> None:
    """A window lies in one recording."""
    source = loaded([7, 20], level=np.arange(30.0))
    found = window_starts(read_rows(spec(FORECAST), source.table).breaks, Window(length=5))
    assert not {start for start in found.tolist() if start < 7 < start + 5}
    assert not {start for start in found.tolist() if start < 20 < start + 5}


def test_calibration_is_from_training() -> None:
    """Calibration examples are different training examples, the same for the same seed."""
    plan = spec(FORECAST, calibration={"count": 9, "seed": 5})
    arrays = arrays_of(prepare(plan, loaded(level=np.random.default_rng(1).normal(size=80))))
    rows = calibration_examples(plan, arrays["train_y"], "data.csv")
    assert len(set(rows.tolist())) == 9
    assert arrays["calibration_x"].tobytes() == arrays["train_x"][rows].tobytes()


@pytest.mark.parametrize("kind", ["csv", "npz"])
@pytest.mark.parametrize("base", [FORECAST, SORTING])
def test_a_shape_that_a_contract_tells_is_the_datas(base: dict[str, Any], kind: str) -> None:
    """It is known before the data is read, except where a lone array may have axes of its own."""
    count = np.arange(40.0)
    columns = {"level": count, "a": count, "b": count, "kind": ["cat", "dog"] * 20}
    plan = spec(base, source={"kind": kind, "path": f"data.{kind}"})
    told = plan.input_shape
    if (base, kind) == (FORECAST, "npz"):
        assert told is None
        assert spec(base, inputs={**base["inputs"], "shape": [1]}).input_shape == (3, 1)
    else:
        assert told == prepare(plan, loaded(**columns)).card.input_shape


def test_arrays_are_as_promised() -> None:
    """float32 inputs, C-contiguous, targets in their own unit, shapes as the card says."""
    prepared = prepare(spec(FORECAST), loaded(level=np.arange(100.0)))
    arrays = arrays_of(prepared)
    assert prepared.card.input_shape == (3, 1)
    assert prepared.card.output_count == 1
    for one in prepared.card.arrays:
        array = arrays[one.name]
        assert (array.shape, str(array.dtype)) == (one.shape, one.dtype)
        assert array.dtype == (np.int64 if "starts" in one.name else np.float32)
        assert array.flags.c_contiguous
    assert arrays["train_y"][0, 0] == 4


def test_rows_that_windows_share_are_there_once() -> None:
    """Windows of 500 with stride 1 would take 500 times the memory of their rows."""
    level = np.sin(np.arange(50_000) * 0.01)
    plan = spec(FORECAST, window={"length": 500, "horizon": 1})
    source = loaded(level=level)
    tracemalloc.start()
    prepared = prepare(plan, source)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(one.examples for one in prepared.card.splits) > 48_000
    assert sum(array.nbytes for array in prepared.arrays.values()) < 3 * level.nbytes
    assert peak_bytes < 20 * level.nbytes


def test_calibration_takes_what_there_is() -> None:
    """Without a count of the contract's: 200 training examples, or all where there are fewer."""
    few = prepare(spec(FORECAST, calibration=None), loaded(level=np.arange(100.0)))
    assert few.card.calibration_examples == few.card.splits[0].examples < 200
    many = prepare(spec(FORECAST, calibration=None), loaded(level=np.arange(1000.0)))
    assert many.card.calibration_examples == 200


def test_a_rare_class_calibrates() -> None:
    """However rare it is; classes that are drawn often enough anyway change nothing."""
    plan = spec(SORTING, calibration=None)
    half, rare = np.arange(5000) % 2, np.arange(5000) % 500 == 0
    chosen = calibration_examples(plan, rare.astype(int), "data.csv")
    assert len(set(chosen.tolist())) == 200
    assert np.count_nonzero(rare[chosen]) == 10
    drawn = np.sort(np.random.default_rng(1).permutation(5000)[:200])
    assert calibration_examples(plan, half, "data.csv").tolist() == drawn.tolist()
    # Several labels at once: each combination; 300 classes: no more than there is room for.
    both = np.stack((rare, half), axis=1).astype(int)
    assert np.count_nonzero(rare[calibration_examples(plan, both, "data.csv")]) == 10
    assert len(calibration_examples(plan, np.arange(5000) % 300, "data.csv")) == 200


def test_same_data_same_bytes() -> None:
    """Preparing twice gives the same files and the same card."""
    columns = {"a": np.arange(40.0), "b": np.arange(40.0) ** 2, "kind": ["cat", "dog"] * 20}
    one, two = (prepare(spec(SORTING), loaded(**columns)) for _ in range(2))
    assert {name: array.tobytes() for name, array in one.arrays.items()} == {
        name: array.tobytes() for name, array in two.arrays.items()
    }
    assert one.card.to_bytes() == two.card.to_bytes()


def test_targets_at_several_horizons() -> None:
    """Those of a quantity are side by side, each with ranges and baselines of its own."""
    both = [{"name": "level", "unit": "m"}, {"name": "flow", "unit": "l/s"}]
    plan = spec(
        FORECAST,
        inputs={"features": both},
        target={"outputs": both},
        window={"length": 3, "horizon": [1, 4]},
    )
    level = np.arange(100.0)
    prepared = prepare(plan, loaded(level=level, flow=-10 * level))
    arrays = arrays_of(prepared)
    last = arrays["train_starts"] + 2
    wanted = [last + 1, last + 4, -10 * (last + 1), -10 * (last + 4)]
    assert (arrays["train_y"] == np.stack(wanted, axis=1)).all()
    card = prepared.card
    assert [one.name for one in card.outputs] == [
        "level+1 row",
        "level+4 rows",
        "flow+1 row",
        "flow+4 rows",
    ]
    assert card.output_count == len(card.target_mean) == 4
    assert card.outputs[2].maximum == arrays["train_y"][:, 2].max()
    found = {(one.rule, one.metric): one.value for one in card.baselines if one.split == "test"}
    off = [found["persistence", f"mae({one.name})"] for one in card.outputs]
    assert off == pytest.approx([1, 4, 10, 40], rel=1e-4)
    assert found["linear", "mae(flow+4 rows)"] < 0.1


def test_baselines() -> None:
    """The last reading, where inputs hold it; training mean and median, or majority; a line."""

    def figures(prepared: Prepared) -> dict[tuple[str, str, str], float]:
        found = prepared.card.baselines
        return {(one.split, one.rule, one.metric): one.value for one in found}

    ramp = figures(prepare(spec(FORECAST), loaded(level=np.arange(100.0))))
    for split in ("validation", "test"):
        assert ramp[split, "persistence", "mse"] == pytest.approx(4.0, rel=1e-4)
        assert ramp[split, "persistence", "mae"] == pytest.approx(2.0, rel=1e-4)
        assert ramp[split, "linear", "mae"] < 1e-3
        assert ramp[split, "mean", "mae"] > 20
    still = spec(FORECAST, window={"length": 1})
    mean = figures(prepare(still, loaded(level=np.tile([0.0, 2.0], 50))))
    assert mean["test", "mean", "mse"] == mean["test", "mean", "mae"] == 1.0
    assert ("test", "persistence", "mse") not in mean
    # Rain: mostly none. No other constant has so small an absolute error as none.
    rain = figures(prepare(still, loaded(level=np.tile([0.0, 0.0, 0.0, 8.0], 25))))
    assert rain["validation", "median", "mae"] == pytest.approx(2.0, abs=0.3)
    assert rain["validation", "mean", "mae"] == pytest.approx(3.0, abs=0.2)
    assert rain["validation", "mean", "mse"] < rain["validation", "median", "mse"]
    kind = np.repeat(["cat", "dog"], [60, 20])
    columns = {"a": np.arange(80.0), "b": np.zeros(80), "kind": kind}
    sorting = figures(prepare(spec(SORTING), loaded(**columns)))
    assert sorting["test", "majority", "accuracy"] == 0.75
    assert sorting["test", "linear", "accuracy"] > 0.9


SQUARE = {"features": [{"name": "light", "unit": "1"}], "shape": [2, 2, 1]}


def test_image_columns() -> None:
    """Neighbouring columns become an image, row by row."""
    columns = {str(index): np.arange(12.0) + 100 * index for index in range(4)}
    arrays = made(
        SORTING,
        loaded(**columns, kind=["cat", "dog"] * 6),
        inputs={**SQUARE, "column_range": {"first": "0", "last": "3"}},
        scaling={"rule": "none"},
    )
    image = arrays["train_x"][0, :, :, 0]
    assert (image - image[0, 0]).tolist() == [[0, 100], [200, 300]]


def test_array_columns() -> None:
    """An array of rows keeps its own shape; its last axis is the features."""
    x = np.arange(240.0).reshape(20, 4, 3)
    features = [{"name": name, "unit": "g"} for name in "xyz"]
    arrays = made(
        SORTING,
        loaded(x=x, kind=["cat", "dog"] * 10),
        inputs={"features": features, "columns": ["x"]},
        scaling={"rule": "none"},
    )
    assert arrays["train_x"].shape == (12, 4, 3)


def columns(**changes: Any) -> dict[str, Any]:
    return {"a": np.arange(16.0), "b": np.arange(16.0), "kind": ["cat", "dog"] * 8, **changes}


BAD = [
    (SORTING, {}, columns(a=["1"] * 15 + ["x"]), "row 15: column 'a': found 'x', wanted a number"),
    (SORTING, {}, columns(a=[1.0] * 15 + [np.nan]), "row 15: column 'a': found 'nan'"),
    (SORTING, {}, columns(a=[1.0] * 15 + [1e39]), "row 15: an input is larger than a float"),
    (SORTING, {}, columns(a=np.ones(16, dtype=complex)), "'a' holds complex128, wanted numbers"),
    (SORTING, {}, {"a": np.arange(16.0), "kind": ["cat"] * 16}, "there is no column 'b'"),
    (SORTING, {}, columns(kind=["cat"] * 15 + ["dgo"]), "found 'dgo', wanted one of cat, dog"),
    (SORTING, {}, columns(kind=np.ones((16, 2))), "'kind' has shape .* wanted one value per row"),
    (SORTING, {}, columns(kind=["cat"] * 16), "the train split has no example of dog"),
    (WATCH, {}, columns(kind=["cat"] * 16), "the validation split has no example of dog or cow"),
    (
        WATCH,
        {},
        columns(kind=["dog"] * 12 + ["cat"] * 4),
        r"the train split.*(\n.*)*rows is normal",
    ),
    (SORTING, {"calibration": {"count": 99}}, columns(), "calibration.count: found 99, wanted at"),
    (SORTING, {"inputs": {**SQUARE, "columns": ["a", "b"]}}, columns(), "a row has 2 input"),
    (
        SORTING,
        {"inputs": {**SQUARE, "column_range": {"first": "b", "last": "a"}}},
        columns(),
        "column 'a' comes before column 'b'",
    ),
    (FORECAST, {}, {"level": np.arange(8.0)}, "split has no example; 8 rows gave"),
    (
        FORECAST,
        {"window": {"length": 3, "horizon": [1, 10**12]}},
        {"level": np.arange(80.0)},
        "split has no example; 80 rows gave 0 examples of 1000000000003 rows",
    ),
    (FORECAST, {"target": {**FORECAST["target"], "column": "level2"}}, {"level": [1.0]}, "level2"),
    (
        FORECAST,
        {"target": {**FORECAST["target"], "column": "pair"}},
        {"level": np.ones(9), "pair": np.ones((9, 2))},
        "found 2 target values a row, wanted 1",
    ),
    (
        FORECAST,
        {"time": TIMES},
        {"level": np.ones(2), "at": ["2026-01-01 00:00", "noon"]},
        "row 1: column 'at': found 'noon', wanted an ISO 8601 time",
    ),
    (
        FORECAST,
        {"time": TIMES},
        {"level": np.ones(2), "at": np.array(["2026-01-01", "NaT"], dtype="datetime64[s]")},
        "row 1: column 'at': found no time",
    ),
    (
        FORECAST,
        {"group": "who", "split": {"rule": "group", "validation": ["1"], "test": ["9"]}},
        {"level": np.ones(4), "who": [1, 1, 2, 2]},
        "there is no group '9'",
    ),
    (
        FORECAST,
        {
            "group": "who",
            "split": {"rule": "random_group", "validation": 0.2, "test": 0.2, "seed": 1},
        },
        {"level": np.ones(4), "who": [1, 1, 2, 2]},
        "2 groups leave none to train on",
    ),
]


@pytest.mark.parametrize(("base", "changes", "data", "message"), BAD)
def test_bad_data(
    base: dict[str, Any], changes: dict[str, Any], data: dict[str, Any], message: str
) -> None:
    """Data that is not as the contract says is one error that names the place."""
    with pytest.raises(MlforgeError, match=message):
        prepare(spec(base, **changes), loaded(**data))


TAGS: dict[str, Any] = {
    **SORTING,
    "target": {"labels": ["hot", "loud"], "columns": ["is_hot", "is_loud"]},
}
HOT, LOUD = np.arange(80) % 4 == 0, np.arange(80) % 10 < 3


@pytest.mark.parametrize("rule", ["random", "chronological"])
def test_several_labels_may_be_there(rule: str) -> None:
    """Each has its column; no window has rows of two combinations, and all are counted."""
    chronological = {"rule": rule, "validation": 0.25, "test": 0.25}
    plan = spec(TAGS) if rule == "random" else spec(TAGS, split=chronological, window={"length": 2})
    rows = np.arange(80.0)
    hot, loud = (HOT, LOUD) if rule == "random" else (rows % 20 < 8, rows % 20 < 14)
    prepared = prepare(plan, loaded(a=rows, b=rows, is_hot=hot.astype(int), is_loud=loud * 1.0))
    card, arrays = prepared.card, arrays_of(prepared)
    assert (card.task, card.labels, card.output_count) == ("multilabel", ("hot", "loud"), 2)
    scale, mean = card.input_scale[0], card.input_mean[0]
    for name, about in zip(SPLITS, card.splits, strict=True):
        first = arrays[f"{name}_x"].reshape(-1, plan.window.length if plan.window else 1, 2)[..., 0]
        at = np.rint(first * scale + mean).astype(int)
        wanted = np.stack([hot[at[:, -1]], loud[at[:, -1]]], axis=1)
        np.testing.assert_array_equal(arrays[f"{name}_y"], wanted)
        np.testing.assert_array_equal(hot[at], hot[at[:, -1:]].repeat(at.shape[1], axis=1))
        np.testing.assert_array_equal(loud[at], loud[at[:, -1:]].repeat(at.shape[1], axis=1))
        assert about.class_counts == tuple(wanted.sum(axis=0))
    if rule == "random":  # drawn by combination
        assert [one.class_counts for one in card.splits] == [(10, 12), (5, 6), (5, 6)]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (np.where(HOT, 2, 0), "row 0.*'is_hot': found 2, wanted 1 where the label is there and 0"),
        (np.zeros(80), "the train split has no example of hot"),
    ],
)
def test_a_label_that_cannot_be_learned_is_told(flags: Any, words: str) -> None:
    """What is neither 1 nor 0, and what is never there."""
    rows = np.arange(80.0)
    with pytest.raises(MlforgeError, match=words):
        prepare(spec(TAGS), loaded(a=rows, b=rows, is_hot=flags, is_loud=LOUD * 1))


def test_outputs_have_names_of_their_own() -> None:
    """As inputs have: a column is called as whoever recorded it liked, `T_oil [degC]`."""
    target = {
        "outputs": [{"name": "oil", "unit": "degC"}, {"name": "winding", "unit": "degC"}],
        "columns": ["T_oil [degC]", "T_w [degC]"],
    }
    rows = np.arange(40.0)
    columns = {"level": rows, "T_w [degC]": 2 * rows, "T_oil [degC]": 3 * rows}
    found = prepare(spec(FORECAST, target=target, window={"length": 3}), loaded(**columns))
    assert found.card.task == "regression"
    assert [one.name for one in found.card.outputs] == ["oil", "winding"]
    assert found.arrays["train_y"][0].tolist() == [6.0, 4.0]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"columns": ["a", "b"]}, "1 columns, one per output"),
        ({"columns": ["a"], "column": "b"}, "no column beside columns"),
    ],
)
def test_columns_of_outputs_are_one_each(keys: dict[str, Any], said: str) -> None:
    """And are told in one way."""
    target = {"outputs": [{"name": "oil", "unit": "degC"}], **keys}
    with pytest.raises(ValidationError, match=said):
        spec(FORECAST, target=target)
