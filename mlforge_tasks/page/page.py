"""The page: its sections in order, and what holds them together."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from mlforge_tasks.page import (
    architecture,
    arena,
    candidates,
    classes,
    curves,
    data,
    errors,
    memory_map,
    profile,
    quality,
    scatter,
    verdict,
)
from mlforge_tasks.page.template import FOLDER, fill

if TYPE_CHECKING:
    from mlforge_tasks.page.found import Found

# In the order of the page. One that returns None is not there, and not in the list of contents.
SECTIONS = (
    verdict.section,
    candidates.section,
    quality.section,
    classes.section,
    curves.section,
    scatter.section,
    errors.section,
    architecture.section,
    profile.section,
    memory_map.section,
    arena.section,
    data.section,
)


def make(found: Found) -> str:
    """The whole page: one HTML file that needs no other, and no network.

    Args:
        found: What there is to tell.

    Raises:
        ToolError: A template is missing or broken.
    """
    from markupsafe import Markup  # noqa: PLC0415 - the graph imports modules that make pages

    sections = [one for each in SECTIONS if (one := each(found)) is not None]
    script = (FOLDER / "page.js").read_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    made = fill(
        "page.html",
        report=found.report,
        sections=sections,
        style=Markup((FOLDER / "page.css").read_text()),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_digest=digest,
    )
    return str(made)
