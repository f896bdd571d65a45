"""What a Python source imports: exact where it matters, quick where it is plain to see.

A run that has nothing to do asks this of 140 sources. Parsing them all took a third of it, so
import statements are looked for with regular expressions, and a source in which one of them may
hide is parsed.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A statement begins where a line does, or behind a colon or a semicolon
# (https://docs.python.org/3/reference/grammar.html).
_PLAIN = re.compile(
    rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^()#.]*\)|[\w, \t]+|\*)"
    rb"|import[ \t]+([\w.]+(?:[ \t]+as[ \t]+\w+)?(?:,[ \t]*[\w.]+(?:[ \t]+as[ \t]+\w+)?)*)"
    rb")[ \t]*(?:#.*)?$",
    re.MULTILINE,
)
_KEYWORD = re.compile(rb"import\b")
# Other ends of a line, or of indentation, than the ones above know; and lines that go on.
_UNUSUAL = (b"\r", b"\f", b"\v", b"\\\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def imported_names(source: bytes) -> frozenset[str]:
    """The modules that a source imports, and `module.name` for each name it takes out of one.

    Args:
        source: The file's content. A text in it that reads like an import may count as one.

    Returns:
        Names as they are written: those of relative imports begin with dots.

    Raises:
        SyntaxError: It is no Python.
    """
    statements = _plain(source)
    if statements is None:
        return parsed_names(source)
    return frozenset(name for found in statements for name in _named(found))


def _plain(source: bytes) -> list[re.Match[bytes]] | None:
    """Its import statements, each of which has the word on its first line; None where one may hide.

    A word that no line begins with, nor `from` before it, is one of a text.
    """
    if source.startswith(_BYTE_ORDER_MARK) or any(one in source for one in _UNUSUAL):
        return None
    statements: list[re.Match[bytes]] = []
    end = 0
    for word in _KEYWORD.finditer(source):
        start = source.rfind(b"\n", 0, word.start()) + 1
        before = source[start : word.start()].lstrip(b" \t")
        if start < end or before.startswith(b"#"):
            continue  # in a comment, behind a statement or on a line of its own
        if b":" in before or b";" in before:
            return None
        if before and not before.startswith(b"from"):
            continue
        statement = _PLAIN.match(source, start)
        if statement is None:
            return None
        statements.append(statement)
        end = statement.end()
    return statements


def parsed_names(source: bytes) -> frozenset[str]:
    """The same, and exact: by Python's own parser.

    Raises:
        SyntaxError: It is no Python.
    """
    nodes = _statements(ast.parse(source).body)
    return frozenset(name for node in nodes for name in _imported(node))


def _taken(module: str, names: Iterable[str]) -> Iterator[str]:
    """What `from module import names` needs; a module of dots alone is the package itself."""
    yield module
    separator = "" if module.endswith(".") else "."
    yield from (f"{module}{separator}{name}" for name in names)


def _named(found: re.Match[bytes]) -> Iterator[str]:
    module, names, modules = (part.decode() if part else "" for part in found.groups())
    yield from _taken(module, _list(names.strip("()"))) if module else _list(modules)


def _list(text: str) -> Iterator[str]:
    """The names of `a, b as c`."""
    return (part.split()[0] for part in text.split(",") if part.strip())


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        yield from _taken(module, (alias.name for alias in node.names))


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Every statement below some, at whatever depth; imports are nowhere else."""
    todo = list(body)
    while todo:
        node = todo.pop()
        yield node
        for name in ("body", "orelse", "handlers", "finalbody", "cases"):
            todo.extend(getattr(node, name, ()))
