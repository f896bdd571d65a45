"""Set-up is one command that may be run again at any time."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tomllib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from benchmarks.null_build import stamped_arguments
from mlforge_tasks.platforms import _gnu
from tests.helpers.paths import ROOT


def bootstrap(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [str(ROOT / "bootstrap"), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def test_every_cross_tool_is_looked_for_in_a_package_that_holds_it() -> None:
    """The compiler's package does not show that the linker, or objcopy, is there."""
    listed = re.findall(r"^    ([\w+.-]+):(/\S+)$", (ROOT / "bootstrap").read_text(), re.MULTILINE)
    tools = {f"/usr/bin/{_gnu.PREFIX}{name}" for name in ("gcc", "objcopy")}
    assert tools <= {file for _, file in listed}
    advised = (_gnu.GCC_PACKAGE, _gnu.BINUTILS_PACKAGE, _gnu.PICOLIBC_PACKAGE)
    assert {advice.split()[-1] for advice in advised} <= {package for package, _ in listed}


def test_an_unknown_argument_is_refused() -> None:
    """It says which argument it does not know, and does nothing."""
    done = bootstrap("--devel")
    assert done.returncode == 2
    assert "unknown argument '--devel'" in done.stderr


def installed() -> dict[str, int]:
    """When anything was last put into or taken out of the environment, by folder and file."""
    purelib = Path(sysconfig.get_path("purelib"))
    folders = (ROOT / ".venv", Path(sys.executable).parent, purelib)
    found = [path for folder in folders for path in (folder, *folder.iterdir())]
    return {str(path): path.lstat().st_mtime_ns for path in found if path.name != "__pycache__"}


def test_a_second_run_has_nothing_to_do() -> None:
    """Where everything is in place it says so, twice, and changes nothing."""
    arguments = stamped_arguments()
    if arguments is None:
        pytest.skip("this .venv was not made by ./bootstrap, or not from these lock files")
    before = installed()
    for _ in range(2):
        done = bootstrap(*arguments)
        assert (done.returncode, done.stdout) == (0, "bootstrap: up to date\n"), done.stderr
    assert installed() == before


def test_the_lock_files_hold_what_the_project_asks_for() -> None:
    """Every dependency of pyproject.toml is pinned, with hashes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    core, extras = project["dependencies"], project["optional-dependencies"]
    formats = [one for extra in Requirement(extras["data"][0]).extras for one in extras[extra]]
    for lock, wanted in (
        ("requirements.lock", core),
        ("requirements-data.lock", [*core, *formats]),
        ("requirements-dev.lock", [*core, *formats, *extras["dev"][1:]]),
        ("requirements-oracle.lock", extras["oracle"]),
        ("requirements-torch.lock", (ROOT / "requirements-torch.in").read_text().splitlines()),
    ):
        text = (ROOT / lock).read_text()
        for requirement in wanted:
            name = Requirement(requirement).name
            assert f"\n{name}==" in text, f"{name} is not in {lock}"
        assert "--hash=sha256:" in text


def test_the_oracle_is_one_build_and_no_other() -> None:
    """Its version and its wheels' digests are fixed; on other platforms it is left out."""
    text = (ROOT / "requirements-oracle.lock").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("tflite-micro")]
    requirement = Requirement(line.rstrip(" \\"))
    (pinned,) = requirement.specifier
    assert pinned.operator == "=="
    assert text.count("--hash=sha256:") >= 3
    marker = requirement.marker
    assert marker is not None
    assert marker.evaluate({"sys_platform": "linux", "platform_machine": "x86_64"})
    assert not marker.evaluate({"sys_platform": "darwin", "platform_machine": "arm64"})
    if find_spec("tflite_micro") is not None and stamped_arguments() is not None:
        assert requirement.specifier.contains(version("tflite-micro"), prereleases=True)
