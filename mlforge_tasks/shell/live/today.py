"""The contract as it is now: read again when its file changes, but a run keeps to its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from doit.exceptions import InvalidDodoFile

from mlforge_tasks.contract.differences import differences, key, pair

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlforge_tasks.contract.differences import Difference
    from mlforge_tasks.pipeline.plan import Plan

MOST_EDITS = 12


class Edit(NamedTuple):
    """A field that was edited.

    Attributes:
        key: Its name in the contract.
        before: What it was.
        after: What it is.
    """

    key: str
    before: str
    after: str


class Today:
    """A contract's plan.

    Args:
        plan: As the contract was when the command began.
        path: The contract's file.
        load: Reads it; raises `InvalidDodoFile` where it is broken.
    """

    def __init__(self, plan: Plan, path: Path, load: Callable[[], Plan]) -> None:
        self.plan = plan
        self.path = path
        self._load = load
        self._mark = self._now()
        self._next: Plan | None = None
        self.trouble = ""

    def look(self, *, running: bool) -> None:
        """Reads the contract where it has changed; a run keeps to the one that it began with."""
        mark = self._now()
        if mark != self._mark:
            self._mark = mark
            self._next, self.trouble = self._read()
        if self._next is not None and not running:
            self.plan, self._next = self._next, None

    def _read(self) -> tuple[Plan | None, str]:
        """The contract as it is now, or what is wrong with it."""
        if not self.path.exists():
            return None, f"{self.path} is gone"
        try:
            return self._load(), ""
        except (InvalidDodoFile, OSError) as error:  # it may go while it is read
            return None, str(error)

    def edits(self, shown_of: Mapping[str, object] | None) -> list[Edit]:
        """What of the contract is not as it was for what is shown.

        Args:
            shown_of: The contract, as JSON, that what is shown is of; None for the plan's.
        """
        plan = self._next or self.plan
        before = shown_of or self.plan.contract.model_dump(mode="json")
        found = differences(before, plan.contract.model_dump(mode="json"))
        return [_edit(one) for one in found[:MOST_EDITS]]

    def _now(self) -> tuple[int, ...]:
        try:
            found = self.path.stat()
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns


def _edit(one: Difference) -> Edit:
    return Edit(key(one.field), *pair(one))
