"""What a program for Linux runs beside and within: read, for Linux alone, and given to its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.loader import load
from mlforge_tasks.errors import ContractError
from mlforge_tasks.pipeline import places
from mlforge_tasks.runners import Circumstances
from tests.helpers.builds import edited
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

LINUX = ROOT / "contracts" / "activity_linux.yaml"
MODE = "mode: simulate\n"
GIVEN = f"{MODE}operation: {{load: {{cpus: 2}}, memory_max: 8 MiB}}\n"
THREAD = f"{MODE}operation: {{periodic_thread: {{period: 1 ms}}}}\n"


def test_a_run_on_a_machine_is_told_of_it(tmp_path: Path) -> None:
    """With the names of what is limited, so that it can say what it could not measure; no value."""
    contract = load(
        edited(LINUX, tmp_path, (MODE, GIVEN), ("latency: 1 ms", "latency: 1 ms, pss: 1 MiB")), ROOT
    )
    asked = ("ram_bytes", "flash_bytes", "latency_us", "pss_bytes")
    told = Circumstances(load_cpus=2, memory_max_bytes=8 << 20, asked=asked)
    assert places.circumstances(contract) == told


def test_other_platforms_have_no_such_keys(tmp_path: Path) -> None:
    """A microcontroller runs nothing beside."""
    with pytest.raises(ContractError) as error:
        load(edited(TANK, tmp_path, (MODE, GIVEN)), ROOT)
    found = [(one.field, one.wanted) for one in error.value.problems]
    wanted = "no such key: it is for `platform: linux`, whose programs run beside others"
    assert found == [("operation.load", wanted), ("operation.memory_max", wanted)]


@pytest.mark.parametrize("cpus", ["0", "-1", "1025", "all"])
def test_a_load_is_a_number_of_processors(cpus: str, tmp_path: Path) -> None:
    """Of those that a machine may have."""
    given = GIVEN.replace("cpus: 2", f"cpus: {cpus}")
    with pytest.raises(ContractError, match=r"operation\.load\.cpus"):
        load(edited(LINUX, tmp_path, (MODE, given)), ROOT)


def test_a_periodic_thread_is_cyclictests(tmp_path: Path) -> None:
    """Beside the program, with its period; that it should compute as well is refused."""
    contract = load(edited(LINUX, tmp_path, (MODE, THREAD)), ROOT)
    assert places.circumstances(contract).wakeup_period_us == 1000
    busy = THREAD.replace("1 ms", "1 ms, busy: 100 us")
    with pytest.raises(ContractError, match=r"periodic_thread\.busy.*only wakes up"):
        load(edited(LINUX, tmp_path, (MODE, busy)), ROOT)
