"""Files of recordings in the formats of the field, and how each is read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cbor2

from mlforge_tasks.contract.sources.logs import Layout
from mlforge_tasks.datasets._arff import read_arff
from mlforge_tasks.datasets._edge_impulse import pieces, read_acquisition, read_labels
from mlforge_tasks.datasets._sensiml import read_captures
from mlforge_tasks.datasets._ts import read_ts
from mlforge_tasks.datasets._window_lines import read_window_lines
from mlforge_tasks.datasets._wisdm import read_wisdm
from tests.fuzz import mutations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.fuzz.mutations import Mutation

_LAYOUT = Layout(channels=2, order="interleaved", target="first")
_TS = b"""# remark
@timeStamps false
@univariate false
@dimensions 2
@classLabel true a b
@data
1,2,3:4,5,?:a
-1,2.5:4e3,5:b
"""
_STAMPED = b"""@timeStamps true
@targetLabel true
@data
(2020-01-01 00:00:00,1),(2020-01-01 00:00:01,2):0.5
(2020-01-01 00:00:00,1),(2020-01-01 00:00:01,2):?
"""
_ARFF = b"""% remark
@relation 'a b'
@attribute "x y" real
@attribute n {a, 'b c'}
@attribute s string
@data
1.5,a,'it\\'s'
?,"b c",x
"""
_RELATIONAL = b"""@relation r
@attribute s relational
@attribute t0 numeric
@attribute t1 numeric
@end s
@attribute c{a,b}
@data
'1,2\\n3,4',a
'5,?\\n6,?',b
"""
_WISDM = b"""33,Jogging,1,-0.6,12.6,0.5;
33,Jogging,2,0,1,2;33,Jogging,3,0,1,2;33,Jogging,4,1,2,3;
33,Walking,0,0,0,0;
19,A,5,1,2,;
"""
_LINES = b"1,2,3,4,5\n-1,2.5,3e3,4,5\n"
_ACQUIRED: dict[str, Any] = {
    "protected": {"ver": "v1", "alg": "none"},
    "payload": {
        "interval_ms": 16,
        "sensors": [{"name": "a"}, {"name": "b"}],
        "values": [[1, 2.5], [3, -4], [5, 6]],
    },
}
_SEGMENTS = [{"label": "a", "startIndex": 0, "endIndex": 1}]
_LISTED: dict[str, Any] = {
    "files": [
        {
            "path": "a.json",
            "category": "training",
            "label": {"type": "multi-label", "labels": _SEGMENTS},
            "metadata": {"who": "x"},
        },
        {"path": "b.json", "category": "testing", "label": {"type": "label", "label": 1}},
    ]
}
_CAPTURES: list[dict[str, Any]] = [
    {
        "file_name": "a.csv",
        "metadata": [{"name": "set", "value": "train"}],
        "sessions": [
            {
                "session_name": "S",
                "segments": [{"name": "Label", "value": "x", "start": 0, "end": 2}],
            }
        ],
    }
]


def _labels(data: bytes) -> object:
    found = read_acquisition(json.dumps(_ACQUIRED).encode(), "a.json")
    return [pieces(found.recording, listed) for listed in read_labels(data, "info.labels")]


_WAYS: tuple[tuple[Callable[[bytes], object], Mutation], ...] = (
    (lambda data: read_ts(data, "a.ts"), mutations.csv_text),
    (lambda data: read_arff(data, "a.arff", None), mutations.csv_text),
    (lambda data: read_arff(data, "a.arff", "channels"), mutations.csv_text),
    (lambda data: read_wisdm(data, "a.txt"), mutations.csv_text),
    (lambda data: read_window_lines(data, "a.csv", _LAYOUT), mutations.csv_text),
    (lambda data: read_acquisition(data, "a.json"), mutations.json_text),
    (lambda data: read_acquisition(data, "a.cbor"), mutations.binary),
    (_labels, mutations.json_text),
    (lambda data: read_captures(data, "a.dcli"), mutations.json_text),
)
MUTATE = tuple(mutate for _, mutate in _WAYS)


def read(way: int, data: bytes) -> object:
    """Reads a file in one way."""
    return _WAYS[way][0](data)


def seeds() -> Iterable[bytes]:
    """Files that are right, for each way."""
    yield from (b"\0" + text for text in (_TS, _STAMPED))
    yield b"\1" + _ARFF
    yield b"\2" + _RELATIONAL
    yield b"\3" + _WISDM
    yield b"\4" + _LINES
    yield b"\5" + json.dumps(_ACQUIRED).encode()
    yield b"\6" + cbor2.dumps(_ACQUIRED)
    yield b"\7" + json.dumps(_LISTED).encode()
    yield b"\10" + json.dumps(_CAPTURES).encode()
