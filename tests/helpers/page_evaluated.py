"""The folders of a candidate that was really evaluated, of a model of one layer, for its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks import windows
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.contract.detector import detectors
from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.page.found import Found
from mlforge_tasks.stages import decide, evaluate
from mlforge_tasks.stages._describe import describe
from mlforge_tasks.verdict.constraints import TEST_SUFFIX
from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.datasets import FORECAST, run_stage, spec
from tests.helpers.model_data import card, write_dataset
from tests.helpers.page_reports import real

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

BEST = "2.0"  # of `page_reports.real`


def model(weights: Sequence[Sequence[int]], bias: Sequence[int]) -> bytes:
    """One FULLY_CONNECTED: int8 weights [outputs, inputs] in steps of 0.01, with rails."""
    writer = Writer()
    outputs, inputs = np.shape(weights)
    source = writer.activation((1, inputs), Quant(np.float32(0.04), 3), 1.0)
    table = writer.constant(np.array(weights, np.int8), [0.01], [0])
    offsets = writer.constant(np.array(bias, np.int32), [0.0004], [0])
    output = writer.activation((1, outputs), Quant(np.float32(0.02), -9), 1.0)
    options = schema.FullyConnectedOptionsT()
    writer.operator("FULLY_CONNECTED", [source.index, table, offsets], [output.index], options)
    return writer.finish(source.index, output.index)


# Two outputs that lead by the input's first value less its second.
PAIR = model([[-50, 60], [70, -40]], [300, -500])


def labels_of(x: NDArray[np.float32]) -> NDArray[np.int32]:
    """A rare label, and one in eight told wrong."""
    found = (x[:, 0] - x[:, 1] > 1.2).astype(np.int32)
    found[::8] = 1 - found[::8]
    return found


def pair(folder: Path, task: Any, metrics: Sequence[Figure], **about: Any) -> Found:
    """The model `PAIR` on data of a task with two labels or outputs."""
    dataset = write_dataset(folder / "dataset", card(task, (2,), 2, **about))
    for split in ("validation", "test"):
        if task != "regression":
            found = labels_of(windows.read(dataset, split, None)[np.arange(96)])
            targets = np.stack((1 - found, found), axis=1) if task == "multilabel" else found
            np.save(dataset / f"{split}_y.npy", targets)
    return judged(folder, PAIR, metrics)


def forecast(folder: Path, levels: Sequence[int]) -> Found:
    """A forecast of levels, that says that the last reading goes on."""
    (folder / "data.csv").write_text("level\n" + "".join(f"{one}\n" for one in levels))
    config = {"dataset": spec(FORECAST).model_dump(mode="json"), "task": "regression"}
    run_stage(config, folder / "dataset")
    return judged(folder, model([[0, 0, 100]], [0]), [Figure(name="mse", metric="mse")])


def judged(folder: Path, content: bytes, figures: Sequence[Figure]) -> Found:
    """What stages `decide` and `evaluate` make of a model on `folder / "dataset"`."""
    made = {name: folder / name for name in ("quantise", "evaluate", "decide")}
    for path in made.values():
        path.mkdir()
    (made["quantise"] / "model.tflite").write_bytes(content)
    describe(content).write(made["quantise"] / "quantisation.json")
    inputs = {"quantise": made["quantise"], "dataset": folder / "dataset"}
    about = DataCard.read(folder / "dataset" / "data_card.json")
    wanted = detectors(figures, about.task, len(about.labels))
    if wanted:
        told = {"detectors": [one.model_dump(mode="json") for one in wanted], "trained": True}
        decide.run(inputs, made["decide"], told)
        inputs["decide"] = made["decide"]
    asked = [one.model_dump(mode="json") for one in figures]
    evaluate.run(inputs, made["evaluate"], {"goal.confidence": None, "figures": asked})
    folders = {f"{BEST}.{name}": path for name, path in made.items()}
    return Found(real(), {"dataset": folder / "dataset", **folders})


def unasked(found: Found) -> Found:
    """The same, as if the test split had not been asked of the best."""
    results = []
    for one in found.report.results:
        kept = [m for m in one.trial.measurements if not m.metric.endswith(TEST_SUFFIX)]
        trial = one.trial.model_copy(update={"measurements": tuple(kept)})
        best = one.trial.id == BEST
        results.append(one.model_copy(update={"trial": trial}) if best else one)
    report = found.report.model_copy(update={"results": tuple(results)})
    return Found(report, found.folders)
