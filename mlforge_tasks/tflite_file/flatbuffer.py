"""Reads FlatBuffers with every access checked, which the library's generated Python does not do.

Format: https://flatbuffers.dev/internals/ (little endian; a table points back to its vtable, a
vector begins with its length, offsets are relative to where they stand).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from mlforge_tasks.errors import ToolError

_FIRST_SLOT, _SLOT = 4, 2
# No model's graph comes near it; a vector of tables may name one table many times.
_MOST_TABLES = 1 << 20


# https://ai.google.dev/edge/litert/models/metadata: a flatbuffer's identifier follows its offset.
_IDENTIFIER = slice(4, 8), b"TFL3"


def is_tflite(content: bytes) -> bool:
    """Whether a file is marked as a model of TensorFlow Lite."""
    return content[_IDENTIFIER[0]] == _IDENTIFIER[1]


class DamagedError(ToolError):
    """A file that is no FlatBuffer of a model."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the TensorFlow Lite flatbuffer is damaged: {what}",
            hint="copy or convert the model again; `ls -l` tells whether the file is whole",
        )


@dataclass(frozen=True)
class Table:
    """A table at a place in the file.

    Attributes:
        content: The file.
        place: Where the table begins.

    A field is named by its slot, which is its position in the schema. One that is absent has the
    default that is given. Every method raises `DamagedError` where the file ends too early.
    """

    content: memoryview
    place: int

    @classmethod
    def root(cls, content: bytes) -> Table:
        """The table that a file is about."""
        view = memoryview(content)
        return cls(view, int(_unpack(view, "<I", 0)))

    @classmethod
    def empty(cls) -> Table:
        """One without a field."""
        return cls(memoryview(struct.pack("<HHi", _FIRST_SLOT, _FIRST_SLOT, _FIRST_SLOT)), 4)

    def _field(self, slot: int) -> int | None:
        """Where a field stands."""
        vtable = self.place - _unpack(self.content, "<i", self.place)
        if vtable < 0:
            raise DamagedError("a table has no vtable")
        entry = _FIRST_SLOT + slot * _SLOT
        if entry + _SLOT > _unpack(self.content, "<H", vtable):
            return None
        offset = _unpack(self.content, "<H", vtable + entry)
        return self.place + offset if offset else None

    def scalar_place(self, slot: int) -> int | None:
        """Where a field stands in the file; None where it is absent."""
        return self._field(slot)

    def integer(self, slot: int, code: str, default: int = 0) -> int:
        """A scalar; `code` is that of `struct`."""
        place = self._field(slot)
        return default if place is None else int(_unpack(self.content, f"<{code}", place))

    def real(self, slot: int, default: float = 0.0) -> float:
        """A float32."""
        place = self._field(slot)
        return default if place is None else float(_unpack(self.content, "<f", place))

    def _follow(self, place: int) -> int:
        return place + int(_unpack(self.content, "<I", place))

    def _vector(self, slot: int, item_bytes: int) -> tuple[int, int] | None:
        """Where the items of a vector begin, and how many there are."""
        place = self._field(slot)
        if place is None:
            return None
        start = self._follow(place)
        count = int(_unpack(self.content, "<I", start))
        if start + 4 + count * item_bytes > len(self.content):
            raise DamagedError(f"a list of {count:,} entries reaches beyond its end")
        return start + 4, count

    def place_of(self, slot: int, item_bytes: int) -> tuple[int, int]:
        """Where the items of a vector begin in the file, and how many there are."""
        vector = self._vector(slot, item_bytes)
        if vector is None:
            raise DamagedError("a list is missing")
        return vector

    def raw(self, slot: int, item_bytes: int = 1) -> memoryview | None:
        """A vector's bytes; None where it is absent."""
        vector = self._vector(slot, item_bytes)
        if vector is None:
            return None
        start, count = vector
        return self.content[start : start + count * item_bytes]

    def numbers(self, slot: int, code: str) -> tuple[float, ...] | None:
        """A vector of scalars; None where it is absent."""
        form = f"<{code}"
        raw = self.raw(slot, struct.calcsize(form))
        return None if raw is None else tuple(one for (one,) in struct.iter_unpack(form, raw))

    def integers(self, slot: int) -> tuple[int, ...]:
        """A vector of int32; empty where it is absent."""
        return tuple(int(each) for each in self.numbers(slot, "i") or ())

    def table(self, slot: int) -> Table | None:
        """A table; None where it is absent."""
        place = self._field(slot)
        return None if place is None else Table(self.content, self._follow(place))

    def tables(self, slot: int) -> tuple[Table, ...]:
        """A vector of tables; empty where it is absent."""
        vector = self._vector(slot, 4)
        if vector is None:
            return ()
        start, count = vector
        if count > _MOST_TABLES:
            raise DamagedError(f"it lists {count:,} tables")
        places = range(start, start + 4 * count, 4)
        return tuple(Table(self.content, self._follow(place)) for place in places)


def _unpack(content: memoryview, code: str, place: int) -> Any:
    if place < 0 or place + struct.calcsize(code) > len(content):
        raise DamagedError(f"it ends at byte {len(content):,}, where more is named")
    return struct.unpack_from(code, content, place)[0]
