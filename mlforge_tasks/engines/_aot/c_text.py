"""Initialisers, arrays and comments as C text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.program import Constant
from mlforge_tasks.render import c_int

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import State, Tensor
    from mlforge_tasks.engines._aot.program import Value

VALUES_PER_LINE = 20
WORDS_PER_LINE = 8
INDENT = "    "


@dataclass(frozen=True)
class StateText:
    """What the template needs of a state.

    Attributes:
        place: Of its first byte.
        size: Bytes that it has.
        fill: The byte that all of it begins as, or none.
        constant: What it begins as where that is more than one byte, as a definition.
        name: Of that.
        title: For a comment.
    """

    place: int
    size: int
    fill: int | None
    constant: str
    name: str
    title: str


def initialiser(value: Value, indent: str = "") -> str:
    """A C initialiser; members that are structs get lines of their own."""
    if isinstance(value, int):
        return c_int(value)
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return "{" + ", ".join(initialiser(each) for each in value) + "}"
    if not any(isinstance(each, dict) for each in value.values()) and len(value) <= 3:
        return "{" + ", ".join(f".{k} = {initialiser(v)}" for k, v in value.items()) + "}"
    inner = indent + INDENT
    lines = [f"{inner}.{name} = {initialiser(each, inner)}," for name, each in value.items()]
    return "\n".join(["{", *lines, f"{indent}}}"])


def _lines(values: NDArray[np.integer]) -> Iterable[str]:
    if values.ndim == 2:
        return (initialiser(tuple(row)) + "," for row in values.tolist())
    per_line = VALUES_PER_LINE if values.itemsize == 1 else WORDS_PER_LINE
    texts = [c_int(value) for value in values.tolist()]
    starts = range(0, len(texts), per_line)
    return (", ".join(texts[start : start + per_line]) + "," for start in starts)


def definition(constant: Constant) -> str:
    """A constant array."""
    comment = f" /* {constant.comment} */" if constant.comment else ""
    aligned = f"_Alignas({constant.alignment_bytes}) " if constant.alignment_bytes > 1 else ""
    array = f"{constant.c_type} {constant.name}[{len(constant.values)}]"
    head = f"static const {aligned}{array} = {{{comment}"
    return "\n".join([head, *(INDENT + line for line in _lines(constant.values)), "};"])


def state_text(state: State, tensor: Tensor, place: int) -> StateText:
    """A state that lies at a place in the arena."""
    name, title = f"state_{state.tensor}", comment(tensor.name)
    values = np.frombuffer(np.ascontiguousarray(state.first).tobytes(), np.int8)
    if (values == values[0]).all():
        return StateText(place, len(values), int(values[0]), "", name, title)
    text = definition(Constant(name, "int8_t", values, "what it begins with"))
    return StateText(place, len(values), None, text, name, title)


def comment(text: str) -> str:
    """Text that cannot end the comment it stands in."""
    return "".join(char if char.isalnum() or char in " _-.,:>[]()" else "_" for char in text)
