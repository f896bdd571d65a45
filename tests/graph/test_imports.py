"""What a source imports is found whole, whether it is plain to see or has to be parsed."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from mlforge_tasks.graph import code_version as versions
from mlforge_tasks.graph.imports import imported_names, parsed_names
from tests.helpers.paths import ROOT

STDLIB = Path(sysconfig.get_paths()["stdlib"])

# Each is one that a search for lines alone would miss, or misread.
HIDDEN = {
    "behind a semicolon": "x = 1; import a.b",
    "behind a colon": "if x: from a import b",
    "behind a colon, continued": "try: from a import b, \\\n    c\nexcept ImportError: import d",
    "a line that goes on": "from a import b, \\\n    c",
    "a keyword on the next line": "from a \\\n    import b",
    "a comment in parentheses": "from a import (  # why (not)\n    b,  # )\n    c,\n)",
    "carriage returns": "x = 1\rimport a\r",
    "a byte order mark": "\ufeffimport a",
    "a form feed": "\fimport a",
    "names that are no ASCII": "from a import \u00e9t\u00e9",
    "no space": "from a import(b)",
    "spaces around a dot": "import a . b",
}
PLAIN = {
    "one": "import a",
    "several": "import a, b.c as d",
    "out of one": "from a.b import c as d, e",
    "in parentheses": "from a import (\n    b,\n    c as d,\n)",
    "all": "from a import *",
    "in a function": "def f():\n    from a import b  # noqa: PLC0415 - heavy",
    "in a comment": "import a  # type: ignore[import]\n# x: import b\nfrom c import (\n    d,\n)",
    "relative": "from . import a\nfrom .b import c\nfrom ..d import e",
    "nothing": "x = 1",
}


@pytest.mark.parametrize("source", HIDDEN.values(), ids=HIDDEN)
def test_a_hidden_import_is_found(source: str) -> None:
    """Where one may stand elsewhere than at the beginning of a line, the source is parsed."""
    data = source.encode()
    assert imported_names(data) == parsed_names(data) != frozenset()


@pytest.mark.parametrize("source", PLAIN.values(), ids=PLAIN)
def test_a_plain_import_is_found(source: str) -> None:
    """Without parsing it comes to the same."""
    assert imported_names(source.encode()) == parsed_names(source.encode())


def test_no_import_of_real_sources_is_missed() -> None:
    """Of our own sources and Python's library nothing is missed; a text may count as an import."""
    sources = [*ROOT.glob("mlforge_tasks/**/*.py"), *ROOT.glob("tests/**/*.py")]
    sources += [path for path in STDLIB.rglob("*.py") if "site-packages" not in path.parts]
    assert len(sources) > 1000
    for path in sources:
        data = path.read_bytes()
        try:
            wanted = parsed_names(data)
        except (SyntaxError, ValueError):  # the library tests its parser with such
            continue
        assert wanted <= imported_names(data), path


def test_relative_imports_are_part_of_a_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that is imported by its place in the package counts like one that is named."""
    package = tmp_path / "mlforge_tasks"
    (package / "room").mkdir(parents=True)
    sources = {
        "__init__": "",
        "errors": "",
        "room/__init__": "from . import helper",
        "room/helper": "from ..errors import MlforgeError",
        "room/apart": "",
    }
    for name, text in sources.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    versions.forget_sources()
    try:
        found = versions.modules(("mlforge_tasks.room",))
    finally:
        versions.forget_sources()
    names = ("", ".errors", ".room", ".room.helper")
    assert found == {f"mlforge_tasks{name}" for name in names}
