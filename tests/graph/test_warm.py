"""A process that is forked from the warm one is as isolated as a new one, and ends as it does."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlforge_tasks.errors import EXIT_CANDIDATE_FAILED, FAILURE_FILE
from mlforge_tasks.graph import environment, process, surroundings, warm
from mlforge_tasks.graph.files import Tree
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.stage import Stage, Workspace
from mlforge_tasks.graph.store import Store
from mlforge_tasks.graph.warm import Warm
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked elsewhere")

BORN = "tests.helpers.demo_stages.born"
IMPORTS = "tests.helpers.warm_imports"
# A run that has a warm process, and a stage's process of that.
RUN = f"""
import sys
from pathlib import Path
from mlforge_tasks.graph import warm
from mlforge_tasks.graph.files import Tree
place = Path(sys.argv[1])
kept = warm.Warm(Tree(place), {IMPORTS!r}, early=False)
asking = kept.asking()
(place / "out").mkdir()
(place / "request.json").write_text(warm.request({{}}, place / "out", {{"end": "waits"}}, asking))
show = lambda line: print(line, flush=True)
warm.run({BORN!r}, place / "request.json", timeout_s=60, asking=asking, forked=True, on_line=show)
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    with contextlib.closing(
        Warm(Tree(tmp_path_factory.mktemp("tree")), IMPORTS, early=True)
    ) as one:
        yield one


def _run(
    place: Path, kept: Warm | None, *, forked: bool = True, timeout_s: float = 60, **config: Any
) -> process.Completed:
    (place / "out").mkdir(parents=True)
    asking = kept.asking() if kept else None
    path = place / "request.json"
    path.write_text(warm.request({}, place / "out", {"end": "well", **config}, asking))
    return warm.run(BORN, path, timeout_s=timeout_s, asking=asking, forked=forked)


def _born(place: Path) -> dict[str, Any]:
    return dict(json.loads((place / "out" / "born.json").read_text()))


def _pids_said(program: subprocess.Popen[str]) -> list[int]:
    """Numbers of processes, as soon as a program has said them."""
    assert program.stdout is not None
    said = (line.split() for line in program.stdout)
    return next([int(word) for word in words] for words in said if words[0].isdigit())


def _ended(pid: int) -> bool:
    """Whether a process ends; a killed one takes a moment."""
    try:
        number = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ended = bool(select.select([number], [], [], 10)[0])
    os.close(number)
    return ended


def test_it_is_what_a_new_process_is(kept: Warm, tmp_path: Path) -> None:
    """Environment, arguments, folder, path, session, standard files, text: all the same."""
    told = []
    for name, forked in (("new", False), ("forked", True)):
        said = _run(tmp_path / name, kept, forked=forked).output
        assert sorted(said.splitlines()) == ["err", "out"]
        born = _born(tmp_path / name)
        assert born.pop("forked") == forked
        born.pop("parent")
        told.append(json.loads(json.dumps(born).replace(str(tmp_path / name), "PLACE")))
    for name, value in told[0].items():
        assert told[1][name] == value, name
    assert told[0]["leads"]
    assert told[0]["one output"]


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("well", 0, ""),
        ("exits", 5, ""),
        ("fails", EXIT_CANDIDATE_FAILED, ""),
        ("breaks", 1, "ValueError: as asked"),
        ("crashes", -signal.SIGSEGV, ""),
    ],
)
def test_it_ends_as_a_new_process_does(
    kept: Warm, tmp_path: Path, end: str, code: int, said: str
) -> None:
    """Exit codes, signals, a traceback, a candidate's failure."""
    for name, forked in (("new", False), ("forked", True)):
        done = _run(tmp_path / name, kept, forked=forked, end=end)
        assert (done.returncode, done.timed_out) == (code, False)
        assert said in done.output
        assert (tmp_path / name / "out" / FAILURE_FILE).exists() == (end == "fails")


def test_its_own_processes_are_forked_too(kept: Warm, tmp_path: Path) -> None:
    """A stage's half asks the same process as the stage."""
    assert _run(tmp_path, kept, below={"end": "well"}).returncode == 0
    below = json.loads((tmp_path / "out" / "below" / "born.json").read_text())
    assert below["parent"] == _born(tmp_path)["parent"]
    new = tmp_path / "new"
    assert _run(new, kept, forked=False, below={"end": "well"}).returncode == 0
    below = json.loads((new / "out" / "below" / "born.json").read_text())
    assert (below["forked"], _born(new)["forked"]) == (True, False)


def test_a_time_limit_ends_it_with_its_children(kept: Warm, tmp_path: Path) -> None:
    """As it does a new process."""
    done = _run(tmp_path, kept, end="hangs", timeout_s=1.0)
    assert (done.timed_out, done.returncode) == (True, -signal.SIGKILL)
    assert all(_ended(int(pid)) for pid in done.output.split() if pid.isdigit())


def test_many_at_a_time(kept: Warm, tmp_path: Path) -> None:
    """Each hears of its own."""
    codes: dict[str, int] = {}

    def ask(number: int, end: str) -> None:
        codes[f"{end} {number}"] = _run(tmp_path / f"{number}", kept, end=end).returncode

    ends = [*enumerate(("well", "exits", "crashes", "fails") * 3)]
    threads = [threading.Thread(target=ask, args=one) for one in ends]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = {"well": 0, "exits": 5, "crashes": -signal.SIGSEGV, "fails": EXIT_CANDIDATE_FAILED}
    assert codes == {f"{end} {number}": wanted[end] for number, end in ends}


def test_no_room_for_open_files(kept: Warm, tmp_path: Path) -> None:
    """Then a process is a new one; what was forked before goes on, and the next is forked again."""
    _run(tmp_path / "a", kept)
    server = _born(tmp_path / "a")["parent"]
    before = resource.prlimit(server, resource.RLIMIT_NOFILE)
    free = next(one for one in range(before[0]) if not Path(f"/proc/{server}/fd/{one}").exists())
    for room in (0, 1, 2):
        resource.prlimit(server, resource.RLIMIT_NOFILE, (free + room, before[1]))
        assert _run(tmp_path / f"{room}", kept).returncode == 0
        assert _born(tmp_path / f"{room}")["forked"] == (room == 2)
    resource.prlimit(server, resource.RLIMIT_NOFILE, before)
    _run(tmp_path / "b", kept)
    assert _born(tmp_path / "b")["parent"] == server


def test_nothing_is_started_before_it_is_needed(tmp_path: Path) -> None:
    """A run that has nothing to do has no warm process; it is there when a stage asks for it."""
    with contextlib.closing(Warm(Tree(tmp_path / "tree"), IMPORTS, early=False)) as kept:
        kept.expect()
        assert _run(tmp_path / "a", kept, forked=kept.ready()).returncode == 0
        assert not (tmp_path / "tree").exists()
        assert not _born(tmp_path / "a")["forked"]
        _run(tmp_path / "b", kept)
        assert kept.ready()
        assert _born(tmp_path / "b")["forked"]
    assert _ended(_born(tmp_path / "b")["parent"])
    assert not [*(tmp_path / "tree" / ".scratch").iterdir()]


def test_where_it_cannot_import_processes_are_new(tmp_path: Path) -> None:
    """They meet what there is to be met; nobody waits for what never comes."""
    with contextlib.closing(
        Warm(Tree(tmp_path / "tree"), "tests.helpers.no_imports", early=True)
    ) as kept:
        kept.expect()
        for name in ("a", "b"):
            assert _run(tmp_path / name, kept).returncode == 0
            assert not _born(tmp_path / name)["forked"]
        assert kept.asking() is None


def test_a_warm_process_that_is_killed(tmp_path: Path) -> None:
    """What was forked ends with it, as by a kill from outside; the next is forked from another."""
    with contextlib.closing(Warm(Tree(tmp_path / "tree"), IMPORTS, early=True)) as kept:
        _run(tmp_path / "a", kept)
        first = _born(tmp_path / "a")["parent"]
        asking, place = kept.asking(), tmp_path / "b"
        (place / "out").mkdir(parents=True)
        path = place / "request.json"
        path.write_text(warm.request({}, place / "out", {"end": "waits"}, asking))
        pids: list[str] = []

        def hear(line: str) -> None:
            pids[:] = line.split()
            if pids[0].isdigit():
                os.kill(first, signal.SIGKILL)

        done = warm.run(BORN, path, timeout_s=60, asking=asking, forked=True, on_line=hear)
        assert (done.returncode, done.timed_out) == (-signal.SIGKILL, False)
        assert "from outside" in done.how()
        assert _ended(int(pids[0]))
        _run(tmp_path / "c", kept)
        born = _born(tmp_path / "c")
        assert born["forked"]
        assert born["parent"] != first


def test_nothing_outlives_a_killed_run(tmp_path: Path) -> None:
    """After SIGKILL of the run neither the warm process nor what it forked is left."""
    argv = [sys.executable, "-c", RUN, str(tmp_path)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        pids = _pids_said(run)
        parent = _born(tmp_path)["parent"]
        run.kill()
    assert _ended(pids[0])
    assert _ended(parent)


def test_who_asked_is_killed(kept: Warm, tmp_path: Path) -> None:
    """A stage's half ends with its stage, whose death the warm process sees."""
    (tmp_path / "out").mkdir()
    path, asking = tmp_path / "request.json", kept.asking()
    assert asking is not None
    config = {"end": "well", "below": {"end": "hangs"}}
    path.write_text(warm.request({}, tmp_path / "out", config, asking))
    argv = surroundings.stage_command(BORN, path)
    with subprocess.Popen(
        argv, pass_fds=[asking], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as asker:
        pids = _pids_said(asker)
        asker.kill()
    assert _ended(pids[0])
    assert _ended(pids[1])


def test_what_has_a_secret_is_a_new_process(
    kept: Warm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key of a language model is never in a process from which others are forked."""
    monkeypatch.setenv("MLFORGE_TEST_KEY", "not-to-be-told")
    _run(tmp_path / "ahead", kept)
    assert kept.ready()
    for secrets in ((), ("MLFORGE_TEST_KEY",)):
        kind = StageKind(BORN, ("born.json",), isolated=True, secrets=secrets)
        place = tmp_path / f"{len(secrets)}"
        workspace = Workspace(Store(tmp_path / "store"), warm=kept)
        Stage("born", kind, place, workspace, {}, {"end": "well", "number": len(secrets)}).run()
        born = json.loads((place / "born.json").read_text())
        assert ("MLFORGE_TEST_KEY" in born["environ"]) == bool(secrets)
        assert born["forked"] == (not secrets)


def test_a_package_that_was_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was imported before is not forked from."""
    found = environment.installed()
    with contextlib.closing(Warm(Tree(tmp_path / "tree"), IMPORTS, early=True)) as kept:
        parents: list[int] = []
        for version in ("1", "1", "2"):
            known = found.model_copy(update={"packages": {"toy": version}})
            monkeypatch.setattr(environment, "installed", lambda known=known: known)
            place = tmp_path / f"{len(parents)}"
            _run(place, kept)
            assert _born(place)["forked"]
            parents.append(_born(place)["parent"])
    assert parents[0] == parents[1] != parents[2]
