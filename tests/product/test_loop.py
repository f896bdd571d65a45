"""The whole loop, for real: train, compile, emulate, judge, rebuild only what is stale."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlforge_tasks.build_report import FirmwareReport
from mlforge_tasks.contract import loader
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.graph import process
from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.graph.manifest import Provenance
from mlforge_tasks.graph.stage import Stage
from mlforge_tasks.graph.store import ActionResult, Store
from mlforge_tasks.page import architecture, arena, memory_map, profile
from mlforge_tasks.page.found import Found
from mlforge_tasks.pipeline.plan import make_plan
from mlforge_tasks.records import Profile, sha256_bytes
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.verdict.trials import Report
from tests.helpers.builds import (
    DOIT,
    Cold,
    digests,
    doit,
    edited,
    flip_bit,
    other_checkout,
    wipe_all_but_the_store,
)
from tests.helpers.paths import ROOT, TANK

pytestmark = pytest.mark.slow


def test_the_contract_is_met_and_delivered(cold: Cold) -> None:
    """A cold run ends with 0 and hands over every file of the winner."""
    assert cold.run.code == 0, cold.run.out + cold.run.err
    assert "PASS: candidate 2.0 meets tank" in cold.run.out
    delivered = cold.build / "tank" / "delivered"
    wanted = {
        "model.py",
        "architecture.json",
        "weights.npz",
        "model.tflite",
        "model_data.h",
        "firmware.elf",
        "firmware.bin",
        "measurements.json",
        "report.json",
        "report.html",
        "layers.json",
        "convergence.png",
    }
    assert wanted <= {path.name for path in delivered.iterdir()}
    assert (delivered / "convergence.png").read_bytes().startswith(b"\x89PNG")


def test_the_delivered_library_tests_itself(cold: Cold, tmp_path: Path) -> None:
    """Compiled as it lies there, it gives the reference's bytes and reads the sensor's units."""
    library = cold.build / "tank" / "delivered" / "library"
    sources = [*(library / "src").rglob("*.c"), library / "samples" / "main.c"]
    program = tmp_path / "program"
    argv = ["gcc", "-std=c11", "-O2", f"-I{library / 'src'}", *map(str, sources)]
    process.check([*argv, "-o", str(program)], timeout_s=300)
    said = process.check([str(program)], timeout_s=60)
    assert re.match(r"tank 0\.1\.0: self-test passed, 32 examples\n  level in m: \d", said)


def test_another_prefix_makes_the_library_alone(build: Path, tmp_path: Path) -> None:
    """Nothing that was measured depends on how the library is called."""
    words = ("engine: aot}", "engine: aot, prefix: level, version: 2.0.0}")
    run = doit(build=build, contract=edited(TANK, tmp_path, words))
    assert run.code == 0
    # The page shows the contract, whose text is another.
    assert run.stages("built") == ["library:2", "page:2", "deliver:2"]
    sources = build / "tank" / "delivered" / "library" / "src"
    assert sorted(path.name for path in sources.iterdir()) == ["level", "level.h"]
    assert '#define LEVEL_VERSION "2.0.0"' in (sources / "level.h").read_text()


def test_a_candidate_over_its_limits_is_never_trained(cold: Cold) -> None:
    """The first proposal is refused on its probe's measured latency; only the second trains."""
    built = cold.run.stages("built")
    assert "train:1.0" not in built
    assert "train:2.0" in built
    assert cold.run.stages("failed") == ["admit:1.0"]
    report = Report.read(cold.build / "tank" / "delivered" / "report.json")
    reason = report.results[0].trial.reason
    assert reason is not None
    assert (reason.code, reason.metric) == ("measured_limit", "latency_us")
    assert reason.value is not None
    assert reason.limit == 1200 < reason.value


def test_the_page_of_a_search_without_a_training_has_the_untrained_network(cold: Cold) -> None:
    """What was drawn, built and measured of the refused candidate is shown, and said to be that."""
    contract = loader.load(TANK, ROOT)
    shown = make_plan(contract, "tank", root=ROOT, build=cold.build).iterations[1].deliver
    page = shown.inputs["page"]
    assert isinstance(page, Stage)
    folders = {name: one.folder for name, one in page.inputs.items() if isinstance(one, Stage)}
    report = Report.read(folders["report"] / "report.json")
    sections = (architecture, profile, memory_map, arena)
    for best in ("1.0", "2.0"):
        found = Found(report.model_copy(update={"best": best}), folders)
        assert found.untrained(best) == (best == "1.0")
        for each in sections:
            section = each.section(found)
            assert section is not None, each
            assert ("this is its untrained network" in section.body) == (best == "1.0")


def test_a_named_stage_that_was_not_made_is_no_success(build: Path) -> None:
    """0 says that it is made; why not is told, of a group's members too."""
    assert doit("train:2.0", "deliver:2", "gate:2", build=build).code == 0
    why = "admit: latency_us is "
    for name in ("train:1.0", "quantise:1.0"):
        run = doit(name, build=build)
        assert (run.code, run.executed) == (1, 0)
        assert f"\n{name} was not made: {why}" in run.out
    run = doit("train", build=build)
    assert run.code == 1
    assert f"\ntrain:1.0 was not made: {why}" in run.out
    run = doit("gate:1", build=build)
    assert run.code == 1
    assert run.out.endswith("\ngate:1: its candidates do not meet tank\n")


def test_every_figure_is_measured_and_labelled(cold: Cold) -> None:
    """Each clause has a value from the emulated target, and outputs were held against TFLM."""
    report = Report.read(cold.build / "tank" / "delivered" / "report.json")
    best = report.best_result()
    assert best is not None
    assert best.trial.verdict is not None
    assert {clause.source for clause in best.trial.verdict.clauses} == {"emulated"}
    metrics = {clause.metric for clause in best.trial.verdict.clauses}
    assert {"ram_bytes", "flash_bytes", "latency_us", "stack_bytes", "mse", "mse_test"} == metrics
    run = json.loads((cold.build / "tank" / "delivered" / "measurements.json").read_bytes())
    assert run["checked_against_oracle"] is True
    assert run["golden_vectors"] == 32
    # The device's own outputs give the contract's metric too; a sample differs from the whole.
    assert 0 < run["device_metrics"]["mse"] < 0.05


def test_more_is_measured_than_is_limited(cold: Cold) -> None:
    """Spread of the repetitions, every stack, heap, arena, the model's share, and each layer."""
    delivered = cold.build / "tank" / "delivered"
    report = RunReport.read(delivered / "measurements.json")
    found = {one.metric: one.value for one in report.measurements}
    assert all(one.source == "emulated" for one in report.measurements)
    for stem, unit in (("latency", "_us"), ("instructions", "")):
        names = (f"{stem}_min{unit}", f"{stem}{unit}", f"{stem}_p99{unit}", f"{stem}_max{unit}")
        figures = [found[name] for name in names]
        assert figures == sorted(figures)
        assert figures[0] > 0
    # Half a second, at QEMU's 64 ns an instruction, would hold more.
    assert 0.5e9 / 64 / found["instructions"] > found["repetitions"] == 500
    assert [one.name for one in report.stacks] == ["main"]
    assert report.stacks[0].used_bytes == found["stack_bytes"] < found["stack_reserved_bytes"]
    assert found["heap_bytes"] == 0
    assert found["arena_bytes"] == found["arena_reserved_bytes"] > 0
    floor = FirmwareReport.read(cold.build / "tank" / "floor" / "firmware.json")
    assert found["model_flash_bytes"] == found["flash_bytes"] - floor.flash_bytes > 0
    assert found["model_ram_bytes"] == found["static_ram_bytes"] - floor.static_ram_bytes > 0
    for result in Report.read(delivered / "report.json").results:
        profile = result.trial.profile
        assert profile is not None, "a candidate that was refused is told where its budget went"
        counted = sum(layer.instructions or 0 for layer in profile.layers)
        whole = result.measurement("instructions")
        assert whole is not None
        assert counted == pytest.approx(whole.value, abs=2 * len(profile.layers) + 40)
    assert profile == Profile.read(delivered / "profile.json")


def test_the_latency_can_be_computed_from_what_is_delivered(cold: Cold) -> None:
    """As docs/delivered.md says: all factors stand there, and the upper figure is judged."""
    delivered = cold.build / "tank" / "delivered"
    told = json.loads((delivered / "measurements.json").read_bytes())
    found = {one["metric"]: one["value"] for one in told["measurements"]}
    cycles = told["cycles"]
    for bound, metric in (("upper", "latency_us"), ("lower", "latency_lower_us")):
        each = cycles[bound] / cycles["instructions"]
        latency_us = found["instructions"] * each / cycles["clock_hz"] * 1e6
        assert latency_us == pytest.approx(found[metric], rel=1e-9)
        assert found[f"cycles_{bound}"] == pytest.approx(found["instructions"] * each, rel=1e-9)
    assert found["latency_lower_us"] < found["latency_us"]
    report = json.loads((delivered / "report.json").read_bytes())
    best = next(one for one in report["results"] if one["trial"]["id"] == report["best"])
    assert best["cycles"] == cycles
    judged = {one["metric"]: one["value"] for one in best["trial"]["verdict"]["clauses"]}
    assert judged["latency_us"] == found["latency_us"]
    # The same of each layer: its time is that of its upper figure, and they add up.
    layers = json.loads((delivered / "profile.json").read_bytes())["layers"]
    for layer in layers:
        assert layer["cycles_lower"] <= layer["cycles_upper"]
        time_us = layer["cycles_upper"] / cycles["clock_hz"] * 1e6
        assert layer["time_us"] == pytest.approx(time_us)
    assert sum(layer["cycles_upper"] for layer in layers) == pytest.approx(
        cycles["upper"], rel=0.02
    )
    # No instruction of this model is beyond the core's table, whose source is named.
    assert (cycles["cpu"], cycles["tool"], cycles["left_out"]) == ("cortex-m3", None, 0)
    assert "reference manual" in cycles["method"]


def test_the_cycles_can_be_counted_anew_from_the_delivered_image(cold: Cold) -> None:
    """With the lines that docs/delivered.md has for it."""
    page = (ROOT / "docs" / "delivered.md").read_text()
    (program,) = re.findall(r"<<'END'\n(.*?)\nEND\n", page, re.DOTALL)
    delivered = cold.build / "tank" / "delivered"
    done = process.run([sys.executable, "-c", program, str(delivered)], timeout_s=300, cwd=ROOT)
    assert done.returncode == 0, done.output
    cycles = RunReport.read(delivered / "measurements.json").cycles
    assert cycles is not None
    figures = f"instructions={cycles.instructions}, lower={cycles.lower}, upper={cycles.upper}"
    assert f"Price({figures}, left_out=0)" in done.output


def test_float_figures_stand_beside_the_int8_ones(cold: Cold) -> None:
    """The report tells what quantisation cost, for each split that was asked."""
    delivered = cold.build / "tank" / "delivered"
    refused, best = Report.read(delivered / "report.json").results
    evaluation = json.loads((delivered / "evaluation.json").read_bytes())
    floats = (evaluation[split]["float_figures"]["mse"] for split in ("validation", "test"))
    wanted = dict(zip(("mse", "mse_test"), floats, strict=True))
    assert best.float_metrics == wanted
    for metric, value in wanted.items():
        found = best.measurement(metric)
        assert found is not None
        assert found.value == pytest.approx(value, rel=0.5)
        assert found.value != value, "int8 and float are not the same model"
    assert refused.float_metrics == {}, "it was never trained"


def test_the_second_run_executes_nothing(build: Path) -> None:
    """Nothing is stale, so no task runs, and the verdict is shown again."""
    assert doit(build=build).code == 0
    again = doit(build=build)
    assert (again.code, again.executed) == (0, 0)
    assert "PASS: candidate 2.0" in again.out


def test_a_limit_of_another_statistic_retrains_nothing(build: Path, tmp_path: Path) -> None:
    """What was measured is held against it; what keeps it is delivered."""
    other = "latency: 1.25 ms, latency_statistic: p99"
    contract = edited(TANK, tmp_path / "edited", ("latency: 1.2 ms", other))
    run = doit(build=build, contract=contract)
    assert (run.code, run.stages("built")) == (0, ["deliver:0"])
    assert "latency_p99_us" in run.out


def test_a_state_that_is_none_is_no_obstacle(build: Path, cold: Cold) -> None:
    """Doit's own state, half-written, of another shape or no file, is dropped; all is found."""
    doit(build=build)
    state = build / "tank" / ".doit.json"
    right = json.loads(state.read_bytes())
    for spoilt in (state.read_bytes()[:100], b"[]\n", None):
        state.unlink()
        if spoilt is None:
            os.mkfifo(state)
        else:
            state.write_bytes(spoilt)
        run = doit(build=build)
        assert (run.code, run.stages("built")) == (0, ["deliver:2"])
        assert digests(build) == cold.digests
        assert json.loads(state.read_bytes()).keys() == right.keys()


def test_an_edited_epoch_count_reuses_the_probes(build: Path, tmp_path: Path) -> None:
    """Training settings are read by training alone, so the probes stay; the line says why."""
    contract = edited(TANK, tmp_path / "edited", ("epochs: 12", "epochs: 3"))
    run = doit(build=build, contract=contract)
    built = run.stages("built")
    assert re.search(r"  train:2\.0 .* \(changed: config\.training\.epochs\)\n", run.out), run.out
    assert "train:2.0" in built
    assert not [name for name in built if name.startswith(("probe", "render", "dataset"))]


def test_harmed_outputs_are_restored(build: Path, cold: Cold) -> None:
    """A deleted and an edited output come back from the store; nothing is made anew."""
    doit(build=build)
    train = build / "tank" / "iterations" / "02" / "0" / "train"
    (train / "weights.npz").unlink()
    firmware = train.parent / "firmware" / "firmware.bin"
    firmware.write_bytes(firmware.read_bytes() + b"!")
    run = doit(build=build)
    assert run.code == 0
    assert run.stages("built") == []
    assert set(run.stages("restored")) >= {"train:2.0", "firmware:2.0"}
    assert digests(build) == cold.digests


def test_the_store_alone_restores_everything(build: Path, cold: Cold) -> None:
    """With all else wiped, a run makes the delivery alone anew, and gives the same bytes.

    Nobody else can write to what it makes, whatever the umask.
    """
    wipe_all_but_the_store(build)
    run = doit(build=build, wrap=("sh", "-c", 'umask 000; exec "$0" "$@"'))
    assert run.code == 0, run.out + run.err
    assert run.stages("built") == ["deliver:2"]
    assert digests(build) == cold.digests
    assert not [path for path in build.rglob("*") if path.stat().st_mode & 0o022]


def test_a_corrupt_blob_is_made_anew(build: Path, cold: Cold) -> None:
    """A blob that rotted is dropped, its stage runs again, and the result is the same."""
    name = "tank/iterations/02/0/quantise"
    digest = cold.digests[name]["model.tflite"]
    blob = build / "cas" / digest[:2] / digest
    blob.chmod(0o644)
    blob.write_bytes(b"rotten")
    shutil.rmtree(build / name)
    run = doit(build=build)
    assert run.code == 0
    assert run.stages("built") == ["quantise:2.0", "deliver:2"]
    assert digests(build) == cold.digests


def result_path(build: Path, stage: str) -> Path:
    """Where the store's entry for what lies in a stage's folder is."""
    return Store(build).result_path(Provenance.read(build / stage / "provenance.json").key)


def test_a_store_that_rotted_makes_no_wrong_pass(build: Path, cold: Cold) -> None:
    """Entries swapped, bits flipped, most outputs gone: told or mended, and delivered as before."""
    doit(build=build)
    chance = random.Random(3)  # noqa: S311 - not for secrets
    one, other = (result_path(build, f"tank/iterations/0{k}/0/probe_run") for k in (1, 2))
    spare = one.with_name("spare")
    one.rename(spare)
    other.rename(one)
    spare.rename(other)
    files = sorted(
        path for path in build.rglob("*") if path.is_file() and path.name != ".doit.json"
    )
    for path in chance.choices(files, k=60):
        flip_bit(path, chance)
    for folder in chance.sample(sorted((build / "tank" / "iterations" / "02" / "0").iterdir()), 5):
        shutil.rmtree(folder)
    run = doit(build=build)
    assert run.code == 0, run.out + run.err
    assert "Traceback" not in run.out + run.err
    assert digests(build) == cold.digests
    assert doit(build=build).executed == 0


def test_strays_are_neither_compiled_nor_delivered(build: Path, cold: Cold) -> None:
    """The image that is built beside one is the same, and what lay in `delivered/` goes."""
    doit(build=build)
    chain, delivered = build / "tank" / "iterations" / "02" / "0", build / "tank" / "delivered"
    result_path(build, "tank/iterations/02/0/firmware").unlink()
    shutil.rmtree(chain / "firmware")
    source = chain / "engine" / "src" / "model_aot.c"
    shutil.copyfile(source, source.with_name("copy_of_model.c"))
    shutil.copyfile(source, delivered / "src" / "copy_of_model.c")
    flip_bit(delivered / "provenance.json", random.Random(1))  # noqa: S311 - not for secrets
    run = doit(build=build)
    assert (run.code, run.stages("built")) == (0, ["firmware:2.0", "deliver:2"]), run.out + run.err
    assert digests(build) == cold.digests
    assert not list((build / "tank").rglob("copy_of_model.c"))
    assert Provenance.read(delivered / "provenance.json").key
    assert doit(build=build).executed == 0


def test_a_flat_image_that_was_not_measured_is_not_delivered(build: Path) -> None:
    """An entry that names other bytes for it, checksum and all, ends in an error, never in PASS."""
    path = result_path(build, "tank/iterations/02/0/firmware")
    entry = ActionResult.read(path)
    outputs = entry.manifest.outputs | {"firmware.bin": entry.manifest.outputs["firmware.map"]}
    other = entry.manifest.model_copy(update={"outputs": outputs})
    path.unlink()
    Store(build).put_result(entry.model_copy(update={"manifest": other}))
    wipe_all_but_the_store(build)
    run = doit(build=build)
    assert run.code == 2, run.out + run.err
    assert "firmware.bin: the image's files do not belong together" in run.err
    assert "PASS: candidate" not in run.out
    assert not (build / "tank" / "delivered" / "firmware.bin").exists()


def test_a_delivery_is_not_taken_from_the_store(build: Path, cold: Cold) -> None:
    """An entry for it that names other bytes, checksum and all, is never asked for."""
    doit(build=build)
    delivered = Provenance.read(build / "tank" / "delivered" / "provenance.json")
    other_bytes = delivered.manifest.outputs["firmware.map"]
    names = ("firmware.bin", "firmware.elf", "evaluation.json", "report.json")
    outputs = delivered.manifest.outputs | dict.fromkeys(names, other_bytes)
    other = delivered.manifest.model_copy(update={"outputs": outputs})
    entry = ActionResult(manifest=other, key_document=delivered.key_document, seconds=0)
    Store(build).put_result(entry)
    wipe_all_but_the_store(build)
    run = doit(build=build)
    assert run.code == 0, run.out + run.err
    assert digests(build) == cold.digests


def test_a_second_contract_shares_results(build: Path, tmp_path: Path) -> None:
    """The same stages under another contract's name are restored, not run."""
    twin = tmp_path / "twin.yaml"
    twin.write_text(TANK.read_text())
    run = doit(build=build, contract=twin)
    assert run.code == 0
    # Only the report, and with it the delivery, holds the contract's name.
    told = {f"{one}:2" for one in ("report", "library", "layers", "page", "deliver")}
    assert set(run.stages("built")) == told


def test_a_changed_budget_walks_the_same_tree(build: Path, cold: Cold, tmp_path: Path) -> None:
    """With one iteration the search ends unmet; with three again it goes on to what it found."""
    shorter = edited(TANK, tmp_path / "shorter", ("max_iterations: 3", "max_iterations: 1"))
    run = doit(build=build, contract=shorter)
    assert run.code == 1, run.out + run.err
    assert "ended after 1 candidate." in run.out
    assert not [name for name in run.stages("built") if name.startswith(("probe", "train"))]
    longer = edited(TANK, tmp_path / "longer", ("max_iterations: 3", "max_iterations: 4"))
    run = doit(build=build, contract=longer)
    assert "PASS: candidate 2.0" in run.out
    assert not [name for name in run.stages("built") if name.startswith(("probe", "train"))]
    assert doit(build=build, contract=longer).executed == 0


def test_an_unmet_contract_ends_with_1(build: Path, tmp_path: Path) -> None:
    """The budget ends: exit code 1, the best candidate, what bound it, no firmware delivered."""
    contract = edited(
        TANK,
        tmp_path / "edited",
        ("target: 0.05", "target: 0.000001"),
        ("max_iterations: 3", "max_iterations: 2"),
    )
    run = doit(build=build, contract=contract)
    assert run.code == 1, run.out + run.err
    assert "NOT MET" in run.out
    assert "Best: 2.0" in run.out
    assert "mse" in run.out.partition("Best: 2.0")[2]
    names = {path.name for path in (build / "tank" / "delivered").iterdir()}
    told = {"report.json", "report.html", "convergence.png", "contract.json", "data_card.json"}
    assert names == told | {"layers.json", "manifest.json", "provenance.json"}
    assert doit(build=build, contract=contract).code == 1
    assert doit("--reporter", "zero", build=build, contract=contract).code == 1
    named = doit("deliver:2", build=build, contract=contract)
    assert named.code == 1
    assert "\nNOT MET: " in named.out


def test_two_at_once_elsewhere_give_the_same_bytes(build: Path, tmp_path: Path) -> None:
    """One after the other here, with `-n 2` in another checkout: every artefact is the same.

    The second run is a cold one, into a folder of another name.
    """
    changes = (
        ("max_iterations: 3", "max_iterations: 1"),
        ("seed: 4}", "candidates_per_iteration: 2, seed: 4}"),
        ("flash: 16 KiB, latency: 1.2 ms", "flash: 64 KiB, latency: 90 ms"),
        ("target: 0.05", "target: 5"),
        ("epochs: 12", "epochs: 2"),
    )
    checkout = other_checkout(tmp_path / "another checkout")
    contract = edited(TANK, tmp_path / "contracts", *changes)
    there = edited(TANK, checkout / "contracts", *changes).relative_to(checkout)
    wipe_all_but_the_store(build)
    serial = doit(build=build, contract=contract)
    parallel = doit("-n", "2", build=Path("out"), contract=there, checkout=checkout)
    for run in (serial, parallel):
        assert run.code == 0, run.out + run.err
        assert {"train:1.0", "train:1.1", "run:1.0", "run:1.1"} <= set(run.stages("built"))
    pages = [tree / "tank" / "delivered" / "report.html" for tree in (build, checkout / "out")]
    here, elsewhere = (page.read_text() for page in pages)
    # A contract from outside of the project is called by its name alone.
    assert elsewhere.replace(str(there), there.name) == here
    first, again = digests(build), digests(checkout / "out")
    for each in (first, again):
        assert each.pop("tank/iterations/01/page")
        assert each["tank/delivered"].pop("report.html")
    assert again == first
    assert "firmware.bin" in again["tank/iterations/01/1/firmware"]
    report = Report.read(build / "tank" / "delivered" / "report.json")
    assert [result.trial.id for result in report.results] == ["1.0", "1.1"]


def test_list_forget_and_clean(build: Path, cold: Cold) -> None:
    """Doit's own commands work on the graph; after `forget` only the delivery is made."""
    listed = doit(build=build, command="list")
    assert listed.code == 0
    assert "converge" in listed.out
    assert doit(build=build, command="forget").code == 0
    forgotten = doit(build=build)
    assert (forgotten.code, forgotten.stages("built")) == (0, ["deliver:2"])
    assert doit(build=build, command="clean").code == 0
    assert not list((build / "tank").rglob("manifest.json"))
    assert doit(build=build).stages("built") == ["deliver:2"]
    assert digests(build) == cold.digests


def test_a_missing_tool_is_told_before_anything_starts(
    build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the compiler the run stops with its package's name, and nothing is cached."""
    before = {path for path in (build / "ac").rglob("*") if path.is_file()}
    monkeypatch.setenv("PATH", "/nonexistent")
    run = doit(build=build)
    assert run.code == 3
    assert "gcc-arm-none-eabi" in run.err
    assert "Traceback" not in run.err
    assert {path for path in (build / "ac").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("contarct=contracts/activity.yaml",), "did you mean 'contract'?"),
        (("contract=",), "found nothing after 'contract='"),
        (("contract=contracts",), "contracts"),
        (("contract=contracts/none.yaml",), "contracts/none.yaml"),
        (("contract=glukose",), "Things to try: contract=contracts/glucose.yaml"),
        (("contracts/glucose.yaml",), "alone, wanted contract=contracts/glucose.yaml"),
        (("build=README.md",), "build tree 'README.md'"),
        (("build=/proc/here",), "build tree '/proc/here'"),
    ],
    ids=str,
)
def test_a_wrong_command_line_ends_with_3(words: tuple[str, ...], said: str) -> None:
    """A misspelt, empty or impossible variable is one message, never another contract's run."""
    done = subprocess.run(
        [str(DOIT), "run", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "sent", "code"),
    [
        ((), signal.SIGINT, 130),
        (("-n", "2"), signal.SIGTERM, 143),
        (("-r", "json"), signal.SIGINT, 130),
    ],
    ids=str,
)
def test_an_interrupt_is_a_message(
    words: tuple[str, ...], sent: signal.Signals, code: int, tmp_path: Path
) -> None:
    """Ctrl-C stops everything, says that the work so far is kept, and has a code of its own."""
    argv = [str(DOIT), "run", *words, f"contract={TANK}", f"build={tmp_path / 'build'}"]
    with subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        first = tmp_path / "build" / "tank" / "dataset" / "manifest.json"
        while not first.exists() and run.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(timeout=0.05)
        run.send_signal(sent)
        out, err = run.communicate()
    assert run.returncode == code
    assert "run the same command again" in err
    assert "Traceback" not in err
    assert "candidate" not in out


def test_a_broken_contract_ends_with_3(tmp_path: Path) -> None:
    """Every mistake is shown with its line; nothing is started, CI alone is told of it."""
    contract = edited(
        TANK,
        tmp_path / "edited",
        ("latency: 1.2 ms", "latency: 1.2"),
        ("agent: random_search", "agent: random_serch"),
    )
    run = doit(build=tmp_path / "build", contract=contract)
    assert run.code == 3
    assert "2 mistakes" in run.err
    assert "did you mean 'random_search'?" in run.err
    assert "Traceback" not in run.err
    assert [path.name for path in (tmp_path / "build" / "tank").iterdir()] == ["ci"]


def test_one_run_at_a_time(build: Path, cold: Cold) -> None:
    """A second run on a busy tree says who has it and touches nothing."""
    with (build / ".lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        run = doit(build=build)
        cleaned = doit(build=build, command="clean")
    assert run.code == cleaned.code == 3
    assert "another run" in run.err
    assert "PASS" not in run.out, "what nobody checked now is not shown"
    assert "Traceback" not in run.err
    assert digests(build) == cold.digests, "nothing was cleaned"


def test_provenance_reaches_back_to_the_contract(cold: Cold) -> None:
    """From the delivered image, keys and input digests lead to the data and the contract."""
    root = cold.build / "tank" / "iterations" / "02" / "0"
    firmware = json.loads((root / "firmware" / "provenance.json").read_bytes())["key_document"]
    assert "sha256:" in firmware["tools"]["gcc"]
    assert firmware["inputs"]["engine"] == file_digest(root / "engine" / "manifest.json")
    train = json.loads((root / "train" / "provenance.json").read_bytes())["key_document"]
    assert train["config"]["training"]["epochs"] == 12
    assert "sha256:" in train["environment"]["packages"]["tensorflow-cpu"]
    dataset = json.loads((cold.build / "tank" / "dataset" / "provenance.json").read_bytes())
    source = dataset["key_document"]["inputs"]["source"]
    # As docs/delivered.md says: a line for each file of the data set.
    line = f"{file_digest(ROOT / 'tests' / 'data' / 'tank.csv')} tests/data/tank.csv\n"
    assert source == sha256_bytes(line.encode())
    card = DataCard.read(cold.build / "tank" / "delivered" / "data_card.json")
    assert card.source.sha256 == file_digest(ROOT / "tests" / "data" / "tank.csv")


def test_no_scratch_is_left(cold: Cold) -> None:
    """A finished run leaves no sandbox and no temporary file."""
    assert not list((cold.build / ".scratch").iterdir())
