"""What stages took on this machine, for a guess at how long they will take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.graph import durations

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_a_contracts_own_stages_tell_before_those_of_others() -> None:
    """The median of its last few; what it never ran is told by other contracts, or by nobody."""
    assert durations.usual("pump") == {}
    durations.keep("pump", {"train": [1.0, 2.0, 90.0], "judge": [0.1]})
    durations.keep("tank", {"train": [500.0], "firmware": [7.0]})
    assert durations.usual("pump") == {"train": 2.0, "judge": 0.1, "firmware": 7.0}
    durations.keep("pump", {"train": [5.0] * durations.MOST_KEPT})
    assert durations.usual("pump")["train"] == 5.0


def test_it_is_small_and_no_more_than_a_guess(cache: Path) -> None:
    """What is no such file is as good as none; a folder that takes nothing loses nothing else."""
    for number in range(durations.MOST_CONTRACTS + 5):
        durations.keep(f"c{number}", {"train": [float(number)] * 20})
    path = durations.kept_path()
    assert path.stat().st_size < 8_000
    path.write_text("{")
    assert durations.usual("c1") == {}
    path.unlink()
    path.mkdir(parents=True)
    (path / "file").touch()
    path.parent.chmod(0o500)
    durations.keep("pump", {"train": [1.0]})
    path.parent.chmod(0o700)
