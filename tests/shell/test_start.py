"""A run reads its files and finds its packages whatever the user's language and folder hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers import short
from tests.helpers.builds import doit, other_checkout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return other_checkout(tmp_path_factory.mktemp("elsewhere") / "project")


def test_files_are_utf_8_whatever_the_language(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the console cannot show is '?', and no reason to stop."""
    for name, value in (("LC_ALL", "C"), ("PYTHONUTF8", "0"), ("PYTHONCOERCECLOCALE", "0")):
        monkeypatch.setenv(name, value)
    done = doit(build=checkout / "build", command="list", checkout=checkout)
    assert (done.code, done.err) == (0, "")
    assert "train" in done.out
    assert done.out.isascii()


def test_a_stray_file_is_not_taken_for_a_package(checkout: Path) -> None:
    """Neither where doit runs nor where a stage does."""
    for name in ("yaml", "pydantic", "numpy", "json"):
        (checkout / f"{name}.py").write_text("raise SystemExit('a stray module was imported')\n")
    done = doit("dataset", build=checkout / "build", checkout=checkout)
    assert (done.code, done.err) == (0, "")
    assert done.stages("built") == ["dataset"]


def test_a_limit_that_python_itself_could_not_keep_is_told(tmp_path: Path) -> None:
    """Between this and what is enough each import fails, or aborts, in a way of its own."""
    done = doit(build=tmp_path, wrap=short.of(**{"as": 40 << 20}))
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("ERROR: memory is limited to 40 MiB, too little")
    assert not any(tmp_path.iterdir())
