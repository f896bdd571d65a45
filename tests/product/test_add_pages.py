"""What `docs/add/` says to do is done, and does what it says."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.guides import FailedError, command, follow, project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

pytestmark = pytest.mark.slow

CHECK = ".venv/bin/doit check contract=contracts/pump.yaml"
RELU = 1


def test_a_board(tmp_path: Path) -> None:
    """A contract beside it may name it, and firmware is built for the memories that it gives."""
    folder = project(tmp_path)
    (line,) = follow(folder, "board.md")
    built = json.loads((folder / "build" / "pump" / "floor" / "firmware.json").read_text())
    assert 0 < built["flash_bytes"] < 128 << 10
    contract = folder / "contracts" / "pump.yaml"
    contract.write_text(contract.read_text().replace("ram: 8 KiB", "ram: 32 KiB"))
    with pytest.raises(FailedError, match="wanted at most the RAM of pump/rev2, 16 KiB"):
        command(line, folder)


def test_a_data_format(tmp_path: Path) -> None:
    """The same rows in the new format come to the same examples; a broken line is told."""
    folder = project(tmp_path)
    with (folder / "tests" / "data" / "tank.csv").open() as stream:
        rows = [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(stream)]
    data = folder / "data" / "tank.jsonl"
    data.parent.mkdir()
    lines = [json.dumps(row) for row in rows]
    data.write_text("\n".join(lines))
    printed = follow(folder, "data-format.md")
    assert "1,600 rows of data/tank.jsonl" in printed[CHECK]
    assert "linear, mse       0.0009006 (m)^2" in printed[CHECK]
    page = (folder / "docs" / "reference" / "contract.md").read_text()
    assert "### `dataset.source` with `kind: json_lines`" in page
    data.write_text("\n".join([*lines[:6], "{", *lines[7:]]))
    with pytest.raises(FailedError, match=r"data/tank.jsonl:7: not JSON text"):
        command(CHECK, folder)


def test_an_agent(tmp_path: Path) -> None:
    """It passes the suite with trials of a made-up device, and proposes for a real contract."""
    folder = project(tmp_path)
    suite, proposed = follow(folder, "agent.md").values()
    assert " passed" in suite
    assert "propose:1" in proposed
    place = folder / "build" / "pump" / "iterations" / "01" / "propose" / "candidates.json"
    (design,) = json.loads(place.read_text())["candidates"]
    assert design["layers"]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, str]]:
    """One project with the engine and the constraint: a model of two dense layers, as it is."""
    folder = project(tmp_path_factory.mktemp("both"))
    (folder / "models").mkdir()
    (folder / "models" / "level.tflite").write_bytes(level_model())
    contract = folder / "contracts" / "pump.yaml"
    text = contract.read_text()
    start = text.index("search:")
    contract.write_text(f"{text[:start]}search: {{agent: fixed, file: models/level.tflite}}\n")
    return folder, follow(folder, "engine.md", "constraint.md")


def level_model() -> bytes:
    """16 rows of two features to a number, by 8 units with ReLU; its weights mean nothing."""
    rng, writer = np.random.default_rng(1), Writer()
    wide, narrow = Quant(np.float32(0.03), -5), Quant(np.float32(0.02), -128)
    source, flat = (writer.activation(shape, wide, 1.0) for shape in ((1, 16, 2), (1, 32)))
    to = writer.constant(np.array([1, 32], np.int32))
    reshape = schema.ReshapeOptionsT(newShape=[1, 32])
    writer.operator("RESHAPE", [source.index, to], [flat.index], reshape)
    hidden, out = writer.activation((1, 8), narrow, 1.0), writer.activation((1, 1), wide, 1.0)
    for before, after, shape, activation in (
        (flat, hidden, (8, 32), RELU),
        (hidden, out, (1, 8), 0),
    ):
        weights = writer.constant(rng.integers(-127, 128, shape).astype(np.int8), [0.01], [0])
        bias = rng.integers(-500, 500, shape[0]).astype(np.int32)
        scale = float(before.quant.scale) * 0.01
        inputs = [before.index, weights, writer.constant(bias, [scale], [0])]
        options = schema.FullyConnectedOptionsT(fusedActivationFunction=activation)
        writer.operator("FULLY_CONNECTED", inputs, [after.index], options)
    return writer.finish(source.index, out.index)


def test_a_constraint(both: tuple[Path, Mapping[str, str]]) -> None:
    """The clause is judged by what was measured, and names its place in the contract."""
    folder, printed = both
    judged = printed[".venv/bin/doit run judge:1 contract=contracts/pump.yaml"]
    assert "misses arena," in judged
    trials = (folder / "build/pump/iterations/01/judge/trials.json").read_text()
    clause: dict[str, Any] = next(
        one
        for one in json.loads(trials)["results"][0]["trial"]["verdict"]["clauses"]
        if one["metric"] == "arena_bytes"
    )
    assert clause["limit"] == 32
    assert clause["value"] > 32
    assert clause["status"] == "fail"


def test_an_engine(both: tuple[Path, Mapping[str, str]]) -> None:
    """Its firmware runs, and says what the reference says, byte for byte."""
    folder, _ = both
    made = folder / "build/pump/iterations/01/0"
    assert json.loads((made / "engine" / "engine.json").read_text())["engine"] == "plain"
    measured = json.loads((made / "run" / "measurements.json").read_text())
    assert measured["checked_against_oracle"]
    assert measured["golden_vectors"] == 32
