"""`patches: auto`: what a contract asks for, the stages it concerns, and a run of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.build_report import FirmwareReport, ProcessReport
from mlforge_tasks.contract import loader
from mlforge_tasks.engines._report import REPORT, EngineReport
from mlforge_tasks.graph.stage import Stage
from mlforge_tasks.pipeline.plan import Plan, make_plan
from mlforge_tasks.quantisation import Quantisation, TensorQuantisation
from mlforge_tasks.records import Profile
from mlforge_tasks.stages import engine as engine_stage
from mlforge_tasks.stages import without_model
from mlforge_tasks.verdict.trials import Trials
from tests.helpers import graphs
from tests.helpers.aot_patches import pyramid
from tests.helpers.builds import edited
from tests.helpers.contract_cases import GOOD, project
from tests.helpers.paths import KWS, ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

TARGET = "platform: baremetal, engine: aot"
AUTO = (TARGET, f"{TARGET}, patches: auto")
STREAMED = (TARGET, f"{TARGET}, patches: streamed")


def _plan(folder: Path, *changes: tuple[str, str]) -> Plan:
    contract = loader.load(edited(TANK, folder, *changes), ROOT)
    return make_plan(contract, "tank", root=ROOT, build=folder / "build")


def test_off_is_what_a_contract_means_that_does_not_say(tmp_path: Path) -> None:
    """A contract with `patches: off` is one without the key."""
    contract = loader.load(project(tmp_path, GOOD), tmp_path)
    assert contract.target.patches == "off"
    text = GOOD.replace("engine: aot", "engine: aot\n  patches: off")
    assert loader.load(project(tmp_path, text), tmp_path) == contract


def test_only_auto_tells_the_engine_of_the_limit(tmp_path: Path) -> None:
    """Without, nothing that is generated depends on a limit; with it, probe and model do."""
    for changes, told in (((), False), ((AUTO,), True)):
        plan = _plan(tmp_path, *changes)
        stages = list(plan.iterations[0].stages)
        engines = [each for each in stages if each.name.partition(":")[0].endswith("engine")]
        assert len(engines) == 2
        for stage in engines:
            assert ("ram_bytes" in stage.config) == told
            assert ("without_model" in stage.inputs) == told
        (screen,) = (each for each in stages if each.name.partition(":")[0] == "screen")
        assert {"ram_bytes", "flash_bytes"} < {each["metric"] for each in screen.config["bounds"]}
        assert screen.config["patches"] == ("auto" if told else "off")


def test_only_a_probe_is_built_for_any_weights(tmp_path: Path) -> None:
    """So that a trained model takes what its probe took, or less."""
    stages = _plan(tmp_path).iterations[0].stages
    engines = [each for each in stages if each.name.partition(":")[0].endswith("engine")]
    untrained = {each.name: each.config.get("untrained", False) for each in engines}
    assert untrained == {"probe_engine:1.0": True, "engine:1.0": False}


STACK_BYTES, INPUT_BYTES = 300, 24 * 24


def _quantisation() -> Quantisation:
    ends = [
        TensorQuantisation(name=name, shape=shape, scale=1.0, zero_point=0)
        for name, shape in (("input", (24, 24, 1)), ("output", (1,)))
    ]
    return Quantisation(
        input=ends[0],
        output=ends[1],
        operators=(),
        tflite_bytes=1,
        tflite_sha256="0",
    )


@pytest.mark.parametrize("kept_inputs", [0, 1, 2])
@pytest.mark.parametrize("spare", [0, 1])
def test_the_engine_cuts_where_the_limit_leaves_too_little(
    spare: int, kept_inputs: int, tmp_path: Path
) -> None:
    """The limit, less the firmware without a model, stack and kept inputs, to the byte."""
    quantise, floor = tmp_path / "quantise", tmp_path / "floor"
    quantise.mkdir()
    floor.mkdir()
    (quantise / "model.tflite").write_bytes(pyramid())
    FirmwareReport(
        flash_bytes=1, static_ram_bytes=500, stack_reserved_bytes=9, heap_bytes=0, firmware_id="0"
    ).write(floor / "firmware.json")
    _quantisation().write(quantise / "quantisation.json")
    found: list[EngineReport] = []
    for number, limit in enumerate((None, STACK_BYTES + 500 + INPUT_BYTES * kept_inputs)):
        out = tmp_path / str(number)
        out.mkdir()
        config: dict[str, object] = {"engine": "aot", "cpu": "cortex-m4"}
        inputs = {"quantise": quantise}
        if limit is not None:
            ram_bytes = limit + found[0].arena_bytes - 1 + spare
            config |= {"ram_bytes": ram_bytes, "stack_bytes": STACK_BYTES}
            config["kept_inputs"] = kept_inputs
            inputs["without_model"] = floor
        engine_stage.run(inputs, out, config)
        found.append(EngineReport.read(out / REPORT))
    whole, cut = found
    assert whole.patches is None
    assert (cut == whole) == bool(spare)
    if cut.patches is not None:
        assert cut.patches.whole_arena_bytes == whole.arena_bytes > cut.arena_bytes
        assert cut.macs == whole.macs + cut.patches.extra_macs


def test_what_the_firmware_is_made_of_is_not_told(tmp_path: Path) -> None:
    """An edited source of the application makes no proposal and no engine stale."""
    found = []
    for identity in ("0", "1"):
        floor, out = tmp_path / identity / "floor", tmp_path / identity / "out"
        floor.mkdir(parents=True)
        out.mkdir()
        FirmwareReport(
            flash_bytes=1,
            static_ram_bytes=2,
            stack_reserved_bytes=3,
            heap_bytes=0,
            firmware_id=identity,
        ).write(floor / "firmware.json")
        without_model.run({"floor": floor}, out, {})
        found.append((out / "firmware.json").read_bytes())
    assert found[0] == found[1]


def test_no_proposal_depends_on_the_firmware(tmp_path: Path) -> None:
    """A language model is not asked again, and paid, for another compiler."""
    asked = ("agent: random_search", "agent: anthropic")
    llm = ("seed: 4", "seed: 4, llm: {model: none}")
    for changes in ((asked, llm), (asked, llm, AUTO)):
        plan = _plan(tmp_path / str(len(changes)), *changes)
        propose = plan.iterations[0].propose
        assert propose is not None
        read = {stage.name for stage in propose.inputs.values() if isinstance(stage, Stage)}
        assert read == {"dataset", "feasible"} | ({"without_model"} if AUTO in changes else set())
        names = [stage.name for stage in plan.preparation.stages]
        assert ("without_model" in names) == (AUTO in changes)
        assert names[-1] == "feasible"


def test_a_process_of_this_computer_has_no_limit(tmp_path: Path) -> None:
    """A board that is none takes the model whole."""
    quantise, floor, out = (tmp_path / name for name in ("quantise", "floor", "out"))
    for folder in (quantise, floor, out):
        folder.mkdir()
    (quantise / "model.tflite").write_bytes(pyramid())
    _quantisation().write(quantise / "quantisation.json")
    ProcessReport(firmware_id="0").write(floor / "firmware.json")
    config = {"engine": "aot", "cpu": "host", "ram_bytes": 2000}
    engine_stage.run({"quantise": quantise, "without_model": floor}, out, config)
    assert EngineReport.read(out / REPORT).patches is None


# --- A run --------------------------------------------------------------------------------------


def _network() -> bytes:
    """A convolution that keeps the input's size, which most of the memory is for."""
    graph = graphs.RandomGraph(3)
    source = graph.start((1, 49, 10, 1))
    inputs, quant, rms = graph.parameters(source, (16, 3, 3, 1), 0, 16)
    ref = graph.writer.activation((1, 49, 10, 16), quant, rms)
    options = schema.Conv2DOptionsT(padding=0, strideH=1, strideW=1)
    wide = graph.output("CONV_2D", inputs, ref, options)
    ref = graph.writer.activation((1, 24, 5, 16), wide.quant, wide.rms)
    pool = schema.Pool2DOptionsT(padding=1, strideH=2, strideW=2, filterHeight=2, filterWidth=2)
    pooled = graph.output("MAX_POOL_2D", [wide.index], ref, pool)
    inputs, quant, rms = graph.parameters(pooled, (12, 24 * 5 * 16), 0, 12)
    ref = graph.writer.activation((1, 12), quant, rms)
    dense = schema.FullyConnectedOptionsT()
    graph.made.append(graph.output("FULLY_CONNECTED", inputs, ref, dense))
    return graph.finish()


def _run(folder: Path, ram: str, *changes: tuple[str, str]) -> tuple[bool, float, Path]:
    """Whether the contract is met, the RAM that was measured, and where its stages lie."""
    wanted = ("kws.keras", "network.tflite"), ("ram: 64 KiB", f"ram: {ram}"), ("1 %", "0.1 %")
    contract = loader.load(edited(KWS, folder, *wanted, *changes), folder)
    plan = make_plan(contract, "kws", root=folder, build=folder / "build")
    (iteration,) = plan.iterations
    for stage in plan.stages([iteration]):
        stage.run()
    (result,) = Trials.read(iteration.judge.folder / "trials.json").results
    assert result.trial.verdict is not None
    limits = [each for each in result.trial.verdict.clauses if each.metric == "ram_bytes"]
    (ram_bytes,) = (one.value for one in result.trial.measurements if one.metric == "ram_bytes")
    return (
        all(each.status == "pass" for each in limits),
        ram_bytes,
        iteration.judge.folder.parent / "0",
    )


def _words(folder: Path) -> None:
    """Data for the network, and the network."""
    rng = np.random.default_rng(1)
    word = np.array(list("abcdefghijkl"))[np.arange(120) % 12]
    np.savez(folder / "words.npz", x=rng.normal(size=(120, 490)).astype(np.float32), word=word)
    (folder / "network.tflite").write_bytes(_network())


@pytest.mark.slow
def test_a_contract_that_needs_it_is_met_with_it_alone(tmp_path: Path) -> None:
    """One byte less than the whole model takes: broken without patches, kept with them.

    The device's outputs are held against the oracle's by the run itself.
    """
    _words(tmp_path)
    fits, whole_bytes, folder = _run(tmp_path, "64 KiB")
    assert fits
    sources = {path.name: path.read_bytes() for path in (folder / "engine" / "src").iterdir()}
    assert _run(tmp_path, "64 KiB", AUTO)[0]
    assert sources == {path.name: path.read_bytes() for path in (folder / "engine/src").iterdir()}
    tight = f"{int(whole_bytes) - 1} B"
    assert not _run(tmp_path, tight)[0]
    fits, ram_bytes, folder = _run(tmp_path, tight, AUTO)
    assert fits
    report = EngineReport.read(folder / "engine" / "engine.json")
    assert report.patches is not None
    saved = report.patches.whole_arena_bytes - report.arena_bytes
    assert whole_bytes - ram_bytes == pytest.approx(saved, abs=200)
    profile = Profile.read(folder / "run" / "profile.json")
    assert sum(layer.share for layer in profile.layers) == pytest.approx(1)
    assert all(layer.instructions for layer in profile.layers if layer.macs)
    measured = json.loads((folder / "run" / "measurements.json").read_bytes())
    assert measured["checked_against_oracle"]


@pytest.mark.slow
def test_a_model_is_fed_by_rows_over_the_line(tmp_path: Path) -> None:
    """The input is nowhere whole: the firmware decodes rows of a request as the model asks.

    The device's outputs are held against the oracle's by the run itself.
    """
    _words(tmp_path)
    fits, ram_bytes, folder = _run(tmp_path, "16 KiB", STREAMED)
    assert fits
    report = EngineReport.read(folder / "engine" / "engine.json")
    assert report.patches is not None
    assert report.patches.streamed
    assert ram_bytes < report.patches.whole_arena_bytes
    measured = json.loads((folder / "run" / "measurements.json").read_bytes())
    assert measured["checked_against_oracle"]
