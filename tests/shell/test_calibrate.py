"""What `doit calibrate` is asked, before it measures anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.calibration.pair import PAIR
from mlforge_tasks.contract.loader import load
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph import product
from mlforge_tasks.shell import calibrate
from mlforge_tasks.stages._earlier_pairs import earlier_pairs
from tests.helpers.builds import doit, edited
from tests.helpers.calibrated import pairs
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

TARGET = "target: {board: mps2/an385, platform: baremetal, engine: aot}"
ZEPHYR = "target: {board: nrf52840dk/nrf52840, platform: zephyr, engine: aot, toolchain: llvm}"


def test_a_board_is_built_for_as_it_can_be() -> None:
    """On bare metal where there is a driver, else on Zephyr; its neighbour has its clock."""
    sample = load(TANK, ROOT)
    m3 = calibrate.read({"board": "mps2/an385"}, sample)
    assert (m3.bench.platform, m3.bench.emulated) == ("baremetal", m3.bench.board)
    assert m3.path == product.project() / "contracts" / "boards" / "mps2_an385.calibration.yaml"
    nordic = calibrate.read({"board": "nrf52840dk/nrf52840", "build": "elsewhere"}, sample)
    assert (nordic.bench.platform, nordic.bench.toolchain) == ("zephyr", "gcc")
    assert nordic.bench.emulated.name == "mps2/an386"
    assert nordic.bench.emulated.clock_hz == nordic.bench.board.clock_hz == 64_000_000
    assert nordic.work.as_posix() == "elsewhere/calibrate/nrf52840dk_nrf52840"


def test_a_contract_says_how_its_own_board_is_built_for(tmp_path: Path) -> None:
    """Platform, compiler and folder of boards are its; of another board only the folder."""
    path = edited(TANK, tmp_path, (TARGET, ZEPHYR))
    contract = load(path, ROOT)
    words = {"contract": str(path)}
    own = calibrate.read(words, contract)
    assert (own.bench.board.name, own.bench.toolchain) == ("nrf52840dk/nrf52840", "llvm")
    assert own.path == tmp_path / "boards" / "nrf52840dk_nrf52840.calibration.yaml"
    other = calibrate.read({**words, "board": "mps2/an386"}, contract)
    assert (other.bench.platform, other.bench.toolchain) == ("baremetal", "gcc")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({}, "found no board to calibrate"),
        ({"board": "mps2/an384"}, "there is no board 'mps2/an384'"),
        ({"board": "native_sim/native/64"}, "a process has no clock to be calibrated"),
        ({"board": "mps2/an385", "profiles": "nowhere"}, "profiles=nowhere: found no folder"),
    ],
)
def test_what_cannot_be_is_refused(words: dict[str, str], told: str) -> None:
    """Before anything is built."""
    with pytest.raises(MlforgeError, match=told):
        calibrate.read(words, load(TANK, ROOT))


def test_profiles_that_are_none_are_told(tmp_path: Path) -> None:
    """A file that is damaged by its name; a folder that has none with what makes some."""
    with pytest.raises(MlforgeError, match="no profiles of mps2/an385 on both sides"):
        earlier_pairs(tmp_path, "mps2/an385")
    (one,) = pairs(1)
    one.write(tmp_path / PAIR)
    assert earlier_pairs(tmp_path, one.conditions.board) == (one,)
    (tmp_path / PAIR).write_text('{"network": 3}')
    with pytest.raises(MlforgeError, match=r"pair.json' is no pair: "):
        earlier_pairs(tmp_path, "mps2/an385")


@pytest.mark.slow
def test_the_command_ends_as_others_do(tmp_path: Path) -> None:
    """A request that cannot be is told with code 3, and nothing is left behind."""
    run = doit("board=mps2/an384", build=tmp_path / "build", command="calibrate")
    assert (run.code, run.out) == (3, "")
    assert "there is no board 'mps2/an384'" in run.err
    assert not (tmp_path / "build").exists()
