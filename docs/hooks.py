"""MkDocs hooks: what the site takes from outside of `docs/`, and where links to it lead.

A page links as it lies in the repository (`../benchmarks/loop.md`), so that it reads there too. In
the site the other pages lie under their own paths (`benchmarks/loop.md`), a contract is a page that
shows it, and README.md is the site's first page. A link to anything else outside is left as it is,
which a strict build refuses.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from collections.abc import Callable

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
DOCS = "docs/"
PAGES = {"README.md": "index.md"} | {
    name: name for name in ("ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md")
}
BESIDE = ("benchmarks/*.md", "benchmarks/*.png")
CONTRACTS = "contracts/*.yaml"
_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_FENCE = re.compile(r"^( *)(```+).*?^\1\2 *$", re.MULTILINE | re.DOTALL)


def _outside() -> dict[str, str]:
    """Files from outside that the site has: path in the repository to path in the site."""
    found = dict(PAGES)
    for pattern in BESIDE:
        found |= {name: name for name in _names(pattern)}
    found |= {name: f"{name.removesuffix('.yaml')}.md" for name in _names(CONTRACTS)}
    return found


def _names(pattern: str) -> list[str]:
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds what is outside of `docs/`."""
    for name, uri in _outside().items():
        if name.endswith(".yaml"):
            text = f"# {name}\n\n```yaml\n{(ROOT / name).read_text()}```\n"
            files.append(File.generated(config, uri, content=text))
        else:
            files.append(File.generated(config, uri, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Has links lead to where the site has what they name."""
    del config, files
    sites = _outside()
    homes = {uri: name for name, uri in sites.items()}
    home = homes.get(page.file.src_uri, DOCS + page.file.src_uri)

    def led(match: re.Match[str]) -> str:
        target, mark, anchor = match[2].partition("#")
        if not target or "://" in target:
            return match[0]
        named = posixpath.normpath(posixpath.join(posixpath.dirname(home), target))
        uri = named.removeprefix(DOCS) if named.startswith(DOCS) else sites.get(named)
        if uri is None:
            return match[0]
        way = posixpath.relpath(uri, posixpath.dirname(page.file.src_uri) or ".")
        return f"{match[1]}{way}{mark}{anchor}{match[3]}"

    return _outside_of_code(markdown, led)


def _outside_of_code(markdown: str, led: Callable[[re.Match[str]], str]) -> str:
    """Links replaced, but for those in fenced code."""
    parts, start = [], 0
    for block in _FENCE.finditer(markdown):
        parts += [_LINK.sub(led, markdown[start : block.start()]), block[0]]
        start = block.end()
    return "".join([*parts, _LINK.sub(led, markdown[start:])])
