"""Credentials do not get past: whatever they look like, wherever they stand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlforge_tasks.graph.redaction import DEEPEST, HIDDEN, Redaction, credentials, parsed
from tests.helpers.disguise import bare, disguised, keys, nested, shows

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-ant-test-0123456789abcdef"
PLAIN = st.text(st.characters(codec="utf-8"), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=400)
@given(data=st.data(), key=keys(), before=PLAIN, after=PLAIN, times=st.integers(0, 3))
def test_no_disguise_gets_past(
    data: st.DataObject, key: str, before: str, after: str, times: int
) -> None:
    """Escaped, packed, broken into lines, in JSON within JSON: no decoder finds the key after."""
    text = data.draw(disguised(key))
    assert shows(text, key)
    found = Redaction([key]).body(nested(f"{before} {text} {after}", times))
    assert HIDDEN in found
    assert not shows(found, key)
    for _ in range(times):  # what was JSON still is
        found = json.loads(found)
    assert not shows(found, key)


@settings(max_examples=200)
@given(key=keys(), value=JSON)
def test_what_holds_no_key_stays_as_it_is(key: str, value: Any) -> None:
    """Text, JSON and files of it."""
    redaction = Redaction([key])
    text = json.dumps(value, ensure_ascii=False)
    assert redaction.body(text) == text
    assert redaction.value(value) == value
    assert redaction.text(text) == text


@settings(max_examples=100)
@given(data=st.data(), key=keys(), parts=st.integers(2, 6), lines=st.booleans())
def test_a_key_in_pieces_is_put_together(
    data: st.DataObject, key: str, parts: int, *, lines: bool
) -> None:
    """Over the blocks of one message, or over the chunks of a stream of events."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(key)), min_size=parts, max_size=parts)))
    pieces = [key[a:b] for a, b in zip([0, *cuts], [*cuts, len(key)], strict=True)]
    blocks = [{"type": "text", "text": piece, "index": at} for at, piece in enumerate(pieces)]
    if lines:
        text = "\n\n".join(f"event: x\ndata: {json.dumps(block)}" for block in blocks)
    else:
        text = json.dumps({"role": "assistant", "content": blocks})
    found = Redaction([key]).body(text)
    events = found.split("data: ")[1:] if lines else []
    left = (
        [json.loads(one.partition("\n")[0]) for one in events]
        if lines
        else json.loads(found)["content"]
    )
    assert [one["index"] for one in left] == list(range(parts + 1))
    assert bare("".join(one["text"] for one in left).replace(HIDDEN, "")) == ""


def test_names_and_numbers_are_looked_at_too() -> None:
    """A field may be called like the key, and a key may be a number."""
    redaction = Redaction(["1234567890123", KEY])
    found = redaction.value({KEY: 1, "n": [1234567890123, 12, True, None, 0.5]})
    assert found == {HIDDEN: 1, "n": [HIDDEN, 12, True, None, 0.5]}


def test_files_are_cleaned_and_stay_what_they_are(tmp_path: Path) -> None:
    """JSON stays JSON, other bytes stay the same around the key, and the rest is not touched."""
    escaped = "".join(f"\\u{ord(one):04x}" for one in KEY)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/said.json").write_text(f'{{"a": "x {escaped} y"}}')
    (tmp_path / "odd.bin").write_bytes(b"\xff\x00" + KEY.encode() + b"\xfe")
    (tmp_path / "fine.json").write_text('{"a" : 1}')
    Redaction([KEY]).files(tmp_path)
    assert json.loads((tmp_path / "deep/said.json").read_text()) == {"a": f"x {HIDDEN} y"}
    assert (tmp_path / "odd.bin").read_bytes() == b"\xff\x00" + HIDDEN.encode() + b"\xfe"
    assert (tmp_path / "fine.json").read_text() == '{"a" : 1}'


def test_what_is_too_short_is_let_be() -> None:
    """Three letters stand in every other word."""
    assert Redaction(["the", "a-b-c-d"]).body("the other a-b-c-d") == "the other a-b-c-d"


def test_a_password_in_an_address_is_a_credential() -> None:
    """Of a proxy above all, with or without its user, and in the header that it would get."""
    environ = {"https_proxy": "http://me:p%40ssw0rd-1234@proxy:3128/", "KEY": " k ", "OTHER": "x"}
    assert credentials(environ, ["KEY"]) == ("k", "me:p@ssw0rd-1234", "p@ssw0rd-1234")
    redaction = Redaction(credentials(environ))
    for text in ("p@ssw0rd-1234", "p%40ssw0rd-1234", "Basic bWU6cEBzc3cwcmQtMTIzNA=="):
        assert redaction.text(f"({text})").replace("=", "") in (
            f"({HIDDEN})", f"(Basic {HIDDEN})", f"(Basic {HIDDEN}A)", f"(Basic {HIDDEN}NA)",
        )  # fmt: skip


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 200 + "]" * 200, '{"a":' * 200 + "1"])
def test_depth_is_bounded(text: str) -> None:
    """How deep JSON may be is up to us, not to the Python that reads it."""
    with pytest.raises(ValueError, match=r"deep|Expecting"):
        parsed(text)
    assert Redaction([KEY]).body(text + KEY) == text + HIDDEN
    assert parsed("[" * DEEPEST + "]" * DEEPEST)
