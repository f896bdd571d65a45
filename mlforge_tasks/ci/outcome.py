"""What continuous integration is told of a run: how it ended, clause by clause, and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.records import Clause
    from mlforge_tasks.verdict.relaxation import Relaxation
    from mlforge_tasks.yaml_file.places import Place

# `unknown`: all that can be told is kept, and something cannot be told on this board. `data`: that
# is not what the contract says, exit code 2. `broken`: a tool, exit code 2. `refused`: nothing was
# started, exit code 3.
Ending = Literal["met", "unmet", "unknown", "data", "broken", "refused"]
WORDS: dict[Ending, str] = {
    "met": "met",
    "unmet": "not met",
    "unknown": "unknown",
    "data": "data is not what the contract says",
    "broken": "tool broke",
    "refused": "not started",
}


@dataclass(frozen=True)
class Case:
    """One clause of the contract, as the best candidate came out.

    Attributes:
        name: The clause's metric.
        key: Where its limit stands in the contract.
        status: As in the verdict.
        told: The same in words.
        why: Of an unknown one: why it is.
        clause: What was judged.
        at_least: Whether the limit is a least value.
    """

    name: str
    key: str
    status: Literal["pass", "fail", "unknown"]
    told: str
    why: str
    clause: Clause
    at_least: bool = False


@dataclass(frozen=True)
class Fault:
    """A mistake in the contract, or in a file of the user's that it names.

    Attributes:
        file: Path from the root of the repository.
        line: From 1.
        field: Dotted key; empty for the whole document.
        message: What is wrong, and what would be right.
        place: What of the line is meant; None where that is not known.
        replaced: What would be right in the place of it; None where that is not sure.
    """

    file: str
    line: int
    field: str
    message: str
    place: Place | None = None
    replaced: str | None = None


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        name: The contract's name.
        contract: Its path from the root of the repository, with `/`.
        ending: How.
        code: doit's exit code.
        headline: The same in a sentence.
        cases: The clauses, in the contract's order.
        faults: Mistakes in the contract.
        broken: What a tool said that broke, or why nothing was started; a message each.
        nobody: Of a search without a broken clause: why it found nothing, and the key that is
            about; empty where there is none.
        header: Of the candidates' table.
        rows: A candidate each, oldest first.
        best: Its id.
        notes: What else a person should know.
        given: What would have to give, least first, with the words for each.
        least: Where no model can keep the contract: what would have to give at least, in words.
        figures: What the best candidate takes, for the badge.
        properties: What was judged, by which tools.
        places: Where keys stand in the contract.
        reports: What tells more, by their paths in the build tree.
        version: MLForge's.
    """

    name: str
    contract: str
    ending: Ending
    code: int
    headline: str
    cases: tuple[Case, ...] = ()
    faults: tuple[Fault, ...] = ()
    broken: tuple[str, ...] = ()
    nobody: tuple[str, str] | None = None
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    best: str | None = None
    notes: tuple[str, ...] = ()
    given: tuple[tuple[Relaxation, str], ...] = ()
    least: str | None = None
    figures: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    reports: tuple[str, ...] = ()
    version: str = "0"

    def failing(self) -> tuple[Case, ...]:
        """The clauses that are broken."""
        return tuple(one for one in self.cases if one.status == "fail")
