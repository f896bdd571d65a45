"""The JSON Schema of a contract, for editors: `python -m mlforge_tasks.contract.schema`.

It is made of the records that read contracts: their keys and types, the units of quantities, what
each key means, by their docstrings. It is no second judge: what has to fit another value is known
to the records alone.
"""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema

from mlforge_tasks.contract.apart import LEAST, MODELS, TARGETS
from mlforge_tasks.contract.board import board_names
from mlforge_tasks.contract.contract import Contract
from mlforge_tasks.contract.goal import Ask
from mlforge_tasks.contract.metrics import METRICS
from mlforge_tasks.contract.search import Search
from mlforge_tasks.contract.sections import Target
from mlforge_tasks.contract.targets import OWN
from mlforge_tasks.plugins import AUTO, installed
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file.units import PERCENTAGE, format_bytes, format_share, format_us

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel
    from pydantic_core import core_schema

SCHEMA = "contract.schema.json"
# A line of a contract beside it: editors with YAML's language server read it.
MODELINE = f"# yaml-language-server: $schema={SCHEMA}"

_PYTHON = {"gt", "ge", "lt", "le", "discriminator"}
_BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}


def _attributes(record: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """What a record's docstring, and those it extends, say of its fields."""
    for one in reversed(record.__mro__):
        _, _, listed = inspect.cleandoc(one.__doc__ or "").partition("Attributes:\n")
        blocks = re.split(r"^    (?=\w+: )", listed, flags=re.MULTILINE)
        for block in blocks[1:]:
            name, _, text = block.partition(": ")
            yield name, " ".join(text.split())


def _choices(record: type[BaseModel]) -> dict[str, tuple[str, ...]]:
    """What a run looks up among boards, plug-ins and metrics."""
    if issubclass(record, Ask):
        return {"metric": tuple(METRICS)}
    if record is Search:
        return {"agent": installed("agents")}
    if issubclass(record, Target):
        engines = (AUTO, *installed("engines"))
        return {"platform": installed("platforms"), "engine": engines}
    return {}


def _written(default: Any, name: str, key: dict[str, Any]) -> Any:
    """A default as it would stand in a contract: with its unit, and without what is one itself."""
    if isinstance(default, Record):
        return default.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    units = str(key.get("pattern", "")).rpartition("(")[2]
    if "%/year" in units:
        return f"{format_share(default)}/year"
    if "%" in units:
        return format_share(default)
    if "KiB" in units:
        return format_bytes(default)
    if "ms" in units:
        return format_us(default * 10**6 if name.endswith("_s") else default)
    return key["default"]


class _Generator(GenerateJsonSchema):
    """Pydantic's, with a description of each key instead of titles."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's
        """No key needs its own name as a title."""
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> dict[str, Any]:
        """A record's."""
        made = super().model_schema(schema)
        record = schema["cls"]
        made["description"] = inspect.cleandoc(record.__doc__ or "").partition("\n\n")[0]
        made.pop("title", None)
        keys = made.get("properties", {})
        for name, field in record.model_fields.items():
            key = keys.get(field.alias or name, {})
            if key.get("default") is not None:
                key["default"] = _written(field.default, name, key)
        for name, text in _attributes(record):
            field = record.model_fields.get(name)
            key = name if field is None else field.alias or name
            if key in keys:  # what no contract may hold is none
                keys[key]["description"] = text
        for name, choices in _choices(record).items():
            keys[name]["enum"] = list(choices)
        if issubclass(record, Target):  # others may lie beside a contract, or have Zephyr's name
            keys["board"]["examples"] = list(board_names())
        if issubclass(record, Ask):
            keys["target"]["anyOf"].append(PERCENTAGE.json_schema())
        if record is Contract:
            made["oneOf"] = list(_alternatives(made.pop("required")))
            keys["targets"]["minItems"] = LEAST
        return made


def _alternatives(needed: list[str]) -> Iterator[dict[str, Any]]:
    """What a contract needs with one target, and with several, which may have some of it."""
    yield {"required": needed, "not": {"anyOf": [{"required": [one]} for one in (TARGETS, MODELS)]}}
    own = {"target", *OWN}
    several = [one for one in needed if one not in own]
    yield {"required": [*several, TARGETS], "not": {"required": ["target"]}}


def _plain(part: Any) -> Any:
    """The same without what is no word of JSON Schema, or bounds a number where text stands."""
    if isinstance(part, list):
        return [_plain(one) for one in part]
    if not isinstance(part, dict):
        return part
    dropped = {*_PYTHON, *(_BOUNDS if part.get("type") == "string" else ())}
    return {name: _plain(value) for name, value in part.items() if name not in dropped}


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that a contract keeps."""
    made = Contract.model_json_schema(by_alias=True, schema_generator=_Generator)
    return {"$schema": _Generator.schema_dialect, "title": "MLForge contract", **_plain(made)}


def text() -> str:
    """The same as the file that is shipped."""
    return json.dumps(schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(__file__).parents[2].joinpath("contracts", SCHEMA).write_text(text())
