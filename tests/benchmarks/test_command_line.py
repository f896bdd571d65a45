"""Every benchmark tells what it does before it starts to."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks import _command_line
from mlforge_tasks.contract.board import load_board
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from types import ModuleType

NAMES = sorted(
    path.stem for path in (ROOT / "benchmarks").glob("*.py") if not path.stem.startswith("_")
)


def benchmark(name: str) -> ModuleType:
    return importlib.import_module(f"benchmarks.{name}")


def test_all_are_found() -> None:
    """Those that start whole searches too, which take hours."""
    assert {"agents", "boards", "winners", "zephyr", "zephyr_contracts"} < set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_help_is_told_and_nothing_started(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0, with what the module says of itself."""
    module = benchmark(name)
    assert module.__doc__ is not None
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith(f"usage: {name}")
    assert " ".join(module.__doc__.partition("\n")[0].split()) in told


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_option_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would start the whole benchmark, of something else than was meant."""
    monkeypatch.setattr(sys, "argv", [name, "--no-such-option"])
    with pytest.raises(SystemExit) as ended:
        benchmark(name).main()
    assert ended.value.code == 2


@pytest.mark.parametrize(
    "words", [("resnet_9",), ("--base", "/no/such/folder"), ("--base", str(ROOT / "docs"))]
)
def test_the_engines_mistaken_words_are_refused(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that is none would be left out, another folder would fail after minutes."""
    monkeypatch.setattr(sys, "argv", ["engine", *words])
    with pytest.raises(SystemExit) as ended:
        benchmark("engine").main()
    assert ended.value.code == 2
    assert ", wanted " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["cycles", "levels", "patches"])
def test_a_network_that_is_not_known_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All others would be measured in its place, for an hour."""
    monkeypatch.setattr(sys, "argv", [name, "resnet_9"])
    with pytest.raises(SystemExit) as ended:
        benchmark(name).main()
    assert ended.value.code == 2
    assert "found resnet_9, wanted one of " in capsys.readouterr().err


def test_names_pick_models_and_boards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of models leave every board, those of boards or of their cores every model."""
    models = ("keyword_spotting", "autoencoder")
    boards = ("mps2/an385", "mps2/an386", "mps3/an547")

    def picked(*names: str) -> tuple[list[str], list[str]]:
        monkeypatch.setattr(sys, "argv", ["networks", *names])
        known = (models, map(load_board, boards))
        _, found, on = _command_line.networks(_command_line.parser(None), *known)
        return found, [board.name for board in on]

    assert picked() == ([*models], [*boards])
    assert picked("autoencoder") == (["autoencoder"], [*boards])
    assert picked("cortex-m55", "mps2/an385") == ([*models], ["mps2/an385", "mps3/an547"])
    assert picked("cortex-m4", "autoencoder") == (["autoencoder"], ["mps2/an386"])
