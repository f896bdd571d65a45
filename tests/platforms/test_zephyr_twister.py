"""Zephyr's own test runner on the application, as `sample.yaml` describes it."""

from __future__ import annotations

import importlib.util
import json
import os
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.graph import process
from mlforge_tasks.platforms._zephyr import toolchain, workspace
from mlforge_tasks.platforms._zephyr.build_folder import APP
from tests.helpers.zephyr_images import MARKS

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S = 900.0
PACKAGES = ("anytree", "intelhex", "junitparser", "natsort", "ply", "psutil", "tabulate")
ABSENT = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
pytestmark = [
    *MARKS,
    pytest.mark.skipif(bool(ABSENT), reason=f"twister needs {', '.join(ABSENT)} (docs/zephyr.md)"),
]


def test_twister_runs_the_application(tmp_path: Path) -> None:
    """It builds, boots in QEMU and says what `sample.yaml` expects."""
    compiler = toolchain.require()
    out = tmp_path / "twister"
    argv = [*workspace.WEST, "twister", "-T", str(APP), "-p", "mps2/an385", "-O", str(out)]
    argv += ["-s", "mlforge.no_model"]
    argv += [f"-x={arg.removeprefix('-D')}" for arg in compiler.cmake_args]
    environment = {**compiler.environment, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    topdir = workspace.require().topdir
    done = process.run(argv, timeout_s=TIMEOUT_S, cwd=topdir, env=environment)
    assert done.returncode == 0, done.output
    suites = json.loads((out / "twister.json").read_text())["testsuites"]
    (case,) = [case for suite in suites for case in suite["testcases"]]
    assert (case["identifier"], case["status"]) == ("mlforge.no_model", "passed")
