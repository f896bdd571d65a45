"""Model files of several inputs and outputs, from the contract to what a device answers."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlforge_tasks import windows
from mlforge_tasks.contract import loader
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.contract.ends import Ends, GivenInput, JudgedOutput
from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.errors import CandidateFailure, ContractError
from mlforge_tasks.graph import process
from mlforge_tasks.int8 import dequantise, given, judged, quantise, steps_of
from mlforge_tasks.oracle import Oracle, available, outputs_of
from mlforge_tasks.pipeline.plan import Plan, make_plan
from mlforge_tasks.quantisation import (
    ACTIVATIONS,
    ENDS,
    FLOAT_OUTPUTS,
    LAYOUT,
    OUTPUT_RANGE,
    InputPart,
    JoinedInputs,
    JoinedOutputs,
    OutputPart,
    Quantisation,
)
from mlforge_tasks.stages import _bring, header
from mlforge_tasks.stages._keras import start
from mlforge_tasks.stages._several import Wanted
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.verdict.decision import Decision, Threshold
from mlforge_tasks.verdict.evaluation import Evaluation
from mlforge_tasks.windows import Windows
from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.builds import edited
from tests.helpers.model_data import card, write_dataset
from tests.helpers.paths import DATA

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlforge_tasks.graph.stage import Stage

SEVERAL = DATA / "several.yaml"
FOUR = card("regression", (6, 4), 3)
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]


def _part(name: str, shape: tuple[int, ...], scale: float, zero_point: int, **more: Any) -> Any:
    return {"name": name, "shape": shape, "scale": scale, "zero_point": zero_point, **more}


# --- What a model is given and what it gives -----------------------------------------------------


@pytest.mark.parametrize("length", [6, None])
def test_each_input_gets_its_part_by_its_own_scale(length: int | None) -> None:
    """The newest rows, features in the input's order, one of them in two inputs, channels first."""
    random = np.random.default_rng(1)
    shape = (20, 4) if length else (20, 6, 4)
    rows = random.standard_normal(shape).astype(np.float32)
    examples = Windows(rows, np.array([3, 0, 11]), length)
    parts = (
        InputPart(**_part("x", (6, 2), 0.02, 3), features=(2, 0)),
        InputPart(**_part("y", (1, 2), 0.05, -7, channels_first=True), features=(0,), rows=2),
        InputPart(**_part("z", (3, 6), 0.03, 0, channels_first=True), features=(3, 1, 0)),
    )
    found = given(examples, JoinedInputs(parts=parts))
    whole = examples[:]
    wanted = [
        quantise(whole[..., [2, 0]], parts[0]),
        quantise(whole[:, -2:, [0]], parts[1]),
        np.moveaxis(quantise(whole[..., [3, 1, 0]], parts[2]), -1, 1),
    ]
    assert found.shape == (12 + 2 + 18,)
    flat = np.concatenate([each.reshape(3, -1) for each in wanted], axis=1)
    np.testing.assert_array_equal(found[:], flat)
    np.testing.assert_array_equal(np.concatenate(list(found.batches(2))), flat)


def test_what_is_judged_is_in_the_order_of_the_data_set() -> None:
    """Each element by the scale of its own output; an output that gives nothing is left out."""
    end = JoinedOutputs(
        parts=(
            OutputPart(**_part("a", (2,), 0.5, 1), gives=(2, 0)),
            OutputPart(**_part("b", (3,), 9.0, 9)),
            OutputPart(**_part("c", (1, 1), 0.25, -2), gives=(1,)),
        )
    )
    raw = np.array([[11, 21, 99, 99, 99, 6]], np.int8)
    assert end.shape == (6,)
    assert judged(raw, end).tolist() == [[21, 6, 11]]
    assert dequantise(judged(raw, end), end).tolist() == [[10.0, 2.0, 5.0]]


# --- What a contract says of a file --------------------------------------------------------------


def _model() -> bytes:
    """Inputs `left` [6, 2] and `right` [4], outputs `sums` [2] and `last` [4]."""
    writer = Writer()
    quant = Quant(np.float32(0.05), 3)
    left, right = (writer.activation(shape, quant, 1.0) for shape in ((1, 6, 2), (1, 4)))
    axes = writer.constant(np.array([1], np.int32))
    sums = writer.activation((1, 2), Quant(np.float32(0.02), -5), 1.0)
    last = writer.activation((1, 4), quant, 1.0)
    writer.operator("MEAN", [left.index, axes], [sums.index])
    writer.operator("RELU", [right.index], [last.index])
    names = zip((left, right, sums, last), ("left", "right", "sums", "last"), strict=True)
    for ref, name in names:
        writer.tensors[ref.index].name = name
    return writer.finish_several([left.index, right.index], [last.index, sums.index])


LEFT = GivenInput(name="left", features=(3, 1), rows=None)
RIGHT = GivenInput(name="right", features=(0, 1, 2, 3), rows=1)
SUMS, LAST = JudgedOutput(name="sums", gives=(2, 0)), JudgedOutput(name="last", gives=(1,))


def _read(ends: Ends, content: bytes | None = None, about: DataCard = FOUR) -> _bring.Int8Model:
    found = _bring.read(content or _model(), Wanted(about, ends=ends), lambda: start(1))
    assert isinstance(found, _bring.Int8Model)
    return found


REFUSED: dict[str, tuple[Ends, str]] = {
    "nothing said": (Ends(), r"has 2 inputs, 'left' \[6, 2\], 'right' \[4\]: say which features"),
    "one unsaid": (Ends(inputs=(LEFT,)), r"does not say which features 'right' \[4\] of the model"),
    "misspelt": (
        Ends(inputs=(LEFT, RIGHT.model_copy(update={"name": "rihgt"}))),
        r"`search.inputs` names 'rihgt', the model has 'left'.*; did you mean 'right'\?",
    ),
    "another shape": (
        Ends(inputs=(LEFT.model_copy(update={"rows": 5}), RIGHT)),
        r"input 'left' of the model takes \[6, 2\], `search.inputs` gives it \[5, 2\]",
    ),
    "no outputs said": (
        Ends(inputs=(LEFT, RIGHT)),
        r"has 2 outputs, 'last' \[4\], 'sums' \[2\]: say which give",
    ),
    "another size": (
        Ends(inputs=(LEFT, RIGHT), outputs=(LAST, SUMS)),
        r"output 'last' of the model has 4 elements, `search.outputs` wants 1",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_names_the_input_or_output(case: str) -> None:
    """One reason, with the names and shapes that the file has."""
    with pytest.raises(CandidateFailure, match=REFUSED[case][1]):
        _read(REFUSED[case][0])


def test_a_file_without_names_is_told_by_numbers() -> None:
    """Names that are missing, or alike, are none."""
    writer = Writer()
    ends = [writer.activation((1, 4), Quant(np.float32(0.1), 0), 1.0) for _ in range(4)]
    for tensor in writer.tensors:
        tensor.name = "same"
    for source, output in zip(ends[:2], ends[2:], strict=True):
        writer.operator("RELU", [source.index], [output.index])
    content = writer.finish_several(*([one.index for one in some] for some in (ends[:2], ends[2:])))
    with pytest.raises(CandidateFailure, match=r"'input_0' \[4\], 'input_1' \[4\]"):
        _read(Ends(), content)


MISTAKES = {
    "features: [b, a]": (
        "features: [b, A]",
        r"inputs\.0\.features\.1: found 'A'.*did you mean 'a'",
    ),
    "features: [t]": ("features: [t, t]", r"inputs\.1\.features: found t again"),
    "rows: 1": ("rows: 9", r"rows: found 9, wanted at most the window's 8"),
    "gives: [swing]": ("gives: [warmth]", r"outputs: found 'swing' by none, wanted each of"),
    "name: air": ("name: watch", r"inputs: found watch again, wanted each name once"),
    "engine: aot": ("engine: aot, patches: streamed", r"only one input comes by rows"),
    "board: mps2/an386": ("board: mps2/an386, mlperf: mine", r"knows one input and one output"),
    "file: two.keras": ("architecture: [{kind: flatten}]", r"it is of a model file"),
}


@pytest.mark.parametrize("old", MISTAKES)
def test_a_mistake_in_the_contract_is_found_before_anything_starts(
    old: str, tmp_path: Path
) -> None:
    """Names that the data set does not have, what an output cannot give, what several cannot do."""
    (tmp_path / "motion.csv").write_text("a,b,t,warmth,swing\n")
    (tmp_path / "two.keras").write_bytes(b"")
    new, words = MISTAKES[old]
    with pytest.raises(ContractError, match=words):
        loader.load(edited(SEVERAL, tmp_path, (old, new)), tmp_path)


def test_a_name_that_the_file_does_not_have_is_found_before_anything_starts(
    tmp_path: Path,
) -> None:
    """With the names that it has; what cannot be read is told by the stage that reads it."""
    (tmp_path / "motion.csv").write_text("a,b,t,warmth,swing\n")
    (tmp_path / "two.tflite").write_bytes(_model())
    changes = [("two.keras", "two.tflite"), ("name: watch", "name: left")]
    changes += [("name: air", "name: rihgt"), ("name: swing, gives", "name: sums, gives")]
    words = r"inputs\.1\.name: found 'rihgt', wanted an input of the model: left, right; did"
    with pytest.raises(ContractError, match=words) as told:
        loader.load(edited(SEVERAL, tmp_path, *changes), tmp_path)
    assert "wanted an output of the model: last, sums" in str(told.value)
    (tmp_path / "two.tflite").write_bytes(_model()[:99])
    loader.load(edited(SEVERAL, tmp_path, *changes), tmp_path)


def test_a_class_comes_from_one_output_and_an_anomaly_from_all(tmp_path: Path) -> None:
    """Which of several scales would a largest output be the largest in?"""
    (tmp_path / "motion.csv").write_text("a,b,t,warmth,swing\n")
    (tmp_path / "two.keras").write_bytes(b"")
    outputs = "outputs: [{name: warmth, unit: degC}, {name: swing, unit: g}]"
    classes = "{column: warmth, labels: [warmth, swing]}"
    goal = ("metric: mae, target: 0.2", "metric: accuracy, target: 50 %")
    changes = [("task: regression", "task: classification"), goal]
    text = edited(SEVERAL, tmp_path, *changes).read_text()
    changed = text.replace(f"target:\n    {outputs}", f"target: {classes}")
    assert changed != text
    path = tmp_path / "classes.yaml"
    path.write_text(changed)
    with pytest.raises(ContractError, match="one output, which gives all labels"):
        loader.load(path, tmp_path)
    normal = changed.replace("[warmth, swing]}", "[warmth, swing], normal: [warmth]}")
    normal = normal.replace("task: classification", "task: anomaly")
    path.write_text(normal.replace("metric: accuracy", "metric: auc"))
    with pytest.raises(ContractError, match="compares one output with the whole input"):
        loader.load(path, tmp_path)


# --- The header ----------------------------------------------------------------------------------

FEED = r"""
#include <math.h>
#include <stdio.h>
#include "model_aot.h"
#include "model_data.h"

static void feed(const float *example, int rows, float scale, int zero_point, int8_t *input,
                 const int *features, int count, int all)
{
    for (int i = 0; i < rows * count; i++) {
        int feature = features[i % count];
        float raw = example[(all - rows + i / count) * MODEL_FEATURE_COUNT + feature];
        float x = (raw - model_input_mean[feature]) / model_input_norm_scale[feature];
        float q = roundf(x / scale) + (float)zero_point;
        input[i] = (int8_t)(q < -128 ? -128 : q > 127 ? 127 : q);
    }
}

int main(void)
{
    static float example[6 * MODEL_FEATURE_COUNT];
    static const int left[] = MODEL_INPUT_LEFT_FEATURES, right[] = MODEL_INPUT_RIGHT_FEATURES;
    while (fread(example, sizeof example, 1, stdin) == 1) {
        feed(example, 6, MODEL_INPUT_LEFT_SCALE, MODEL_INPUT_LEFT_ZERO_POINT,
             model_input() + MODEL_INPUT_LEFT_OFFSET, left, 2, 6);
        feed(example, MODEL_INPUT_RIGHT_ROWS, MODEL_INPUT_RIGHT_SCALE,
             MODEL_INPUT_RIGHT_ZERO_POINT, model_input() + MODEL_INPUT_RIGHT_OFFSET, right, 4, 6);
        if (model_invoke() != 0) {
            return 1;
        }
        for (int k = 0; k < MODEL_TARGET_COUNT; k++) {
            int steps = model_output()[model_output_places[k]] - model_output_zero_points[k];
            float real = (float)steps * model_output_scales[k];
            printf("%.9g ", (double)(real * model_target_norm_scale[k] + model_target_mean[k]));
        }
    }
    return 0;
}
"""


def _run(folder: Path, source: str, files: dict[str, bytes], given_bytes: bytes) -> str:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "main.c").write_text(source)
    (folder / "given").write_bytes(given_bytes)
    sources = [str(path) for path in sorted(folder.glob("*.c"))]
    program = folder / "program"
    argv = ["gcc", *WARNINGS, *sources, "-o", str(program), "-lm"]
    process.check(argv, timeout_s=60)
    return process.check(["sh", "-c", f"{program} < {folder / 'given'}"], timeout_s=60)


@pytest.mark.skipif(not available(), reason="no tflite-micro wheel here")
def test_an_application_feeds_each_input_by_what_the_header_says(tmp_path: Path) -> None:
    """From readings in the sensor's unit to predictions: what the host computes of the same."""
    about = card("regression", (6, 4), 2, input_mean=(0.5, -1.0, 2.0, 0.0))
    ends = Ends(inputs=(LEFT, RIGHT), outputs=(JudgedOutput(name="sums", gives=(1, 0)),))
    model = _read(ends, about=about)
    described = model.described
    files = dict(PLUGIN.generate(model.content, "host").files)
    files["model_data.h"] = header.header(model.content, described, about).encode()
    raw = np.random.default_rng(3).normal(1, 4, (20, 6, 4)).astype(np.float32)
    mean, scale = (np.array(each, np.float32) for each in (about.input_mean, about.input_scale))
    inputs = given(Windows.each((raw - mean) / scale), described.input)[:]
    wanted = dequantise(
        judged(Oracle(model.content).run(inputs), described.output), described.output
    )
    told = _run(tmp_path, FEED, files, raw.tobytes()).split()
    found = np.array(told, np.float64).reshape(20, 2)
    np.testing.assert_allclose(found, wanted * 40.0 + 100.0, rtol=1e-6)
    assert len(np.unique(found)) > 10


DECIDE = r"""
#include <stdio.h>
#include "model_data.h"
#ifndef MODEL_OUTPUT_TYPE
#define MODEL_OUTPUT_TYPE int8_t
#endif
int main(void)
{
    MODEL_OUTPUT_TYPE output[MODEL_OUTPUT_BYTES / sizeof(MODEL_OUTPUT_TYPE)];
    while (fread(output, 1, sizeof output, stdin) == sizeof output) {
        uint8_t decision[MODEL_DECISION_BYTES];
        model_decide(output, decision);
        for (int i = 0; i < MODEL_DECISION_BYTES; i++) {
            printf("%d", decision[i]);
        }
    }
    return 0;
}
"""
HOSTILE = '*/ "caf\u00e9"\n#error'


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_c_decides_from_the_outputs_that_are_judged(task: str, dtype: str, tmp_path: Path) -> None:
    """Wherever they lie among others, whatever they are called; a large one besides is nothing."""
    about = card(task, (6, 4), 3)
    zero_point, step = (-128, 1) if dtype == "int8" else (0, 1000)
    output = OutputPart(**_part(HOSTILE, (3,), 1 / 256, zero_point, dtype=dtype), gives=(2, 0, 1))
    beside = OutputPart(**_part(HOSTILE, (2,), 1 / 256, zero_point, dtype=dtype))
    lead = task == "classification"
    leasts = [step * one for one in ((7,) if lead else (-3, 5, 9))]
    decision = Decision(
        rule="lead" if lead else "outputs",
        positive=1 if lead else None,
        thresholds=tuple(
            Threshold(label=about.labels[at], chosen_for="f1", least=least, validation=None)
            for at, least in enumerate(leasts)
        ),
    )
    described = _read(Ends(inputs=(LEFT, RIGHT), outputs=(SUMS,)), about=_two()).described
    joined = described.model_copy(update={"output": JoinedOutputs(parts=(beside, output))})
    text = header.header(b"model", joined, about, decision)
    raw = (np.random.default_rng(5).integers(-12, 20, (200, 5)) * step).astype(dtype)
    raw[:, :2] = np.iinfo(dtype).max
    found = _run(tmp_path, DECIDE, {"model_data.h": text.encode()}, raw.tobytes())
    labels = raw[:, [3, 4, 2]].astype(int)
    if lead:
        wanted = labels[:, 1] - np.maximum(labels[:, 0], labels[:, 2]) >= leasts[0]
    else:
        wanted = labels >= np.array(leasts)
    assert 0 < wanted.mean() < 1
    assert found == "".join(str(int(one)) for one in wanted.ravel())


def _two() -> DataCard:
    return card("regression", (6, 4), 2)


# --- The whole way -------------------------------------------------------------------------------


def _motion(folder: Path) -> None:
    """Two accelerations and a temperature; the targets follow from them but for rounding."""
    random, count = np.random.default_rng(1), 1200
    a, b = random.normal(1, 2, count), random.normal(-3, 0.5, count)
    t = 20 + 8 * np.sin(np.arange(count) / 40) + random.normal(0, 0.1, count)
    swing = np.convolve(a - b, np.ones(8) / 8)[:count]
    with (folder / "motion.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["a", "b", "t", "warmth", "swing"])
        rows.writerows(np.stack([a, b, t, t / 2 + 3, swing], axis=1).round(6).tolist())


def _network(about: DataCard, path: Path) -> None:
    """A network that computes the targets, from dicts to a dict, with an output besides."""
    keras = start(1).keras
    layers = keras.layers
    watch, air = keras.Input((8, 2), name="watch"), keras.Input((1,), name="air")
    swing, warmth = layers.Dense(1), layers.Dense(1)
    spare = layers.Dense(3, activation="tanh")
    flat = layers.Flatten()(watch)
    outputs = {"swing": swing(flat), "warmth": warmth(air), "spare": spare(flat)}
    model = keras.Model({"watch": watch, "air": air}, outputs)
    mean, scale = np.array(about.input_mean), np.array(about.input_scale)
    (mean_w, mean_s), (scale_w, scale_s) = about.target_mean, about.target_scale
    each = np.tile([-scale[1] / 8, scale[0] / 8], 8)[:, None] / scale_s
    swing.set_weights([each, np.array([(mean[0] - mean[1] - mean_s) / scale_s])])
    warm = np.array([[0.5 * scale[2] / scale_w]])
    warmth.set_weights([warm, np.array([(0.5 * mean[2] + 3 - mean_w) / scale_w])])
    model.save(path)


def _plan(project: Path, *changes: tuple[str, str]) -> Plan:
    contract = loader.load(edited(SEVERAL, project, *changes), project)
    return make_plan(contract, "several", root=project, build=project / "build")


def _ran(plan: Plan) -> dict[str, Stage]:
    stages = {stage.name: stage for stage in plan.stages([plan.iterations[0]])}
    for stage in stages.values():
        stage.run()
    return stages


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several")
    _motion(folder)
    (folder / "two.keras").write_bytes(b"")
    plan = _plan(folder)
    dataset = next(one for one in plan.stages([plan.iterations[0]]) if one.name == "dataset")
    dataset.run()
    _network(DataCard.read(dataset.folder / "data_card.json"), folder / "two.keras")
    return folder


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not available(), reason="no tflite-micro wheel here")
def test_a_network_of_two_inputs_runs_to_its_verdict(project: Path) -> None:
    """As `.keras` on one core, and what it became as `.tflite` on another: each target is met.

    The targets are in another order than the outputs, the inputs than the features.
    """
    stages = _ran(_plan(project))
    evaluation = Evaluation.read(stages["evaluate:1.0"].folder / "evaluation.json")
    for split in (evaluation.validation, evaluation.test):
        assert split.figures["mae(warmth)"] < 0.02
        assert split.figures["mae(swing)"] < 0.1
        assert max(split.float_figures.values()) < 1e-5
        assert [one.name for one in split.input_rails] == ["watch: b", "watch: a", "air: t"]
    ran = RunReport.read(stages["run:1.0"].folder / "measurements.json")
    assert (ran.checked_against_oracle, ran.golden_vectors) == (True, 32)
    made = stages["quantise:1.0"].folder / "model.tflite"
    (project / "two.tflite").write_bytes(made.read_bytes())
    with pytest.raises(ContractError, match=r"found 'aire'.*of the model: air, watch; did"):
        _plan(project, ("name: air", "name: aire"))
    named = [("two.keras", "two.tflite"), ("mps2/an386", "mps3/an547")]
    inputs = [("name: watch", "name: input_1"), ("name: air", "name: input_0")]
    outputs = [("name: swing, gives", "name: output_1, gives")]
    outputs += [("name: warmth, gives", "name: output_2, gives")]
    again = _ran(_plan(project, *named, *inputs, *outputs))
    found = Evaluation.read(again["evaluate:1.0"].folder / "evaluation.json")
    assert found.test.figures == evaluation.test.figures
    ran = RunReport.read(again["run:1.0"].folder / "measurements.json")
    assert ran.checked_against_oracle


def _kept(keras: Any) -> Any:
    first, second = keras.Input((6, 2), name="first"), keras.Input((4,), name="second")
    layers = keras.layers
    both = layers.Concatenate()([layers.Flatten()(first), second])
    return keras.Model(
        [first, second],
        [layers.Dense(2, name="one")(both), layers.Add(name="two")([second, second])],
    )


def _sequential(keras: Any) -> Any:
    """One input and one output, of which the contract says what they take and give."""
    layers = keras.layers
    steps = [layers.Flatten(), layers.Dense(3, name="head")]
    return keras.Sequential([keras.Input((6, 2), name="first"), *steps])


NETWORKS: dict[Callable[[Any], Any], Ends] = {
    _kept: Ends(
        inputs=(
            GivenInput(name="second", features=(0, 1, 2, 3), rows=1),
            GivenInput(name="first", features=(2, 3), rows=None),
        ),
        outputs=(JudgedOutput(name="one", gives=(1, 0)),),
    ),
    _sequential: Ends(inputs=(GivenInput(name="first", features=(3, 0), rows=None),)),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not available(), reason="no tflite-micro wheel here")
@pytest.mark.parametrize("build", NETWORKS)
def test_an_int8_network_gives_what_the_network_gives(
    build: Callable[[Any], Any], tmp_path: Path
) -> None:
    """However it declares its inputs; outputs reach as far as their targets, each for itself."""
    keras, ends = start(1).keras, NETWORKS[build]
    about = card("regression", (6, 4), 2 if ends.outputs else 3)
    dataset = write_dataset(tmp_path / "dataset", about)
    keras.utils.set_random_seed(5)
    model = build(keras)
    model.save(tmp_path / "brought.keras")
    inputs = {"model": tmp_path / "brought.keras", "dataset": dataset}
    told = {OUTPUT_RANGE: "targets", LAYOUT: "nhwc", ACTIVATIONS: "int8", ENDS: ends.model_dump()}
    config = {"search.seed": 1, **told}
    _bring.run(inputs, tmp_path, config)
    examples = windows.read(dataset, "test", None)
    whole = examples[:]
    if ends.outputs:
        wanted = np.asarray(model([whole[..., [2, 3]], whole[:, -1]])[0])[:, ::-1]
    else:
        wanted = np.asarray(model(whole[..., [3, 0]]))
    with np.load(tmp_path / FLOAT_OUTPUTS) as floats:
        np.testing.assert_allclose(floats["test"], wanted, rtol=1e-5, atol=1e-5)
    described = Quantisation.read(tmp_path / "quantisation.json")
    content = (tmp_path / "model.tflite").read_bytes()
    raw = outputs_of(content, given(examples, described.input)).reshape(len(examples), -1)
    found = dequantise(judged(raw, described.output), described.output)
    scales, zero_points = steps_of(described.output)
    low, high = ((end - zero_points) * scales for end in (-128, 127))
    for at, (least, most) in enumerate(zip(low, high, strict=True)):
        assert least < -2.4, at  # as far as the targets of the card, normalised: (0 - 100) / 40
        assert most > 2.4, at
    assert np.abs(found - wanted.clip(low, high)).mean() < 0.05 * np.ptp(wanted)
