"""Why a stage is made again: which parts of its key are not what they were."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlforge_tasks.graph.manifest import PROVENANCE, Provenance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

MOST = 3
_DIGEST = re.compile("[0-9a-f]{64}")


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _changes(old, new, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}{_how(old, new)}"


def _how(old: object, new: object) -> str:
    """What can be said in a word: what came to a list of words and what went, or an edited file."""
    if new is None:
        return " gone"
    if old is None:
        return " new"
    if not isinstance(old, str) or not isinstance(new, str):
        return ""
    was, now = old.split(), new.split()
    if "sha256:" in new:
        edited = new.partition(" edited: ")[2] or old.partition(" edited: ")[2]
        versions = f" {was[0]} -> {now[0]}" if was[0] != now[0] and len(now) > 1 else ""
        return f" ({edited})" if edited else versions
    if _DIGEST.fullmatch(new):
        return ""
    words = [*(f"+{one}" for one in now if one not in was)]
    words += [f"-{one}" for one in was if one not in now]
    return f" ({' '.join(words)})"


def key_document(folder: Path) -> dict[str, Any]:
    """All that went into what lies in a stage's folder, by its provenance; empty without one."""
    try:
        return Provenance.read(folder / PROVENANCE).key_document
    except (OSError, ValueError, RecursionError):
        return {}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The parts of a key document that differ from an earlier one's, by their dotted names.

    Args:
        before: What a result in place was made from; empty where there was none.
        after: What it is made from now.
    """
    return list(_changes(before, after, "")) if before else []


def told(changed: Sequence[str]) -> str:
    """The same in a few words: `(changed: environment.packages.keras (keras/adam.py))`."""
    if not changed:
        return ""
    more = f" and {len(changed) - MOST} more" if len(changed) > MOST else ""
    return f"(changed: {', '.join(changed[:MOST])}{more})"
