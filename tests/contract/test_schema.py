"""What an editor is told of a contract is what a run reads, as far as a schema can say it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from mlforge_tasks.contract import schema
from mlforge_tasks.yaml_file.tree import read_tree
from tests.helpers.builds import edited
from tests.helpers.paths import DATA, ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

CONTRACTS = sorted(
    path
    for folder in (ROOT / "contracts", ROOT / "benchmarks" / "trainings", DATA)
    for path in folder.glob("*.yaml")
)


@functools.cache
def validator() -> Any:
    known = schema.schema()
    jsonschema.Draft202012Validator.check_schema(known)
    return jsonschema.Draft202012Validator(known)


def mistakes(path: Path) -> list[str]:
    found = validator().iter_errors(read_tree(path).root.plain())
    return [".".join(map(str, one.absolute_path)) for one in found]


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: path.stem)
def test_every_contract_keeps_it(path: Path) -> None:
    """No editor marks what a run accepts."""
    assert mistakes(path) == []


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("ram: 8 KiB", "ram: 8", "limits.ram"),
        ("ram: 8 KiB", "ram: 8 kb", "limits.ram"),
        ("latency: 1.2 ms", "latency: 1.2 KiB", "limits.latency"),
        ("{ram: 8 KiB, ", "{ramm: 8 KiB, ", "limits"),
        ("mode: simulate", "mode: simulated", "mode"),
        ("mode: simulate\n", "", ""),
        ("engine: aot", "engine: aut", "target.engine"),
        ("agent: random_search", "agent: optimiser", "search.agent"),
        ("metric: mse", "metric: msse", "goal.metric"),
        ("kind: csv", "kind: cvs", "dataset.source"),
        ("length: 16", "length: 0", "dataset.window"),
    ],
)
def test_what_a_run_refuses_is_marked(tmp_path: Path, old: str, new: str, where: str) -> None:
    """Units, unknown and missing keys, and names of plug-ins and metrics."""
    assert where in mistakes(edited(TANK, tmp_path, (old, new)))


def test_a_percentage_and_numbers_as_names_are_right(tmp_path: Path) -> None:
    """They are for a run, too."""
    digits = ROOT / "contracts" / "digits.yaml"
    assert mistakes(edited(digits, tmp_path, ("target: 93 %", "target: 0.93"))) == []
    assert mistakes(edited(TANK, tmp_path, ("name: flow", "name: 4"))) == []
    assert mistakes(edited(TANK, tmp_path, ("validation: 0.2", "validation: 20 %"))) == []


def test_each_key_says_what_it_is() -> None:
    """What docstrings say of a key is shown beside it, by the key and not by the field's name."""
    records = schema.schema()["$defs"]
    limits = records["Limits"]["properties"]
    assert limits["ram"]["description"].startswith("Static RAM, the model's arena included")
    ranges = records["RangeAsk"]["properties"]
    assert "description" in ranges["below"]
    assert "description" in ranges["metric"], "which it has from what it extends"


def test_defaults_may_be_written() -> None:
    """An editor that fills one in leaves what a run reads: with its unit, by the key's name."""
    whole = schema.schema()
    for section in whole["$defs"].values():
        for one in section.get("properties", {}).values():
            if one.get("default") is not None:
                told = {**one, "$defs": whole["$defs"]}
                jsonschema.Draft202012Validator(told).validate(one["default"])
    assert whole["$defs"]["Training"]["properties"]["time_limit"]["default"] == "10 min"
    assert whole["properties"]["margins"]["default"] == {}
