"""Why a stage is made again is said by the names of what differs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.graph.explanation import changes, key_document, told
from mlforge_tasks.graph.manifest import PROVENANCE

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO = "sha256:1", "sha256:2"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"vector": "avx avx2"}, {"vector": "avx"}, "vector (-avx2)"),
        ({"vector": "avx"}, {"vector": "avx avx512f"}, "vector (+avx512f)"),
        ({"keras": f"3.1 {ONE}"}, {"keras": f"3.2 {TWO}"}, "keras 3.1 -> 3.2"),
        ({"gcc": f"12.2.1 {ONE}"}, {"gcc": f"12.2.1 {TWO}"}, "gcc"),
        ({"keras": f"3.1 {ONE}"}, {"keras": f"3.1 {TWO} edited: a.py"}, "keras (a.py)"),
        ({"keras": f"3.1 {TWO} edited: a.py"}, {"keras": f"3.1 {ONE}"}, "keras (a.py)"),
        ({"cc1": ONE}, {"cc1": TWO}, "cc1"),
        ({"code": "0" * 64}, {"code": "1" * 64}, "code"),
        ({}, {"pandas": f"3.0 {ONE}"}, "pandas new"),
        ({"pandas": f"3.0 {ONE}"}, {}, "pandas gone"),
        ({"epochs": 3}, {"epochs": 4}, "epochs"),
    ],
)  # fmt: skip
def test_what_differs_is_named(
    before: dict[str, object], after: dict[str, object], said: str
) -> None:
    """By its dotted name, and where a word says more, with that."""
    same = {"same": 1}
    document = changes({"a": {**before, **same}, **same}, {"a": {**after, **same}, **same})
    assert document == [f"a.{said}"]


def test_a_first_time_needs_no_reason(tmp_path: Path) -> None:
    """Nor does a folder whose provenance is gone or no provenance."""
    for content in (None, "{", "[]", '{"key_document": 3}'):
        if content is not None:
            (tmp_path / "provenance.json").write_text(content)
        assert changes(key_document(tmp_path), {"code": "1"}) == []


def test_much_is_counted() -> None:
    """A line has room for three."""
    assert told([]) == ""
    assert told(["a", "b"]) == "(changed: a, b)"
    assert told(["a", "b", "c", "d", "e"]) == "(changed: a, b, c and 2 more)"


@pytest.mark.parametrize("content", ["[" * 200_000, "[1]", '{"key_document":[]}', "", None])
def test_a_provenance_that_is_none_tells_nothing(tmp_path: Path, content: str | None) -> None:
    """Whatever lies there, a pipe included, it is not waited for and no traceback."""
    path = tmp_path / PROVENANCE
    if content is None:
        os.mkfifo(path)
    else:
        path.write_text(content)
    assert key_document(tmp_path) == {}
