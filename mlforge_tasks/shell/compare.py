"""`doit compare`: two runs side by side, as a table and as a page."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

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
MOST_LETTERS = 60


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
    """Where the page goes: below the build tree another for each two runs."""
    if "html" in words:
        return Path(words["html"]).expanduser()
    build = Path(words.get("build", "build"))
    # '+' is in no contract's name.
    return build / "compare" / f"{_file_name(a, build)}+{_file_name(b, build)}.html"


def _file_name(side: Side, build: Path) -> str:
    """A run's name; of one that is not a contract's in the build tree, with where it lies."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", side.report.name)[:MOST_LETTERS]
    tree = side.tree.resolve()
    if tree == (build / side.report.name).resolve():
        return name
    return f"{name}@{hashlib.sha256(os.fsencode(tree)).hexdigest()[:8]}"


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
        notes(a, b),
    )
    first, second = (page_of_two.Run(one.label, one.report) for one in (a, b))
    return page_of_two.make(first, second, beside)


def told(a: Side, b: Side) -> str:
    """The two runs as a person reads them in a console."""
    return "\n".join(
        [
            table(_rows(a, b), ("", a.label, b.label, "difference")),
            *(f"\n{one}" for one in notes(a, b)),
            *_contracts(a, b),
            *_tools(a, b),
        ]
    )


def notes(a: Side, b: Side) -> list[str]:
    """What makes the figures others than those that were asked for, a line each."""
    found = [_edits(one) for one in (a, b) if one.edited]
    if sides.same_run(a, b):
        found.append(f"Both are the same run, that in '{a.folder}': there is nothing to compare.")
    return found


def _edits(side: Side) -> str:
    edits = [f"{name} {was} → {now}" for name, was, now in side.edited or ()]
    return (
        f"{side.asked}: the contract was edited since its run, whose figures these are: "
        + "; ".join(some(edits, MOST))
    )


def _rows(a: Side, b: Side) -> Iterator[tuple[str, ...]]:
    for name, one, other in comparison.facts(a.report, b.report):
        cut = (text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…" for text in (one, other))
        yield name, *cut, "" if one == other else "differs"
    for line in comparison.lines(a.report, b.report):
        yield short_name(line.metric), line.text(line.a), line.text(line.b), line.told


def contract_rows(a: Side, b: Side) -> list[tuple[str, str, str]]:
    """The contracts' fields that differ: name, and what each has."""
    return sides.told(a.contract, b.contract) if a.contract and b.contract else []


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
