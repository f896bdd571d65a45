"""Gaps in time and missing values: what becomes of them, and what they cost is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlforge_tasks.contract.data_card import Loss
from mlforge_tasks.contract.dataset import DatasetSpec
from mlforge_tasks.contract.measured import FillMissing, Time
from mlforge_tasks.datasets._delimited import read_csv
from mlforge_tasks.datasets._examples import make_examples, read_rows
from mlforge_tasks.datasets._missing import fill
from mlforge_tasks.datasets._prepare import prepare
from mlforge_tasks.datasets._times import Clock, read_clock
from mlforge_tasks.datasets._wanted import wanted
from mlforge_tasks.errors import MlforgeError
from tests.helpers.datasets import FORECAST, SORTING, loaded, spec

NAN = np.nan
TIME = {"column": "at", "interval": "10 s", "tolerance": "1 s"}


def plan(**changes: Any) -> DatasetSpec:
    return spec(FORECAST, **{"window": {"length": 3}, "missing": {"rule": "drop"}, **changes})


def clock_of(at: Any, **keys: Any) -> Clock:
    """The stamps of a column as a clock, in one recording."""
    table = loaded(at=np.array(at)).table
    return read_clock(Time.model_validate({**TIME, **keys}), table, table.starts)


def steps_s(clock: Clock) -> list[float]:
    return [step * 1e-9 for step in clock.step_ns[1:].tolist()]


@pytest.mark.parametrize(
    ("unit", "factor"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)]
)
@pytest.mark.parametrize("start", [0, 1_772_323_200])
def test_what_numbers_count_is_found(unit: str, factor: int, start: int) -> None:
    """The unit is the one in which the usual step is the interval; each number is taken whole."""
    at = [(start + step) * factor for step in (0, 10, 20, 31, 40)]
    found = clock_of(at)
    assert found.unit == unit
    assert steps_s(found) == [10, 10, 11, 9]
    assert steps_s(clock_of(at, unit=unit)) == [10, 10, 11, 9]
    assert steps_s(clock_of([str(one) for one in at])) == [10, 10, 11, 9]


def test_nanoseconds_are_not_rounded() -> None:
    """A float could not tell two stamps of 2026 apart that are less than 256 ns apart."""
    at = 1_772_323_200_000_000_000 + np.arange(5) * 100
    found = clock_of(at, interval="100 ns", tolerance="10 ns")
    assert found.step_ns[1:].tolist() == [100] * 4
    assert not found.off.any()


def test_a_step_that_is_not_the_declared_one_is_told() -> None:
    """The error of a data set without an example names the step that was found."""
    with pytest.raises(MlforgeError) as caught:
        prepare(plan(time=TIME), loaded(level=np.arange(30.0), at=np.arange(30) * 7200))
    told = str(caught.value)
    assert "29 rows come late (the first is data.csv, row 1): 24 of 24 examples lost" in told
    assert "the usual step of column 'at' is 2 h, and dataset.time says 10 s ± 1 s" in told


def test_a_unit_that_was_found_is_noted() -> None:
    """The card says what the stamps were taken for, unless the contract does or it is seconds."""

    def notes(factor: int, **keys: Any) -> tuple[str, ...]:
        source = loaded(level=np.arange(30.0), at=np.arange(30) * 10 * factor)
        return prepare(plan(time={**TIME, **keys}), source).card.notes

    assert notes(1000) == ("column 'at' counts milliseconds",)
    assert notes(1000, unit="ms") == ()
    assert notes(1) == ()


def test_formats_and_zones() -> None:
    """Times as people write them; the hour that a clock shows twice goes on."""
    german = ["25.10.2026 01:50:00", "25.10.2026 01:50:10", "25.10.2026 01:50:20"]
    assert steps_s(clock_of(german, format="%d.%m.%Y %H:%M:%S")) == [10, 10]
    autumn = ["2026-10-25T02:59:50", "2026-10-25T02:00:00", "2026-10-25T02:00:10"]
    assert steps_s(clock_of(autumn, zone="Europe/Berlin")) == [10, 10]
    spring = ["2026-03-29T01:59:50", "2026-03-29T03:00:00", "2026-03-29 03:00:10+02:00"]
    assert steps_s(clock_of(spring, zone="Europe/Berlin")) == [10, 10]
    with pytest.raises(MlforgeError, match="clocks were put back there, say where with `zone"):
        clock_of(autumn)
    with pytest.raises(MlforgeError, match="no time zone 'Europe/Ulm'"):
        clock_of(autumn, zone="Europe/Ulm")


def test_a_time_that_is_none_is_told_with_its_format() -> None:
    """The first is named, and how many there are."""
    text = "at,level\n01.02.2026,1\n02/03/2026,2\n02/04/2026,2\n"
    plan_ = plan(time={**TIME, "format": "%d.%m.%Y"})
    with pytest.raises(MlforgeError) as caught:
        read_csv(text.encode(), "d.csv", plan_.source, wanted(plan_))  # type: ignore[arg-type]
    assert "d.csv:3: column 'at': found '02/03/2026'" in str(caught.value)
    assert "in 2 cells" in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (("31.01.2026 09:30", "31.01.2026 09:31"), '`format: "%d.%m.%Y %H:%M"` in dataset.time'),
        (("1/2/2026 9:30 AM",) * 2, '"%d/%m/%Y %I:%M %p"` or `format: "%m/%d/%Y %I:%M %p"`'),
        (("yesterday", "today"), "say in dataset.time.format how times are written"),
    ],
)
def test_how_times_are_written_is_guessed(cells: tuple[str, ...], told: str) -> None:
    """The advice reads the file; where it could be read in two ways it has both."""
    text = "at,level\n" + "".join(f"{cell},1\n" for cell in cells)
    plan_ = plan(time=TIME)
    with pytest.raises(MlforgeError) as caught:
        read_csv(text.encode(), "d.csv", plan_.source, wanted(plan_))  # type: ignore[arg-type]
    assert told in str(caught.value)
    assert "units_row" not in str(caught.value)
    assert ", in 2 cells\n" in str(caught.value)


def losses_of(plan_: DatasetSpec, **columns: Any) -> dict[str, tuple[int, str, int, int]]:
    found = prepare(plan_, loaded(**columns)).card.losses
    return {one.cause: (one.rows, one.first, one.examples, one.of) for one in found}


def test_what_doubled_times_and_gaps_cost() -> None:
    """Each cause is counted with its rows, the first of them, and the windows that hold one."""
    at = np.arange(60) * 10
    at[10:] -= 10  # row 10 has the time of row 9
    at[40:] += 500  # row 40 comes late
    found = losses_of(plan(time=TIME), level=np.arange(60.0), at=at)
    # Windows of 3 in 36, 12 and 12 rows: 34 + 10 + 10, of which two hold rows 9 and 10.
    assert found == {
        "doubled": (1, "data.csv, row 10", 2, 54),
        "gap": (1, "data.csv, row 40", 2, 54),
    }


def test_missing_inputs_and_targets_cost_their_windows() -> None:
    """A window needs each of its inputs, and its target alone."""
    level, aim = np.arange(60.0), np.arange(60.0)
    level[10] = NAN
    aim[[20, 21]] = NAN
    outputs = {"outputs": [{"name": "aim", "unit": "m"}]}
    found = losses_of(plan(target=outputs), level=level, aim=aim)
    assert found == {
        "input": (1, "data.csv, row 10", 3, 54),
        "target": (2, "data.csv, row 20", 2, 54),
    }
    source = loaded(level=level, aim=aim)
    rows = read_rows(plan(target=outputs), source.table)
    starts = make_examples(plan(target=outputs), source.table, rows)["train"].starts.tolist()
    assert [start for start in range(34) if start not in starts] == [8, 9, 10, 18, 19]


def test_a_target_is_needed_at_each_horizon() -> None:
    """A row without one costs the windows that it is a target of, and no other."""
    aim = np.arange(60.0)
    aim[20] = NAN
    asked = plan(
        target={"outputs": [{"name": "aim", "unit": "m"}]},
        window={"length": 3, "horizon": [1, 5]},
    )
    source = loaded(level=np.arange(60.0), aim=aim)
    assert losses_of(asked, level=np.arange(60.0), aim=aim) == {
        "target": (1, "data.csv, row 20", 2, 39)
    }
    starts = make_examples(asked, source.table, read_rows(asked, source.table))["train"].starts
    assert [start for start in range(29) if start not in starts] == [13, 17]


def test_examples_without_a_window() -> None:
    """A row that lacks something is no example; the others are."""
    a = np.arange(40.0)
    a[3] = NAN
    found = prepare(
        spec(SORTING, missing={"rule": "drop"}), loaded(a=a, b=a * 0, kind=["cat", "dog"] * 20)
    ).card
    assert sum(one.examples for one in found.splits) == 39
    assert [(one.cause, one.examples, one.of) for one in found.losses] == [("input", 1, 40)]


def test_rows_without_a_time() -> None:
    """No window holds one, and its neighbours are as far apart as they are."""
    at = np.array([0, 10, NAN, 30, 40, 50] + [60 + 10 * i for i in range(40)])
    rows = read_rows(plan(time=TIME), loaded(level=np.arange(46.0), at=at).table)
    assert np.flatnonzero(rows.breaks)[:3].tolist() == [0, 2, 3]
    assert rows.clock is not None
    assert rows.clock.step_ns[3] == 20 * 10**9


def test_times_may_be_missing_at_first() -> None:
    """A logger without a clock yet: what the column holds is told by those that are there."""
    times = ["NA"] * 150 + [f"2026-01-01T00:{i // 6:02}:{i % 6}0" for i in range(60)]
    text = "at,level\n" + "".join(f"{one},1\n" for one in times)
    plan_ = plan(
        time=TIME, missing=None, source={"kind": "csv", "path": "d.csv", "missing": ["NA"]}
    )
    table = read_csv(text.encode(), "d.csv", plan_.source, wanted(plan_))  # type: ignore[arg-type]
    clock = read_clock(Time.model_validate(TIME), table, table.starts)
    assert clock.known.sum() == 60
    assert not clock.off.any()


def test_a_missing_class_is_no_class() -> None:
    """Where the source says how a missing value is written, rows without a class are left out."""
    text = "a,b,kind\n" + "1,2,cat\n1,3,dog\n2,2,\n" * 12
    plan_ = spec(
        SORTING,
        source={"kind": "csv", "path": "d.csv", "missing": [""]},
        window={"length": 1},
        split=FORECAST["split"],
    )
    table = read_csv(text.encode(), "d.csv", plan_.source)  # type: ignore[arg-type]
    rows = read_rows(plan_, table)
    assert rows.has_target.tolist() == [True, True, False] * 12


def filled(values: list[float], breaks: tuple[int, ...] = (), **rule: Any) -> list[float]:
    """Filled values, NaN where one stays missing."""
    array = np.array(values, dtype=np.float32)
    marked = np.zeros(len(values), dtype=np.bool_)
    marked[[0, *breaks]] = True
    whole, count = fill(array, FillMissing.model_validate(rule), marked)
    assert count == whole.sum() - np.isfinite(values).sum()
    assert (array[~whole] == 0).all()
    array[~whole] = NAN
    return [float(value) for value in array]


def test_hold() -> None:
    """The last value goes on for so many rows, as it would on a device; never into a recording."""
    found = filled([NAN, 1, NAN, NAN, NAN, 5, NAN], rule="hold", rows=2)
    assert str(found) == str([NAN, 1.0, 1.0, 1.0, NAN, 5.0, 5.0])
    assert str(filled([1, NAN, NAN], (1,), rule="hold", rows=2)) == str([1.0, NAN, NAN])


def test_interpolate() -> None:
    """A straight line over gaps that are short enough and lie in one recording."""
    found = filled([NAN, 1, NAN, NAN, 4, NAN, NAN, NAN, 8, NAN], rule="interpolate", rows=2)
    assert str(found) == str([NAN, 1.0, 2.0, 3.0, 4.0, NAN, NAN, NAN, 8.0, NAN])
    assert str(filled([1, NAN, 3], (2,), rule="interpolate", rows=2)) == str([1.0, NAN, 3.0])


def test_targets_are_never_filled() -> None:
    """What a model is judged by was measured: a filled input's row is still without a target."""
    level = np.arange(60.0)
    level[10] = NAN
    source = loaded(level=level)
    rows = read_rows(plan(missing={"rule": "interpolate", "rows": 3}), source.table)
    assert rows.features[10].tolist() == [10]
    assert rows.has_inputs.all()
    filled = prepare(plan(missing={"rule": "interpolate", "rows": 3}), loaded(level=level)).card
    assert filled.notes == ("missing inputs that 'interpolate' filled: 1",)
    assert np.flatnonzero(~rows.has_target).tolist() == [10]


def test_missing_values_are_refused_where_nothing_is_said_of_them() -> None:
    """One error, with how many rows, and the key."""
    with pytest.raises(MlforgeError) as caught:
        prepare(plan(missing=None), loaded(level=[1.0, NAN, 2, NAN]))
    assert "row 1: column 'level': found 'nan', wanted a finite number, in 2 rows" in str(
        caught.value
    )
    assert "dataset.missing" in str(caught.value)


def test_losses_are_told_in_words() -> None:
    """One line each."""
    loss = Loss(cause="doubled", rows=4, first="d.csv:10", examples=1053, of=2000)
    assert str(loss) == (
        "4 rows have the time of the one above (the first is d.csv:10): "
        "1,053 of 2,000 examples lost"
    )


def warnings_of(level: Any, **changes: Any) -> tuple[str, ...]:
    return prepare(plan(**changes), loaded(level=np.array(level))).card.warnings


def test_an_outlier_is_pointed_at() -> None:
    """A value that is ten times as far out as all others is told with its row, each column once."""
    level = np.sin(np.arange(500.0))
    level[77] = 1e6
    (told,) = warnings_of(level)
    assert told.startswith("feature 'level': 1e+06 at data.csv, row 77: 995,588 times")
    assert "correct it" in told
    assert "dataset.source.missing" in told
    source = {"kind": "npz", "path": "data.npz"}  # whose cells say nothing of what is missing
    (told,) = warnings_of(level, source=source)
    assert told.endswith("correct it, or leave it out")


def test_labels_that_end_before_a_window_are_told() -> None:
    """Of a fault that stays for a few rows the examples have little, and nothing else says so."""
    contract = spec(
        SORTING,
        window={"length": 8, "stride": 2},
        split={"rule": "chronological", "validation": 0.25, "test": 0.25},
    )
    kind = np.full(400, "cat", dtype=object)
    for at in range(20, 400, 40):
        kind[at : at + 5] = "dog"
    kind[20:32] = "dog"
    noise = np.random.default_rng(1).standard_normal(400)
    (told,) = prepare(contract, loaded(a=noise, b=noise, kind=kind)).card.warnings
    assert told == (
        "9 of 10 stretches of 'dog' are shorter than the 8 rows of an example: 79% of its rows are "
        "in none; a shorter `window` has more of them"
    )
    for at in range(20, 400, 40):
        kind[at : at + 12] = "dog"
    assert prepare(contract, loaded(a=noise, b=noise, kind=kind)).card.warnings == ()


def test_an_anomaly_is_no_outlier() -> None:
    """It is what shall be found; what is as far out and labelled normal is told as that."""
    target = {"column": "fault", "labels": ["ok", "bad"], "values": [0, 1], "normal": ["ok"]}
    inputs = {"features": [{"name": "flow", "unit": "m"}]}
    contract = spec(SORTING, inputs=inputs, target=target)
    flow, fault = np.random.default_rng(1).standard_normal(5000), 1 * (np.arange(5000) % 500 == 0)
    flow[[1000, 2000]] = 1e6, 1e5
    assert prepare(contract, loaded(flow=flow, fault=fault)).card.warnings == ()
    flow[1001] = 1e6
    (told,) = prepare(contract, loaded(flow=flow, fault=fault)).card.warnings
    assert told.startswith("feature 'flow': 1e+06 at data.csv, row 1001: ")
    assert "its row is labelled as normal: label it as what it is, correct it" in told


@pytest.mark.parametrize(
    "level",
    [
        np.random.default_rng(1).standard_normal(5000),
        np.random.default_rng(1).exponential(size=5000) ** 2,
        np.arange(500) % 100 == 0,
        np.where(np.arange(500) == 77, 1.0, 0.0),
    ],
)
def test_what_is_wide_by_nature_is_no_outlier(level: Any) -> None:
    """Long tails, rare events and a single pulse are data."""
    assert warnings_of(level.astype(float)) == ()


def test_recordings_that_are_too_short_are_told() -> None:
    """Files of series of different lengths lose some of them without any gap."""
    source = loaded(starts=(40, 42, 80), level=np.arange(120.0), who=np.repeat(list("abcd"), 30))
    notes = prepare(plan(window={"length": 3}, time=None), source).card.notes
    told = "1 of 4 recordings have fewer rows than the 3 of an example"
    assert notes == (f"{told} (the first is data.csv, row 40, with 2)",)
    assert not prepare(plan(window={"length": 2}, time=None), source).card.notes
