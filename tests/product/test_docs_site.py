"""The docs are built as a site, and what names a page of them finds it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

BIN = Path(sys.executable).parent
# What a browser fetches as it shows a page.
FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
# Where our own text names a page of the docs, such as in an error's hint.
NAMING = ("mlforge_tasks", "templates", "contracts", "zephyr_app", "benchmarks", "tests")
TITLE = re.compile(r'return Section\("\w+", f?"([^"]+)"')
NAMED = re.compile(r"docs/([a-z0-9/-]+)\.md(?:#([a-z0-9-]+))?")


class _Page(HTMLParser):
    """What a page fetches, and its anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag in FETCHED and known.get("rel") != "canonical":
            self.fetched.append(known.get(FETCHED[tag]) or "")
        self.anchors.add(known.get("id") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as mkdocs.yml says; a link or an anchor that leads nowhere is a warning."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [str(BIN / "mkdocs"), "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "WARNING" not in said
    return folder


def test_the_site_asks_no_other_server(site: Path) -> None:
    """No font, script, style or picture from elsewhere: whoever reads is not told of."""
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    fetched = {one for page in pages for one in _Page(page).fetched}
    assert "assets/stylesheets" in "".join(fetched)
    assert [one for one in fetched if re.match(r"(\w+:)?//", one)] == []
    styles = "".join(path.read_text() for path in site.rglob("*.css"))
    assert re.findall(r"url\([\"']?(?:https?:)?//|@import", styles) == []


def test_pages_that_our_text_names_are_there(site: Path) -> None:
    """`docs/zephyr.md`, or a place within it, in a message, a comment or a generated file."""
    files = [path for room in NAMING for path in (ROOT / room).rglob("*") if path.is_file()]
    named = {
        match.groups()
        for path in files
        if path.suffix in {".py", ".yaml", ".jinja", ".c", ".h", ".cc", ".txt"}
        for match in NAMED.finditer(path.read_text(errors="replace"))
    }
    assert len(named) > 5
    for page, anchor in sorted(named, key=str):
        built = site / f"{page}.html"
        assert built.is_file(), page
        assert anchor is None or anchor in _Page(built).anchors, f"{page}#{anchor}"


def test_what_reads_in_the_repository_reads_in_the_site(site: Path) -> None:
    """No list, table, heading or code is taken for a part of the text or table above it."""
    for page in site.rglob("*.html"):
        _, _, body = page.read_text().partition("<article")
        for part in re.findall(r"<(?:p|td)>(.*?)</(?:p|td)>", body, re.DOTALL):
            swallowed = re.search(r"^ *(?:[*-] |\d+\. |\||#+ |```)", part, re.MULTILINE)
            assert swallowed is None, f"{page.name}: {part[:200]}"


def test_links_between_pages_lead_to_files_of_the_site(site: Path) -> None:
    """Also those that the theme makes, and those of generated pages."""
    for page in site.rglob("*.html"):
        for link in re.findall(r'<a [^>]*href="([^"]+)"', page.read_text()):
            target, _, _ = link.partition("#")
            if target and not re.match(r"\w+:|//|/", target):
                assert (page.parent / target).exists(), f"{page.name}: {link}"


def test_the_reports_page_has_each_of_its_sections() -> None:
    """By the titles that the sections have in the code."""
    page = (ROOT / "docs" / "report.md").read_text()
    modules = (ROOT / "mlforge_tasks" / "page").glob("*.py")
    made = [found for one in modules for found in TITLE.findall(one.read_text())]
    assert len(made) > 10
    for title in made:
        assert f"| {re.sub(r'{.*?}', 'int8', title)} |" in page, title
