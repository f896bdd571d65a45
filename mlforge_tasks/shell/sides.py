"""What `doit compare` lays side by side: two runs, by their contracts or their folders."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doit.exceptions import InvalidDodoFile

from mlforge_tasks.contract.differences import differences, key, pair
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph.files import read_own
from mlforge_tasks.graph.manifest import PROVENANCE, Provenance
from mlforge_tasks.shell import each_target
from mlforge_tasks.shell.command import program
from mlforge_tasks.verdict.trials import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlforge_tasks.pipeline.plan import Plan

REPORT, CONTRACT, DELIVERED = "report.json", "contract.json", "delivered"
# Between a version and the digest of the file that said it.
_DIGEST = "sha256:"


@dataclass(frozen=True)
class Side:
    """A run.

    Attributes:
        label: What it is called; the two of a comparison are told apart by it.
        asked: As the command line has it.
        tree: The folder that is named, or the contract's in the build tree.
        folder: Where its report lies.
        report: What it came to.
        contract: What it was asked, as JSON; empty where that was not kept.
        tools: Versions of tools and packages that made it, by their names; empty where only the
            report was kept.
        edited: Fields of the contract that are not as they were for this run: name, what it was,
            what it is; None where a folder is named, or the run kept no contract.
    """

    label: str
    asked: str
    tree: Path
    folder: Path
    report: Report
    contract: Mapping[str, Any]
    tools: Mapping[str, str]
    edited: Sequence[tuple[str, str, str]] | None = None


def read(words: Mapping[str, str], load: Callable[[str], Plan]) -> tuple[Side, Side]:
    """The two runs of a command line.

    Args:
        words: The command line's: `a`, `b`.
        load: A contract's plan; raises `InvalidDodoFile` where it is broken.

    Raises:
        MlforgeError: One is not named, or there is no run.
    """
    asked = [words.get(name) for name in ("a", "b")]
    if None in asked:
        raise MlforgeError(
            "found no a=, or no b=, to compare",
            hint="`doit compare a=contracts/x.yaml b=contracts/y.yaml`, or two folders of runs",
        )
    a, b = (_side(name, str(one), load) for name, one in zip("ab", asked, strict=True))
    if a.label == b.label:
        a, b = (_called(one, one.asked) for one in (a, b))
    if a.label == b.label:
        a, b = _called(a, f"{a.label} (a)"), _called(b, f"{b.label} (b)")
    return a, b


def _called(side: Side, label: str) -> Side:
    return replace(side, label=label)


def _side(name: str, asked: str, load: Callable[[str], Plan]) -> Side:
    if each_target.is_contract(asked):
        try:
            plan = load(asked)
        except InvalidDodoFile as error:
            raise MlforgeError(f"{name}={asked}: {error}") from None
        side = _of(name, asked, plan.folder, f"{program()} run contract={asked}")
        return replace(side, edited=_edited(side, plan))
    folder = Path(asked).expanduser()
    if not folder.is_dir():
        raise MlforgeError(
            f"{name}={asked}: there is no such folder",
            hint=f"{name}=contracts/x.yaml, or the folder of a run, such as {name}=build/x",
        )
    return _of(name, asked, folder, "a folder that has report.json, or delivered/ with one")


def _edited(side: Side, plan: Plan) -> list[tuple[str, str, str]] | None:
    """What of a contract is not as it was for the run that its tree is of."""
    if not side.contract:
        return None
    return told(side.contract, plan.contract.model_dump(mode="json"))


def told(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Fields of two contracts that differ: name, and what each has, as a person writes it."""
    return [(key(one.field), *pair(one)) for one in differences(before, after)]


def same_run(a: Side, b: Side) -> bool:
    """Whether both are what lies in one folder."""
    return a.folder.resolve() == b.folder.resolve()


def _of(name: str, asked: str, folder: Path, instead: str) -> Side:
    """The run whose tree, or delivery, a folder is."""
    place = next((one for one in (folder / DELIVERED, folder) if (one / REPORT).is_file()), None)
    if place is None:
        raise MlforgeError(
            f"{name}={asked}: no run has delivered, there is no '{folder / DELIVERED / REPORT}'",
            hint=instead,
        )
    try:
        report = Report.read(place / REPORT)
        contract = json.loads(read_own(place / CONTRACT)) if (place / CONTRACT).is_file() else {}
    except (OSError, ValueError) as error:
        raise MlforgeError(
            f"{name}={asked}: '{place / REPORT}' was not written by this MLForge: "
            f"{str(error).splitlines()[0]}",
            hint="run that contract again",
        ) from None
    tools = dict(_tools(place, folder, report.best))
    return Side(report.name, asked, folder, place, report, contract, tools)


def _tools(delivered: Path, folder: Path, best: str | None) -> Iterator[tuple[str, str]]:
    """Versions by name, from what lies beside the delivery and the best candidate's outputs."""
    places = [delivered / PROVENANCE]
    if best is not None:
        number, _, candidate = best.partition(".")
        at = folder / "iterations" / f"{int(number):02d}" / candidate
        places += sorted(at.glob(f"*/{PROVENANCE}"))
    for place in places:
        try:
            document = Provenance.read(place).key_document
        except (OSError, ValueError):
            continue
        environment = document.get("environment")
        if isinstance(environment, dict):
            yield from _named(environment.get("packages"), "")
            yield "Python", _version(environment.get("python"))
            yield from _named(environment.get("processor"), "processor ")
        yield from _named(document.get("tools"), "")


def _named(found: object, prefix: str) -> Iterator[tuple[str, str]]:
    if isinstance(found, dict):
        yield from ((f"{prefix}{name}", _version(value)) for name, value in found.items())


def _version(value: object) -> str:
    """What a tool says of itself; of one that says nothing the first digits of its digest."""
    version, found, digest = str(value).partition(_DIGEST)
    return version.strip() or (f"{found}{digest[:12]}" if found else str(value))


def differing(a: Side, b: Side) -> list[tuple[str, str, str]]:
    """Tools that two runs were made with in different versions, and what each had.

    Empty where one of them kept none: nothing is known then.
    """
    if not a.tools or not b.tools:
        return []
    names = sorted(a.tools.keys() | b.tools.keys(), key=str.lower)
    pairs = ((name, a.tools.get(name, "none"), b.tools.get(name, "none")) for name in names)
    return [one for one in pairs if one[1] != one[2]]
