"""Holds the map of an image against the sizes that its build told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.build_report import FirmwareReport
from mlforge_tasks.page.memory import regions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlforge_tasks.page.memory import Region
    from mlforge_tasks.records import StackUse

# What nothing is known of may be gaps between sections, and no more.
MOST_PADDING = 0.05


def check_map(firmware: Path, stacks: Sequence[StackUse]) -> tuple[Region, Region]:
    """The parts sum to what is judged, and nearly all of them are known.

    Args:
        firmware: A build's folder, of an image that has a model by engine `aot`.
        stacks: What was measured of them.
    """
    found = regions(firmware, stacks)
    assert found is not None
    flash, ram = found
    report = FirmwareReport.read(firmware / "firmware.json")
    used = sum(one.used_bytes for one in stacks)
    for region, judged in (
        (flash, report.flash_bytes),
        (ram, report.static_ram_bytes + used),
    ):
        assert region.used_bytes == judged
        assert sum(one.size_bytes for one in region.shares) == judged
        by_key = {one.group.key: one.size_bytes for one in region.shares}
        assert 0 <= by_key.get("padding", 0) <= MOST_PADDING * judged + 64
        assert all(size >= 0 for size in by_key.values())
        assert by_key.get("other", 0) == 0
        assert region.memory is not None
        assert region.free_bytes == region.memory.length_bytes - judged - region.reserved_bytes
    flash_keys, ram_keys = ({one.group.key for one in region.shares} for region in found[:2])
    assert {"weights", "model", "kernels", "application", "drivers", "library"} <= flash_keys
    assert {"arena", "stacks"} <= ram_keys
    return flash, ram
