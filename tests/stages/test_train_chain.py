"""Train, quantise and evaluate, for real, on tiny data: one process with TensorFlow a call."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mlforge_tasks import windows
from mlforge_tasks.architecture import StaticFigures
from mlforge_tasks.contract.data_card import SPLITS, DataCard
from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.engines._aot.host import HostModel
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import process, progress, warm
from mlforge_tasks.graph.files import Tree
from mlforge_tasks.int8 import dequantise, quantise
from mlforge_tasks.oracle import NO_WHEEL, Oracle, available
from mlforge_tasks.quantisation import FLOAT_OUTPUTS, Quantisation, alone
from mlforge_tasks.stages import _warm as _warm_imports
from mlforge_tasks.stages import evaluate, render, train
from mlforge_tasks.stages import quantise as quantise_stage
from mlforge_tasks.stages._describe import describe
from mlforge_tasks.stages._golden import Compared, GoldenVectors
from mlforge_tasks.stages._output_range import of_targets, widened
from mlforge_tasks.stages._pruning import Curves
from mlforge_tasks.stages._training import Training
from mlforge_tasks.verdict.evaluation import Evaluation
from tests.helpers import short
from tests.helpers.crashing_reference import stand_in
from tests.helpers.model_data import card, write_dataset

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

SEED = 3
QUANTISING = {
    "search.seed": SEED,
    "search.activations": "int8",
    "dataset.calibration.output_range": "calibrated",
}
# What the evaluation is asked: the first output's error.
MAE = {
    "goal.confidence": None,
    "figures": [Figure(name="mae", metric="mae", output=0).model_dump(mode="json")],
}
# Every kind of layer there is for a series.
SERIES: list[dict[str, Any]] = [
    {"kind": "conv1d", "filters": 8, "kernel": 5, "activation": "linear"},
    {"kind": "batch_norm"},
    {"kind": "activation", "activation": "relu6"},
    {
        "kind": "residual",
        "layers": [
            {"kind": "separable_conv1d", "filters": 8, "kernel": 3, "stride": 2},
            {"kind": "conv1d", "filters": 12, "kernel": 3, "dilation": 2, "activation": "linear"},
        ],
    },
    {"kind": "average_pool", "size": 3, "stride": 2, "padding": "same"},
    {"kind": "depthwise_conv1d", "kernel": 3, "padding": "valid", "activation": "tanh"},
    {"kind": "dropout", "rate": 0.1},
    {"kind": "flatten"},
    {"kind": "residual", "layers": [{"kind": "dense", "units": 7, "activation": "sigmoid"}]},
    {"kind": "dense", "units": 6},
]
# The same for images.
IMAGE: list[dict[str, Any]] = [
    {"kind": "conv2d", "filters": 4, "kernel": [3, 3]},
    {
        "kind": "residual",
        "layers": [
            {"kind": "depthwise_conv2d", "kernel": [3, 3], "stride": 2},
            {"kind": "conv2d", "filters": 6, "kernel": [1, 1], "activation": "linear"},
            {"kind": "batch_norm"},
        ],
    },
    {"kind": "separable_conv2d", "filters": 5, "kernel": [3, 2], "padding": "valid"},
    {"kind": "max_pool"},
    {"kind": "global_average_pool"},
]
FLAT = (7,)
BUDGET = {
    "epochs": 4,
    "batch_size": 16,
    "learning_rate": 0.01,
    "patience": 4,
    "time_limit_s": 300.0,
    "memory_limit_bytes": 8 << 30,
}


@pytest.fixture(scope="module", autouse=True)
def _warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a run has: the halves that need TensorFlow are forked."""
    tree = Tree(tmp_path_factory.mktemp("tree"))
    with contextlib.closing(warm.Warm(tree, _warm_imports.__name__, early=False)) as kept:
        warm.inherit(kept.asking())
        yield
        warm.inherit(None)


@dataclass(frozen=True)
class Candidate:
    """The stage folders of one network."""

    folder: Path
    goal: str

    @property
    def sources(self) -> dict[str, Path]:
        """What train and quantise start from."""
        names = ("render", "dataset")
        return {name: self.folder / name for name in names}

    @property
    def card(self) -> DataCard:
        return DataCard.read(self.folder / "dataset" / "data_card.json")

    def config(self, **changes: Any) -> dict[str, Any]:
        """What the train stage may read."""
        return {
            "training": {**BUDGET, **changes},
            "goal": Figure(name=self.goal, metric=self.goal).model_dump(mode="json"),
            "search.seed": SEED,
        }

    def train(self, out: Path, curves: Path | None = None, **changes: Any) -> Path:
        """Runs the train stage, with the learning curves of an earlier round where they count."""
        out.mkdir(parents=True)
        earlier = {} if curves is None else {"curves01": curves}
        sources = {**self.sources, **earlier, "admit": self.folder}
        train.run(sources, out, self.config(**changes))
        return out

    def train_as_process(self, out: Path, **changes: Any) -> str:
        """Runs the train stage as the pipeline does; what it prints."""
        out.mkdir(parents=True)
        sources = {name: str(path) for name, path in self.sources.items()}
        request = {"inputs": sources, "out": str(out), "config": self.config(**changes)}
        path = self.folder / "request.json"
        path.write_text(json.dumps(request))
        argv = [sys.executable, "-m", train.__name__, str(path)]
        lines: list[str] = []
        done = process.run(argv, timeout_s=300, on_line=lines.append)
        assert done.returncode == 0, done.output
        return "\n".join(lines)

    def quantise_as_process(self, out: Path, *wrap: str) -> process.Completed:
        """Runs the quantise stage as the pipeline does, with something before the command."""
        out.mkdir(parents=True)
        sources = {name: str(path) for name, path in self.sources.items()}
        request = {"inputs": sources, "out": str(out), "config": QUANTISING}
        path = out.with_suffix(".json")
        path.write_text(json.dumps(request))
        argv = [*wrap, sys.executable, "-m", quantise_stage.__name__, str(path)]
        return process.run(argv, timeout_s=300)

    def quantise(self, out: Path, trained: Path | None = None) -> Path:
        """Runs the quantise stage."""
        out.mkdir(parents=True)
        sources = self.sources if trained is None else {**self.sources, "train": trained}
        quantise_stage.run(sources, out, QUANTISING)
        return out


def _candidate(folder: Path, layers: object, about: DataCard, goal: str) -> Candidate:
    write_dataset(folder / "dataset", about)
    proposed, rendered = folder / "propose", folder / "render"
    for path in (proposed, rendered):
        path.mkdir()
    (proposed / "candidates.json").write_text(json.dumps({"candidates": [{"layers": layers}]}))
    stages = {"propose": proposed, "dataset": folder / "dataset"}
    render.run(stages, rendered, {"candidate": 0})
    return Candidate(folder, goal)


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Candidate:
    """A regression network with every layer for series, and what the stages make of it."""
    folder = tmp_path_factory.mktemp("series")
    found = _candidate(folder, SERIES, card("regression", (24, 2), 2), "mae")
    found.train(folder / "train")
    found.quantise(folder / "quantise", folder / "train")
    return found


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Candidate:
    """A two-class network with every layer for images; trained, and its untrained probe."""
    folder = tmp_path_factory.mktemp("image")
    found = _candidate(folder, IMAGE, card("classification", (8, 9, 1), 2), "auc")
    (folder / "console.txt").write_text(found.train_as_process(folder / "train", epochs=2))
    found.quantise(folder / "probe")
    return found


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Candidate:
    """Centroids, and what the stages make of them; of each split the first half is normal."""
    folder, size = tmp_path_factory.mktemp("clusters"), math.prod(FLAT)
    layers = [{"kind": "k_means", "clusters": 6}]
    about = card("anomaly", FLAT, size, labels=("normal", "anomaly"))
    found = _candidate(folder, layers, about, "auc")
    for split in SPLITS[1:]:
        np.save(folder / "dataset" / f"{split}_y.npy", np.repeat([0, 1], 48).astype(np.int32))
    found.train(folder / "train")
    found.quantise(folder / "quantise", folder / "train")
    return found


@pytest.fixture
def broken(tmp_path: Path) -> Candidate:
    """A network whose source a test replaces."""
    return _candidate(tmp_path, [{"kind": "flatten"}], card("regression", (4, 1), 1), "mse")


def _sizes(weights: Path) -> int:
    with np.load(weights) as arrays:
        return sum(arrays[name].size for name in arrays.files)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_centroids_are_learnt_and_compared(clusters: Candidate) -> None:
    """The network hands its input on; error and score are those of the nearest centroid."""
    folder = clusters.folder
    with np.load(folder / "train" / "weights.npz") as arrays:
        centroids = arrays["centroids"]
    training = Training.read(folder / "train" / "training.json")
    assert training.train_loss[-1] < training.train_loss[0]
    model = Quantisation.read(folder / "quantise" / "quantisation.json")
    scales = alone(model.output).scale, alone(model.input).scale
    assert (model.operators, scales[0]) == (("RESHAPE",), scales[1])
    assert np.array_equal(model.centroids, quantise(centroids, model.output))
    test = windows.read(folder / "dataset", "test", None)
    apart = np.square(test[:].reshape(96, -1)[:, None] - centroids[None]).mean(axis=2).min(axis=1)
    with np.load(folder / "quantise" / FLOAT_OUTPUTS) as floats:
        assert floats["test"][:, 1] == pytest.approx(apart, rel=1e-4)
    out = folder / "evaluate"
    out.mkdir()
    asked = [Figure(name="auc", metric="auc").model_dump(mode="json")]
    inputs = {"quantise": folder / "quantise", "dataset": folder / "dataset"}
    evaluate.run(inputs, out, {"goal.confidence": None, "figures": asked})
    given = quantise(test[:], model.input).reshape(96, -1).astype(np.int64)
    scores = np.square(given[:, None] - np.array(model.centroids)[None]).sum(axis=2).min(axis=1)
    found = Evaluation.read(out / "evaluation.json").test
    assert found.figures["auc"] == pytest.approx(roc_auc_score(np.repeat([0, 1], 48), scores))
    assert found.float_figures["auc"] == pytest.approx(found.figures["auc"], abs=0.02)


@pytest.mark.parametrize("name", ["series", "image", "clusters"])
def test_keras_has_as_many_parameters(name: str, request: pytest.FixtureRequest) -> None:
    """What Keras built from the source has exactly the parameters that were predicted."""
    candidate: Candidate = request.getfixturevalue(name)
    figures = StaticFigures.read(candidate.folder / "render" / "static.json")
    assert _sizes(candidate.folder / "train" / "weights.npz") == figures.parameters


def test_training_learns_and_keeps_the_best_epoch(series: Candidate) -> None:
    """The figures are of the best epoch by the goal's metric, of two outputs each by its scale."""
    training = Training.read(series.folder / "train" / "training.json")
    assert len(training.train_loss) == BUDGET["epochs"]
    assert training.train_loss[-1] < training.train_loss[0]
    best = min(training.validation_metric)
    assert training.validation_metric[training.best_epoch - 1] == best
    assert set(training.validation) == {
        f"{metric}({at})" for metric in ("mse", "mae") for at in (0, 1)
    }
    each = [training.validation[f"mae({at})"] for at in (0, 1)]
    # The network learns targets that were divided by 40.
    assert np.mean(each) / 40 == pytest.approx(best, rel=1e-5)
    assert training.validation_metric == pytest.approx(training.validation_loss, rel=1e-4)


def test_same_bits_in_another_folder(series: Candidate, tmp_path: Path) -> None:
    """Training and conversion give the same bytes again, wherever the files lie."""
    again = series.train(tmp_path / "somewhere" / "else" / "train")
    assert _files(again) == _files(series.folder / "train")
    converted = series.quantise(tmp_path / "quantise", again)
    assert _files(converted) == _files(series.folder / "quantise")


def test_progress_is_one_line_per_epoch(image: Candidate) -> None:
    """Whoever waits sees each epoch, and nothing that TensorFlow has to say."""
    lines = (image.folder / "console.txt").read_text().splitlines()
    told = [progress.read(line) for line in lines]
    assert [(one.done, one.total, one.unit) for one in told if one] == [
        (1, 2, "epochs"),
        (2, 2, "epochs"),
    ]
    assert None not in told
    assert ", auc " in lines[0]


def test_int8_model_is_int8_throughout(series: Candidate) -> None:
    """Inputs and outputs are int8, shapes are the card's, and no float operator is left."""
    found = Quantisation.read(series.folder / "quantise" / "quantisation.json")
    content = (series.folder / "quantise" / "model.tflite").read_bytes()
    assert (found.input.shape, found.output.shape) == ((24, 2), (2,))
    assert found.tflite_bytes == len(content)
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "TANH"} <= {*found.operators}
    assert not {"QUANTIZE", "DEQUANTIZE", "SHAPE", "STRIDED_SLICE", "PACK"} & {*found.operators}


def test_probe_costs_the_same_as_the_trained_model(image: Candidate, tmp_path: Path) -> None:
    """An untrained network has the trained one's operators, shapes and size."""
    probe = Quantisation.read(image.folder / "probe" / "quantisation.json")
    trained = Quantisation.read(
        image.quantise(tmp_path / "trained", image.folder / "train") / "quantisation.json"
    )
    assert probe.operators == trained.operators
    assert probe.tflite_bytes == trained.tflite_bytes
    assert not (image.folder / "probe" / FLOAT_OUTPUTS).exists()
    with np.load(tmp_path / "trained" / FLOAT_OUTPUTS) as floats:
        assert {name: floats[name].shape for name in floats} == {
            "validation": (96, 2),
            "test": (96, 2),
        }


@pytest.mark.skipif(not available(), reason="needs the tflite-micro wheel")
def test_evaluation_is_the_oracle_over_the_whole_split(series: Candidate, tmp_path: Path) -> None:
    """int8 figures are those of TFLM's outputs, put back into original units by hand."""
    stages = {"quantise": series.folder / "quantise", "dataset": series.folder / "dataset"}
    evaluate.run(stages, tmp_path, MAE)
    found = Evaluation.read(tmp_path / "evaluation.json")
    model = Quantisation.read(stages["quantise"] / "quantisation.json")
    inputs = windows.read(stages["dataset"], "test", None)[:]
    raw = Oracle((stages["quantise"] / "model.tflite").read_bytes()).run(
        quantise(inputs, model.input)
    )
    real = dequantise(raw, model.output) * 40 + 100
    targets = windows.read_targets(stages["dataset"], "test").astype(float)
    wanted = np.abs(real - targets).mean(axis=0)
    assert found.test.figures == {"mae": pytest.approx(wanted[0])}
    assert [one.mae for one in found.test.outputs] == pytest.approx(wanted.tolist())
    assert found.test.figures == pytest.approx(found.test.float_figures, rel=0.2)


@pytest.mark.skipif(not available(), reason="needs the tflite-micro wheel")
def test_an_output_can_reach_further_than_calibration_saw(
    series: Candidate, tmp_path: Path
) -> None:
    """The same network in wider steps; what it says beyond the old range is no longer on the rail.

    The oracle and the engine's C still compute the same bytes of it.
    """
    content = (series.folder / "quantise" / "model.tflite").read_bytes()
    before = alone(describe(content).output)
    wide = widened(content, -9.0, 5.0)
    after = alone(describe(wide).output)
    low, high = ((end - after.zero_point) * after.scale for end in (-128, 127))
    assert [low, high] == pytest.approx([-9.0, 5.0], abs=after.scale)
    inputs = quantise(
        windows.read(series.folder / "dataset", "test", None)[:], describe(content).input
    )
    old, new = Oracle(content).run(inputs), Oracle(wide).run(inputs)
    inside = (old > -128) & (old < 127)
    assert inside.mean() > 0.9
    off = np.abs(dequantise(old, before) - dequantise(new, after))
    assert off[inside].max() <= after.scale / 2 + before.scale
    host = HostModel(wide, after, tmp_path)
    assert np.array_equal(host.run(inputs).reshape(new.shape), new)
    assert widened(wide, -1.0, 1.0) == wide
    assert of_targets(series.card) == (-2.5, 2.5)


def test_evaluation_without_the_oracle_is_the_same(
    series: Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no wheel, the engine's C on the host gives the same figures, and says so."""
    stages = {"quantise": series.folder / "quantise", "dataset": series.folder / "dataset"}
    evaluate.run(stages, tmp_path, MAE)
    found = Evaluation.read(tmp_path / "evaluation.json")
    monkeypatch.setattr("mlforge_tasks.oracle.available", lambda: False)
    evaluate.run(stages, tmp_path, MAE)
    bare = Evaluation.read(tmp_path / "evaluation.json")
    assert bare.computed_by == "aot"
    assert found.validation.layer_rails
    inside = found.validation.model_copy(update={"layer_rails": ()})
    changed = {"computed_by": "aot", "not_compared": NO_WHEEL, "validation": inside}
    assert bare == found.model_copy(update=changed)


def test_a_reference_that_crashes_is_told_and_passed_over(
    series: Candidate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same figures from the engine's C, and nothing compared: both say why."""
    stages = {"quantise": series.folder / "quantise", "dataset": series.folder / "dataset"}
    evaluate.run(stages, tmp_path, MAE)
    found = Evaluation.read(tmp_path / "evaluation.json")
    assert (found.computed_by, found.not_compared) == ("tflite-micro", "")
    model = Quantisation.read(stages["quantise"] / "quantisation.json")
    golden = GoldenVectors.choose(stages["dataset"], model)
    tflite = (stages["quantise"] / "model.tflite").read_bytes()
    assert golden.check(tflite, Oracle(tflite).run(golden.inputs)) == Compared()
    stand_in(tmp_path, monkeypatch, "a check failed", "os.abort()")
    evaluate.run(stages, tmp_path, MAE)
    bare = Evaluation.read(tmp_path / "evaluation.json")
    assert bare.computed_by == "aot"
    assert "ended itself with SIGABRT on this model: a check failed" in bare.not_compared
    assert bare.validation == found.validation.model_copy(update={"layer_rails": ()})
    assert golden.check(tflite, golden.inputs) == Compared(bare.not_compared)


def test_divergence_is_a_result(broken: Candidate, tmp_path: Path) -> None:
    """A loss that is no longer finite ends the training, and leaves nothing behind."""
    with pytest.raises(CandidateFailure) as failure:
        broken.train(tmp_path / "train", learning_rate=1e30)
    assert failure.value.reason.code == "diverged"
    assert not list((tmp_path / "train").iterdir())


def test_time_limit_is_a_result(series: Candidate, tmp_path: Path) -> None:
    """A training that takes too long is ended."""
    with pytest.raises(CandidateFailure) as failure:
        series.train(tmp_path / "train", time_limit_s=0.001)
    assert (failure.value.reason.code, failure.value.reason.limit) == ("train_timeout", 0.001)


def with_curves(folder: Path, *curves: tuple[float, ...]) -> Path:
    folder.mkdir()
    Curves(curves=curves).write(folder / "curves.json")
    return folder


# Learns in small steps, so that it is patience with a weak candidate that ends it and not its own.
SLOW: dict[str, Any] = {"learning_rate": 0.0005, "patience": 2}


def test_falling_behind_is_a_result(series: Candidate, tmp_path: Path) -> None:
    """What is worse than most before it stops after its patience, and says how far it came."""
    others = with_curves(tmp_path / "curves", (0.0, 0.0), (0.0,))
    with pytest.raises(CandidateFailure) as failure:
        series.train(tmp_path / "train", curves=others, **SLOW)
    reason = failure.value.reason
    assert (reason.code, reason.stage, reason.metric) == ("pruned", "train", series.goal)
    assert "after epoch 3" in reason.message
    assert not list((tmp_path / "train").iterdir())
    whole = series.train(tmp_path / "whole", **SLOW)
    values = Training.read(whole / "training.json").validation_metric
    assert (reason.value, reason.limit) == (min(values[:3]), 0.0)
    # One that keeps up has the same bits as one that was held against nothing.
    others = with_curves(tmp_path / "worse", (1e9, 1e9), (1e9,))
    assert _files(series.train(tmp_path / "kept", curves=others, **SLOW)) == _files(whole)
    assert len(values) == BUDGET["epochs"]


def test_what_is_forked_makes_the_same_bytes(series: Candidate, tmp_path: Path) -> None:
    """Weights, model and float outputs are those of processes that import TensorFlow themselves."""
    made = []
    asking = warm.inherited()
    for name in ("forked", "new"):
        warm.inherit(asking if name == "forked" else None)
        weights = series.train(tmp_path / name / "train")
        made.append(_files(weights) | _files(series.quantise(tmp_path / name / "q", weights)))
    warm.inherit(asking)
    assert made[0] == made[1]
    assert {"weights.npz", "model.tflite", FLOAT_OUTPUTS} <= made[0].keys()


def test_memory_limit_is_a_result(tmp_path: Path) -> None:
    """One that needs too much for sure is not begun; else it fails, though TensorFlow crashes."""
    layers = [{"kind": "conv2d", "filters": 256, "kernel": [3, 3]}, {"kind": "global_average_pool"}]
    large = _candidate(tmp_path / "large", layers, card("regression", (64, 64, 1), 1), "mse")
    with pytest.raises(CandidateFailure) as failure:
        large.train(tmp_path / "short", batch_size=96, memory_limit_bytes=600 << 20)
    reason = failure.value.reason
    assert (reason.code, reason.limit) == ("train_memory", 600 << 20)
    # 64 x 64 x 256 activations of 96 examples, and as much that comes back to them.
    assert 2 * 96 * (1 << 20) * 4 < (reason.value or 0) < 1400 << 20
    assert "its limit is 600 MiB" in reason.message
    assert "lower training.batch_size (96), or raise training.memory_limit" in reason.message
    with pytest.raises(CandidateFailure) as failure:
        large.train(tmp_path / "train", batch_size=96, memory_limit_bytes=1400 << 20)
    assert (failure.value.reason.code, failure.value.reason.value) == ("train_memory", None)


def test_too_little_memory_to_start_is_no_candidates_fault(
    series: Candidate, tmp_path: Path
) -> None:
    """A limit that TensorFlow itself does not fit into is a clear error."""
    with pytest.raises(ToolError, match="memory_limit of at least 1 GiB"):
        series.train(tmp_path / "train", memory_limit_bytes=64 << 20)


def test_converter_crash_is_a_result(broken: Candidate, tmp_path: Path) -> None:
    """A conversion that dies of a signal fails the candidate, not us."""
    crash = "import os, signal\nbuild_model = lambda: os.kill(os.getpid(), signal.SIGSEGV)\n"
    (broken.folder / "render" / "model.py").write_text(crash)
    with pytest.raises(CandidateFailure, match=r"convert_failed: .*SIGSEGV"):
        broken.quantise(tmp_path / "quantise")


def test_a_kill_from_outside_is_no_result(broken: Candidate, tmp_path: Path) -> None:
    """The kernel ends who takes the last memory; that is nobody's fault."""
    killed = "import os, signal\nbuild_model = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
    (broken.folder / "render" / "model.py").write_text(killed)
    with pytest.raises(ToolError, match="SIGKILL from outside"):
        broken.quantise(tmp_path / "quantise")


def test_a_crash_before_the_conversion_is_no_result(broken: Candidate, tmp_path: Path) -> None:
    """Libraries that do not load, load for no candidate."""
    done = broken.quantise_as_process(tmp_path / "quantise", *short.of(**{"as": 1 << 29}))
    assert (done.returncode, list((tmp_path / "quantise").iterdir())) == (2, [])
    assert "ulimit -a" in done.output or "run the same command again" in done.output


def test_a_full_disk_is_no_result(series: Candidate, tmp_path: Path) -> None:
    """The converter's temporary files do not fit: that is said, and nothing is left as a result."""
    disk = tmp_path / "disk"
    little = short.of_disk(disk, 48 << 10) if short.mounts() else short.of(fsize=16 << 10)
    wrap = (*little, "env", f"TMPDIR={disk}")
    done = series.quantise_as_process(tmp_path / "quantise", *wrap)
    assert done.returncode == 2, done.output
    words = done.ending("it")
    assert "No space left on device" in words or "File too large" in words
    assert "needed for exporting the network\nThings to try: " in words
    assert len(words.splitlines()) == 2


def test_converter_refusal_is_a_result(broken: Candidate, tmp_path: Path) -> None:
    """A network that has no int8 form fails with the converter's own words."""
    source = broken.folder / "render" / "model.py"
    text = source.read_text().replace(")(flatten_0)", ")(ops.erfinv(flatten_0))")
    source.write_text(text.replace("import Input", "import ops, Input"))
    with pytest.raises(CandidateFailure, match="convert_failed: the TFLite converter refuses it"):
        broken.quantise(tmp_path / "quantise")
