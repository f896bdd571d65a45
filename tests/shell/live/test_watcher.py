"""Changes of a folder are heard, whether it is there, is removed, or is made again."""

from __future__ import annotations

import queue
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.shell.live.watcher import Watcher
from tests.helpers import short
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Far above what it takes; only there so that silence fails the test.
HEARD_S = 60


class Listener:
    """A watcher, and what it hears.

    Args:
        folder: What is watched.
        file: A file that is watched too.
    """

    def __init__(self, folder: Path, file: Path) -> None:
        self._heard: queue.Queue[Path] = queue.Queue()
        self.watcher = Watcher(folder, (file,), self._heard.put)

    def hears(self, path: Path) -> None:
        """Waits until a path is heard; watches are laid anew meanwhile, as `doit view` does."""
        while self._heard.get(timeout=HEARD_S) != path:
            self.watcher.settle()
        self.watcher.settle()

    def heard(self) -> set[Path]:
        """What was heard and not asked for."""
        found = set()
        while not self._heard.empty():
            found.add(self._heard.get())
        return found


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    """Watches `tree/build/tank`, of which nothing is there, and a contract."""
    (tmp_path / "tank.yaml").write_text("version: 1\n")
    made = Listener(tmp_path / "tree" / "build" / "tank", tmp_path / "tank.yaml")
    yield made
    made.watcher.close()


def _stage(folder: Path) -> Path:
    folder.mkdir(parents=True)
    half = folder / "half"
    half.write_text("{}")
    return half.rename(folder / "manifest.json")


def test_a_folder_that_comes_and_goes_is_followed(listener: Listener, tmp_path: Path) -> None:
    """A run starts later, the tree is cleaned, another run starts."""
    tank = tmp_path / "tree" / "build" / "tank"
    assert not listener.watcher.polls
    (tmp_path / "tree").mkdir()
    listener.hears(tmp_path / "tree")
    (tmp_path / "tree" / "build").mkdir()
    listener.hears(tmp_path / "tree" / "build")
    for _ in range(2):
        tank.mkdir()
        listener.hears(tank)
        listener.hears(_stage(tank / "iterations" / "01" / "judge"))
        listener.hears(_stage(tank / "iterations" / "01" / "report"))
        shutil.rmtree(tank)
        listener.hears(tank)


def test_a_contract_is_heard_and_its_neighbours_are_not(listener: Listener, tmp_path: Path) -> None:
    """Whether it is written in place or another takes its place, as editors do; nor is a look."""
    contract = tmp_path / "tank.yaml"
    (tmp_path / "other.yaml").write_text("version: 1\n")
    contract.read_text()
    contract.write_text("version: 2\n")
    listener.hears(contract)
    (tmp_path / "new").write_text("version: 3\n")
    (tmp_path / "new").rename(contract)
    listener.hears(contract)
    assert listener.heard() <= {contract}


_POLLING = """
import pathlib, sys, threading
from mlforge_tasks.shell.live import watcher
watcher.POLLED_S = 0.2
folder, heard = pathlib.Path(sys.argv[1]), threading.Event()
watching = watcher.Watcher(folder, (), lambda path: path.name == "manifest.json" and heard.set())
(folder / "01").mkdir()
(folder / "01" / "manifest.json").write_text("{}")
print(watching.polls, heard.wait(60))
"""


@pytest.mark.parametrize("limit", ["max_inotify_watches", "max_inotify_instances"])
def test_without_watches_of_the_kernel_it_looks(limit: str, tmp_path: Path) -> None:
    """Other programs may have all that the user may have."""
    if not short.mounts():
        pytest.skip("no user namespaces here")
    script = f'echo 0 > /proc/sys/user/{limit} && exec "$@"'
    argv = ["unshare", "-r", "sh", "-c", script, "sh", sys.executable, "-c", _POLLING]
    done = subprocess.run(
        [*argv, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout == "True True\n", done.stderr


_TWICE = """
import pathlib, sys, threading
from mlforge_tasks.shell.live import watcher
folder, heard = pathlib.Path(sys.argv[1]) / "tank", threading.Event()
watching = watcher.Watcher(folder, (), lambda path: path.name == "last" and heard.set())
for number in range(100):
    (folder / str(number) / "1" / "firmware" / "src").mkdir(parents=True)
    watching.settle()
(folder / "last").write_text("")
print(heard.wait(60))
"""


def test_folders_that_are_come_upon_twice_are_no_news(tmp_path: Path) -> None:
    """Watchdog warns of each; the terminal belongs to the user."""
    argv = [sys.executable, "-c", _TWICE, str(tmp_path)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert (done.stdout, done.stderr) == ("True\n", "")
