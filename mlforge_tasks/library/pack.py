"""The library as a CMSIS-Pack: its description, and the folder as one file.

The format is Open-CMSIS-Pack's; its schema is PACK.xsd of Open-CMSIS-Pack-Spec.
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from mlforge_tasks.render import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.library.facts import Facts

VENDOR = "MLForge"
# What a zip file says of each of its own, so that equal files give equal packs.
_TIME = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16
_CATEGORIES = {".c": "sourceC", ".cc": "sourceCpp", ".cpp": "sourceCpp"}


def description_name(prefix: str) -> str:
    """Name of a pack's description."""
    return f"{VENDOR}.{prefix}.pdsc"


def file_name(prefix: str, version: str) -> str:
    """Name of a pack as a file."""
    return f"{VENDOR}.{prefix}.{version}.pack"


def files(facts: Facts, content: Mapping[str, bytes]) -> dict[str, bytes]:
    """A pack's description and the pack.

    Args:
        facts: What the library is about.
        content: Its other files by their paths.
    """
    compiled = [
        {"name": name, "category": _CATEGORIES[name[name.rindex(".") :]]}
        for name in sorted(content)
        if name.startswith("src/") and name.endswith(tuple(_CATEGORIES))
    ]
    context = {**facts.context(), "vendor": VENDOR, "compiled": compiled}
    made = {
        description_name(facts.prefix): render("library/pack.pdsc.jinja", **context).encode(),
    }
    return {**made, file_name(facts.prefix, facts.version): _zipped({**content, **made})}


def _zipped(content: Mapping[str, bytes]) -> bytes:
    """A zip file; nothing is packed, since how depends on zlib's version."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(content.items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = _READABLE
            archive.writestr(entry, data)
    return made.getvalue()
