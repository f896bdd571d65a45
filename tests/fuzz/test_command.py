"""What `python -m tests.fuzz` says where it cannot start."""

from __future__ import annotations

import sys

import pytest

from mlforge_tasks.graph import process
from tests.fuzz import __main__ as command
from tests.helpers.paths import ROOT

LIMIT_S = 60.0


def test_without_atheris_it_says_where_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line with this environment's own pip, exit code 2 and no traceback."""
    monkeypatch.setitem(sys.modules, "atheris", None)
    monkeypatch.setattr(sys, "argv", ["fuzz", "data", "-max_total_time=1"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    install = f"{sys.executable} -m pip install atheris"
    said = capsys.readouterr().err
    assert said == f"ERROR: atheris is not installed in {sys.prefix}: {install}\n"


@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("", 2)])
def test_it_tells_its_usage(argument: str, code: int) -> None:
    """Asked for it, or without a target."""
    argv = [sys.executable, "-m", "tests.fuzz", *argument.split()]
    done = process.run(argv, timeout_s=LIMIT_S, cwd=ROOT)
    assert done.returncode == code
    assert done.output.startswith("usage: python -m tests.fuzz [--help] TARGET")
