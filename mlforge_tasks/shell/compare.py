"""`doit compare`: two runs side by side, as a table and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.contract.differences import differences, key, shown
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph.files import refused
from mlforge_tasks.shell import sides
from mlforge_tasks.shell.console import table
from mlforge_tasks.verdict import comparison
from mlforge_tasks.verdict.notes import short_name, some

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlforge_tasks.pipeline.plan import Plan
    from mlforge_tasks.shell.sides import Side

MOST = 20
WIDTH = 40


def read(words: Mapping[str, str], load: Callable[[str], Plan]) -> tuple[Side, Side]:
    """The runs that are asked for, and whether the page can go where it is to.

    Raises:
        MlforgeError: They are not there, or `html` is no file's name.
    """
    place = words.get("html")
    if place is not None and (Path(place).suffix != ".html" or Path(place).is_dir()):
        raise MlforgeError(f"html={place}: wanted the name of a file that ends with .html")
    return sides.read(words, load)


def place(words: Mapping[str, str], a: Side, b: Side) -> Path:
    """Where the page goes."""
    if "html" in words:
        return Path(words["html"]).expanduser()
    folder = Path(words.get("build", "build")) / "compare"
    return folder / f"{a.report.name}-{b.report.name}.html"


def write(text: str, path: Path) -> None:
    """Writes the page.

    Raises:
        ToolError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(errors="replace"))
    except OSError as error:
        raise refused(error, f"'{path}'") from None


def page(a: Side, b: Side) -> str:
    """The two runs as a page."""
    from mlforge_tasks.page import compare as page_of_two  # noqa: PLC0415 - jinja2, matplotlib

    beside = page_of_two.Beside(
        contract_rows(a, b) if a.contract and b.contract else None,
        sides.differing(a, b) if a.tools and b.tools else None,
    )
    first, second = (page_of_two.Run(one.label, one.report) for one in (a, b))
    return page_of_two.make(first, second, beside)


def told(a: Side, b: Side) -> str:
    """The two runs as a person reads them in a console."""
    return "\n".join(
        [
            table(_rows(a, b), ("", a.label, b.label, "difference")),
            *_contracts(a, b),
            *_tools(a, b),
        ]
    )


def _rows(a: Side, b: Side) -> Iterator[tuple[str, ...]]:
    for name, one, other in comparison.facts(a.report, b.report):
        cut = (text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…" for text in (one, other))
        yield name, *cut, "" if one == other else "differs"
    for line in comparison.lines(a.report, b.report):
        yield short_name(line.metric), line.text(line.a), line.text(line.b), line.told


def contract_rows(a: Side, b: Side) -> list[tuple[str, str, str]]:
    """The contracts' fields that differ: name, and what each has."""
    found = differences(a.contract, b.contract) if a.contract and b.contract else []
    return [
        (key(one.field), shown(one.field, one.before), shown(one.field, one.after)) for one in found
    ]


def _contracts(a: Side, b: Side) -> Iterator[str]:
    rows = contract_rows(a, b)
    if not a.contract or not b.contract:
        yield "\ncontracts: not kept beside one of the reports"
    elif not rows:
        yield "\ncontracts: the same"
    else:
        yield "\ncontracts differ in"
        yield from some((f"  {name}: {one} → {other}" for name, one, other in rows), MOST)


def _tools(a: Side, b: Side) -> Iterator[str]:
    rows = sides.differing(a, b)
    if not a.tools or not b.tools:
        yield "tools: not known of one of them"
    elif not rows:
        yield "tools and packages: the same versions"
    else:
        yield "tools and packages differ in"
        yield from some((f"  {name}: {one} → {other}" for name, one, other in rows), MOST)
