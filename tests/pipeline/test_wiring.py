"""How stages come into a contract's graph, and what each contract makes of them."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from mlforge_tasks import stages
from mlforge_tasks.contract import loader
from mlforge_tasks.graph.manifest import Provenance
from mlforge_tasks.graph.stage import Stage, Workspace
from mlforge_tasks.graph.store import Store
from mlforge_tasks.pipeline import carry, plan
from mlforge_tasks.pipeline.plan import Plan, make_plan
from mlforge_tasks.pipeline.preparation import Preparation, prepare
from mlforge_tasks.pipeline.wiring import Wiring
from mlforge_tasks.shell import tasks
from mlforge_tasks.verdict import clauses
from tests.helpers.builds import edited
from tests.helpers.demo_stages import count
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

UPDATE = "{update: {model: tests/data/header.tflite}}"
TARGET = "target: {board: mps2/an385, platform: baremetal, engine: aot}"
NETWORK = "tests/data/torch_nets/nets.py:conv"
HEAVY = ("numpy", "jinja2", "tflite", "tensorflow", "keras", "anthropic", "optuna", "matplotlib")


def plan_of(folder: Path, *changes: tuple[str, str]) -> Plan:
    folder.mkdir(exist_ok=True)
    contract = loader.load(edited(TANK, folder, *changes), ROOT)
    return make_plan(contract, "tank", root=ROOT, build=folder / "build")


def detector_of(folder: Path, target: str) -> Plan:
    """That of a contract which asks for one of seven labels."""
    folder.mkdir()
    goal = f"goal: {{metric: recall_at_precision, precision: 80 %, positive: TRAP, {target}}}"
    path = edited(
        ROOT / "contracts" / "activity.yaml",
        folder,
        ("goal: {metric: accuracy, target: 80 %}", goal),
    )
    return make_plan(loader.load(path, ROOT), "activity", root=ROOT, build=folder / "build")


def test_a_detectors_bound_is_no_part_of_its_firmware(tmp_path: Path) -> None:
    """The threshold is chosen between model and header, whatever must be reached with it."""
    loose, strict = (
        detector_of(tmp_path / one[8:10], one) for one in ("target: 60 %", "target: 90 %")
    )
    chain = loose.iterations[0].candidates[0]
    for name in ("probe_decide", "decide"):
        assert chain[name].config == strict.iterations[0].candidates[0][name].config
    assert (chain["probe_decide"].config["trained"], chain["decide"].config["trained"]) == (0, 1)
    for name in ("probe_header", "header", "run", "evaluate"):
        wanted = "probe_decide" if name.startswith("probe") else "decide"
        assert chain[name].inputs["decide"] is chain[wanted]
    limits = {bound.metric: bound.limit for bound in clauses.bounds(strict.contract)}
    assert limits["recall_at_precision(80 %)"] == limits["recall_at_precision(80 %)_test"] == 0.9
    assert limits["precision"] == limits["precision_test"] == 0.8
    # Nothing is ever more precise than what raises no alarm.
    assert strict.contract.must_beat() == ["recall_at_precision(80 %)"]


def wiring_of(folder: Path) -> Wiring:
    contract = loader.load(TANK, ROOT)
    return Wiring(contract, folder / "tank", Workspace(Store(folder)), ROOT)


def test_a_stage_is_a_file_and_a_line(tmp_path: Path) -> None:
    """A toy, added as CONTRIBUTING.md says: it runs, is cached, and knows what it may read."""
    wiring = wiring_of(tmp_path)
    dataset = prepare(wiring).dataset
    toy = wiring.stage("count:2.0", count.KIND, {"dataset": dataset}, {"split": "test"})

    dataset.run()
    assert toy.run().how == "built"
    assert toy.folder == tmp_path / "tank" / "iterations" / "02" / "0" / "count"
    seed = wiring.contract.search.seed
    assert (toy.folder / "count.txt").read_text().endswith(f"examples, seed {seed}\n")

    document = Provenance.read(toy.folder / "provenance.json").key_document
    assert document["stage"] == "tests.helpers.demo_stages.count"
    assert document["config"] == {"search.seed": seed, "split": "test"}
    assert toy.run().how == "kept"


def test_doit_learns_of_what_was_wired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line is all: what it declares is a task of the plan, and nothing has to list it."""

    def with_toy(wiring: Wiring) -> Preparation:
        prepared = prepare(wiring)
        wiring.stage("count", count.KIND, {"dataset": prepared.dataset}, {"split": "test"})
        return prepared

    monkeypatch.setattr(plan, "prepare", with_toy)
    tasks_of_doit = list(tasks.declare(plan_of(tmp_path), 1))
    assert [task["basename"] for task in tasks_of_doit].count("count") == 1


def test_doit_sees_a_stage_by_its_kind(tmp_path: Path) -> None:
    """Its file's first line is what `doit list` shows; its inputs are what doit watches."""
    wiring = wiring_of(tmp_path)
    toy = wiring.stage("count", count.KIND, {"dataset": prepare(wiring).dataset})
    task = tasks.stage_task(toy)
    assert task["doc"] == "how many examples a split has; a stage as CONTRIBUTING.md adds one"
    assert [path.endswith("dataset/manifest.json") for path in task["file_dep"]] == [True]


def test_every_stage_is_wired_and_stands_in_its_file(tmp_path: Path) -> None:
    """A public module of `stages/` is a stage of some contract, and the other way round."""
    variants: tuple[tuple[tuple[str, str], ...], ...] = (
        ((TARGET, "target: {board: mps2/an386, platform: zephyr, engine: auto}"),),
        (
            ("training: {", "training: {prune: true, "),
            ("engine: aot", "engine: aot, patches: auto"),
        ),
        (("agent: random_search, max_iterations: 3", f"agent: fixed, torch: '{NETWORK}'"),),
        (("mode: simulate", f"mode: static\noperation: {UPDATE}"),),
    )
    plans = [plan_of(tmp_path / str(index), *one) for index, one in enumerate(variants)]
    plans.append(detector_of(tmp_path / "detector", "target: 60 %"))
    wired = {
        stage.kind.module
        for made in plans
        for stage in (*made.stages(made.iterations), *carry.folders(made))
    }
    names = (one.name for one in pkgutil.iter_modules(stages.__path__))
    assert wired == {f"mlforge_tasks.stages.{name}" for name in names if name[0] != "_"}


def test_the_page_may_look_at_untrained_networks(tmp_path: Path) -> None:
    """Of each candidate so far; where the engine is open, at what each engine makes of it."""
    auto = "target: {board: mps2/an386, platform: zephyr, engine: auto}"
    for changes, suffixes in ((), ("",)), (((TARGET, auto),), ("_aot", "_tflm")):
        made = plan_of(tmp_path / f"{len(suffixes)}", *changes)
        page = made.iterations[1].deliver.inputs["page"]
        assert isinstance(page, Stage)
        parts = {f"probe_{part}{end}" for part in ("engine", "firmware") for end in suffixes}
        names = {"probe_quantise", "probe_run", *parts}
        for at in ("1.0", "2.0"):
            found = {name for name in page.inputs if name.startswith(f"{at}.probe_")}
            assert found == {f"{at}.{name}" for name in names}
            stages = (page.inputs[name] for name in found)
            assert {one.name for one in stages if isinstance(one, Stage)} == {
                f"{name}:{at}" for name in names
            }


@pytest.mark.parametrize("board", ["native_sim", "qemu_riscv32"])
def test_auto_takes_the_engine_that_a_board_has(board: str, tmp_path: Path) -> None:
    """Where only one engine can be built for a board there is nothing to choose."""
    auto = f"target: {{board: {board}, platform: zephyr, engine: auto}}"
    made = plan_of(tmp_path, (TARGET, auto))
    assert all(iteration.choose is None for iteration in made.iterations)
    engine = made.iterations[0].candidates[0]["engine"]
    assert engine.config["engine"] == "aot"
    assert engine.kind.loads == ("mlforge_tasks.engines.aot",)


def test_where_nothing_is_emulated_no_emulator_is_asked(tmp_path: Path) -> None:
    """`mode: hardware` needs no QEMU for a board that QEMU does not know."""
    board = "target: {board: nrf52840dk/nrf52840, platform: zephyr, engine: aot}"
    feasible = plan_of(tmp_path, (TARGET, board), ("mode: simulate", "mode: hardware"))
    stage = feasible.preparation.feasible
    assert stage is not None
    assert stage.kind.tools() == {}
    assert stage.config["probe"] is None


def test_declaring_a_graph_imports_nothing_heavy() -> None:
    """Every stage's file is imported, and numpy with none of them."""
    code = (
        "import sys; from pathlib import Path; from mlforge_tasks.contract import loader; "
        "from mlforge_tasks.pipeline.plan import make_plan; root = Path(); "
        "plan = make_plan(loader.load(Path(sys.argv[1]), root), 'x', root=root, build=root); "
        f"import json; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules])); "
        "print(json.dumps(sorted({stage.kind.module for stage in plan.stages(plan.iterations)})))"
    )
    for contract in ("contracts/digits.yaml", "contracts/activity_zephyr_tflm.yaml"):
        argv = [sys.executable, "-c", code, contract]
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
        heavy, modules = (json.loads(line) for line in done.stdout.splitlines())
        assert heavy == []
        assert "mlforge_tasks.stages.evaluate" in modules


def test_a_stage_reads_no_more_of_the_contract_than_its_kind_names(tmp_path: Path) -> None:
    """What is not named is not there to be read."""
    wiring = wiring_of(tmp_path)
    stage = wiring.stage("count", count.KIND, {})
    config: dict[str, Any] = dict(stage.config)
    assert list(config) == ["search.seed"]
