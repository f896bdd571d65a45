"""The page of every key is that of the records that read contracts, and whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract import reference, schema
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


def sections(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield whole
    yield from (one for one in whole["$defs"].values() if "properties" in one)


def test_the_page_is_up_to_date() -> None:
    """`python -m mlforge_tasks.contract.reference` writes it; it is never edited."""
    assert (ROOT / reference.PAGE).read_text() == reference.text()


def test_every_key_of_the_schema_says_what_it_is_and_stands_on_the_page() -> None:
    """A key that a contract may hold has a docstring at its field, and a row with its words."""
    page = reference.text()
    for section in sections(schema.schema()):
        for key, one in section["properties"].items():
            assert one.get("description"), f"{section['description']} {key}"
            assert re.search(rf"^\| `{key}` \|", page, re.MULTILINE), key


def test_rows_tell_unit_bounds_and_default() -> None:
    """As a reader needs them, of one key of each sort."""
    page = reference.text()
    for row in (
        "| `latency` | duration in `ns`, `us`, `ms`, `s`, `min`, `h` | none | One inference.",
        "| `ram` | percentage in `%` | `0 %` | Of `limits.ram`. |",
        "`MB`, `MiB`, `GB`, `GiB` | `4 GiB` | The same for the training process's memory. |",
        "| `scaling` | section | `{rule: standard}` | How inputs are normalised. |",
        "| `max_iterations` | whole number, at least 1, at most 99 | `1` |",
        "| `kind` | `csv` | required | Which kind it is. |",
        "### `dataset.source` with `kind: csv`",
        "What the device allows. ([Guide](../contract.md#limits))",
        "([Guide](../contract.md#datasetmissing-with-rule-hold-or-rule-interpolate))",
    ):
        assert row in page, row
