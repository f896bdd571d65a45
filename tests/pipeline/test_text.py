"""Text that changes no example trains nothing again: a key has what a stage reads, and no more."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.data_card import CARD, EXAMPLES_CARD, DataCard
from mlforge_tasks.graph.manifest import Manifest
from tests.helpers.builds import Cold, digests, doit, edited
from tests.helpers.paths import TANK

if TYPE_CHECKING:
    from pathlib import Path

A, B = "a" * 64, "b" * 64


def test_a_key_leaves_out_what_is_not_read() -> None:
    """Two results that differ in that alone are one to it; a file that is read tells them apart."""
    one = Manifest(status="ok", outputs={"read": A, "unread": A})
    other = Manifest(status="ok", outputs={"read": A, "unread": B})
    assert one.digest(("unread",)) == other.digest(("unread",))
    assert one.digest() != other.digest()
    assert one.digest(("read",)) != other.digest(("read",))


@pytest.mark.slow
def test_edited_text_trains_nothing(cold: Cold, tmp_path: Path) -> None:
    """What shows licence and units is made again; weights and model are what they were."""
    build = tmp_path / "build"
    shutil.copytree(cold.build, build)
    contract = edited(
        TANK,
        tmp_path,
        ("licence: CC0-1.0", "licence: CC-BY-4.0"),
        ("{name: flow, unit: l/s}", "{name: flow, unit: L/s}"),
        ("outputs: [{name: level, unit: m}]", "outputs: [{name: level, unit: metre}]"),
    )
    run = doit(build=build, contract=contract)
    assert run.code == 0, run.out + run.err
    built = {name.partition(":")[0] for name in run.stages("built")}
    assert {"dataset", "header"} <= built
    assert not {"train", "quantise", "probe_quantise"} & built
    delivered = digests(build)["tank/delivered"]
    before = digests(cold.build)["tank/delivered"]
    assert delivered["weights.npz"] == before["weights.npz"]
    assert delivered["model.tflite"] == before["model.tflite"]
    assert '"metre"' in (build / "tank" / "delivered" / "model_data.h").read_text()
    card = DataCard.read(build / "tank" / "delivered" / CARD)
    assert (card.licence, card.features[1].unit) == ("CC-BY-4.0", "L/s")
    told = (build / "tank" / "dataset" / EXAMPLES_CARD).read_text()
    assert not [word for word in ("CC-BY", "flow", "L/s", "metre", "tank.csv") if word in told]
