"""What a stage can import is in its key by content, whatever was done to it behind pip's back."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import _installed, environment, surroundings
from mlforge_tasks.graph.code_version import foreign_imports
from tests.helpers.paths import ROOT

STAGES = "mlforge_tasks.stages"


def recorded(content: str) -> str:
    """A line's digest and size in RECORD."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"sha256={digest.rstrip('=')},{len(content)}"


def install(site: Path, name: str, **files: str) -> None:
    """Puts a distribution into a folder as an installer does."""
    info = f"{name}-1.0.dist-info"
    sources = {f"{name}/{module}.py": text for module, text in files.items()}
    sources[f"{info}/METADATA"] = f"Name: {name}\nVersion: 1.0\n"
    for path, text in sources.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    rows = [f"{path},{recorded(text)}" for path, text in sources.items()]
    (site / info / "RECORD").write_text("\n".join([*rows, f"{info}/RECORD,,"]))


class Toy:
    """A virtual environment with one package in it."""

    def __init__(self, folder: Path) -> None:
        argv = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
        subprocess.run(argv, check=True, timeout=300)
        self.python = folder / "bin" / "python"
        (self.site,) = folder.glob("lib/python*/site-packages")
        install(self.site, "toy", __init__="", adam="RATE = 1\n")

    def found(self) -> environment.Installed:
        """What is in it, looked at anew."""
        return environment.installed.__wrapped__(str(self.python))


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return Toy(tmp_path_factory.mktemp("toy"))


def test_an_edit_changes_the_key_and_is_named(toy: Toy) -> None:
    """Also one that leaves the file's size and time as they were; undone, the key is as before."""
    before = toy.found()
    version, digest = before.packages["toy"].split()
    assert (version, digest.partition(":")[0]) == ("1.0", "sha256")
    adam = toy.site / "toy" / "adam.py"
    times = adam.stat()
    adam.write_text("RATE = 2\n")
    os.utime(adam, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = toy.found()
    assert after.packages["toy"].endswith(" edited: toy/adam.py")
    assert after.packages["toy"].split()[1] != digest
    adam.write_text("RATE = 1\n")
    assert toy.found() == before


@pytest.mark.parametrize(
    "name",
    ["sitecustomize.py", "late.pth", "toy/extra.py", "numpy.cpython-311-x86_64-linux-gnu.so"],
)
def test_a_file_of_no_package_changes_the_key(toy: Toy, name: str) -> None:
    """Whatever Python runs or imports without having been installed."""
    before = toy.found()
    stray = toy.site / name
    stray.write_text("")
    after = toy.found().packages
    stray.unlink()
    assert after.keys() - before.packages.keys() == {f"{name.partition('/')[0]} (of no package)"}
    assert toy.found() == before


def test_a_folder_that_a_pth_file_names_counts(toy: Toy, tmp_path: Path) -> None:
    """So do packages that are installed in place."""
    install(tmp_path, "elsewhere", __init__="")
    (toy.site / "elsewhere.pth").write_text(f"{tmp_path}\n")
    found = toy.found()
    (toy.site / "elsewhere.pth").unlink()
    assert str(tmp_path) in found.path
    assert found.packages["elsewhere"].startswith("1.0 sha256:")


def test_bytecode_does_not_count(toy: Toy) -> None:
    """Importing something leaves the key alone."""
    before = toy.found()
    subprocess.run([toy.python, "-c", "import toy.adam"], check=True, timeout=60, env={})
    assert (toy.site / "toy" / "__pycache__").is_dir()
    assert toy.found() == before


def test_what_has_not_changed_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor is what was noted believed, once it is not what was noted."""
    site, kept = tmp_path / "site", tmp_path / "kept"
    install(site, "toy", adam="RATE = 1\n")
    monkeypatch.setattr(sys, "path", [str(site)])
    monkeypatch.setattr(_installed, "SETTLED_NS", -(10**18))
    reads: list[str] = []
    really = _installed.file_sha256

    def counted(path: str) -> str:
        reads.append(path)
        return really(path)

    monkeypatch.setattr(_installed, "file_sha256", counted)

    def look() -> tuple[str, int]:
        reads.clear()
        _installed.main(str(kept))
        return json.loads(capsys.readouterr().out)["found"]["packages"]["toy"], len(reads)

    first, some = look()
    assert some > 0
    assert look() == (first, 0)
    (memory,) = kept.iterdir()
    memory.write_text(memory.read_text().replace(first, f"2{first[1:]}"))
    assert look() == (first, some)
    (site / "toy" / "adam.py").write_text("RATE = 2\n")
    assert look() != (first, some)


def test_every_stage_names_what_it_runs_in() -> None:
    """Python, every package, and the variables; the processor of those that compute."""
    of_render = environment.document((f"{STAGES}.render",))
    of_train = environment.document((f"{STAGES}.train", f"{STAGES}._fit"))
    processor = of_train.pop("processor")
    assert of_render == of_train
    assert processor["name"]
    assert not [one for one in processor["vector extensions"].split() if one == "fpu"]
    assert {"keras", "numpy", "tensorflow-cpu"} <= of_train["packages"].keys()
    assert of_train["variables"]["LC_ALL"] == "C.UTF-8"
    assert "jinja2" in foreign_imports((f"{STAGES}.render",))


def test_a_variable_that_has_to_be_passed_on_is_in_the_key() -> None:
    """OpenBLAS computes otherwise for another core; a user's threads do not count."""
    told = {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "7", "TZ": "Asia/Tokyo"}
    assert surroundings.variables(told) == {
        **surroundings.variables({}),
        "OPENBLAS_CORETYPE": "Haswell",
    }
    assert surroundings.clean_environment(told)["OPENBLAS_CORETYPE"] == "Haswell"


def test_whatever_python_comes_with_can_still_be_imported() -> None:
    """Compiled modules lie in a folder of their own: 'termios', which a serial line needs."""
    code = (
        "import sys\n"
        "from importlib.util import find_spec\n"
        "from mlforge_tasks.graph import environment\n"
        "names = sorted(sys.stdlib_module_names | {'numpy', 'mlforge_tasks'})\n"
        "there = [name for name in names if name not in sys.modules and find_spec(name)]\n"
        "environment.confine()\n"
        "print(len(there), [name for name in there if not find_spec(name)])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    count, _, lost = ran.stdout.strip().partition(" ")
    assert (int(count) > 100, lost) == (True, "[]")


def test_a_module_from_elsewhere_is_refused(tmp_path: Path) -> None:
    """A run must not import another `yaml` than the one that is in its keys."""
    (tmp_path / "yaml.py").write_text("")
    code = "import yaml\nfrom mlforge_tasks.graph import environment\nenvironment.confine()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert f"'yaml' was imported from '{tmp_path}/yaml.py'" in done.stderr
    with pytest.raises(ToolError, match="no-python"):
        environment.installed.__wrapped__(str(tmp_path / "no-python"))
