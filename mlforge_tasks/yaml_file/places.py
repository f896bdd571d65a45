"""Where each value of a YAML text stands, to the character: what an editor underlines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import yaml

from mlforge_tasks.yaml_file.tree import composed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Place:
    """A stretch of a text. Lines and columns count from 1, in characters; the end is exclusive.

    Attributes:
        line: Where it begins.
        column: The same.
        end_line: Where it ends.
        end_column: The same.
        scalar: Whether it is a value on its own, quotes included, so that another can be put in
            its place; else it is a key.
        key: The key's own stretch, where this is the value of one.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    scalar: bool = False
    key: Place | None = None


def places(text: str) -> dict[str, Place]:
    """Where the values of a text stand, by dotted keys (`goal.also.0.target`).

    Of a mapping or a list it is the key; of one in a list its first character. A text that is no
    YAML, or not of the kind that is read here, has none.
    """
    root = composed(text)
    return {} if root is None else dict(_below(root, "", text))


def nearest(found: Mapping[str, Place], key: str) -> tuple[str, Place | None]:
    """A key, or what is above it where it is not in the file; nothing where neither is."""
    while key and key not in found:
        key = key.rpartition(".")[0]
    return key, found.get(key)


def _below(node: yaml.Node, key: str, text: str) -> Iterator[tuple[str, Place]]:
    dot = f"{key}." if key else ""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode):
                yield from _each(value, f"{dot}{name.value}", text, _place(name, text))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _each(value, f"{dot}{index}", text, None)


def _each(
    value: yaml.Node, key: str, text: str, named: Place | None
) -> Iterator[tuple[str, Place]]:
    if isinstance(value, yaml.ScalarNode) and value.end_mark.index > value.start_mark.index:
        yield key, replace(_place(value, text), scalar=True, key=named)
    elif named is not None:
        yield key, replace(named, key=named)
    else:
        first = _place(value, text)
        end = min(first.column + 1, first.end_column) if first.line == first.end_line else None
        yield key, replace(first, end_line=first.line, end_column=end or first.column + 1)
    yield from _below(value, key, text)


def _place(node: yaml.Node, text: str) -> Place:
    """By the index, since PyYAML ends lines at characters that editors do not end them at."""
    (line, column), (end_line, end_column) = (
        _at(mark.index, text) for mark in (node.start_mark, node.end_mark)
    )
    return Place(line, column, end_line, end_column)


def _at(index: int, text: str) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)
