"""The page: its sections in order, and what holds them together."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from mlforge_tasks.page.template import FOLDER, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.page.found import Found
    from mlforge_tasks.page.section import Section


def sections_of(found: Found) -> Iterator[Section]:
    """The page's sections in its order; of one that has nothing to tell there is none."""
    from mlforge_tasks.page import (  # noqa: PLC0415 - numpy, and the graph imports this module
        architecture,
        arena,
        candidates,
        classes,
        convergence,
        curves,
        data,
        errors,
        memory_map,
        method,
        profile,
        quality,
        reproduce,
        scatter,
        told,
        tradeoff,
        verdict,
    )

    each = (
        *(verdict, candidates, convergence, tradeoff),
        *(architecture, profile, memory_map, arena),
        *(quality, classes, curves, scatter, errors, data),
        *(told, reproduce, method),
    )
    for one in each:
        made = one.section(found)
        if made is not None:
            yield made


def make(found: Found) -> str:
    """The whole page: one HTML file that needs no other, and no network.

    Args:
        found: What there is to tell.

    Raises:
        ToolError: A template is missing or broken.
    """
    from markupsafe import Markup  # noqa: PLC0415 - the graph imports modules that make pages

    sections = list(sections_of(found))
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
