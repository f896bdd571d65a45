"""A layer for OpenEmbedded and the Yocto Project, whose recipe builds the library that it lies in.

Names and variables are those of the Yocto Project's reference manual ("Variables Glossary",
"Classes": cmake, systemd), releases 5.0 to 5.3.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mlforge_tasks.render import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.library.facts import Facts

LICENCES = "LICENSES/"


def package_name(prefix: str) -> str:
    """A recipe's name: lower case, and without `_`, after which a version would come."""
    return prefix.lower().replace("_", "-").strip("-")


def files(facts: Facts, content: Mapping[str, bytes]) -> dict[str, bytes]:
    """The layer's files, by their paths in the library.

    Args:
        facts: What the library is about.
        content: Its other files by their paths; a recipe holds the digests of the licences.
    """
    name = package_name(facts.prefix)
    layer = f"yocto/meta-mlforge-{name}"
    recipe = f"{layer}/recipes-mlforge/{name}"
    paths = {
        "layer.conf": f"{layer}/conf/layer.conf",
        "README.md": f"{layer}/README.md",
        "recipe.bb": f"{recipe}/{name}_{facts.version}.bb",
        "demo.service": f"{recipe}/files/{name}-demo.service",
    }
    licences = [
        (path.removeprefix(LICENCES), hashlib.md5(text, usedforsecurity=False).hexdigest())
        for path, text in sorted(content.items())
        if path.startswith(LICENCES)
    ]
    context = {**facts.context(), "pn": name, "licence_files": licences}
    return {
        path: render(f"library/yocto/{template}.jinja", **context).encode()
        for template, path in paths.items()
    }
