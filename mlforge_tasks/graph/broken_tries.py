"""What a stage leaves behind when it breaks: nothing of it is a result, but it is not lost.

The files go into the store. Their digests wait in the stage's folder until a later run succeeds,
whose provenance then names them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlforge_tasks.graph.store import Store

BROKEN_TRIES = "broken_tries.json"


class BrokenTries(Record):
    """Digests of what was left behind, oldest first."""

    digests: tuple[str, ...] = ()


def read(folder: Path) -> tuple[str, ...]:
    """The digests that wait in a stage's folder."""
    try:
        return BrokenTries.read(folder / BROKEN_TRIES).digests
    except (FileNotFoundError, ValidationError):
        return ()


def keep(store: Store, files: Iterable[Path], folder: Path) -> None:
    """Puts files into the store and notes their digests.

    Args:
        store: Where they go.
        files: Those that are wanted; not all need be there.
        folder: The stage's folder.
    """
    found = [store.put_blob(path) for path in files if path.exists()]
    if found:
        folder.mkdir(parents=True, exist_ok=True)
        tries = BrokenTries(digests=(*read(folder), *found))
        tries.write(folder / BROKEN_TRIES)
