"""A badge: an SVG of our own, and what shields.io's endpoint makes one of.

https://shields.io/badges/endpoint-badge
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from mlforge_tasks.ci.outcome import WORDS, Ending
from mlforge_tasks.verdict.notes import short_name

if TYPE_CHECKING:
    from mlforge_tasks.ci.outcome import Outcome

# White on each of them has a contrast of at least 4.5, as WCAG 2.1 wants it of small text.
COLOURS: dict[Ending, str] = {
    "met": "2a7a2f",
    "unmet": "b3261e",
    "unknown": "5f6368",
    "data": "8a5a00",
    "broken": "8a5a00",
    "refused": "8a5a00",
}
LABEL_COLOUR = "444444"
MOST_NAMED = 3
HEIGHT, PADDING, SIZE = 20, 7, 11
# Widths of Verdana's characters at 11 px, in px, by class; the text is fitted to what they sum to.
_NARROW, _WIDE = set("iljtfrI.,:;|'!()[] 1"), set("mwMWGOQ%@")


def message(outcome: Outcome) -> str:
    """What it says: how the run ended, and what the model takes or what is broken."""
    word = WORDS[outcome.ending]
    if outcome.ending == "met":
        return " · ".join((word, *outcome.figures))
    if outcome.ending == "data":
        return word
    if outcome.faults:
        count = len(outcome.faults)
        return f"contract wrong, {count} mistake{'' if count == 1 else 's'}"
    of = "unknown" if outcome.ending == "unknown" else "fail"
    told = (one for one in outcome.cases if one.status == of)
    names = list(dict.fromkeys(_short(one.name) for one in told))
    more = f" +{len(names) - MOST_NAMED}" if len(names) > MOST_NAMED else ""
    return f"{word}: {', '.join(names[:MOST_NAMED])}{more}" if names else word


def _short(name: str) -> str:
    return "baseline" if name.startswith("baseline(") else short_name(name)


def label(outcome: Outcome) -> str:
    """What it is a badge of."""
    return f"mlforge {outcome.name}"


def endpoint(outcome: Outcome) -> str:
    """JSON that shields.io draws."""
    made = {
        "schemaVersion": 1,
        "label": label(outcome),
        "message": message(outcome),
        "color": COLOURS[outcome.ending],
        "labelColor": LABEL_COLOUR,
        "isError": outcome.code > 1,
    }
    return json.dumps(made, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def badge(outcome: Outcome) -> str:
    """An SVG in the usual form, which a screen reader reads as one sentence."""
    left, right = label(outcome), message(outcome)
    split, width = _width(left), _width(left) + _width(right)
    told = f"{left}: {right}"
    texts = "\n".join(
        f'  <text x="{start + size / 2:g}" y="14" textLength="{size - 2 * PADDING}">'
        f"{escape(text)}</text>"
        for text, start, size in ((left, 0, split), (right, split, width - split))
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" \
viewBox="0 0 {width} {HEIGHT}" role="img" aria-label={quoteattr(told)}>
 <title>{escape(told)}</title>
 <clipPath id="r"><rect width="{width}" height="{HEIGHT}" rx="3"/></clipPath>
 <g clip-path="url(#r)">
  <rect width="{split}" height="{HEIGHT}" fill="#{LABEL_COLOUR}"/>
  <rect x="{split}" width="{width - split}" height="{HEIGHT}" fill="#{COLOURS[outcome.ending]}"/>
 </g>
 <g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" \
font-size="{SIZE}">
{texts}
 </g>
</svg>
"""


def _width(text: str) -> int:
    sizes = (4 if one in _NARROW else 10 if one in _WIDE else 7 for one in text)
    return sum(sizes) + 2 * PADDING
