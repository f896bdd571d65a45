"""The `fixed` agent: a given design is trained and measured, a given model only measured."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mlforge_tasks import contract_loader, plugins
from mlforge_tasks.agents import Workbench, fixed
from mlforge_tasks.architecture import parse_architecture
from mlforge_tasks.pipeline import Plan, make_plan
from mlforge_tasks.search import Search
from mlforge_tasks.trials import TrialResult, Trials
from tests.builds import ROOT, TANK, digests, doit, edited
from tests.test_agents import make_brief

KWS = ROOT / "tests" / "data" / "kws.yaml"
LAYERS = [{"kind": "flatten"}, {"kind": "dense", "units": 6}]
MAKE_KERAS = (
    "import sys, keras\n"
    "from tests.aot_keras_models import keyword_spotting\n"
    "keras.utils.set_random_seed(1)\n"
    "keyword_spotting().save(sys.argv[1])\n"
)


def test_the_plugin_proposes_what_it_was_given() -> None:
    """From the contract's list of layers, and from a file's text."""
    wanted = parse_architecture({"layers": LAYERS})
    listed = Workbench(Search(agent="fixed", architecture=tuple(LAYERS)))
    assert fixed.PLUGIN.propose(make_brief(), (), 1, listed) == (wanted,)
    written = Workbench(Search(agent="fixed", file="design.json"), wanted.to_bytes())
    assert fixed.PLUGIN.propose(make_brief(), (), 1, written) == (wanted,)
    assert plugins.load(__import__("mlforge_tasks.agents").agents, "fixed").name == "fixed"


@pytest.mark.slow
def test_a_given_architecture_runs_to_its_verdict(tmp_path: Path) -> None:
    """One round: no search, a firmware that is measured, and exit code 0 where it meets."""
    layers = "[{kind: flatten}, {kind: dense, units: 6}]"
    search = "search: {agent: random_search, max_iterations: 3, seed: 4}"
    given = f"search: {{agent: fixed, architecture: {layers}}}"
    contract = edited(TANK, tmp_path, (search, given))
    run = doit(build=tmp_path / "build", contract=contract)
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
    contract = contract_loader.load(edited(KWS, project, *changes), project)
    return make_plan(contract, "kws", root=project, build=project / "build")


def run_all(plan: Plan) -> TrialResult:
    """Runs the one iteration of a plan; the result of its one candidate."""
    (iteration,) = plan.iterations
    for stage in (*plan.preparation, *iteration.stages()):
        stage.run()
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
    stages = plan_of(project).iterations[0].stages()
    names = {stage.name.partition(":")[0] for stage in stages}
    assert not names & {"propose", "render", "screen", "admit", "train", "probe_run"}


@pytest.mark.slow
def test_a_keyword_spotting_network_on_m4f_and_m55(project: Path, m4: TrialResult) -> None:
    """Given as `.keras` it is quantised; the `.tflite` of that runs on another core as it is."""
    assert m4.brief == "kws.keras"
    assert m4.trial.verdict is not None
    assert m4.trial.verdict.met
    m55 = run_all(plan_of(project, ("kws.keras", "kws.tflite"), ("mps2/an386", "mps3/an547")))
    assert m55.trial.verdict is not None
    assert m55.trial.verdict.met
    assert (m4.trial.architecture, m55.trial.architecture) == (None, None)
    # The same int8 graph predicts the same on both; what it costs differs.
    assert figures(m55)["accuracy"] == figures(m4)["accuracy"]
    assert figures(m55)["instructions"] != figures(m4)["instructions"]
    delivered = digests(project / "build" / "kws" / "delivered")["."]
    assert {"model.tflite", "firmware.elf", "report.json"} <= delivered.keys()


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
    result = run_all(plan_of(project, ("kws.keras", "bad.tflite")))
    assert result.trial.reason is not None
    assert result.trial.reason.code == "unusable_model"
    assert message in result.trial.reason.message


@pytest.mark.slow
@pytest.mark.usefixtures("m4")
def test_a_model_for_other_data_is_refused(project: Path) -> None:
    """Shapes that do not fit the data set are told, both of them."""
    result = run_all(plan_of(project, ("kws.keras", "kws.tflite"), ("[49, 10, 1]", "[10, 49, 1]")))
    assert result.trial.reason is not None
    assert "takes inputs [49, 10, 1], the data set has [10, 49, 1]" in result.trial.reason.message
