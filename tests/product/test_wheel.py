"""`pip install mlforge`: from the built wheel, in a project that has nothing but its own files."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from mlforge_tasks import plugins
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.graph.code_version import code_version
from mlforge_tasks.stages import floor
from tests.helpers.paths import ROOT

# What a wheel is made of; the rest of the repository is not there when it is built.
MADE_OF = ("mlforge_tasks", "templates", "zephyr_app", "contracts")
FILES = ("pyproject.toml", "setup.py", "MANIFEST.in", "dodo.py", "README.md", "LICENSE")
DODO = '''"""Contracts of this project."""

from mlforge_tasks.shell.dodo import *
'''
LIMIT_S = 600


def run(argv: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command of the user's, in a folder of the user's."""
    return subprocess.run(
        argv, cwd=cwd, capture_output=True, text=True, check=False, timeout=LIMIT_S
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as `pip wheel .` builds it."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in MADE_OF:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in FILES:
        shutil.copyfile(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index"]
    done = run([*pip, "--no-build-isolation", "-w", str(made), "."], source)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (source / "build").exists()  # which is for artefacts
    (built,) = made.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def mlforge(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of an environment where it is installed, beside the packages that are here."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python3.*/site-packages")
    (site / "packages.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install"]
    done = run([*pip, "-q", "--no-deps", "--no-index", str(wheel)], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "bin"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of somebody's, with data and three lines."""
    folder = tmp_path_factory.mktemp("project") / "my project"
    (folder / "data").mkdir(parents=True)
    shutil.copyfile(ROOT / "tests" / "data" / "tank.csv", folder / "data" / "tank.csv")
    (folder / "dodo.py").write_text(DODO)
    return folder


@pytest.mark.slow
def test_a_wheel_has_all_that_is_read(wheel: Path) -> None:
    """Templates, boards, kernels, start-up code, the application: every file of the repository."""
    with zipfile.ZipFile(wheel) as archive:
        found = set(archive.namelist())
    asked = ["git", "ls-files", "-co", "--exclude-standard", "--", *MADE_OF]
    names = run(asked, ROOT).stdout.split()
    assert len(names) > 400
    for name in names:
        inside = name if name.startswith("mlforge_tasks/") else f"mlforge_tasks/_shipped/{name}"
        assert inside in found, name


@pytest.mark.slow
def test_another_repository_needs_three_lines(mlforge: Path, project: Path) -> None:
    """From `doit new` to delivered firmware; a second run has nothing to do."""
    doit = [str(mlforge / "python"), "-m", "doit"]
    made = run([*doit, "new", "name=tank", "data=data/tank.csv"], project)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "\n  doit check contract=contracts/tank.yaml\n" in made.stdout
    assert (project / "contracts" / "contract.schema.json").is_file()
    text = (ROOT / "tests" / "data" / "tank.yaml").read_text()
    text = text.replace("tests/data/tank.csv", "data/tank.csv").replace("epochs: 12", "epochs: 3")
    design = "search: {agent: fixed, architecture: [{kind: flatten}], seed: 4}"
    lines = [line for line in text.splitlines() if not line.startswith("search:")]
    (project / "contracts" / "tank.yaml").write_text("\n".join([*lines, design, ""]))

    command = [*doit, "run", "contract=contracts/tank.yaml"]
    done = run(command, project)
    assert done.returncode == 0, done.stdout + done.stderr
    delivered = project / "build" / "tank" / "delivered"
    assert (delivered / "firmware.bin").is_file()
    assert (delivered / "src" / "model_aot.c").is_file()
    assert (delivered / "library" / "LICENSES" / "Apache-2.0.txt").is_file()
    written = json.loads((project / "build" / "tank" / "floor" / "provenance.json").read_text())
    kind = floor.kind(plugins.load("platforms", "baremetal"), load_board("mps2/an385"), "gcc")
    assert written["key_document"]["code"] == code_version(*kind.code())  # as in a checkout
    again = run(command, project)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "nothing was to do" in again.stdout


@pytest.mark.slow
def test_a_folder_without_a_dodo_file_has_the_program(mlforge: Path, tmp_path: Path) -> None:
    """`mlforge` is doit with the product's own; what it says names the user's folder."""
    listed = run([str(mlforge / "mlforge"), "list"], tmp_path)
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert "converge" in listed.stdout
    shutil.copyfile(ROOT / "tests" / "data" / "tank.csv", tmp_path / "tank.csv")
    made = run([str(mlforge / "mlforge"), "new", "name=tank", "data=tank.csv"], tmp_path)
    assert "\n  mlforge check contract=contracts/tank.yaml\n" in made.stdout, made.stderr
    refused = run([str(mlforge / "mlforge"), "run", "contract=contracts/pump.yaml"], tmp_path)
    assert refused.returncode == 3
    assert "contracts/pump.yaml" in refused.stderr
