"""A pattern for the files of a folder, by what their paths have in common: for `doit new`."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from mlforge_tasks.contract.sources.folder import ANY_TEXT, FAMILIES

if TYPE_CHECKING:
    from collections.abc import Sequence

# What folders are called by how many lie above the files.
_FOLDERS = {1: "{label}/", 2: "{group}/{label}/"}
# A pattern may hold so many, see `file_pattern`.
_MOST_PARTS = 4
_MOST_LABELS = 40
# Files of a class each are some of these.
_MOST_CLASSES = 20
_WORD = re.compile(r"[^\W\d_]([^\W\d]|[ -])*")
# Between two parts; between a word and the number that it ends with there is nothing.
_BETWEEN = re.compile(r"([ ._-]|(?<=[^\W\d_])(?=\d+$))")


def pattern_of(names: Sequence[str]) -> str:
    """A pattern for most of the files: those of the commonest ending.

    Args:
        names: Paths relative to the folder, all of known formats.
    """
    names = [name for name in names if not name.lower().endswith(ANY_TEXT)] or names
    counted = Counter(map(_end, names))
    end = min(counted, key=lambda one: (-counted[one], one))
    of_it = [name for name in names if _end(name) == end]
    depth = min(name.count("/") for name in of_it)
    if depth == 0:
        stems = [name[: -len(end)] for name in of_it if "/" not in name]
        return f"{_parts(stems) or _words(stems, end) or '*'}{end}"
    return f"{_FOLDERS.get(depth, '**/{label}/')}{_again(of_it) or f'*{end}'}"


def _again(names: Sequence[str]) -> str | None:
    """A name that files have in most folders, as a logger's that writes a file a sensor."""
    folders = Counter(name.rpartition("/")[2] for name in names)
    most = len({name.rpartition("/")[0] for name in names})
    again = [one for one, count in folders.items() if count > max(1, most / 2)]
    worded = all(_WORD.fullmatch(one[: -len(_end(one))]) for one in folders)
    return min(again) if again and worded else None


def _end(name: str) -> str:
    return next(end for end in FAMILIES if name.lower().endswith(end))


def _parts(stems: Sequence[str]) -> str | None:
    """`{label}_{group}_{part3:d}` for `walk_anna_01`; None where the names are not laid out alike.

    The first part that has a few values, each in several names, is the label; of the others the
    first such text is the group.
    """
    split = [_BETWEEN.split(stem) for stem in stems]
    marks = {tuple(one[1::2]) for one in split}
    if len(marks) != 1 or not 1 <= len(split[0]) // 2 < _MOST_PARTS:
        return None
    columns = [tuple(cells) for cells in zip(*(one[::2] for one in split), strict=True)]
    few = [at for at, cells in enumerate(columns) if _few(cells)]
    if not few or any("" in cells for cells in columns):
        return None
    people = [at for at in few[1:] if not all(cell.isdecimal() for cell in columns[at])]
    called = {few[0]: "label"} | ({people[0]: "group"} if people else {})
    shown = [_shown(cells, called.get(at, f"part{at + 1}")) for at, cells in enumerate(columns)]
    return shown[0] + "".join(map("".join, zip(split[0][1::2], shown[1:], strict=True)))


def _words(stems: Sequence[str], end: str) -> str | None:
    """`{label}` for a file a class, such as `punch` and `flex`; None where names hold numbers."""
    plain = all(map(_WORD.fullmatch, stems))
    several = FAMILIES[end] != "images" and 2 <= len(stems) <= _MOST_CLASSES
    return "{label}" if plain and several else None


def _few(cells: Sequence[str]) -> bool:
    counted = Counter(cells)
    return 2 <= len(counted) <= _MOST_LABELS and min(counted.values()) >= 2


def _shown(cells: Sequence[str], name: str) -> str:
    """A part as it stands in the pattern."""
    if len(set(cells)) == 1 and not set(cells[0]) & set("*{}"):
        return cells[0]
    return f"{{{name}:d}}" if all(re.fullmatch("[0-9]+", cell) for cell in cells) else f"{{{name}}}"
