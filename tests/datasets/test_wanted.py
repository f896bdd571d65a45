"""Of a file only the columns that the contract names are kept, each as what it is."""

from __future__ import annotations

from typing import Any

import pytest

from mlforge_tasks.contract.sources.text import CsvSource
from mlforge_tasks.datasets._delimited import read_csv
from mlforge_tasks.datasets._wanted import Wanted, wanted
from mlforge_tasks.errors import MlforgeError
from tests.helpers.datasets import FORECAST, SORTING, spec

NAMES = ("at", "a", "b", "c", "kind", "level", "who")


@pytest.mark.parametrize(
    ("base", "changes", "kinds"),
    [
        (FORECAST, {}, {"level": "number"}),
        (
            FORECAST,
            {"time": {"column": "at", "interval": "1 s", "tolerance": "1 ms"}, "group": "who"},
            {"at": "time", "level": "number", "who": "text"},
        ),
        (FORECAST, {"target": {**FORECAST["target"], "column": "c"}}, {"level": 0, "c": 0}),
        (SORTING, {}, {"a": "number", "b": "number", "kind": "text"}),
        (
            SORTING,
            {
                "inputs": {
                    **SORTING["inputs"],
                    "features": [{"name": "x", "unit": "1"}],
                    "column_range": {"first": "a", "last": "c"},
                }
            },
            {"a": "number", "b": "number", "c": "number", "kind": "text"},
        ),
        (
            FORECAST,
            {"split": {"rule": "column", "column": "c", "validation": 0.5, "test": ["x"]}},
            {"c": "text", "level": "number"},
        ),
        (SORTING, {"target": {"column": "b", "labels": [0, 1]}}, {"a": "number", "b": "text"}),
    ],
)
def test_what_a_contract_names(
    base: dict[str, Any], changes: dict[str, Any], kinds: dict[str, Any]
) -> None:
    """Inputs and outputs are numbers, groups and classes text; what is both stays text."""
    found = wanted(spec(base, **changes)).kinds(NAMES)
    assert found == {name: kind or "number" for name, kind in kinds.items()}


def test_only_these_are_kept() -> None:
    """Another column is in no table, and known all the same by name."""
    form = CsvSource(kind="csv", path="d.csv")
    table = read_csv(b"a,note,b\n1,x,2\n", "d.csv", form, Wanted(numbers=("b", "of another file")))
    assert list(table.columns) == ["b"]
    assert table.numbers("b").tolist() == [2]
    with pytest.raises(MlforgeError, match="did you mean 'note'"):
        table.texts("notes")
