"""Characters that a value may not hold, and those that a file has in two halves."""

from __future__ import annotations

import re

# Control characters and lone surrogates can be smuggled in by escapes and break paths and JSON.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_HALF = re.compile("[\ud800-\udfff]")
# JSON writes a character beyond U+FFFF as two escapes, which PyYAML leaves apart.
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def joined(text: str) -> str:
    """Text in which two halves are one character."""
    return _PAIR.sub(_whole, text)


def _whole(pair: re.Match[str]) -> str:
    return pair.group().encode("utf-16-le", "surrogatepass").decode("utf-16-le")


def unprintable(text: str) -> str | None:
    """What of a text cannot be printed, in words; None where all of it can."""
    if not _UNPRINTABLE.search(text):
        return None
    turns = _TURNS.search(text)
    if turns is not None:
        return f"U+{ord(turns.group()):04X}, which turns the direction of text"
    return "half of a character" if _HALF.search(text) else "a control character"
