"""What the page has of float against int8, of whatever is known of the layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.page.found import Found
from mlforge_tasks.page.layers import MOST_BARS, MOST_ROWS
from mlforge_tasks.page.page import make
from mlforge_tasks.shell.console import summary
from mlforge_tasks.verdict.layer_blame import Told, blamed
from mlforge_tasks.verdict.layer_noise import LAYERS, LayerNoise, Layers, Noise
from tests.helpers.page_reports import HOSTILE, Parsed, real

if TYPE_CHECKING:
    from pathlib import Path

TOLD = Told(large=False, wider=True, brought=False, anomalies=False)


def layer(name: str, ratio: float | None, beyond: float = 0.0) -> LayerNoise:
    """One that leaves so much of the output."""
    noise = Noise(
        snr_db=ratio, own_db=ratio, alone_db=ratio, low=0.0, high=1.0, below=0.0, above=beyond
    )
    return LayerNoise(
        name=name,
        op="CONV_2D",
        calibration=noise,
        validation=noise,
        range_low=0.0,
        range_high=1.0,
        cut_off_share=float(beyond > 0),
    )


def known(*rows: LayerNoise, left: float, told: Told = TOLD) -> Layers:
    """All of a model, and which of it is to blame."""
    found = Layers(candidate="2.0", calibration_db=left, validation_db=left, layers=rows)
    return found.model_copy(update={"worst": blamed(found, told)})


def page(layers: Layers, folder: Path) -> Parsed:
    """The whole page."""
    layers.write(folder / LAYERS)
    return Parsed(make(Found(real(), {"layers": folder})))


def classes(parsed: Parsed) -> list[str | None]:
    """Of each bar."""
    found = (one.get("class") for one in parsed.all("li"))
    return [one for one in found if one and one.startswith("layer-bar")]


def test_the_layer_that_loses_most_is_marked_and_said(tmp_path: Path) -> None:
    """With why, with what to do, and with how the others are."""
    rows = [layer("l0_a", 40.0), layer("l1_b", 8.0, beyond=0.25), layer("l2_c", 35.0)]
    parsed = page(known(*rows, layer("l3_moves", None), left=8.0), tmp_path)
    assert classes(parsed) == ["layer-bar", "layer-bar fail", "layer-bar"]
    assert "int8 loses most in layer l1_b (with it alone in int8 the" in parsed.text
    assert "keeps 8 dB, with any other one alone 35 dB or more" in parsed.text
    assert "25 % of its calibration values lie beyond its range, 0 to 1" in parsed.text
    assert "dataset.calibration.count" in parsed.text


def test_the_console_names_it_too(tmp_path: Path) -> None:
    """Among its warnings; nothing of a model that int8 does nothing to, or of no such file."""
    fine, broken = layer("l0_a", 40.0), layer("l1_b", 8.0)
    known(fine, broken, left=8.0).write(tmp_path / LAYERS)
    assert "warning: int8 loses most in layer l1_b (" in summary(real(), tmp_path)
    known(fine, left=40.0).write(tmp_path / LAYERS)
    assert "loses most" not in summary(real(), tmp_path)
    assert "loses most" not in summary(real(), tmp_path / "none")


def test_of_errors_that_all_layers_share_none_is_said_to_be_the_cause(tmp_path: Path) -> None:
    """The largest part is told as what it is."""
    rows = [layer(f"l{at}_a", 22.0 - at / 10) for at in range(5)]
    found = known(*rows, left=15.0)
    assert found.worst is not None
    assert found.worst.share < 0.25
    assert "no more than 2" in page(found, tmp_path).text


@pytest.mark.parametrize(
    ("told", "blamed_one"),
    [
        (TOLD, None),
        (TOLD._replace(large=True), "l1_b"),
        (TOLD._replace(large=True, anomalies=True), "l1_b"),
    ],
)
def test_a_figure_that_changed_much_has_its_layer_named(
    told: Told, blamed_one: str | None, tmp_path: Path
) -> None:
    """Though the output is near enough: the goal's metric may feel what a ratio does not show."""
    found = known(layer("l0_a", 50.0), layer("l1_b", 30.0), left=30.0, told=told)
    assert (found.worst.layer if found.worst else None) == blamed_one
    text = page(found, tmp_path).text
    assert ("int8 is fine" in text) == (blamed_one is None)


def test_anomalies_lie_where_no_normal_example_does(tmp_path: Path) -> None:
    """What is cut off of them is no loss, as long as the figure is the float network's."""
    found = known(layer("l0_a", 40.0), left=40.0)
    apart = found.model_copy(update={"validation_db": 5.0})
    assert blamed(apart, TOLD._replace(anomalies=True)) is None
    assert blamed(apart, TOLD) is not None
    assert classes(page(found, tmp_path)) == ["layer-bar"]


def test_of_very_many_layers_those_that_lose_most_are_shown(tmp_path: Path) -> None:
    """As an unrolled loop has them."""
    rows = [layer(f"l{at}_gru", 60.0 - at / 20) for at in range(1000)]
    parsed = page(known(*rows, left=3.0), tmp_path)
    assert len(classes(parsed)) == MOST_BARS
    assert classes(parsed)[-1] == "layer-bar fail"
    assert f"{1000 - MOST_BARS} layers that lose less are not shown" in parsed.text
    assert f"and {1000 - MOST_ROWS} more, in layers.json" in parsed.text


def test_what_is_not_known_is_said_with_its_reason(tmp_path: Path) -> None:
    """And no bars."""
    parsed = page(Layers(candidate="1.0", reason="the model has variables"), tmp_path)
    assert "is not known: the model has variables" in parsed.text
    assert classes(parsed) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(name: str, tmp_path: Path) -> None:
    """A brought model's layers may be called anything."""
    plain, hostile = (
        page(known(layer(one, 8.0), left=8.0), tmp_path).tags for one in ("plain", name)
    )
    assert [tag for tag, _ in plain] == [tag for tag, _ in hostile]
