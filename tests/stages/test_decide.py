"""A detector's threshold, from the int8 model's outputs to the figures that it is judged by."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_curve, roc_auc_score
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks import windows
from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.int8 import quantise
from mlforge_tasks.oracle import outputs_of
from mlforge_tasks.stages import decide, evaluate
from mlforge_tasks.stages._describe import describe
from mlforge_tasks.verdict.decision import Counts, Decision
from mlforge_tasks.verdict.detection import scores_of
from mlforge_tasks.verdict.evaluation import Evaluation
from mlforge_tasks.verdict.predictions import read_predictions
from mlforge_tasks.verdict.reconstruction import reconstruction_scores
from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.model_data import card, write_dataset

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.data_card import Split

FIGURE = Figure(name="f1", metric="f1", output=1)
RECALL = Figure(name="recall", metric="recall", output=1)


def _model() -> bytes:
    """Two outputs that lead by the input's first value less its second, with steps and rails."""
    writer = Writer()
    source = writer.activation((1, 2), Quant(np.float32(0.04), 3), 1.0)
    weights = writer.constant(np.array([[-50, 60], [70, -40]], np.int8), [0.01], [0])
    bias = writer.constant(np.array([300, -500], np.int32), [0.0004], [0])
    output = writer.activation((1, 2), Quant(np.float32(0.02), -9), 1.0)
    options = schema.FullyConnectedOptionsT()
    writer.operator("FULLY_CONNECTED", [source.index, weights, bias], [output.index], options)
    return writer.finish(source.index, output.index)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model that finds one of two labels, most of the time."""
    folder = tmp_path_factory.mktemp("decide")
    content = _model()
    (folder / "model.tflite").write_bytes(content)
    describe(content).write(folder / "quantisation.json")
    dataset = write_dataset(folder / "dataset", card("classification", (2,), 2))
    for split in ("validation", "test"):  # a rare label, and one in eight told wrong
        x = windows.read(dataset, split, None)[np.arange(96)]
        labels = (x[:, 0] - x[:, 1] > 1.2).astype(np.int32)
        labels[::8] = 1 - labels[::8]
        np.save(dataset / f"{split}_y.npy", labels)
    return {"quantise": folder, "dataset": dataset}


def _scores(inputs: dict[str, Path], split: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """How far the second output leads, as TensorFlow Lite Micro has it, and the labels."""
    content = (inputs["quantise"] / "model.tflite").read_bytes()
    x = windows.read(inputs["dataset"], split, None)
    raw = outputs_of(content, x.changed(lambda part: quantise(part, describe(content).input)))
    wide = raw.reshape(-1, 2).astype(int)
    return wide[:, 1] - wide[:, 0], windows.read_targets(inputs["dataset"], split) == 1


def _counts(scores: NDArray[Any], positive: NDArray[np.bool_], least: float) -> Counts:
    cells = confusion_matrix(positive, scores >= least).ravel().tolist()
    return Counts(quiet=cells[0], false_alarms=cells[1], misses=cells[2], hits=cells[3])


def test_the_threshold_is_the_best_of_validation_and_judges_both(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    """No other has a better F1 there; the test split's figures are those of the same."""
    config = {"detectors": [FIGURE.model_dump(mode="json")], "trained": True}
    decide.run(inputs, tmp_path, config)
    decision = Decision.read(tmp_path / "decision.json")
    (threshold,) = decision.thresholds
    assert (decision.positive, threshold.label, threshold.chosen_for) == (1, "class 1", "f1")
    scores, positive = _scores(inputs, "validation")
    precision, recall, _ = precision_recall_curve(positive, scores)
    assert threshold.validation == _counts(scores, positive, threshold.least)
    assert threshold.validation.f1 == pytest.approx(
        (2 * precision * recall / (precision + recall)).max()
    )
    figures = [one.model_dump(mode="json") for one in (FIGURE, RECALL)]
    evaluate.run(
        {**inputs, "decide": tmp_path}, tmp_path, {"goal.confidence": None, "figures": figures}
    )
    found = Evaluation.read(tmp_path / "evaluation.json")
    on_test = _counts(*_scores(inputs, "test"), threshold.least)
    assert found.validation.detection == threshold.validation
    assert found.test.detection == on_test
    assert found.test.figures == {"f1": on_test.f1, "recall": on_test.recall}
    assert 0 < on_test.recall < 1
    kept = read_predictions(tmp_path, "test")
    assert kept.dtype == np.int8
    assert np.array_equal(scores_of(kept, 1), _scores(inputs, "test")[0])


def test_each_of_several_labels_has_its_threshold(inputs: dict[str, Path], tmp_path: Path) -> None:
    """The best F1, or what is asked of it; figures and counts by label are those of the same."""
    dataset = write_dataset(tmp_path / "dataset", card("multilabel", (2,), 2))
    content, outputs = _model(), {}
    for split in ("validation", "test"):
        x = windows.read(dataset, split, None)
        raw = outputs_of(content, x.changed(lambda part: quantise(part, describe(content).input)))
        outputs[split] = raw.reshape(-1, 2).astype(int)
        noise = np.random.default_rng(2).normal(0, 25, outputs[split].shape)
        there = (outputs[split] + noise > [20, 40]).astype(np.int32)
        np.save(dataset / f"{split}_y.npy", there)
    given = {**inputs, "dataset": dataset}
    asked = Figure(name="recall", metric="recall_at_precision", output=1, parameter=0.9)
    wanted = [
        one.model_dump(mode="json") for one in (FIGURE.model_copy(update={"output": 0}), asked)
    ]
    decide.run(given, tmp_path, {"detectors": wanted, "trained": True})
    decision = Decision.read(tmp_path / "decision.json")
    assert [one.label for one in decision.thresholds] == ["class 0", "class 1"]
    targets = {split: windows.read_targets(dataset, split) == 1 for split in outputs}
    (_, second) = decision.thresholds
    for at, one in enumerate(decision.thresholds):
        found = _counts(outputs["validation"][:, at], targets["validation"][:, at], one.least)
        assert one.validation == found
    assert second.validation is not None
    assert second.validation.precision >= 0.9
    macro = Figure(name="macro_f1", metric="macro_f1").model_dump(mode="json")
    config = {"goal.confidence": None, "figures": [macro, asked.model_dump(mode="json")]}
    evaluate.run({**given, "decide": tmp_path}, tmp_path, config)
    test = Evaluation.read(tmp_path / "evaluation.json").test
    counts = [
        _counts(outputs["test"][:, at], targets["test"][:, at], one.least)
        for at, one in enumerate(decision.thresholds)
    ]
    assert [one.f1 for one in test.classes] == [one.f1 for one in counts]
    assert test.figures["macro_f1"] == pytest.approx((counts[0].f1 + counts[1].f1) / 2)
    assert test.figures["recall"] == counts[1].recall


def test_a_probe_says_nothing_of_the_data(inputs: dict[str, Path], tmp_path: Path) -> None:
    """Its firmware costs what the trained one does, with any threshold."""
    config = {"detectors": [FIGURE.model_dump(mode="json")], "trained": False}
    decide.run({"dataset": inputs["dataset"]}, tmp_path, config)
    (threshold,) = Decision.read(tmp_path / "decision.json").thresholds
    assert (threshold.least, threshold.validation) == (0, None)


def test_a_split_with_nothing_to_detect_is_told(inputs: dict[str, Path], tmp_path: Path) -> None:
    """With the split's name and what to do."""
    dataset = write_dataset(tmp_path / "dataset", card("classification", (2,), 2))
    np.save(dataset / "validation_y.npy", np.zeros(96, np.int32))
    config = {"detectors": [FIGURE.model_dump(mode="json")], "trained": True}
    with pytest.raises(ToolError, match="'f1' is not defined on the validation split") as caught:
        decide.run({**inputs, "dataset": dataset}, tmp_path, config)
    assert "split otherwise" in (caught.value.hint or "")


def test_an_operator_that_the_reference_has_not_is_the_models_fault(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    """Engine `aot` is asked then, which names it as it does where it is to build the model."""
    writer, quant = Writer(), Quant(np.float32(0.04), 3)
    source, output = (writer.activation((1, 2), quant, 1.0) for _ in range(2))
    writer.operator("GELU", [source.index], [output.index], schema.GeluOptionsT())
    content = writer.finish(source.index, output.index)
    (tmp_path / "model.tflite").write_bytes(content)
    describe(content).write(tmp_path / "quantisation.json")
    config = {"detectors": [FIGURE.model_dump(mode="json")], "trained": True}
    with pytest.raises(CandidateFailure, match=r"GELU 'l0_.*' is not supported .* use elu"):
        decide.run({**inputs, "quantise": tmp_path}, tmp_path, config)


def test_an_anomaly_is_told_by_its_score(inputs: dict[str, Path], tmp_path: Path) -> None:
    """Threshold and counts are of the numbers that the device computes, and of these alone."""
    about = card("anomaly", (2,), 2, labels=("normal", "anomaly"))
    dataset = tmp_path / "dataset"
    shutil.copytree(inputs["dataset"], dataset)
    about.write(dataset / "data_card.json")
    given = {**inputs, "dataset": dataset, "decide": tmp_path}
    decide.run(given, tmp_path, {"detectors": [FIGURE.model_dump(mode="json")], "trained": True})
    decision = Decision.read(tmp_path / "decision.json")
    assert decision.rule == "score"
    auc = Figure(name="auc", metric="auc")
    asked = [one.model_dump(mode="json") for one in (auc, FIGURE)]
    evaluate.run(given, tmp_path, {"goal.confidence": None, "figures": asked})
    found = Evaluation.read(tmp_path / "evaluation.json")
    content = (inputs["quantise"] / "model.tflite").read_bytes()
    model = describe(content)
    splits: tuple[Split, ...] = ("validation", "test")
    for split in splits:
        x = windows.read(dataset, split, None)
        given_int8 = x.changed(lambda part: quantise(part, model.input))
        scores = reconstruction_scores(given_int8, outputs_of(content, given_int8), model)
        labels = windows.read_targets(dataset, split) == 1
        least = decision.thresholds[0].least
        assert np.array_equal(read_predictions(tmp_path, split), scores)
        figures = getattr(found, split).figures
        assert getattr(found, split).detection == _counts(
            scores, labels, decision.thresholds[0].least
        )
        assert figures["f1"] == pytest.approx(f1_score(labels, scores >= least))
        assert figures["auc"] == pytest.approx(roc_auc_score(labels, scores))
