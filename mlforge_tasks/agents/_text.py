"""Text of others for a language model: it cannot end its element, nor grow without bound."""

from __future__ import annotations

import json
from typing import Any

COMPACT = (",", ":")


def clipped(value: Any, length: int) -> Any:
    """The same with every text in it cut to a length, names of entries included."""
    if isinstance(value, str):
        return value[:length]
    if isinstance(value, dict):
        return {str(key)[:length]: clipped(inner, length) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [clipped(inner, length) for inner in value]
    return value


def fenced(value: Any, separators: tuple[str, str] | None = None) -> str:
    """JSON that cannot end the element it stands in: names and labels are anyone's text."""
    text = json.dumps(value, ensure_ascii=True, separators=separators)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
