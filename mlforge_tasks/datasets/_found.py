"""What a plug-in finds in a file or folder of its kind: what a starter contract says of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mlforge_tasks.datasets._unpack import opened, reading

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

HEAD_BYTES = 1 << 16


@dataclass(frozen=True)
class Found:
    """A file or folder that is of a kind.

    Attributes:
        source: The `source` section for it.
        checks: What of it is not said in the data, a sentence each.
        units: What the numbers of a column of times count, where the kind says it.
        quantities: What the numbers of a column are in, where the file says it.
        general: Whether it could be of a kind that knows more of it.
    """

    source: Mapping[str, Any]
    checks: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    quantities: Mapping[str, str] = field(default_factory=dict)
    general: bool = False

    def marked(self, texts: Collection[str]) -> Found:
        """The same, where texts stand for missing values, past a file's beginning too."""
        known = {*self.source.get("missing", ()), *texts}
        return replace(self, source={**self.source, "missing": sorted(known)}) if known else self

    def missing(self, numbers: Sequence[float]) -> Found:
        """The same, where numbers stand for missing values."""
        known = [*self.source.get("missing", ()), *(f"{one:g}" for one in numbers)]
        shown = ", ".join(f"{one:g}" for one in numbers)
        return replace(
            self,
            source={**self.source, "missing": known},
            checks=(
                *self.checks,
                f"{shown} is taken for a missing value: no reading comes near it",
            ),
        )


def head_lines(path: Path, where: str) -> list[str]:
    """Lines at a file's beginning that say something, the last only where it is whole.

    Raises:
        MlforgeError: It cannot be read.
    """
    with opened(path, where) as stream, reading(where, "no text"):
        head = stream.read(HEAD_BYTES)
    lines = head.decode("utf-8-sig", errors="replace").splitlines()
    whole = lines[:-1] if len(head) == HEAD_BYTES else lines
    return [line for line in whole if line.strip()]
