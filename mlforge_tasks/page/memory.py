"""What the image takes of the board's memories: figures that sum to those that are judged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.build_report import FirmwareReport, read_build_report
from mlforge_tasks.page.image import GAP, read_image
from mlforge_tasks.page.image_groups import GROUPS, PADDING, STACKS, group_of, model_files
from mlforge_tasks.page.link_map import LinkMap, read_map

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mlforge_tasks.page.image import Part
    from mlforge_tasks.page.image_groups import Group
    from mlforge_tasks.page.link_map import Memory
    from mlforge_tasks.records import StackUse

IMAGE = "firmware.elf"
MOST_NAMED = 12
# Zephyr's: in flash, and nobody writes to it.
_MARK = ".last_section"


@dataclass(frozen=True)
class Share:
    """What one group takes.

    Attributes:
        group: It.
        size_bytes: All of it.
        largest: Its largest symbols, with their sizes.
        others: How many more there are.
    """

    group: Group
    size_bytes: int
    largest: tuple[tuple[str, int], ...]
    others: int


@dataclass(frozen=True)
class Region:
    """What is used of one memory.

    Attributes:
        title: Such as `Flash`.
        metric: The figure that is judged; empty where none is.
        used_bytes: That figure: the sum of all shares.
        shares: By group, in the order of `GROUPS`.
        reserved_bytes: What is set aside beyond it, as stacks are that were not used whole.
        loaded_bytes: What else is in this memory: the whole image where it runs from RAM.
        memory: The board's, as the linker knows it; None where it is not known.
    """

    title: str
    metric: str
    used_bytes: int
    shares: tuple[Share, ...]
    reserved_bytes: int = 0
    loaded_bytes: int = 0
    memory: Memory | None = None

    @property
    def free_bytes(self) -> int | None:
        """What is left of the board's memory."""
        if self.memory is None:
            return None
        taken = self.used_bytes + self.reserved_bytes + self.loaded_bytes
        return self.memory.length_bytes - taken


def shares(parts: Iterable[tuple[Group, str, int]]) -> tuple[Share, ...]:
    """By group: of each its symbols by size."""
    sizes: dict[Group, Counter[str]] = {}
    for group, name, size in parts:
        sizes.setdefault(group, Counter())[name] += size
    return tuple(
        Share(
            group,
            sum(found.values()),
            tuple(sorted(found.items(), key=lambda one: (-one[1], one[0]))[:MOST_NAMED]),
            max(0, len(found) - MOST_NAMED),
        )
        for group in GROUPS
        if (found := sizes.get(group)) is not None
    )


def _made_up(parts: list[tuple[Group, str, int]], total: int) -> tuple[Share, ...]:
    """Parts and what is missing to a total: gaps between sections.

    Where an image runs from RAM, some of the gaps in its variables' sections count as flash.
    """
    missing = total - sum(size for _, _, size in parts)
    return shares([*parts, *([(PADDING, GAP, missing)] if missing else [])])


@dataclass(frozen=True)
class _Places:
    """Which parts are in which memory.

    Attributes:
        flash: What is loaded.
        ram: Variables, where they run.
        elsewhere: Of further memories, by name.
    """

    flash: list[Part]
    ram: list[Part]
    elsewhere: dict[str, list[Part]]
    flash_memory: Memory | None
    ram_memory: Memory | None


def _places(parts: Sequence[Part], known: LinkMap) -> _Places:
    """Sorts parts: flash is where what is never written lies, RAM where unloaded variables do."""
    constant = [one for one in parts if not one.written]
    written = [one for one in parts if one.written and one.section != _MARK]
    flash = known.memory(constant[0].address) if constant else None
    unloaded = [one for one in written if not one.loaded] or written
    ram = known.memory(unloaded[0].address) if unloaded else None
    elsewhere: dict[str, list[Part]] = {}
    inside = []
    for one in written:
        at = known.memory(one.address)
        if at is None or at == ram:
            inside.append(one)
        elif at != flash:
            elsewhere.setdefault(at.name, []).append(one)
    return _Places([one for one in parts if one.loaded], inside, elsewhere, flash, ram)


def _grouped(parts: Sequence[Part], models: frozenset[str]) -> list[tuple[Group, str, int]]:
    return [(group_of(one, models), one.name, one.size_bytes) for one in parts]


def regions(
    firmware: Path, stacks: Sequence[StackUse], *, whole: bool = False
) -> tuple[Region, ...] | None:
    """Flash, RAM and what else there is; None where the image is a process of this computer.

    Args:
        firmware: The folder of stage `firmware`.
        stacks: What was measured of them; RAM has what was used, as it is judged.
        whole: Whether all of them count whole, since nothing was executed.

    Raises:
        OSError: There is no image.
        elftools.common.exceptions.ELFError: It is broken.
    """
    report = read_build_report(firmware / "firmware.json")
    if not isinstance(report, FirmwareReport):
        return None
    map_file = firmware / "firmware.map"
    known = read_map(map_file.read_text(errors="replace")) if map_file.is_file() else LinkMap()
    parts = read_image((firmware / IMAGE).read_bytes(), known)
    models, places = model_files(parts), _places(parts, known)
    further = (_further(name, some, models, known) for name, some in places.elsewhere.items())
    used = [(f"{one.name} (used)", one.used_bytes) for one in stacks]
    if whole:
        used = [("all of them, whole", report.stack_reserved_bytes)]
    return (*_main(places, models, report, used), *further)


def _main(
    places: _Places,
    models: frozenset[str],
    report: FirmwareReport,
    stacks: Sequence[tuple[str, int]],
) -> tuple[Region, Region]:
    """Flash and RAM; RAM alone is a memory of the board where the image runs from it."""
    variables = [one for one in _grouped(places.ram, models) if one[0] is not STACKS]
    used = sum(size for _, size in stacks)
    threads = [(STACKS, name, size) for name, size in stacks]
    flash_bytes, ram_bytes = report.flash_bytes, report.static_ram_bytes + used
    from_ram = places.ram_memory is not None and places.flash_memory == places.ram_memory
    flash = Region(
        "Flash",
        "flash_bytes",
        flash_bytes,
        _made_up(_grouped(places.flash, models), flash_bytes),
        memory=None if from_ram else places.flash_memory,
    )
    ram = Region(
        "RAM",
        "ram_bytes",
        ram_bytes,
        _made_up([*variables, *threads], ram_bytes),
        reserved_bytes=report.stack_reserved_bytes - used,
        loaded_bytes=flash_bytes if from_ram else 0,
        memory=places.ram_memory,
    )
    return flash, ram


def _further(name: str, parts: Sequence[Part], models: frozenset[str], known: LinkMap) -> Region:
    """A memory that no limit is about."""
    grouped = _grouped(parts, models)
    memory = known.memory(parts[0].address)
    return Region(name, "", sum(size for _, _, size in grouped), shares(grouped), memory=memory)
