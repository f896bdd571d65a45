"""One part of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Attributes:
        id: What links to it name it; a word of lower-case letters and `-`.
        title: Its heading, and its line in the page's list of sections.
        body: Its content, whose own headings begin at `h3`.
    """

    id: str
    title: str
    body: Markup
