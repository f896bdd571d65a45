"""What is done to a model file so that the reference runs it, and what is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mlforge_tasks.tflite_file.dilations import with_dilations
from mlforge_tasks.tflite_file.ends import changed_ends, with_int8_ends
from mlforge_tasks.tflite_file.islands import with_integer_islands
from mlforge_tasks.tflite_file.joins import without_wide_joins
from mlforge_tasks.tflite_file.masks import with_near_masks
from mlforge_tasks.tflite_file.states import with_constant_states
from mlforge_tasks.tflite_file.tails import with_integer_tails
from mlforge_tasks.tflite_file.tiles import without_tiles

if TYPE_CHECKING:
    from collections.abc import Callable


class Mended(NamedTuple):
    """A model file.

    Attributes:
        content: The file.
        changed: What was done to it, for who brought it.
    """

    content: bytes
    changed: tuple[str, ...] = ()

    def then(self, change: Callable[[bytes], tuple[bytes, tuple[str, ...]]]) -> Mended:
        """The same after one thing more."""
        content, told = change(self.content)
        return Mended(content, self.changed + told)


def _ends(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    inner, told = with_integer_tails(content)
    inner = with_int8_ends(inner)
    return inner, told + changed_ends(content, inner)


def whole(content: bytes) -> Mended:
    """A file that was brought along, with what the converter of an open batch took apart.

    What is in float between integers comes first: that may be part of it.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    islands = Mended(content).then(with_integer_islands)
    return islands.then(with_dilations).then(with_constant_states).then(without_tiles)


def with_integers(mended: Mended) -> Mended:
    """The same in integers throughout, and without what the reference has no kernel for.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    return mended.then(_ends).then(without_tiles).then(without_wide_joins)


def converted(content: bytes) -> Mended:
    """What a converter or quantiser made here of a network.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    found = Mended(content).then(with_integer_islands).then(with_near_masks)
    return found.then(without_tiles).then(without_wide_joins)
