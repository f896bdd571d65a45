"""Every key of a contract on a page: `python -m mlforge_tasks.contract.reference`.

It is made of the JSON Schema (`schema`), so of the records that read contracts: what cannot be
written cannot stand here. `docs/contract.md` is the guide: how keys work together, and why.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract import schema
from mlforge_tasks.yaml_file import electrical
from mlforge_tasks.yaml_file.units import DURATION, ENERGY, FREQUENCY, PERCENTAGE, SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path("docs", "reference", "contract.md")
GUIDE = Path("docs", "contract.md")
ROOT = Path(__file__).parents[2]
_HEAD = """\
# Every key of a contract
<!-- Made by `python -m mlforge_tasks.contract.reference`; what it says stands at the fields. -->

What may be written, of which type and unit, and what holds where a key is left out. The guide, with
examples and reasons, is [contract.md](../contract.md); the layers of `search.architecture` have a
table in [agents.md](../agents.md#layers). Where there is a choice of kinds each has its own table.
"""
# What a quantity's pattern tells of it, by the example that it carries.
_QUANTITIES = {
    one.example: one
    for one in (SIZE, DURATION, FREQUENCY, PERCENTAGE, ENERGY, *electrical.QUANTITIES)
}
_BOUNDS = (
    ("minimum", "at least"),
    ("exclusiveMinimum", "above"),
    ("maximum", "at most"),
    ("exclusiveMaximum", "below"),
)
# Sections that stand elsewhere already: the same kinds of layers, what one target alone may have.
_KNOWN = ("search.architecture[].layers", "targets[].")
_WORDS = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true, false"}


class _Reference:
    """The page of one schema, which leads to what a guide has of a section."""

    def __init__(self, whole: dict[str, Any], guide: str) -> None:
        self._guided = set(re.findall(r"^#+ (.+)$", guide, re.MULTILINE))
        self._definitions: dict[str, Any] = whole["$defs"]
        self._whole = whole

    def text(self) -> str:
        """The page."""
        return "\n".join([_HEAD, *self._tables(self._whole, "")])

    def _tables(self, part: dict[str, Any], path: str) -> Iterator[str]:
        """The table of a section, and then those of the sections in it."""
        heading = f"`{path}`{self._kind(part)}" if path else "The file"
        yield f"{'###' if '.' in path else '##'} {heading}"
        yield part["description"] + self._guide(heading) + "\n"
        yield "| Key | Type and unit | Default | What it is |\n|---|---|---|---|"
        needed = part.get("required", ()) if path else part["oneOf"][0]["required"]
        for key, one in part["properties"].items():
            default = "required" if key in needed else _default(one)
            what = one["description"].replace("|", "\\|")
            yield f"| `{key}` | {self._type(one)} | {default} | {what} |"
        yield ""
        for key, one in part["properties"].items():
            place = f"{path}.{key}".strip(".")
            for section, inner in self._sections(one, place):
                if not section.startswith(_KNOWN):
                    yield from self._tables(inner, section)

    def _sections(self, part: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The sections that a key may hold, each with its path."""
        part = self._found(part)
        if "properties" in part:
            yield path, part
        for one in (*part.get("anyOf", ()), *part.get("oneOf", ())):
            yield from self._sections(one, path)
        if "items" in part:
            yield from self._sections(part["items"], f"{path}[]")

    def _found(self, part: dict[str, Any]) -> dict[str, Any]:
        reference = part.get("$ref")
        return part if reference is None else self._definitions[reference.rpartition("/")[2]]

    def _guide(self, heading: str) -> str:
        """Where the guide has a section of the same heading, a link to it."""
        if heading not in self._guided:
            return ""
        anchor = re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading).lower())
        return f" ([Guide](../contract.md#{anchor}))"

    def _kind(self, part: dict[str, Any]) -> str:
        """What tells a section from the other kinds of its place: with `kind: csv`."""
        for key in ("kind", "rule"):
            one = part["properties"].get(key, {})
            values = [one["const"]] if "const" in one else one.get("enum", [])
            if values:
                *most, last = [f"`{key}: {value}`" for value in values]
                return f" with {', '.join(most)}{' or ' if most else ''}{last}"
        return ""

    def _type(self, part: dict[str, Any]) -> str:
        """What may stand for a value, in words."""
        part = self._found(part)
        if "properties" in part:
            return "section"
        choices = [
            self._type(one)
            for one in (*part.get("anyOf", ()), *part.get("oneOf", ()))
            if one.get("type") != "null"
        ]
        if choices:
            return " or ".join(dict.fromkeys(choices))
        if "enum" in part or "const" in part:
            return ", ".join(f"`{one}`" for one in part.get("enum") or [part["const"]])
        return self._plain(part)

    def _plain(self, part: dict[str, Any]) -> str:
        """The same of a value that is none of several."""
        quantity = _QUANTITIES.get(str(next(iter(part.get("examples", ())), "")))
        if quantity is not None and "pattern" in part:
            units = ", ".join(f"`{unit}`" for unit in quantity.factors)
            return f"{quantity.name.partition(' ')[2]} in {units}"
        kind = part.get("type", "any")
        if kind == "array":
            if "items" in part:
                return f"list of {self._type(part['items'])}"
            return f"list of {len(part['prefixItems'])}: {self._type(part['prefixItems'][0])}"
        if kind == "object":
            return f"a {self._type(part['additionalProperties'])} by name"
        words = " or ".join(_WORDS[one] for one in ([kind] if isinstance(kind, str) else kind))
        bounds = [f"{word} {part[name]:,}" for name, word in _BOUNDS if name in part]
        return f"{words}, {', '.join(bounds)}" if bounds else words


def _default(part: dict[str, Any]) -> str:
    value = part.get("default")
    if value is None or value == []:
        return "none"
    if value == {}:
        return "each key's own"
    return f"`{json.dumps(value, ensure_ascii=False)}`".replace('"', "")


def text() -> str:
    """The page as it lies in `docs/`."""
    return _Reference(schema.schema(), (ROOT / GUIDE).read_text()).text()


if __name__ == "__main__":
    (ROOT / PAGE).write_text(text())
