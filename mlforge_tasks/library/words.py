"""Names and texts of a data set as C may hold them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN = " _-.,:;>%()/+=^'"


def comment(text: str) -> str:
    """Text that cannot end the C comment it stands in, nor its line."""
    kept = "".join(char if char.isalnum() or char in _PLAIN else "_" for char in text)
    return kept.replace("*/", "__").replace("/*", "__")


def enumerators(names: Iterable[str]) -> tuple[str, ...]:
    """A C identifier's end for each name, upper case, none twice."""
    made: list[str] = []
    for at, name in enumerate(names):
        plain = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_") or str(at)
        each, number = plain, 2
        while each in made:
            each, number = f"{plain}_{number}", number + 1
        made.append(each)
    return tuple(made)
