"""What a stage leaves behind when it breaks: nothing of it is a result, but it is not lost.

The files go into the store. Their digests wait in the stage's folder until a later run succeeds,
whose provenance then names them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.graph.files import is_own_file
from mlforge_tasks.graph.manifest import BROKEN_TRIES, Digest
from mlforge_tasks.graph.sealed import Sealed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlforge_tasks.graph.store import Store


class BrokenTries(Sealed):
    """Digests of what was left behind, oldest first."""

    digests: tuple[Digest, ...] = ()


def read(folder: Path) -> tuple[str, ...]:
    """The digests that wait in a stage's folder."""
    try:
        return BrokenTries.read(folder / BROKEN_TRIES).digests
    except (OSError, ValueError):
        return ()


def keep(store: Store, files: Iterable[Path], folder: Path) -> None:
    """Puts files into the store and notes their digests.

    Args:
        store: Where they go.
        files: Those that are wanted; not all need be there.
        folder: The stage's folder.
    """
    found = [store.put_blob(path) for path in files if is_own_file(path)]
    if found:
        tries = BrokenTries(digests=(*read(folder), *found))
        store.tree.publish(tries.to_bytes() + b"\n", folder / BROKEN_TRIES)
