"""A user's PyTorch network, built, trained and quantised in PyTorch's own environment."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlforge_tasks.contract.data_card import EXAMPLES_CARD, DataCard
from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import torch_venv
from mlforge_tasks.quantisation import Quantisation, TensorQuantisation
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.stages import dataset, quantise_torch, train_torch
from mlforge_tasks.stages._trainer import load_split
from tests.helpers.aot_host import differing_bytes, make_case
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def _there() -> bool:
    try:
        torch_venv.python()
    except ToolError:
        return False
    return True


pytestmark = pytest.mark.skipif(
    not _there(), reason="needs PyTorch's environment: ./bootstrap --torch"
)
NETS = "tests/data/torch_nets/nets.py"
PACKED = "tests/data/torch_nets/pack/net.py"


@functools.cache
def _tank() -> Any:
    from mlforge_tasks.contract.loader import load  # noqa: PLC0415

    return load(TANK, ROOT)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tank's data set: windows of 16 rows of two quantities."""
    out = tmp_path_factory.mktemp("dataset")
    spec = _tank().dataset
    config = _tank().project(dataset.kind(spec).fields)
    dataset.run({"source": ROOT}, out, config)
    return out


def _config(name: str, **training: Any) -> Mapping[str, Any]:
    goal = Figure.model_validate(_tank().learning_figure().model_dump())
    return {
        "search.torch": name if ":" in name else f"{NETS}:{name}",
        "search.layout": "nchw",
        "search.seed": 3,
        "search.activations": "int8",
        "dataset.calibration.output_range": "calibration",
        "goal": goal.model_copy(update={"name": goal.metric}).model_dump(mode="json"),
        "training": _tank().training.model_dump(mode="json") | training,
    }


def _files(folder: Path) -> dict[str, str]:
    return {one.name: sha256_bytes(one.read_bytes()) for one in sorted(folder.iterdir())}


def test_a_network_is_trained_quantised_and_runs_as_the_reference_does(
    data: Path, tmp_path: Path
) -> None:
    """Twice the same bytes; the int8 model follows the float one, and the engine the oracle."""
    given, config = {"network": ROOT, "dataset": data}, _config("conv", epochs=3)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        train_torch.run(given, tmp_path / name, config)
    assert _files(tmp_path / "a") == _files(tmp_path / "b")
    out = tmp_path / "quantised"
    out.mkdir()
    quantise_torch.run({**given, "train": tmp_path / "a"}, out, config)
    model = Quantisation.read(out / "quantisation.json")
    assert isinstance(model.input, TensorQuantisation)
    assert isinstance(model.output, TensorQuantisation)
    # Its convolution runs channels last, and so are the examples that a device gives it.
    assert (model.input.shape, model.input.channels_first) == ((1, 16, 2), False)
    content = (out / "model.tflite").read_bytes()
    card = DataCard.read(data / EXAMPLES_CARD)
    split = load_split(data, "test", card)
    inputs = split.inputs.given(model.input.shape, channels_first=False)[:200]
    steps = np.round(inputs / model.input.scale) + model.input.zero_point
    case = make_case("torch", content, inputs=np.clip(steps, -128, 127).astype(np.int8))
    assert differing_bytes([case], tmp_path) == {}
    found = (case.outputs.reshape(200).astype(float) - model.output.zero_point) * model.output.scale
    with np.load(out / "float_outputs.npz") as outputs:
        wanted = outputs["test"][:200, 0]
    assert np.abs(found - wanted).mean() < 0.05 * np.ptp(wanted)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wrong_size", rf"^unusable_model: {NETS}:\d+|{NETS}: forward of \[\d+, 2, 16\]"),
        ("failing", rf"{NETS}:\d+: forward of \[8, 2, 16\]: IndexError"),
        ("reads", rf"{NETS}:\d+: reads\(\(2, 16\), 1\): reads 'pyproject.toml' of the project"),
        ("tries", rf"{NETS}:\d+: tries\(\(2, 16\), 1\): reads 'pyproject.toml' of the project"),
        ("ends", rf"the code of {NETS}:ends ended its process"),
        (f"{PACKED}:relative", rf"{PACKED}:\d+: relative\(.*\): ValueError: 3 parts"),
    ],
)
def test_a_mistake_in_it_is_told_by_its_line(
    name: str, said: str, data: Path, tmp_path: Path
) -> None:
    """Before anything is exported or trained."""
    with pytest.raises(CandidateFailure, match=said):
        quantise_torch.run({"network": ROOT, "dataset": data}, tmp_path, _config(name))
