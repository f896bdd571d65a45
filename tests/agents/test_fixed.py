"""The `fixed` agent: a given design is trained and measured, a given model only measured."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks import plugins
from mlforge_tasks.agents import Workbench, fixed
from mlforge_tasks.architecture import parse_architecture
from mlforge_tasks.contract import loader
from mlforge_tasks.contract.search import Search
from mlforge_tasks.pipeline.plan import Plan, make_plan
from mlforge_tasks.verdict.notes import every
from mlforge_tasks.verdict.trials import Report, TrialResult, Trials
from mlforge_tasks.verdict.words import shortfall
from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.builds import digests, doit, edited
from tests.helpers.made_up_device import make_brief
from tests.helpers.paths import KWS, ROOT, TANK

LAYERS = [{"kind": "flatten"}, {"kind": "dense", "units": 6}]
MAKE_KERAS = (
    "import sys, keras\n"
    "from tests.helpers.aot_keras_models import keyword_spotting\n"
    "keras.utils.set_random_seed(1)\n"
    "keyword_spotting().save(sys.argv[1])\n"
)


def test_the_plugin_proposes_what_it_was_given() -> None:
    """From the contract's list of layers, and from a file's text."""
    wanted = parse_architecture({"layers": LAYERS})
    listed = Workbench(Search(agent="fixed", architecture=wanted.layers))
    assert fixed.PLUGIN.propose(make_brief(), (), 1, listed) == (wanted,)
    written = Workbench(Search(agent="fixed", file="design.json"), wanted.to_bytes())
    assert fixed.PLUGIN.propose(make_brief(), (), 1, written) == (wanted,)
    assert plugins.load("agents", "fixed").name == "fixed"


@pytest.mark.slow
def test_a_given_architecture_runs_to_its_verdict(build: Path, tmp_path: Path) -> None:
    """One round: no search, a firmware that is measured, and exit code 0 where it meets."""
    layers = "[{kind: flatten}, {kind: dense, units: 6}]"
    search = "search: {agent: random_search, max_iterations: 3, seed: 4}"
    given = f"search: {{agent: fixed, architecture: {layers}}}"
    contract = edited(TANK, tmp_path, (search, given))
    run = doit(build=build, contract=contract)
    assert run.code == 0, run.out + run.err
    assert "PASS: candidate 1.0 meets tank" in run.out
    assert "train:1.0" in run.stages("built")


# --- A model that is brought along --------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the data and the network as a `.keras` file."""
    folder = tmp_path_factory.mktemp("kws")
    rng = np.random.default_rng(1)
    x = rng.normal(size=(120, 490)).astype(np.float32)
    word = np.array(list("abcdefghijkl"))[np.arange(120) % 12]
    np.savez(folder / "words.npz", x=x, word=word)
    argv = [sys.executable, "-c", MAKE_KERAS, str(folder / "kws.keras")]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)
    return folder


def plan_of(project: Path, *changes: tuple[str, str]) -> Plan:
    contract = loader.load(edited(KWS, project, *changes), project)
    return make_plan(contract, "kws", root=project, build=project / "build")


def run_all(plan: Plan, *, deliver: bool = True) -> TrialResult:
    """Runs the one iteration of a plan, or up to its verdict; the result of its one candidate."""
    (iteration,) = plan.iterations
    for stage in plan.stages([iteration]):
        stage.run()
        if stage is iteration.judge and not deliver:
            break
    (result,) = Trials.read(iteration.judge.folder / "trials.json").results
    return result


def figures(result: TrialResult) -> dict[str, float]:
    return {one.metric: one.value for one in result.trial.measurements}


@pytest.fixture(scope="module")
def m4(project: Path) -> TrialResult:
    """The `.keras` file on a Cortex-M4F; the int8 model it became lies in the project after it."""
    result = run_all(plan_of(project))
    model = project / "build" / "kws" / "iterations" / "01" / "0" / "quantise" / "model.tflite"
    shutil.copy(model, project / "kws.tflite")
    return result


def test_nothing_is_designed_or_trained(project: Path) -> None:
    """A brought model's graph has no proposal, no probe and no training."""
    stages = plan_of(project).iterations[0].stages
    names = {stage.name.partition(":")[0] for stage in stages}
    assert not names & {"propose", "render", "screen", "admit", "train", "probe_run"}


@pytest.mark.slow
def test_a_keyword_spotting_network_on_m4f_and_m55(project: Path, m4: TrialResult) -> None:
    """Given as `.keras` it is quantised; the `.tflite` of that runs on both cores as it is."""
    as_tflite = ("kws.keras", "kws.tflite")
    m4f = run_all(plan_of(project, as_tflite))
    m55 = run_all(plan_of(project, as_tflite, ("mps2/an386", "mps3/an547")))
    for result, brief in ((m4, "kws.keras"), (m4f, "kws.tflite"), (m55, "kws.tflite")):
        assert (result.brief, result.trial.architecture) == (brief, None)
        assert result.trial.verdict is not None
        assert result.trial.verdict.met
    # The same int8 graph predicts the same on all; what it costs differs by core alone.
    assert figures(m55)["accuracy"] == figures(m4f)["accuracy"] == figures(m4)["accuracy"]
    assert figures(m4f) == figures(m4)
    assert figures(m55)["instructions"] < figures(m4f)["instructions"]
    delivered = digests(project / "build" / "kws" / "delivered")["."]
    assert {"model.tflite", "firmware.elf", "report.json"} <= delivered.keys()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ethosu") is None, reason="ethos-u-vela is not here")
def test_a_keyword_spotting_network_on_an_npu(project: Path, m4: TrialResult) -> None:
    """Nothing is executed: the model is as right as on a core, the rest computed or unknown."""
    on_npu = (
        "{board: mps2/an386, platform: baremetal, engine: aot}",
        "{board: mps3/corstone300/fvp, platform: model_only, engine: ethos_u}",
    )
    plan = plan_of(project, ("kws.keras", "kws.tflite"), on_npu, ("simulate", "static"))
    result = run_all(plan)
    found = figures(result)
    assert {one.source for one in result.trial.measurements} == {"static"}
    assert found["accuracy"] == figures(m4)["accuracy"]
    assert found["npu_model_bytes"] > found["command_stream_bytes"] > 0
    verdict = result.trial.verdict
    assert verdict is not None
    assert {one.metric: (one.status, one.source) for one in verdict.clauses} == {
        "ram_bytes": ("unknown", None),
        "flash_bytes": ("unknown", None),
        "latency_us": ("pass", "static"),
        "accuracy": ("pass", "static"),
        "accuracy_test": ("pass", "static"),
    }
    assert not verdict.met
    report = Report.read(plan.iterations[0].report.folder / "report.json")
    assert any(line.startswith("nothing was executed") for line in every(report, result))
    assert (project / "build" / "kws" / "delivered" / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "neither a TFLite model nor a Keras archive"),
        (b"#!/bin/sh\nrm -rf /\n", "neither a TFLite model nor a Keras archive"),
        (b"\x1c\0\0\0TFL3" + b"\xff" * 64, "the .tflite file is broken"),
        (None, "Keras cannot load the .keras file"),
    ],
    ids=["empty", "script", "broken-tflite", "zip-without-a-model"],
)
def test_a_file_that_is_no_model_is_a_recorded_failure(
    project: Path, content: bytes | None, message: str
) -> None:
    """The verdict says what is wrong with the file; nothing crashes."""
    path = project / "bad.tflite"
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", "nothing here")
    else:
        path.write_bytes(content)
    result = run_all(plan_of(project, ("kws.keras", "bad.tflite")), deliver=False)
    assert result.trial.reason is not None
    assert result.trial.reason.code == "unusable_model"
    assert message in result.trial.reason.message


# --- What would have to give --------------------------------------------------------------------


def told(project: Path) -> tuple[Report, str]:
    """The report of the last run, and what the console says of it."""
    report = Report.read(project / "build" / "kws" / "delivered" / "report.json")
    return report, shortfall(report)


@pytest.mark.slow
@pytest.mark.usefixtures("m4")
def test_a_model_that_is_too_large_says_which_limit_would_do(project: Path) -> None:
    """The limit that is told lets the same model pass."""
    changed = ("kws.keras", "kws.tflite"), ("flash: 128 KiB", "flash: 32 KiB")
    assert run_all(plan_of(project, *changed)).trial.verdict is not None
    report, text = told(project)
    assert report.shortfall is not None
    assert report.shortfall.smallest is not None
    (change,) = report.shortfall.smallest.changes
    assert f"to give: limits.flash: {change.written}, which candidate 1.0 keeps" in text
    relaxed = ("kws.keras", "kws.tflite"), ("flash: 128 KiB", f"flash: {change.written}")
    verdict = run_all(plan_of(project, *relaxed)).trial.verdict
    assert verdict is not None
    assert verdict.met


def brought(project: Path, name: str, *steps: str) -> None:
    """Writes a small `.tflite` for the contract's data, with the named operators before the end."""
    writer, quant = Writer(), Quant(np.float32(0.05), 0)
    source = last = writer.activation((1, 49, 10, 1), quant, 1.0)
    for step in steps:
        if step == "PAD":  # to 4.9 MB, more than the board has
            paddings = writer.constant(np.array([[0, 0], [0, 0], [0, 9990], [0, 9]], np.int32))
            wide = writer.activation((1, 49, 10_000, 10), quant, 1.0)
            writer.operator("PAD", [last.index, paddings], [wide.index], schema.PadOptionsT())
            axes = writer.constant(np.array([2, 3], np.int32))
            last = writer.activation((1, 49), quant, 1.0)
            options = schema.ReducerOptionsT(keepDims=False)
            writer.operator("MEAN", [wide.index, axes], [last.index], options)
        else:  # what is greater than its row's mean, else that
            axes = writer.constant(np.array([2], np.int32))
            mean = writer.activation((1, 49, 1, 1), quant, 1.0)
            options = schema.ReducerOptionsT(keepDims=True)
            writer.operator("MEAN", [last.index, axes], [mean.index], options)
            choices = writer.choices(last.shape)
            writer.operator(step, [last.index, mean.index], [choices], schema.GreaterOptionsT())
            chosen = writer.activation(last.shape, quant, 1.0)
            inputs = [choices, last.index, mean.index]
            writer.operator("SELECT_V2", inputs, [chosen.index], schema.SelectV2OptionsT())
            last = chosen
    size = int(np.prod(last.shape))
    weights = writer.constant(np.ones((12, size), np.int8), [0.01], [0])
    bias = writer.constant(np.zeros(12, np.int32), [0.0005], [0])
    output = writer.activation((1, 12), quant, 1.0)
    options = schema.FullyConnectedOptionsT()
    writer.operator("FULLY_CONNECTED", [last.index, weights, bias], [output.index], options)
    (project / name).write_bytes(writer.finish(source.index, output.index))


@pytest.mark.slow
def test_a_model_that_no_memory_of_the_board_holds_asks_for_another_board(project: Path) -> None:
    """What the linker says it needs is told; a larger limit would not help."""
    brought(project, "wide.tflite", "PAD")
    result = run_all(plan_of(project, ("kws.keras", "wide.tflite")))
    assert result.trial.reason is not None
    assert result.trial.reason.code == "does_not_fit"
    report, text = told(project)
    assert report.shortfall is not None
    assert report.shortfall.smallest is not None
    assert report.shortfall.smallest.basis == "linked"
    (change,) = report.shortfall.smallest.changes
    assert change.key == "target.board"
    assert change.needed > 4 << 20
    assert f"to give: target.board: one with {change.needed:.0f} B of RAM" in text


@pytest.mark.slow
def test_a_model_whose_operator_an_engine_lacks_names_the_engine_that_has_it(
    project: Path,
) -> None:
    """The message names the operator, the console the other engine."""
    brought(project, "greater.tflite", "GREATER")
    result = run_all(plan_of(project, ("kws.keras", "greater.tflite")))
    assert result.trial.reason is not None
    assert result.trial.reason.code == "unsupported_operator"
    report, text = told(project)
    assert report.shortfall is not None
    assert report.shortfall.engines == ("tflm",)
    assert "SELECT_V2" in text
    assert "to give: target.engine: tflm" in text


@pytest.mark.slow
@pytest.mark.usefixtures("m4")
def test_a_model_for_other_data_is_refused(project: Path) -> None:
    """Shapes that do not fit the data set are told, both of them."""
    changed = ("kws.keras", "kws.tflite"), ("[49, 10, 1]", "[10, 49, 1]")
    result = run_all(plan_of(project, *changed), deliver=False)
    assert result.trial.reason is not None
    assert "takes inputs [49, 10, 1], the data set has [10, 49, 1]" in result.trial.reason.message
