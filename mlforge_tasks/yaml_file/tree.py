"""Safe YAML with the line of every value, as a tree that no input can make big or surprising.

PyYAML reads the text; this module only decides what is allowed and what a scalar means:

* one document, a mapping at its root, text keys, no duplicate keys;
* no anchors, aliases or tags, so nothing expands and nothing is constructed;
* bounded size and depth;
* scalars follow YAML 1.2's core schema, so `on`, `yes`, `1:30`, `2026-01-05` and `017` are text
  and `1e-3` is a number. `1_000` is read as 1000.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from mlforge_tasks.errors import ContractError, Problem
from mlforge_tasks.yaml_file import characters
from mlforge_tasks.yaml_file.units import format_bytes

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILE_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_NUMBER_CHARS = 40

_NULL, _BOOL, _INT, _FLOAT = (
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float")
)
_CORE_SCHEMA = (
    (_NULL, r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    (_BOOL, r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    (_INT, r"[-+]?(0|[1-9][0-9]*(_[0-9]+)*)|0x[0-9a-fA-F]+|0o[0-7]+", list("-+0123456789")),
    (
        _FLOAT,
        (
            r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
            r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
        ),
        list("-+0123456789."),
    ),
)

Value = bool | int | float | str | dict[str, "Node"] | list["Node"] | None


@dataclass(frozen=True)
class Node:
    """One value of the file.

    Attributes:
        line: Line of the value's key, or of the value in a list; 1 for the whole document.
        value: The scalar, or the nodes within.
        text: A scalar as it is written in the file, without quotes; else empty.
    """

    line: int
    value: Value
    text: str = ""

    def plain(self) -> Any:
        """The value as JSON would hold it."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def node_of(value: object, depth: int = MAX_DEPTH) -> Node:
    """A value that came as JSON, all on line 1, so that its mistakes are worded as a file's are.

    Args:
        value: Decoded JSON.
        depth: What is further within is left out: no field is.
    """
    if isinstance(value, dict):
        inside = value.items() if depth else ()
        return Node(1, {str(key): node_of(one, depth - 1) for key, one in inside})
    if isinstance(value, list | tuple):
        return Node(1, [node_of(one, depth - 1) for one in (value if depth else ())])
    known = value if isinstance(value, bool | int | float | str) else None
    return Node(1, known, "" if isinstance(known, str) else json.dumps(known))


@dataclass(frozen=True)
class Tree:
    """A file's values and the mistakes that did not keep it from being read.

    Attributes:
        root: The values.
        problems: The mistakes.
        unread: Fields whose values are left out, so that there is nothing more to say of them.
    """

    root: Node
    problems: tuple[Problem, ...]
    unread: frozenset[str] = frozenset()


def refusal(path: Path, line: int, found: str, wanted: str) -> ContractError:
    """The single error of a file that cannot be read any further."""
    return ContractError((Problem(f"{path}:{line}", "", found, wanted),))


def shorten(text: str, limit: int = 60) -> str:
    """The text in quotes on one line, its end cut off where it is long."""
    text = " ".join(text.split())
    return f"'{text[:limit]}...'" if len(text) > limit else f"'{text}'"


def read_tree(path: Path) -> Tree:
    """Reads a YAML file.

    Raises:
        ContractError: The file cannot be read, or is not YAML within the bounds above.
    """
    text = _read_text(path)
    try:
        root = _Loader(text).get_single_node()
    except _RefusedError as refused:
        raise refusal(path, refused.line, refused.found, refused.wanted) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise refusal(path, line, "a control character", "plain text") from None
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(path, text, error) from None
    if not isinstance(root, yaml.MappingNode):
        line = root.start_mark.line + 1 if root else 1
        raise refusal(path, line, _root_kind(root), "a mapping ('key: value' lines)")
    builder = _Builder(path)
    node = builder.node(root, 1, ())
    return Tree(node, tuple(builder.problems), frozenset(builder.unread))


def composed(text: str) -> yaml.Node | None:
    """PyYAML's nodes of a text, which have marks; None where `read_tree` would refuse it."""
    try:
        return _Loader(text).get_single_node()
    except (_RefusedError, yaml.YAMLError):
        return None


def _root_kind(root: yaml.Node | None) -> str:
    if isinstance(root, yaml.SequenceNode):
        return "a list"
    return shorten(root.value) if root and root.value else "an empty file"


def _read_text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise refusal(path, 1, "a directory or device", "a YAML file")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise refusal(path, 1, "no such file", "an existing YAML file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refusal(path, 1, f"an unreadable file ({reason})", "a readable YAML file") from None
    if len(data) > MAX_FILE_BYTES:
        found = f"more than {format_bytes(MAX_FILE_BYTES)}"
        raise refusal(path, 1, found, f"a file of at most {format_bytes(MAX_FILE_BYTES)}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise refusal(path, line, "bytes that are not UTF-8", "UTF-8 text") from None


def _syntax_error(path: Path, text: str, error: yaml.MarkedYAMLError) -> ContractError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    if isinstance(error, yaml.composer.ComposerError):
        return refusal(path, line, "a second document", "one document a file")
    if mark and text[mark.index : mark.index + 1] == "\t":
        return refusal(path, line, "a tab character", "spaces")
    detail = " ".join(part for part in (error.context, error.problem) if part)
    wanted = "valid YAML (quote text that holds ': ', '#' or starts with a special character)"
    return refusal(path, line, f"a syntax error ({detail})", wanted)


class _RefusedError(Exception):
    """YAML that is well-formed but not allowed here."""

    def __init__(self, event: yaml.Event, found: str, wanted: str) -> None:
        super().__init__(found)
        mark = event.start_mark
        self.line = mark.line + 1 if mark else 1
        self.found = found
        self.wanted = wanted


class _Loader(yaml.SafeLoader):
    """PyYAML's composer, stopped at the first event that is not allowed."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's way

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _RefusedError(event, f"the alias '*{event.anchor}'", "the value written out")
        if event.anchor is not None:
            raise _RefusedError(event, f"the anchor '&{event.anchor}'", "a value without an anchor")
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise _RefusedError(event, f"the tag {shorten(tag)}", "a value without a tag")
        if self._depth >= MAX_DEPTH:
            raise _RefusedError(event, "too deep nesting", f"at most {MAX_DEPTH} levels")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


for _tag, _pattern, _first in _CORE_SCHEMA:
    _Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), _first)


def _scalar(tag: str, text: str) -> bool | int | float | str | None:
    if tag == _NULL:
        return None
    if tag == _BOOL:
        return text.lower() == "true"
    if tag == _INT:
        return int(text.replace("_", ""), base=0)
    if tag == _FLOAT:
        # YAML writes infinity and NaN with a leading dot.
        return float(re.sub(r"\.(?=[inIN])", "", text))
    return text


class _Builder:
    """Turns PyYAML's nodes into ours and collects what is wrong on the way."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.problems: list[Problem] = []
        self.unread: set[str] = set()

    def node(self, node: yaml.Node, line: int, field: tuple[str, ...]) -> Node:
        if isinstance(node, yaml.MappingNode):
            return Node(line, self._mapping(node, field))
        if isinstance(node, yaml.SequenceNode):
            items = enumerate(node.value)
            nodes = ((item, item.start_mark.line + 1, (*field, str(at))) for at, item in items)
            return Node(line, [self.node(*one) for one in nodes])
        text = characters.joined(node.value)
        unprintable = characters.unprintable(text)
        if unprintable is not None:
            self._unread(line, field, unprintable, "printable text")
            return Node(line, "", "")
        if node.tag in (_INT, _FLOAT) and len(text) > MAX_NUMBER_CHARS:
            wanted = f"at most {MAX_NUMBER_CHARS} characters, or text in quotes"
            self._unread(line, field, f"the number {shorten(text)}", wanted)
            return Node(line, 0, "0")
        return Node(line, _scalar(node.tag, text), text)

    def _mapping(self, mapping: yaml.MappingNode, field: tuple[str, ...]) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for key_node, value_node in mapping.value:
            line = key_node.start_mark.line + 1
            key = self._key(key_node, line, field)
            if key is None:
                continue
            if key in found:
                text = f"the key {shorten(key)} again (first on line {found[key].line})"
                self._problem(line, (*field, key), text, "each key once")
                continue
            found[key] = self.node(value_node, line, (*field, key))
        return found

    def _key(self, node: yaml.Node, line: int, field: tuple[str, ...]) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._problem(line, field, "a list or mapping as a key", "a text key")
            return None
        if node.tag in (_NULL, _BOOL, _INT, _FLOAT) or characters.unprintable(node.value):
            self._problem(line, field, f"the key {shorten(ascii(node.value)[1:-1])}", "a text key")
            return None
        return str(node.value)

    def _unread(self, line: int, field: tuple[str, ...], found: str, wanted: str) -> None:
        """A mistake of a value of which nothing more is to be said."""
        self._problem(line, field, found, wanted)
        self.unread.add(self.problems[-1].field)

    def _problem(self, line: int, field: tuple[str, ...], found: str, wanted: str) -> None:
        name = ".".join(shorten(part)[1:-1] for part in field)
        self.problems.append(Problem(f"{self._path}:{line}", name, found, wanted))
