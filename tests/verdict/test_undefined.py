"""What no model can be judged by is found in the targets alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.datasets._prepare import prepare
from mlforge_tasks.verdict.undefined import undefined
from tests.helpers.datasets import FORECAST, SORTING, loaded, spec

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LEVEL = np.arange(100.0)
SPLIT = {"rule": "chronological", "validation": 0.2, "test": 0.2}


def figure(metric: str, **what: Any) -> Figure:
    return Figure.model_validate({"name": metric, "metric": metric, **what})


def untold(asked: list[Figure], dataset: Path, *, surely: bool = False) -> list[tuple[str, str]]:
    found = undefined(asked, dataset, surely=surely)
    return [(one.figure.name, one.split) for one in found]


@pytest.mark.parametrize(
    ("level", "asked", "splits"),
    [
        (LEVEL, figure("mae", below=70), ["test"]),
        (LEVEL, figure("recall", below=80, above=70), ["test"]),
        (LEVEL, figure("precision", below=60), ["validation", "test"]),
        (LEVEL, figure("mae", above=70), []),
        (LEVEL, figure("r2"), []),
        (np.minimum(LEVEL, 80), figure("r2"), ["test"]),
    ],
)
def test_a_range_needs_targets(
    level: NDArray[np.float64], asked: Figure, splits: list[str], tmp_path: Path
) -> None:
    """On both splits that judge; what trains needs none, as rows 0 to 59 do here."""
    prepare(spec(FORECAST), loaded(level=level)).write(tmp_path)
    assert untold([asked], tmp_path) == [(asked.name, split) for split in splits]


def test_a_label_needs_examples(tmp_path: Path) -> None:
    """To be detected, for the area under a curve, for a mean over classes; not to be counted."""
    asked = [
        figure("recall_at_precision", output=1, parameter=0.9),
        figure("auc"),
        figure("accuracy"),
        figure("macro_f1"),
    ]
    kind = ["cat", "dog"] * 40 + ["cat"] * 20
    columns = {"a": LEVEL, "b": LEVEL, "kind": kind}
    prepare(spec(SORTING, split=SPLIT), loaded(**columns)).write(tmp_path)
    names = ["recall_at_precision", "auc", "macro_f1"]
    assert untold(asked, tmp_path) == [(name, "test") for name in names]
    *_, last = undefined(asked, tmp_path, surely=False)
    assert last.what == (
        "'macro_f1' is not defined on the test split, which has no example of 'dog'"
    )


def test_labels_of_which_any_number_may_be_there(tmp_path: Path) -> None:
    """One that is always there cannot be told from its absence."""
    target = {"columns": ["wet", "hot"], "labels": ["wet", "hot"]}
    hot = np.concatenate([np.arange(80) % 2, np.ones(20)])
    columns = {"a": LEVEL, "b": LEVEL, "wet": np.arange(100) % 2, "hot": hot}
    prepare(spec(SORTING, split=SPLIT, target=target), loaded(**columns)).write(tmp_path)
    wet, hot_one = (figure("f1", output=at) for at in (0, 1))
    assert untold([wet, hot_one], tmp_path) == [(hot_one.name, "test")]


def test_of_one_example_nothing_is_sure(tmp_path: Path) -> None:
    """Where the worse end of an interval is judged it needs one."""
    prepare(spec(FORECAST), loaded(level=LEVEL % 20)).write(tmp_path)
    one, two = figure("mae", above=18.5), figure("mae", above=17.5)
    assert untold([one, two], tmp_path) == []
    assert untold([one, two], tmp_path, surely=True) == [("mae", "validation"), ("mae", "test")]
