"""The report in headless Chromium, looked at by axe-core: readable by all, silent, within itself.

It needs Chromium, Node and two npm packages, which nothing else here needs:

    npm install --prefix /tmp/axe axe-core@4 puppeteer-core@24
    AXE_MODULES=/tmp/axe/node_modules .venv/bin/pytest -n 0 tests/browser
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mlforge_tasks.page.found import Found
from mlforge_tasks.page.page import make
from tests.helpers import page_reports
from tests.helpers.page_reports import HOSTILE, real

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
NODE = shutil.which("node")
MODULES = os.environ.get("AXE_MODULES", "")
MISSING = [
    name
    for name, there in (
        ("chromium", CHROMIUM),
        ("node", NODE),
        ("AXE_MODULES with axe-core", (Path(MODULES) / "axe-core").is_dir()),
        ("AXE_MODULES with puppeteer-core", (Path(MODULES) / "puppeteer-core").is_dir()),
    )
    if not there
]
REPORTS = {
    "met": real(),
    "unmet": page_reports.unmet(real()),
    "nothing": page_reports.nothing(real()),
    "brought": page_reports.brought(real()),
    "many": page_reports.many(real(), 200),
    **{f"hostile{at}": page_reports.renamed(real(), name) for at, name in enumerate(HOSTILE)},
}


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"not here: {', '.join(MISSING)}")
def test_the_report_in_a_browser(tmp_path: Path) -> None:
    """No serious finding, a silent console, no network, nothing wider than the screen."""
    files = []
    for name, report in REPORTS.items():
        files.append(tmp_path / f"{name}.html")
        files[-1].write_text(make(Found(report)), encoding="utf-8")
    check = Path(__file__).with_name("check.js")
    told = subprocess.run(
        [str(NODE), str(check), str(CHROMIUM), *map(str, files)],
        env={**os.environ, "NODE_PATH": MODULES},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(told.stdout)
    assert len(found) == 4 * len(files)
    nothing = {"console": [], "requests": [], "violations": [], "sticksOut": 0}
    wrong = [one for one in found if not nothing.items() <= one.items()]
    assert not wrong
