"""Files of Edge Impulse's data acquisition format, and the list of labels beside them.

The format is described at https://docs.edgeimpulse.com/tools/specifications/data-acquisition/json-cbor.
Signatures are not looked at: they say who uploaded a file, not what is in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, TypeAdapter

from mlforge_tasks.datasets._extras import library
from mlforge_tasks.datasets._json import Part, checked, read_json
from mlforge_tasks.datasets._recordings import Piece, Recording
from mlforge_tasks.datasets._unpack import reading
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Mapping

LABELS = "info.labels"
ENDINGS = (".json", ".cbor")
TIME = "time"
_SPLITS = {"training": "train", "testing": "test"}


class _Sensor(Part):
    name: str
    units: str | None = None


class _Payload(Part):
    interval_ms: float = Field(gt=0)
    sensors: tuple[_Sensor, ...] = Field(min_length=1)
    values: list[Any]


class _File(Part):
    payload: _Payload


class _Segment(Part):
    """Samples with one label, both ends included."""

    label: str
    start: int = Field(alias="startIndex", ge=0)
    end: int = Field(alias="endIndex", ge=0)


class _Label(Part):
    type: Literal["label", "multi-label", "unlabeled"]
    label: str | int | float = ""
    labels: tuple[_Segment, ...] = ()


class Listed(Part):
    """What `info.labels` says of a file.

    Attributes:
        path: Where it is; by the folder of the list, or of another list further up.
        category: `training`, `testing`, or a split of the user's own.
        label: Its label, or those of its segments.
        metadata: What else is known of it.
    """

    path: str
    category: str
    label: _Label
    metadata: dict[str, str | int | float | bool | None] = Field(default_factory=dict)

    @property
    def split(self) -> str:
        """The category, in the words that other sources use."""
        return _SPLITS.get(self.category, self.category)


class _List(Part):
    files: tuple[Listed, ...]


_FILE = TypeAdapter(_File)
_LIST = TypeAdapter(_List)


@dataclass(frozen=True)
class Acquisition:
    """One file: its signals, the time from one sample to the next, and units where it says them."""

    recording: Recording
    interval_ms: float
    units: Mapping[str, str]


def read_labels(data: bytes, where: str) -> tuple[Listed, ...]:
    """Reads `info.labels`.

    Raises:
        MlforgeError: It is no such list.
    """
    content = read_json(data, where)
    wanted = "a list of labels as Edge Impulse exports it"
    return checked(_LIST, content, where, wanted).files


def read_acquisition(data: bytes, where: str) -> Acquisition:
    """Reads a file whose name ends with `.json` or `.cbor`.

    Raises:
        MlforgeError: It is no such file, or its samples do not have a value for each sensor.
    """
    wanted = "a file in Edge Impulse's data acquisition format"
    content = _decoded(data, where)
    payload = checked(_FILE, content, where, wanted).payload
    names = tuple(sensor.name for sensor in payload.sensors)
    try:
        values = np.array(payload.values, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        values = np.empty((0, 0))
    if values.ndim == 1 and len(names) == 1:  # one sensor's values need no lists
        values = values[:, None]
    if values.ndim != 2 or values.shape[1] != len(names) or len(set(names)) != len(names):
        raise MlforgeError(
            f"{where}: payload.values: wanted a number for each of {', '.join(names)} in each "
            "sample, and each name once"
        )
    signals = {name: values[:, index] for index, name in enumerate(names)}
    times = np.arange(len(values)) * (payload.interval_ms / 1000)
    units = {one.name: one.units for one in payload.sensors if one.units}
    return Acquisition(Recording(where, {**signals, TIME: times}), payload.interval_ms, units)


def _decoded(data: bytes, where: str) -> Any:
    if not where.endswith(".cbor"):
        return read_json(data, where)
    cbor2 = library("cbor2", "cbor", "CBOR files")
    with reading(where, "not CBOR data"):
        try:
            return cbor2.loads(data)
        except MemoryError as error:  # a few bytes can ask for any amount of it
            raise ValueError("it asks for more memory than there is") from error


def pieces(recording: Recording, listed: Listed) -> list[tuple[Piece, dict[str, str]]]:
    """A file's recordings: the whole of it, or each of its segments.

    Samples between segments are left out.

    Returns:
        Each, and what is said of it: `label`, `split`, `file` and the metadata.

    Raises:
        MlforgeError: A segment goes on where there are no samples.
    """
    said = {name: "" if it is None else str(it) for name, it in listed.metadata.items()}
    said |= {"split": listed.split, "file": listed.path}
    if listed.label.type != "multi-label":
        whole = {**said, "label": str(listed.label.label)}
        return [(Piece(0, recording.rows), whole)]
    found = []
    for segment in listed.label.labels:
        if not segment.start <= segment.end < recording.rows:
            raise MlforgeError(
                f"{recording.where}: its label '{segment.label[:40]}' is said of samples "
                f"{segment.start} to {segment.end} of {recording.rows} ({LABELS})"
            )
        piece = Piece(segment.start, segment.end + 1)
        found.append((piece, {**said, "label": segment.label}))
    return found
