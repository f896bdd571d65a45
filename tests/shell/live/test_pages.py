"""The page of a search that is over, that goes on, or was never begun."""

from __future__ import annotations

import os
import re
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph import live
from mlforge_tasks.graph.live import Live, LiveStage
from mlforge_tasks.graph.progress import Progress
from mlforge_tasks.graph.tree_lock import TreeLock
from mlforge_tasks.shell.live import pages as pages_module
from mlforge_tasks.shell.live.pages import Pages
from mlforge_tasks.shell.live.today import Today
from mlforge_tasks.shell.tasks import load_plan
from tests.helpers.page_reports import Parsed
from tests.helpers.paths import TANK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlforge_tasks.pipeline.plan import Plan


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    """A copy of the tank's, to edit."""
    path = tmp_path / "contracts" / "tank.yaml"
    path.parent.mkdir()
    shutil.copy(TANK, path)
    return path


def _pages(build: Path, contract: Path) -> Pages:
    def load() -> Plan:
        return load_plan(str(contract), str(build))

    return Pages(Today(load(), contract, load))


def _running(build: Path, *stages: LiveStage) -> TreeLock:
    """A run that is at it: this process, as far as others can see."""
    lock = TreeLock(build / ".lock")
    lock.acquire()
    now = Live(
        contract="tank",
        pid=os.getpid(),
        started_unix_s=time.time(),
        iteration=1,
        max_iterations=3,
        stages=stages,
    )
    live.write(now, build / "tank")
    return lock


def _step(name: str, done: int, text: str) -> LiveStage:
    told = Progress(done=done, total=12, unit="epochs", text=text)
    return LiveStage(name=name, started_unix_s=1.0, progress=told, left_s=70.0)


@pytest.fixture
def training(build: Path) -> Iterator[Path]:
    """A tree in which a candidate is trained just now; nothing is judged."""
    shutil.rmtree(build / "tank" / "delivered")
    for number in ("02", "03"):
        shutil.rmtree(build / "tank" / "iterations" / number, ignore_errors=True)
    shutil.rmtree(build / "tank" / "iterations" / "01" / "judge")
    lock = _running(build, _step("train:1.0", 3, "loss 0.5, validation mse 0.25"))
    yield build
    lock.release()


def test_a_search_that_is_over(build: Path, contract: Path) -> None:
    """The report, and links to each file that was delivered; nothing is rendered twice."""
    pages = _pages(build, contract)
    first = pages.whole()
    text = first.decode()
    assert ">met<" in text
    assert "No run goes on" in text
    links = {one["href"] for one in Parsed(text).all("a")}
    assert {"model.tflite", "report.json", "library/README.md"} <= links
    assert set(pages.files()) <= links
    assert all(path.is_file() for path in pages.files().values())
    assert pages.whole() == first


def test_a_search_that_goes_on(training: Path, contract: Path) -> None:
    """How far its candidates are, what is known of them, and no verdict before its time."""
    pages = _pages(training, contract)
    text = pages.whole().decode()
    assert "not yet met" in text
    assert "NOT MET" not in text
    now = pages.now()
    assert "round 1 of at most 3" in now
    assert "3/12 epochs: loss 0.5, validation mse 0.25" in now
    assert "about 1 min left" in now
    assert 'aria-valuenow="25"' in now
    for state, name in (("done", "probe_run"), ("waits", "evaluate")):
        assert f'<li class="{state}">{name}<' in now or "over" in now
    assert pages.files() == {}


def test_what_runs_is_told_at_each_request(training: Path, contract: Path) -> None:
    """Also where nothing else of the page is new; and the end of a run that was killed."""
    pages = _pages(training, contract)
    first = pages.whole()
    assert b"3/12 epochs" in first
    _rewrite(training, _step("train:1.0", 4, "loss 0.4, validation mse 0.2"))
    second = pages.whole()
    assert b"4/12 epochs" in second
    assert b"3/12 epochs" not in second
    (training / ".lock").unlink()
    third = pages.whole()
    assert b"A run goes on" in second
    assert b"A run goes on" not in third
    assert b"No run goes on" in third
    versions = {Parsed(one.decode()).all("section")[0]["data-version"] for one in (first, third)}
    assert len(versions) == 1


def test_the_first_page_is_waited_for(
    build: Path, contract: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is being made, a short page says so and asks again; then it is there."""
    monkeypatch.setattr(pages_module, "PATIENCE_S", 0.0)
    pages = _pages(build, contract)
    assert pages.page() is None
    soon = pages.soon().decode()
    assert "The page is being made" in soon
    assert "No run goes on" in soon
    parsed = Parsed(soon)
    assert {"http-equiv": "refresh", "content": "2"} in parsed.all("meta")
    assert not parsed.all("script")
    assert b">met<" in pages.whole()
    assert pages.page() == pages.whole()


def test_a_training_draws_its_curves(training: Path, contract: Path) -> None:
    """Of the epochs that were heard of; they go with the training."""
    pages = _pages(training, contract)
    assert "<polyline" not in pages.now()
    for epoch, loss in ((4, 0.4), (5, 0.3)):
        _rewrite(training, _step("train:1.0", epoch, f"loss {loss}, validation mse 0.2"))
        pages.now()
    assert "train:1.0: loss 0.3 in epoch 5 of at most 12; from 0.5" in pages.now()
    _rewrite(training)
    assert "<polyline" not in pages.now()


def _rewrite(build: Path, *stages: LiveStage) -> None:
    known = live.now(build / "tank", build / ".lock")
    assert known is not None
    live.write(known.model_copy(update={"stages": stages}), build / "tank")


def test_what_a_run_left_that_was_killed_is_not_going_on(training: Path, contract: Path) -> None:
    """Nobody has the tree."""
    pages = _pages(training, contract)
    assert "A run goes on" in pages.now()
    (training / ".lock").unlink()
    assert "A run goes on" not in pages.now()


def test_a_tree_without_anything(tmp_path: Path, contract: Path) -> None:
    """The command that fills it is told; nothing is made by looking."""
    pages = _pages(tmp_path / "build", contract)
    assert f"doit run contract={contract}" in pages.now()
    assert "No candidate is judged yet" in pages.whole().decode()
    assert not (tmp_path / "build").exists()


def test_an_edited_contract_is_told(build: Path, contract: Path) -> None:
    """What was found stays to be seen, and what is not as it was then."""
    pages = _pages(build, contract)
    pages.whole()
    text = contract.read_text()
    contract.write_text(text.replace("flash: 16 KiB", "flash: 20 KiB"))
    now = pages.now()
    assert "The contract was edited since" in now
    assert "<code>limits.flash</code> 16 KiB → 20 KiB" in now
    assert ">met<" in pages.whole().decode()
    contract.write_text(text)
    assert "edited since" not in pages.now()


def test_a_contract_that_is_broken_is_told(build: Path, contract: Path) -> None:
    """With its line; once it is whole it is read again."""
    pages = _pages(build, contract)
    text = contract.read_text()
    contract.write_text(text.replace("flash: 16 KiB", "flash: 16 <b>bits</b>"))
    now = pages.now()
    assert re.search(r"tank\.yaml:\d+: limits\.flash: found", now)
    assert "&lt;b&gt;bits" in now
    assert ">met<" in pages.whole().decode()
    contract.unlink()
    assert f"{contract} is gone" in pages.now()
    contract.write_text(text)
    assert "cannot be read" not in pages.now()


def test_a_run_keeps_to_the_contract_that_it_began_with(training: Path, contract: Path) -> None:
    """An edit is told, and is taken up when the run has ended."""
    pages = _pages(training, contract)
    contract.write_text(contract.read_text().replace("epochs: 12", "epochs: 20"))
    now = pages.now()
    assert "<code>training.epochs</code> 12 → 20" in now
    assert '<li class="done">render<' in now


def test_the_command_names_the_contract_that_was_asked_for(build: Path, contract: Path) -> None:
    """Wherever it lies, whether or not it ran; also where what is shown is of an earlier one."""
    command = f"doit run contract={contract}"
    assert command in _pages(build / "other", contract).whole().decode()
    pages = _pages(build, contract)
    assert command in pages.whole().decode()
    contract.write_text(contract.read_text().replace("flash: 16 KiB", "flash: 20 KiB"))
    pages = _pages(build, contract)
    text = pages.whole().decode()
    assert "The contract was edited since" in text
    assert command in text
    assert "contracts/tank.yaml" not in text.replace(str(contract), "")


def test_a_report_of_another_version_is_told(build: Path, contract: Path) -> None:
    """One error and what to do; once there is a page, it stays until there is another."""
    report = build / "tank" / "delivered" / "report.json"
    whole = report.read_bytes()
    report.chmod(0o644)
    report.write_text('{"name": "tank"}\n')
    pages = _pages(build, contract)
    with pytest.raises(MlforgeError, match=r"cannot be read: .*\nThings to try: run again"):
        pages.whole()
    report.write_bytes(whole)
    assert b">met<" in pages.whole()


def test_a_page_that_follows_says_so_and_a_file_does_not(build: Path, contract: Path) -> None:
    """It may ask its own server, and nobody else."""
    served = _pages(build, contract).whole().decode()
    policy = next(one["content"] for one in Parsed(served).all("meta") if "http-equiv" in one)
    assert policy is not None
    assert "connect-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert "EventSource" in served
