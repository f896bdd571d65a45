"""The template environment and its filters."""

from __future__ import annotations

import ast
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlforge_tasks import render
from mlforge_tasks.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PYTHON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4).map(tuple),
    max_leaves=8,
)


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Renders a template that is given as text."""
    monkeypatch.setattr(render, "TEMPLATES", tmp_path)
    monkeypatch.setattr(render, "_environment", render._environment.__wrapped__)

    def render_text(text: str, **context: object) -> str:
        (tmp_path / "t.jinja").write_text(text)
        return render.render("t.jinja", **context)

    return render_text


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_c_string_reads_back(text: str) -> None:
    """A C string literal stands for exactly the text's UTF-8 bytes, whatever is in it."""
    literal = render.c_string(text)
    assert literal.isascii()
    # Octal escapes mean the same in a Python bytes literal.
    assert ast.literal_eval(f"b{literal}").decode() == text
    assert "??" not in literal


@pytest.mark.parametrize("value", ["a\0b", "\ud800", 3, None, b"x"])
def test_c_string_refuses(value: object) -> None:
    """What C cannot hold as a string is refused."""
    with pytest.raises(ToolError, match="cannot render"):
        render.c_string(value)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_c_float_reads_back(value: float) -> None:
    """A C float literal reads back as exactly the same float32."""
    literal = render.c_float(value)
    assert literal.endswith("F")
    assert "." in literal or "e" in literal
    assert np.float32(literal[:-1]).tobytes() == np.float32(value).tobytes()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e39, True, "1", None])
def test_c_float_refuses(value: object) -> None:
    """NaN, infinities, and what is no number or too large for a float32 are refused."""
    with pytest.raises(ToolError, match="wanted a number"):
        render.c_float(value)


def test_c_int() -> None:
    """32-bit integers are printed, the most negative one so that C reads it as an int."""
    assert [render.c_int(value) for value in (0, -5, 2**32 - 1)] == ["0", "-5", "4294967295"]
    assert render.c_int(-(2**31)) == "(-2147483647 - 1)"
    for value in (2**32, -(2**31) - 1, 1.0, True, "1"):
        with pytest.raises(ToolError):
            render.c_int(value)


@given(st.binary(min_size=1))
def test_c_bytes_reads_back(data: bytes) -> None:
    """An array's elements are the bytes, in order."""
    assert bytes(int(one, 16) for one in render.c_bytes(data).split(",")[:-1]) == data


@pytest.mark.parametrize("value", [b"", "text", [1]])
def test_c_bytes_refuses(value: object) -> None:
    """Nothing, and what is not bytes, is no array."""
    with pytest.raises(ToolError):
        render.c_bytes(value)


@pytest.mark.parametrize("name", ["", "1a", "a b", "a;b", "é", "a\n", "class", None])
def test_identifiers_are_refused(name: object) -> None:
    """What is no name, or a keyword, is refused in both languages."""
    for check in (render.c_identifier, render.python_identifier):
        with pytest.raises(ToolError, match="identifier"):
            check(name)


def test_identifiers() -> None:
    """Names pass as they are; each language has keywords of its own."""
    assert render.c_identifier("lambda") == "lambda"
    assert render.python_identifier("int") == "int"


@given(PYTHON_VALUES)
def test_python_literal_reads_back(value: Any) -> None:
    """A Python literal evaluates to the value, type included."""
    literal = render.python_literal(value)
    assert literal.isascii()
    assert repr(ast.literal_eval(literal)) == repr(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, [1], {"a": 1}, object(), (1, math.nan)])
def test_python_literal_refuses(value: object) -> None:
    """Numbers that are not finite, and other types, are refused, inside a tuple too."""
    with pytest.raises(ToolError):
        render.python_literal(value)


def test_render_passes_strings_and_integers(template: Callable[..., str]) -> None:
    """Strings and integers are printed as they are, and block lines leave no trace."""
    text = "{% if n %}\n  {{ n }} {{ s }} {{ s | c_string }}\n{% endif %}\n"
    assert template(text, n=3, s="x<y") == '  3 x<y "x<y"\n'


@pytest.mark.parametrize("value", [1.5, True, None, math.nan, (1,)])
def test_render_refuses_unfiltered_values(template: Callable[..., str], value: object) -> None:
    """What might print as something that is no literal needs a filter."""
    with pytest.raises(ToolError, match="cannot render"):
        template("{{ value }}", value=value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ missing }}", "'missing' is undefined"),
        ("{% if missing %}{% endif %}", "'missing' is undefined"),
        ("{{ 1 | no_such_filter }}", "no_such_filter"),
        ("{% for %}", "template t.jinja"),
    ],
)
def test_broken_templates(template: Callable[..., str], text: str, message: str) -> None:
    """A mistake in a template is a broken tool, and the message says which and where."""
    with pytest.raises(ToolError, match=message):
        template(text)


def test_missing_template() -> None:
    """A template that is not there is named."""
    with pytest.raises(ToolError, match=r"there is no template .*nothing\.jinja"):
        render.render("nothing.jinja")


def test_template_path() -> None:
    """Stages can find the templates they use, for their keys."""
    assert render.template_path("model.py.jinja").is_file()
