"""What agents are told of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.agents import Stripes
from mlforge_tasks.build_report import FirmwareReport, ProcessReport
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.contract.data_card import CARD, DataCard
from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.contract.search import Search
from mlforge_tasks.datasets._prepare import prepare
from mlforge_tasks.stages._brief import brief_of, card_of
from tests.helpers.datasets import FORECAST, SORTING, loaded, spec
from tests.helpers.model_data import card as make_card

if TYPE_CHECKING:
    from pathlib import Path


def test_agents_hear_what_rules_reach_of_all_that_is_asked(tmp_path: Path) -> None:
    """Of the split that searches read, what the card does not hold; nothing is told twice."""
    random = np.random.default_rng(1)
    kind = np.array(["cat", "dog"])[(random.random(200) > 0.7).astype(int)]
    columns = {"a": (kind == "dog") + random.random(200), "b": random.random(200), "kind": kind}
    prepare(spec(SORTING), loaded(**columns)).write(tmp_path)
    named = [Figure(name=name, metric=name) for name in ("accuracy", "balanced_accuracy")]
    asked = [one.model_dump() for one in (*named, Figure(name="f1", metric="f1", output=1))]
    known = DataCard.read(tmp_path / CARD).baselines
    told = card_of(tmp_path, asked).baselines
    assert told[: len(known)] == known
    more = {(one.split, one.rule, one.metric): one.value for one in told[len(known) :]}
    assert set(more) == {
        ("validation", rule, metric)
        for rule in ("majority", "linear")
        for metric in ("balanced_accuracy", "f1")
    }
    assert more["validation", "majority", "balanced_accuracy"] == 0.5
    assert more["validation", "linear", "f1"] > more["validation", "majority", "f1"]


def test_a_root_of_the_mean_square_is_one_of_them(tmp_path: Path) -> None:
    """`doit new` asks it of every regression."""
    prepare(spec(FORECAST), loaded(level=np.sin(np.arange(200.0)))).write(tmp_path)
    asked = Figure(name="rmse", metric="rmse").model_dump(mode="json")
    found = {
        (one.rule, one.metric): one.value
        for one in card_of(tmp_path, [asked]).baselines
        if one.split == "validation"
    }
    assert found["linear", "rmse"] ** 2 == found["linear", "mse"]


def test_agents_hear_what_is_left_for_a_model_in_stripes(tmp_path: Path) -> None:
    """Where engine `aot` may still be taken; a process of this computer has no limit."""
    image = FirmwareReport(
        flash_bytes=1, static_ram_bytes=500, stack_reserved_bytes=9, heap_bytes=0, firmware_id="0"
    )
    asked = {"ram_bytes": 4000.0, "stack_bytes": 600, "kept_inputs": 1}
    streamed = {**asked, "streamed": True}
    for report, patches, engine, wanted in (
        (image, asked, "aot", Stripes(beyond_bytes=2890)),
        (image, streamed, "aot", Stripes(beyond_bytes=2890, streamed=True)),
        (image, asked, "tflm", None),
        (ProcessReport(firmware_id="0"), asked, "aot", None),
        (ProcessReport(firmware_id="0"), streamed, "aot", Stripes(beyond_bytes=0, streamed=True)),
    ):
        report.write(tmp_path / "firmware.json")
        config = {
            "board": load_board("mps2/an386").model_dump(mode="json"),
            "limits": {},
            "goals": [{"metric": "mse", "target": 1.0, "direction": "minimize"}],
            "iteration": 1,
            "engines": [engine],
            "patches": patches,
        }
        search = Search(agent="optimizer", max_iterations=1)
        about = make_card("regression", (5, 2), 1)
        assert brief_of(about, search, config, tmp_path).stripes == wanted
        assert brief_of(about, search, config).stripes is None
