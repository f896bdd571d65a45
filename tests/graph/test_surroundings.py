"""Whatever the user's environment says, a stage makes the same bytes under the same key."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mlforge_tasks.graph import surroundings
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.stage import Outcome, Stage, Workspace
from mlforge_tasks.graph.store import Store
from tests.helpers.paths import ROOT

KIND = StageKind("tests.helpers.demo_stages.draw", ("picture.png", "facts.json"), isolated=True)
HOSTILE = {
    "LC_ALL": "tr_TR.ISO-8859-9",
    "LANG": "de_DE.UTF-8",
    "LANGUAGE": "de",
    "TZ": "Asia/Kathmandu",
    "PYTHONOPTIMIZE": "2",
    "PYTHONHASHSEED": "7",
    "PYTHONUTF8": "0",
    "PYTHONWARNINGS": "error",
    "PYTHONINSPECT": "1",
    "MPLBACKEND": "svg",
    "KERAS_BACKEND": "jax",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "OMP_NUM_THREADS": "3",
    "OPENBLAS_NUM_THREADS": "3",
    "NPY_DISABLE_CPU_FEATURES": "AVX2",
    "MALLOC_PERTURB_": "170",
    "SOURCE_DATE_EPOCH": "0",
    "CPATH": "/",
    "C_INCLUDE_PATH": "/",
    "GCC_EXEC_PREFIX": "/",
    "COMPILER_PATH": "/",
    "CCACHE_SLOPPINESS": "file_macro",
}
STRAY = "raise SystemExit('a stray module was imported')\n"


def drawn(folder: Path) -> Outcome:
    """The demo stage, in a store of its own."""
    return Stage("draw", KIND, folder / "out", Workspace(Store(folder / "store"))).run()


def test_the_users_settings_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor do modules and a matplotlibrc that lie in the folder that the user is in."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(surroundings.cache_folder().parent))
    clean = drawn(tmp_path / "clean")
    here, home = tmp_path / "here", tmp_path / "home"
    for folder in (here, home / ".config" / "matplotlib", home / ".matplotlib"):
        folder.mkdir(parents=True)
        (folder / "matplotlibrc").write_text("lines.linewidth: 9\nfont.size: 30\n")
    for name in ("numpy.py", "json.py", "sitecustomize.py", "usercustomize.py"):
        (here / name).write_text(STRAY)
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    for name in ("PYTHONPATH", "PYTHONUSERBASE", "MPLCONFIGDIR", "PYTHONSTARTUP", "MATPLOTLIBRC"):
        monkeypatch.setenv(name, str(here))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.chdir(here)
    hostile = drawn(tmp_path / "hostile")
    facts = [(tmp_path / name / "out" / "facts.json").read_text() for name in ("clean", "hostile")]
    assert facts[0] == facts[1]
    assert hostile.manifest.outputs["picture.png"] == clean.manifest.outputs["picture.png"]
    assert hostile.key == clean.key


def test_what_is_installed_comes_before_the_project(tmp_path: Path) -> None:
    """A stray module in the project's folder is not taken for an installed one."""
    drawn(tmp_path)
    path = json.loads((tmp_path / "out" / "facts.json").read_text())["path"]
    assert path[-1] == str(ROOT)
    assert str(ROOT) not in path[:-1]


def test_only_what_is_named_is_passed_on() -> None:
    """A variable that nobody thought of is not there."""
    told = surroundings.clean_environment({"NEW_AND_ODD": "1", "PATH": "/bin", "PIP_CERT": "c"})
    assert told == {**surroundings.FIXED, "PATH": "/bin", "PIP_CERT": "c"}
    assert set(surroundings.stage_environment(Path(os.devnull))) > set(surroundings.STAGE)
