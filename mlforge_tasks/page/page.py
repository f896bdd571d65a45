"""The page: its sections in order, and what holds them together."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.page.template import FOLDER, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

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
        energy,
        errors,
        layers,
        memory_map,
        method,
        profile,
        quality,
        reproduce,
        scatter,
        schedule,
        told,
        tradeoff,
        verdict,
    )

    each = (
        *(verdict, candidates, convergence, tradeoff),
        *(architecture, profile, energy, schedule, memory_map, arena),
        *(quality, classes, curves, scatter, errors, layers, data),
        *(told, reproduce, method),
    )
    for one in each:
        made = one.section(found)
        if made is not None:
            yield made


@dataclass(frozen=True)
class Followed:
    """What a page has beside the report where it is served and follows a run.

    Attributes:
        version: Another one where the report is another.
        now: What runs just now.
        files: Names of delivered files to link to.
    """

    version: str
    now: Markup
    files: tuple[str, ...] = ()

    @property
    def folders(self) -> list[str]:
        """The folders that some of them lie in."""
        inside = (one.partition("/") for one in self.files)
        return list(dict.fromkeys(folder for folder, between, _ in inside if between))


def make(found: Found, followed: Followed | None = None) -> str:
    """The whole page: one HTML file that needs no other, and no network.

    Args:
        found: What there is to tell.
        followed: Of a page that is served and asks its server what is new; None of a file.

    Raises:
        ToolError: A template is missing or broken.
    """
    from markupsafe import Markup  # noqa: PLC0415 - the graph imports modules that make pages

    sections = list(sections_of(found))
    parts = ("page",) if followed is None else ("page", "live")
    style, script = (
        "".join((FOLDER / f"{one}.{kind}").read_text() for one in parts) for kind in ("css", "js")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    made = fill(
        "page.html",
        report=found.report,
        going=found.going,
        followed=followed,
        sections=sections,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_digest=digest,
    )
    return str(made)
