"""The list that SensiML's Data Studio exports beside its captures (`.dcli`, now `.dai`).

Segments are positions of samples, both ends included. A capture may have none, several sessions
that contradict each other (one by hand, one of a model's own answers), and metadata of its own.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

from pydantic import Field, TypeAdapter

from mlforge_tasks.datasets._json import Part, checked, read_json
from mlforge_tasks.datasets._recordings import Piece, Recording
from mlforge_tasks.datasets._table import shown
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Said(Part):
    name: str
    value: str | int | float | bool | None = None


class _Segment(Part):
    name: str = "Label"
    value: str | int | float
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class _Session(Part):
    name: str = Field(alias="session_name")
    segments: tuple[_Segment, ...] = ()


class Capture(Part):
    """What the list says of a file."""

    file_name: str
    metadata: tuple[_Said, ...] = ()
    sessions: tuple[_Session, ...] = ()

    @property
    def said(self) -> dict[str, str]:
        """The metadata, by name."""
        return {one.name: "" if one.value is None else str(one.value) for one in self.metadata}

    @property
    def segments(self) -> tuple[tuple[str, str, str], ...]:
        """The session and the label of each of its segments, by name, and the label's value."""
        every = ((held.name, one) for held in self.sessions for one in held.segments)
        return tuple((session, one.name, str(one.value)) for session, one in every)


Key = Literal["session", "label"]
LISTS = (".dcli", ".dai")
_LIST = TypeAdapter(tuple[Capture, ...])


def read_captures(data: bytes, where: str) -> tuple[Capture, ...]:
    """Reads a list of captures.

    Raises:
        MlforgeError: It is no such list.
    """
    wanted = "a list of captures as SensiML exports it"
    return checked(_LIST, read_json(data, where), where, wanted)


def named(captures: tuple[Capture, ...]) -> dict[Key, dict[str, Counter[str]]]:
    """The sessions and the labels that there are, and of how many segments each says what."""
    found: dict[Key, dict[str, Counter[str]]] = {"session": {}, "label": {}}
    for capture in captures:
        for session, label, value in capture.segments:
            found["session"].setdefault(session, Counter())[value] += 1
            found["label"].setdefault(label, Counter())[value] += 1
    return found


def chosen(wanted: str | None, there: Iterable[str], key: str, what: str, where: str) -> str:
    """The one of several that the contract names, or the only one.

    Raises:
        MlforgeError: There is none of that name, or the contract has to name one.
    """
    names = tuple(sorted(set(there)))
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted is None or wanted not in names:
        found = f"'{wanted}'" if wanted else "nothing"
        raise MlforgeError(
            f"{where}: dataset.source.{key}: found {found}, wanted one of the {what} "
            f"{shown(names) or '(there are none)'}",
            hint="they may contradict each other: some are a model's own answers",
        )
    return wanted


def pieces(recording: Recording, capture: Capture, session: str, label: str) -> list[Piece]:
    """The segments of a capture in a session, with their `label`.

    Raises:
        MlforgeError: A segment goes on where there are no samples.
    """
    found = []
    for one in capture.sessions:
        for segment in one.segments if one.name == session else ():
            if segment.name != label:
                continue
            if not segment.start <= segment.end < recording.rows:
                raise MlforgeError(
                    f"{recording.where}: its label '{str(segment.value)[:40]}' is said of samples "
                    f"{segment.start} to {segment.end} of {recording.rows}"
                )
            marks = {"label": str(segment.value)}
            found.append(Piece(segment.start, segment.end + 1, marks))
    return found
