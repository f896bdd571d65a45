"""`engine: auto`: the choice, its stages, and what the graph makes of it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from mlforge_tasks.contract import loader
from mlforge_tasks.engines._report import EngineReport
from mlforge_tasks.errors import NOT_NEEDED, CandidateFailure, MlforgeError
from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.graph.manifest import MANIFEST, Manifest
from mlforge_tasks.pipeline.plan import Plan, make_plan
from mlforge_tasks.records import Measurement, Reason
from mlforge_tasks.stages import _probe, choose, pick
from mlforge_tasks.stages import engine as engine_stage
from mlforge_tasks.stages._describe import about, tensors_of
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.verdict.constraints import Bound
from mlforge_tasks.verdict.engine_choice import (
    CHOICE,
    Attempt,
    EngineChoice,
    attempt,
    better,
    decide,
)
from mlforge_tasks.verdict.notes import engine_text
from mlforge_tasks.verdict.trials import Report
from tests.helpers.builds import Cold, doit, edited
from tests.helpers.conditions import PLAIN
from tests.helpers.graphs import random_graph
from tests.helpers.paths import KWS, ROOT, TANK
from tests.helpers.zephyr_images import REASON

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.graph.stage import Stage
    from mlforge_tasks.pipeline.iteration import Iteration

ENGINES = ("aot", "tflm")
LIMITS = {"ram_bytes": 1000.0, "flash_bytes": 10_000.0, "latency_us": 100.0}
BOUNDS = tuple(Bound(metric=name, limit=limit, unit="1") for name, limit in LIMITS.items())
UNABLE = Reason(code="unsupported_operator", stage="engine", message="it has no SPLIT")


def measured(ram: float, flash: float, latency: float) -> tuple[Measurement, ...]:
    values = zip(LIMITS, (ram, flash, latency), strict=True)
    return tuple(
        Measurement(metric=name, value=value, unit="1", source="emulated") for name, value in values
    )


def tried(engine: str, ram: float, flash: float, latency: float) -> Attempt:
    return attempt(engine, BOUNDS, measured(ram, flash, latency))


# --- The arithmetic -----------------------------------------------------------------------------


def test_slack_is_the_least_room_over_all_limits() -> None:
    """Room is relative, so bytes and microseconds compare; the scarcest one counts."""
    found = tried("aot", ram=400, flash=9_000, latency=50)
    assert [room.metric for room in found.rooms] == ["flash_bytes", "latency_us", "ram_bytes"]
    assert found.slack == pytest.approx(0.1)
    assert found.reason is None


def test_more_slack_wins_whatever_else_it_costs() -> None:
    """Ten times the RAM is no matter as long as the scarcest limit has more room."""
    lean = tried("aot", ram=10, flash=9_500, latency=10)
    even = tried("tflm", ram=100, flash=9_000, latency=80)
    assert better([lean, even]) is even
    assert decide("1.0", [lean, even]).engine == "tflm"


def test_equal_slack_is_told_apart_by_the_sum_then_by_order() -> None:
    """The same scarcest room: the one that leaves more in all; all the same: the first."""
    one = tried("aot", ram=500, flash=9_000, latency=50)
    two = tried("tflm", ram=400, flash=9_000, latency=50)
    assert better([one, two]) is two
    twin = tried("tflm", ram=500, flash=9_000, latency=50)
    assert better([one, twin]) is one
    assert better([twin, one]) is twin


def test_an_engine_that_breaks_a_limit_is_out() -> None:
    """The choice is made by the other one, and says by how much the first is over."""
    over = tried("aot", ram=100, flash=100, latency=150)
    kept = tried("tflm", ram=999, flash=9_999, latency=99)
    choice = decide("2.0", [over, kept])
    assert (choice.engine, choice.candidate) == ("tflm", "2.0")
    assert choice.attempts == (over, kept)
    assert "aot is 50.0% over the limit of latency" in choice.why
    assert over.reason is not None
    assert over.reason.metric == "latency_us"


def test_an_engine_that_cannot_run_the_model_is_out() -> None:
    """However little the other leaves; the reason is told, on the console too."""
    choice = decide("1.0", [Attempt(engine="aot", reason=UNABLE), tried("tflm", 999, 9_999, 99)])
    assert choice.engine == "tflm"
    assert engine_text(choice).startswith("engine: tflm, on candidate 1.0: tflm leaves 0.0% of")
    assert engine_text(choice).endswith("aot is out: it has no SPLIT")


def test_no_engine_keeps_the_limits_so_none_is_chosen() -> None:
    """The choice stays open, unless the model is what it is and has to be measured."""
    attempts = [tried("aot", 100, 100, 150), tried("tflm", 100, 100, 120)]
    choice = decide("1.0", attempts)
    assert choice.engine is None
    assert "not chosen" in engine_text(choice)
    assert decide("1.0", attempts, settle=True).engine == "tflm"


# --- The stages ---------------------------------------------------------------------------------


def run_folder(folder: Path, found: tuple[Measurement, ...] | Reason) -> Path:
    """A run's folder, or that of one that failed."""
    folder.mkdir(parents=True)
    if isinstance(found, Reason):
        Manifest(status="failed", reason=found, outputs={}).write(folder / MANIFEST)
        return folder
    report = RunReport(
        source="emulated",
        measurements=found,
        stacks=(),
        ran={},
        macs=1,
        golden_vectors=1,
        checked_against_oracle=True,
        device_metrics={},
    )
    report.write(folder / "measurements.json")
    outputs = {"measurements.json": file_digest(folder / "measurements.json")}
    Manifest(status="ok", outputs=outputs).write(folder / MANIFEST)
    return folder


def choose_config(candidates: int = 1, iteration: int = 1, **limits: float) -> dict[str, Any]:
    bounds = [one.model_copy(update={"limit": limits.get(one.metric, one.limit)}) for one in BOUNDS]
    return {
        "engines": list(ENGINES),
        "candidates": candidates,
        "iteration": iteration,
        "bounds": [one.model_dump(mode="json") for one in bounds],
        **PLAIN,
        "settle": False,
    }


def chosen(inputs: dict[str, Path], out: Path, config: dict[str, Any]) -> EngineChoice:
    out.mkdir()
    choose.run(inputs, out, config)
    return EngineChoice.read(out / CHOICE)


def test_the_first_candidate_that_fits_decides(tmp_path: Path) -> None:
    """One that keeps the limits with neither engine leaves it to the next."""
    runs = {
        "0.aot": run_folder(tmp_path / "a", measured(2000, 100, 10)),
        "0.tflm": run_folder(tmp_path / "b", UNABLE),
        "1.aot": run_folder(tmp_path / "c", measured(900, 100, 10)),
        "1.tflm": run_folder(tmp_path / "d", measured(800, 100, 10)),
    }
    choice = chosen(runs, tmp_path / "out", choose_config(candidates=2, iteration=3))
    assert (choice.engine, choice.candidate) == ("tflm", "3.1")


def test_a_choice_holds_and_an_edited_limit_may_change_it(tmp_path: Path) -> None:
    """The next iteration takes it over as it is; the same probes under another limit may not."""
    runs = {
        "0.aot": run_folder(tmp_path / "a", measured(ram=900, flash=1_000, latency=10)),
        "0.tflm": run_folder(tmp_path / "b", measured(ram=100, flash=8_000, latency=10)),
    }
    first = chosen(runs, tmp_path / "1", choose_config())
    assert first.engine == "tflm"
    other = {
        "0.aot": run_folder(tmp_path / "c", measured(ram=1, flash=1, latency=1)),
        "0.tflm": run_folder(tmp_path / "d", UNABLE),
        "earlier": tmp_path / "1",
    }
    assert chosen(other, tmp_path / "2", choose_config(iteration=2)) == first
    assert chosen(runs, tmp_path / "3", choose_config(flash_bytes=7_000)).engine == "aot"
    assert chosen(runs, tmp_path / "4", choose_config(latency_us=9)).engine is None


def test_an_open_choice_goes_on_in_the_next_iteration(tmp_path: Path) -> None:
    """Nothing was chosen before, so this iteration's candidates may."""
    hopeless = {f"0.{name}": run_folder(tmp_path / name, UNABLE) for name in ENGINES}
    assert chosen(hopeless, tmp_path / "1", choose_config()).engine is None
    runs = {
        "0.aot": run_folder(tmp_path / "a", measured(1, 1, 1)),
        "0.tflm": run_folder(tmp_path / "b", UNABLE),
        "earlier": tmp_path / "1",
    }
    choice = chosen(runs, tmp_path / "2", choose_config(iteration=2))
    assert (choice.engine, choice.candidate) == ("aot", "2.0")


def picked(
    choice: EngineChoice, folder: Path, aot: tuple[Measurement, ...], tflm: Any
) -> RunReport:
    out = folder / "out"
    out.mkdir()
    choice.write(folder / CHOICE)
    inputs = {"choice": folder, "aot": run_folder(folder / "aot", aot)}
    inputs["tflm"] = run_folder(folder / "tflm", tflm)
    pick.run(inputs, out, choose_config())
    return RunReport.read(out / "measurements.json")


def test_a_candidate_is_judged_by_the_chosen_engine_s_probe(tmp_path: Path) -> None:
    """Although the other engine's figures would be better for this one."""
    choice = EngineChoice(engine="tflm", candidate="1.0", why="")
    found = picked(choice, tmp_path, measured(1, 1, 1), measured(2, 2, 2))
    assert {one.value for one in found.measurements} == {2}


def test_without_a_choice_the_better_probe_is_told(tmp_path: Path) -> None:
    """The agent hears of the engine that came closest."""
    choice = EngineChoice(engine=None, candidate="1.0", why="")
    found = picked(choice, tmp_path, measured(3000, 1, 1), measured(2000, 1, 1))
    assert found.measurements[0].value == 2000


def test_what_the_chosen_engine_cannot_run_has_failed(tmp_path: Path) -> None:
    """The reason is the engine's own; the other engine is no way out."""
    choice = EngineChoice(engine="tflm", candidate="1.0", why="")
    with pytest.raises(CandidateFailure) as failure:
        picked(choice, tmp_path, measured(1, 1, 1), UNABLE)
    assert failure.value.reason == UNABLE


def test_the_engine_comes_from_the_choice(tmp_path: Path) -> None:
    """`auto` generates with the chosen one; one that was not chosen has nothing to do."""
    content = random_graph(1)
    (tmp_path / "model.tflite").write_bytes(content)
    (source,), (output,) = tensors_of(content)
    about(content, source, output).write(tmp_path / "quantisation.json")
    inputs = {"quantise": tmp_path, "choice": tmp_path}
    EngineChoice(engine="tflm", candidate="1.0", why="").write(tmp_path / CHOICE)

    def generate(name: str) -> str:
        out = tmp_path / name
        out.mkdir()
        engine_stage.run(inputs, out, {"engine": name, "cpu": "cortex-m4"})
        return EngineReport.read(out / "engine.json").engine

    assert generate("auto") == "tflm"
    assert generate("tflm") == "tflm"
    with pytest.raises(CandidateFailure) as failure:
        generate("aot")
    assert failure.value.reason.code == NOT_NEEDED
    EngineChoice(engine=None, candidate="1.0", why="").write(tmp_path / CHOICE)
    (tmp_path / "aot").rmdir()
    assert generate("aot") == "aot"


# --- The graph ----------------------------------------------------------------------------------


def plan_of(folder: Path, *changes: tuple[str, str]) -> Plan:
    contract = loader.load(edited(TANK, folder, *changes), ROOT)
    return make_plan(contract, "tank", root=ROOT, build=folder / "build")


ZEPHYR_AUTO = ("platform: baremetal, engine: aot", "platform: zephyr, engine: auto")


def aside(iteration: Iteration) -> list[Stage]:
    """The stages of a round that no candidate is judged by: probes with each engine."""
    judged = {id(stage) for chain in iteration.candidates for stage in chain.stages.values()}
    others = (stage for stage in iteration.stages if id(stage) not in judged)
    return [stage for stage in others if stage.name.startswith("probe_")]


def test_only_what_the_choice_decides_depends_on_it(tmp_path: Path) -> None:
    """Design, int8 model and training do not; what is built after it does, by its digest."""
    first, second, _ = plan_of(tmp_path, ZEPHYR_AUTO).iterations
    assert first.choose is not None
    assert first.propose is not None
    assert second.propose is not None
    chain = first.candidates[0]
    direct = {name for name, one in chain.stages.items() if first.choose in one.inputs.values()}
    assert direct == {"probe_run", "engine"}
    assert "choice" not in first.propose.inputs
    assert second.propose.inputs["choice"] is first.choose
    assert {stage.name for stage in aside(second)} == {
        f"probe_{what}_{engine}:2.0" for what in ("engine", "firmware", "run") for engine in ENGINES
    }
    assert all("auto" not in stage.config.values() for stage in aside(second))


def test_all_candidates_of_a_round_wait_for_one_choice(tmp_path: Path) -> None:
    """Each is tried with each engine; the choice reads all tries, and each probe the choice."""
    two = ("max_iterations: 3,", "max_iterations: 3, candidates_per_iteration: 2,")
    first, second, _ = plan_of(tmp_path, ZEPHYR_AUTO, two).iterations
    tries = {f"{index}.{engine}" for index in range(2) for engine in ENGINES}
    assert first.choose is not None
    assert second.choose is not None
    assert set(first.choose.inputs) == tries
    assert set(second.choose.inputs) == {"earlier", *tries}
    assert second.choose.inputs["earlier"] is first.choose
    for index, chain in enumerate(second.candidates):
        assert chain["probe_run"].inputs["choice"] is second.choose
        for engine in ENGINES:
            run = second.choose.inputs[f"{index}.{engine}"]
            assert chain["probe_run"].inputs[engine] is run


@pytest.mark.parametrize("engine", ENGINES)
def test_a_named_engine_leaves_nothing_to_choose(engine: str, tmp_path: Path) -> None:
    """The graph is the one without a choice."""
    named = ("platform: baremetal, engine: aot", f"platform: zephyr, engine: {engine}")
    for iteration in plan_of(tmp_path, named).iterations:
        assert iteration.choose is None
        assert not aside(iteration)


def test_a_brought_model_is_tried_with_each_engine_and_measured_in_any_case(
    tmp_path: Path,
) -> None:
    """It has no untrained probe: the tries are of the model itself, and one engine is taken."""
    for name in ("words.npz", "kws.keras"):
        (tmp_path / name).write_bytes(b"")
    contract = loader.load(edited(KWS, tmp_path, ZEPHYR_AUTO), tmp_path)
    (iteration,) = make_plan(contract, "kws", root=tmp_path, build=tmp_path).iterations
    assert iteration.choose is not None
    assert iteration.choose.config["settle"] is True
    (chain,) = iteration.candidates
    assert chain["engine"].inputs["choice"] is iteration.choose
    for engine, run in zip(ENGINES, aside(iteration)[2::3], strict=True):
        assert run.name == f"probe_run_{engine}:1.0"
        assert run.inputs["quantise"] is chain["quantise"]
        assert iteration.choose.inputs[f"0.{engine}"] is run


def test_an_engine_that_the_platform_cannot_build_is_refused(tmp_path: Path) -> None:
    """And `auto` is named among what it can."""
    with pytest.raises(MlforgeError, match=r"cannot build; wanted aot or auto"):
        plan_of(tmp_path, ("engine: aot", "engine: tflm"))


# --- Whole runs ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_on_a_platform_with_one_engine_auto_is_that_engine(cold: Cold, tmp_path: Path) -> None:
    """On bare metal all results of `engine: aot` serve; the report says what `auto` came to."""
    contract = edited(TANK, tmp_path, ("engine: aot", "engine: auto"))
    build = tmp_path / "build"
    shutil.copytree(cold.build, build)
    run = doit(build=build, contract=contract)
    assert run.code == 0, run.out + run.err
    told = {f"{one}:2" for one in ("report", "library", "layers", "page", "deliver")}
    assert set(run.stages("built")) == told
    assert "engine: aot: platform 'baremetal' builds no other engine for mps2/an385" in run.out
    report = Report.read(build / "tank" / "delivered" / "report.json")
    assert report.engine == "auto"
    assert report.choice is not None
    assert report.choice.engine == "aot"


ROOMY = ("ram: 8 KiB, flash: 16 KiB", "ram: 16 KiB, flash: 80 KiB")
M4 = ("mps2/an385", "mps2/an386")
ASKED = (
    "agent: random_search, max_iterations: 3, seed: 4",
    "agent: anthropic, max_iterations: 2, seed: 4, llm: {model: none}",
)
SEARCH = (("target: 0.05", "target: 0.000001"), ("max_iterations: 3", "max_iterations: 2"))


def probed(folder: Path, build: Path, *changes: tuple[str, str]) -> RunReport:
    """What an agent hears that probes the first candidate before an engine is chosen."""
    propose = plan_of(folder / "asked", *changes).iterations[0].propose
    assert propose is not None
    tank, out = build / "tank", folder / "probed"
    out.mkdir()
    design = json.loads((tank / "iterations/01/0/render/architecture.json").read_bytes())
    config = {"engines": propose.config["engines"], "architecture": design}
    _probe.run({"dataset": tank / "dataset"}, out, {**propose.config["probe"], **config})
    return RunReport.read(out / "measurements.json")


@pytest.mark.slow
@pytest.mark.zephyr
@pytest.mark.skipif(bool(REASON), reason=REASON)
def test_both_engines_are_measured_and_one_is_chosen(tmp_path: Path) -> None:
    """On Zephyr the first candidate decides for the rest; a limit may take that back at once."""
    build = tmp_path / "build"
    fixed = (ZEPHYR_AUTO, M4, ROOMY, *SEARCH)
    run = doit(build=build, contract=edited(TANK, tmp_path / "1", *fixed))
    assert run.code == 1, run.out + run.err
    built = run.stages("built")
    assert {f"probe_run_{engine}:1.0" for engine in ENGINES} <= set(built)
    assert "probe_run_aot:2.0" in built
    assert not [name for name in built if name.endswith("_tflm:2.0")], "aot was chosen"
    assert run.stages("failed") == []
    choice = Report.read(build / "tank" / "delivered" / "report.json").choice
    assert choice is not None
    assert (choice.engine, choice.candidate) == ("aot", "1.0")
    assert engine_text(choice) in run.out
    aot, tflm = choice.attempts
    assert {one.metric for one in aot.rooms} == {*LIMITS, "stack_bytes"}
    assert aot.slack is not None
    assert tflm.slack is not None
    assert aot.slack > tflm.slack
    assert len(tflm.measurements) == len(aot.measurements) > 4
    told = tuple(one for one in aot.measurements if not one.metric.startswith("model_"))
    assert probed(tmp_path, build, ZEPHYR_AUTO, M4, ROOMY, ASKED).measurements == told

    again = doit(build=build, contract=tmp_path / "1" / "tank.yaml")
    assert (again.code, again.stages("built")) == (1, [])

    # Too slow for the first candidate on either engine: from its probes the choice is open again.
    slower = edited(TANK, tmp_path / "2", *fixed, ("latency: 1.2 ms", "latency: 0.7 ms"))
    run = doit(build=build, contract=slower)
    built = run.stages("built")
    probes = {f"probe_{what}_{engine}:1.0" for what in ("firmware", "run") for engine in ENGINES}
    assert not (probes | {"probe_quantise:1.0"}) & set(built)
    assert "probe_run_tflm:2.0" in built
    choice = Report.read(build / "tank" / "delivered" / "report.json").choice
    assert choice is not None
    assert choice.candidate == "2.0"
