"""Takes credentials out of what others sent, before anything is written or shown.

A server may send back what it was sent, as it is or in a form that a decoder turns back into it:
with JSON, C, URL, HTML or quoted-printable escapes, escapes of escapes, in base64 or hex, broken
into lines, or spread over the strings of one field. All of these are looked for. What a server
disguises in a way of its own is not: it has the key already, this is about what *we* keep.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from mlforge_tasks.graph import disguises
from mlforge_tasks.records import canonical_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

HIDDEN = "[key removed]"
# Deeper JSON is no answer to anything that is asked here, and no two Pythons agree how deep one
# may go.
DEEPEST = 100

_USERINFO = re.compile(r"://([^/@\s]+)@")
_SSE_FIELD = re.compile(r"\s*(?:[a-z]+:\s*)?", re.IGNORECASE)


def credentials(environ: Mapping[str, str], names: Iterable[str] = ()) -> tuple[str, ...]:
    """What must not be shown of an environment.

    Args:
        environ: The variables.
        names: Those that hold a credential. User and password in any address are one as well: a
            proxy's stands in `http_proxy`.
    """
    wanted = set(names)
    found = [text.strip() for name, text in environ.items() if name in wanted and "://" not in text]
    for text in environ.values():
        for userinfo in _USERINFO.findall(text):
            plain = unquote(userinfo)
            found += [plain, plain.partition(":")[2]]
    return tuple(found)


class Redaction:
    """Hides some credentials.

    Args:
        secrets: The credentials; those that are too short to be told from other text are let be.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._needles = disguises.needles(secrets)

    def text(self, text: str) -> str:
        """A text without them."""
        parts, at = [], 0
        for start, end in disguises.places(text, self._needles):
            parts += [text[at:start], HIDDEN]
            at = end
        return "".join((*parts, text[at:])) if parts else text

    def body(self, text: str) -> str:
        """The same of what may be JSON, or lines of it: hidden after decoding, and valid after."""
        if not self._needles:
            return text
        try:
            return self._json(text)
        except ValueError:
            pass
        return self.text("\n".join(self._lines(text)))

    def value(self, value: Any) -> Any:
        """JSON data without them, also where one is spread over the strings of one field."""
        strings: dict[str, list[str]] = {}
        _gather(value, "", strings)
        hidden = {field: iter(self._spread(texts)) for field, texts in strings.items()}
        return _rebuilt(value, "", lambda field: next(hidden[field]), self._number)

    def files(self, folder: Path) -> None:
        """Takes them out of all files of a folder."""
        if not self._needles:
            return
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                before = path.read_bytes()
                after = self._data(before)
                if after != before:
                    path.write_bytes(after)

    def _data(self, data: bytes) -> bytes:
        try:
            found = parsed(data.decode())
            hidden = self.value(found)
            return data if hidden == found else canonical_json(hidden) + b"\n"
        except ValueError:  # neither JSON nor perhaps text
            return self.text(data.decode("latin-1")).encode("latin-1")

    def _json(self, text: str) -> str:
        """JSON again.

        Raises:
            ValueError: It is none, or too deep.
        """
        found = parsed(text)
        hidden = self.value(found)
        return text if hidden == found else json.dumps(hidden)

    def _number(self, number: float) -> float | str:
        text = str(number)
        return number if self.text(text) == text else HIDDEN

    def _lines(self, text: str) -> Iterator[str]:
        """Lines, of which some may be JSON after a field's name, as a stream of events has them."""
        prefixes, found = [], []
        lines = text.split("\n")
        for line in lines:
            name = _SSE_FIELD.match(line)
            prefix = name[0] if name else ""
            try:
                found.append(parsed(line[len(prefix) :]))
            except ValueError:
                prefix = line
                found.append(None)
            prefixes.append(prefix)
        for line, prefix, before, after in zip(
            lines, prefixes, found, self.value(found), strict=True
        ):
            yield line if before == after else prefix + json.dumps(after)

    def _spread(self, texts: list[str]) -> list[str]:
        """The strings of one field, read as one."""
        joined = "".join(texts)
        places = disguises.places(joined, self._needles)
        if not places:
            return texts
        ends = list(itertools.accumulate(map(len, texts)))
        starts = [0, *ends[:-1]]
        return [
            _cut(text, start, end, places)
            for text, start, end in zip(texts, starts, ends, strict=True)
        ]


def parsed(text: str, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """JSON, at most `DEEPEST` levels of it.

    Args:
        text: What may be JSON.
        parse_constant: As `json.loads` takes it.

    Raises:
        ValueError: It is none, or deeper.
    """
    try:
        found = json.loads(text, parse_constant=parse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level = [found]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _within(outer)]
        if not level:
            return found
    raise ValueError("nested too deeply")


def _within(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _cut(text: str, start: int, end: int, places: list[tuple[int, int]]) -> str:
    """A string that reaches from `start` to `end` of a whole, without places of that."""
    parts, at = [], start
    for first, last in places:
        if first < end and last > start:
            parts += [text[at - start : max(first, start) - start], HIDDEN]
            at = min(last, end)
    return "".join((*parts, text[at - start :]))


def _gather(value: Any, field: str, strings: dict[str, list[str]]) -> None:
    """All strings by the field that they stand in; the names of fields stand in none."""
    if isinstance(value, dict):
        for name, inner in value.items():
            strings.setdefault("", []).append(name)
            _gather(inner, f".{name}", strings)
    elif isinstance(value, list):
        for inner in value:
            _gather(inner, field or ".", strings)
    elif isinstance(value, str):
        strings.setdefault(field or ".", []).append(value)


def _rebuilt(
    value: Any, field: str, string: Callable[[str], str], number: Callable[[float], float | str]
) -> Any:
    """The same data with other strings, asked for in the order of `_gather`, and numbers."""
    if isinstance(value, dict):
        return {
            string(""): _rebuilt(inner, f".{name}", string, number) for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_rebuilt(inner, field or ".", string, number) for inner in value]
    if isinstance(value, str):
        return string(field or ".")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return value
