"""What a credential may look like in a text that others sent, and where it stands there.

As it is, with JSON, C, URL, HTML or quoted-printable escapes, escapes of escapes, in base64 or hex,
and each of these with line breaks and other punctuation in between.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

# Letters and digits. Anything shorter is found in texts that have nothing to do with it.
SHORTEST = 8

_PUNCTUATION = re.compile(r"[^0-9a-z]+", re.IGNORECASE)
# A character, or one that is left out, in any escape but quoted-printable's; prefixes may be
# escaped themselves, as they are in JSON within JSON.
_ESCAPE = re.compile(
    r"(?:\\(?:u005c)?|%(?:25)*5c){1,16}"
    r"(?:(?-i:u)(?P<u>[0-9a-f]{4})|(?-i:U)0000(?P<l>[0-9a-f]{4})|u\{0*(?P<b>[0-9a-f]{1,6})\}"
    r"|x(?P<x>[0-9a-f]{2})|(?P<o>[01][0-7]{2})|[nrtbf])"
    r"|%(?:25){0,16}(?P<p>[0-9a-f]{2})"
    r"|&(?:amp;|\#0*38;|\#x0*26;){0,16}(?:\#x0*(?P<h>[0-9a-f]{1,6})|\#0*(?P<d>[0-9]{1,7})"
    r"|[a-z]{2,9});",
    re.IGNORECASE,
)
_PRINTABLE = re.compile(_ESCAPE.pattern + r"|=(?P<q>[0-9a-f]{2})", re.IGNORECASE)
_NOTHING = re.compile(r"(?!)")
# Each is one way to read a text: a key may hold what looks like an escape in another.
_READINGS = (_NOTHING, _ESCAPE, _PRINTABLE)


def long_enough(credential: str) -> bool:
    """Whether a credential can be told from other text."""
    return len(_bare(credential)) >= SHORTEST


def needles(secrets: Iterable[str]) -> tuple[str, ...]:
    """What to look for, given credentials; those that are too short are let be."""
    forms = (form for secret in secrets if long_enough(secret) for form in _forms(secret))
    return tuple(dict.fromkeys(forms))


def places(text: str, wanted: Collection[str]) -> list[tuple[int, int]]:
    """Where in a text credentials stand, in order and apart from each other.

    Args:
        text: Any text.
        wanted: What `needles` made of them.
    """
    found: list[tuple[int, int]] = []
    for reading in _READINGS if wanted else ():
        bare = _bare(reading.sub(_character, text))
        if any(needle in bare for needle in wanted):
            found += _spans(text, reading, wanted)
    return _merged(found)


def _spans(
    text: str, reading: re.Pattern[str], wanted: Collection[str]
) -> Iterator[tuple[int, int]]:
    """The same, one by one, where it is known that there is one."""
    bare, spans = [], []
    either = re.compile(f"{reading.pattern}|(?P<one>[0-9a-z])", re.IGNORECASE)
    for match in either.finditer(text):
        character = match["one"] or _character(match)
        if character:
            bare.append(character.lower())
            spans.append(match.span())
    whole = "".join(bare)
    for needle in wanted:
        at = whole.find(needle)
        while at >= 0:
            yield spans[at][0], spans[at + len(needle) - 1][1]
            at = whole.find(needle, at + 1)


def _bare(text: str) -> str:
    """Letters and digits alone, in lower case: what no line break or separator changes."""
    return _PUNCTUATION.sub("", text).lower()


def _forms(credential: str) -> Iterator[str]:
    """What one looks like bare: as it is, in hex, and in base64 whatever stands around it."""
    data = credential.encode()
    yield _bare(credential)
    yield data.hex()
    for before in range(3):
        text = base64.b64encode(bytes(before) + data).decode().rstrip("=")
        mixed_with_what_follows = bool((before + len(data)) % 3)
        yield _bare(text[(0, 2, 3)[before] : len(text) - mixed_with_what_follows])


def _character(escape: re.Match[str]) -> str:
    """What an escape stands for; nothing where that is no letter or digit."""
    bases = {"u": 16, "l": 16, "b": 16, "x": 16, "o": 8, "p": 16, "q": 16, "h": 16, "d": 10}
    for name, digits in escape.groupdict().items():
        if digits is not None:
            code = int(digits, bases[name])
            character = chr(code) if code < 128 else ""
            return character if character.isalnum() else ""
    return ""


def _merged(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
