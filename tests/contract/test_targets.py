"""Several targets in one contract: what is read of them, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract import loader
from mlforge_tasks.contract.contract import Contract
from mlforge_tasks.contract.targets import Entry, views
from mlforge_tasks.errors import ContractError
from mlforge_tasks.verdict import clauses
from tests.helpers.builds import edited
from tests.helpers.paths import ROOT, TANK
from tests.helpers.several_targets import ONE, OWN, SECOND, TWO

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = "limits: {ram: 8 KiB, flash: 16 KiB, latency: 1.2 ms, stack: 2 KiB}\n"


def read(folder: Path, *changes: tuple[str, str]) -> Contract:
    return loader.load(edited(TANK, folder, *changes), ROOT)


def mistakes(folder: Path, *changes: tuple[str, str]) -> list[tuple[int, str, str]]:
    """Line, key and what is told."""
    with pytest.raises(ContractError) as error:
        read(folder, *changes)
    return [
        (int(one.where.rpartition(":")[2]), one.field, f"{one.found}; {one.wanted}")
        for one in error.value.problems
    ]


def test_each_target_is_a_contract_of_its_own(tmp_path: Path) -> None:
    """The first one leads; what a target has for itself stands in place of the contract's."""
    reserved = TWO.replace(OWN, f"{OWN}, margins: {{flash: 10 %}}")
    contract = read(tmp_path, (ONE, reserved))
    assert contract.target.board == "mps2/an385"
    known = views(contract)
    assert list(known) == ["mps2_an385", "mps2_an386"]
    first, second = known.values()
    assert first.limits == contract.limits
    assert second.limits.ram_bytes == 6 << 10
    assert second.effective_limits()["flash_bytes"] == int(0.9 * (12 << 10))
    assert second.mode == "simulate"
    assert views(read(tmp_path / "one")) == {}


def test_a_contract_comes_back_from_its_dump(tmp_path: Path) -> None:
    """`delivered/contract.json` has all that was read."""
    contract = read(tmp_path, (ONE, TWO))
    assert Contract.from_dump(contract.model_dump(mode="json")) == contract


def test_the_first_one_may_have_limits_of_its_own(tmp_path: Path) -> None:
    """Then the contract's are the others'."""
    swapped = TWO.replace(f", {OWN}", "").replace("aot}", f"aot, {OWN}}}", 1)
    contract = read(tmp_path, (ONE, swapped))
    first, second = views(contract).values()
    assert (first.limits.ram_bytes, second.limits.ram_bytes) == (6 << 10, 8 << 10)
    assert contract.limits == first.limits


def test_a_contract_without_limits_where_each_target_has_some(tmp_path: Path) -> None:
    """What every target has for itself is not asked for beside them."""
    both = TWO.replace("engine: aot}", f"engine: aot, {OWN}}}", 1)
    assert read(tmp_path, (ONE, both), (LIMITS, "")).limits.ram_bytes == 6 << 10
    (found,) = mistakes(tmp_path / "not", (ONE, TWO), (LIMITS, ""))
    assert found[1:] == ("limits", "nothing; the key 'limits'")


def test_clauses_name_the_target_and_where_its_limit_stands(tmp_path: Path) -> None:
    """The goal's are there once."""
    bounds = {one.metric: one for one in clauses.bounds(read(tmp_path, (ONE, TWO)))}
    assert bounds["flash_bytes"].contract_key == "limits.flash"
    other = bounds["flash_bytes@mps2_an386"]
    assert (other.contract_key, other.limit) == ("targets.1.limits.flash", 12288)
    assert other.on_device
    assert [name for name in bounds if name.startswith("mse")] == ["mse", "mse_test"]


@pytest.mark.parametrize(
    ("modes", "sources"),
    [
        (("simulate", "hardware"), ("hardware",)),
        (("simulate-then-hardware", "static"), ("hardware",)),
        (("static", "simulate"), ("emulated", "hardware")),
        (("static", "static"), ("static",)),
    ],
)
def test_the_goal_is_met_by_what_the_strictest_target_wants(
    modes: tuple[str, str], sources: tuple[str, ...]
) -> None:
    """Whichever leads; each target's own limits by what it wants itself."""
    contract = loader.load(TANK, ROOT)
    for pair in (modes, modes[::-1]):
        boards = zip(("mps2/an385", "mps2/an386"), pair, strict=True)
        entries = tuple(
            Entry.model_construct(board=board, mode=mode, platform="baremetal", engine="aot")
            for board, mode in boards
        )
        several = contract.model_copy(update={"targets": entries})
        bounds = {one.metric: one for one in clauses.bounds(several)}
        assert {bounds[name].sources for name in ("mse", "mse_test")} == {sources}
        stack = bounds["stack_bytes"].sources
        wanted = {"simulate": ("emulated", "hardware"), "static": ()}.get(pair[0], ("hardware",))
        assert stack == wanted


def test_an_agent_is_told_every_targets_limits(tmp_path: Path) -> None:
    """As limits that grow with the leading target's figures."""
    told = clauses.agent_limits(read(tmp_path, (ONE, TWO)))
    (flash,) = [one for one in told["others"] if one["metric"] == "flash_bytes@mps2_an386"]
    assert (flash["limit"], flash["grows_with"]) == (12288, "flash_bytes")
    assert "mps2/an386" in flash["told"]


@pytest.mark.parametrize(
    ("change", "field", "told", "line"),
    [
        (("mps2/an386", "mps2/an387"), "targets.1.board", "mps2/an386", 3),
        (("mps2/an386", "mps2/an385"), "targets.1.board", "another board or platform", 3),
        (("ram: 6 KiB", "ram: 6 GiB"), "targets.1.limits.ram", "RAM of mps2/an386, 4 MiB", 3),
        (("6 KiB", "6"), "targets.1.limits.ram", "the unit is missing", 3),
        (("limits: {ram", "limit: {ram"), "targets.1.limit", "the unknown key 'limit'", 3),
        ((SECOND, ""), "targets", "a list of 1; a list of at least 2", 1),
        ((SECOND, "  - aot\n"), "targets.1", "'aot'; a mapping", 3),
        (("targets:\n", f"{ONE}targets:\n"), "targets", "both 'target' and 'targets'", 2),
        (("targets:\n", "models: both\ntargets:\n"), "models", "'both'; one or each", 1),
        ((TWO, f"models: one\n{ONE}"), "models", "the key 'targets' beside it", 1),
        (("targets:\n", "own_keys: {}\ntargets:\n"), "own_keys", "no such key", 1),
    ],
)
def test_a_mistake_is_told_at_its_own_line(
    tmp_path: Path, change: tuple[str, str], field: str, told: str, line: int
) -> None:
    """With the key that it has in the file, once, whichever targets have it."""
    assert change[0] in TWO
    (found,) = mistakes(tmp_path, (ONE, TWO.replace(*change)))
    assert found[1] == field
    assert told in found[2]
    before = TANK.read_text().partition(ONE)[0].count("\n")
    assert found[0] == before + line


def test_a_mistake_that_all_have_is_told_once(tmp_path: Path) -> None:
    """What the targets have in common is read for each of them."""
    (found,) = mistakes(tmp_path, (ONE, TWO), ("target: 0.05", "target: low"))
    assert found[1] == "goal.target"


def test_a_board_on_two_platforms_is_called_by_both(tmp_path: Path) -> None:
    """Names are those of boards as long as that tells them apart."""
    both = TWO.replace("mps2/an386, platform: baremetal", "mps2/an385, platform: zephyr")
    assert list(views(read(tmp_path, (ONE, both)))) == ["mps2_an385_baremetal", "mps2_an385_zephyr"]


PI = "raspberry_pi_4, platform: linux"


def test_a_board_with_linux_may_be_limited_in_its_size_alone(tmp_path: Path) -> None:
    """What an emulator cannot tell of it would keep the contract from ever being met there."""
    small = TWO.replace("mps2/an386, platform: baremetal", PI).replace(
        OWN, "limits: {flash: 1 MiB}"
    )
    contract = read(tmp_path, (ONE, small))
    bounds = {one.metric: one for one in clauses.bounds(contract)}
    assert [name for name in bounds if "@" in name] == ["flash_bytes@raspberry_pi_4"]
    assert bounds["flash_bytes@raspberry_pi_4"].sources == ("emulated", "hardware")
    for extra, field, told in (
        ("patches: auto, limits", "targets.1.limits.ram", "nothing; the key 'ram'"),
        ("margins: {ram: 10 %}, limits", "targets.1.margins.ram", "a margin of something"),
    ):
        found = mistakes(tmp_path / field, (ONE, small.replace("limits", extra)))
        assert any(one[1] == field and told in one[2] for one in found)


def test_a_device_is_limited_in_memory_and_time(tmp_path: Path) -> None:
    """As every contract was, whichever target lacks it."""
    found = mistakes(tmp_path, (ONE, TWO.replace(OWN, "limits: {flash: 12 KiB}")))
    assert [one[1:] for one in found] == [
        ("targets.1.limits.ram", "nothing; the key 'ram'"),
        ("targets.1.limits.latency", "nothing; the key 'latency'"),
    ]


def test_how_a_target_is_used_may_be_its_own(tmp_path: Path) -> None:
    """What only Linux has is no key for the other one."""
    used = f"{OWN}, operation: {{inference_period: 1 s}}"
    first, second = views(read(tmp_path, (ONE, TWO.replace(OWN, used)))).values()
    assert first.operation.inference_period_s is None
    assert second.operation.inference_period_s == 1
