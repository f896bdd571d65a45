"""The version of a stage's code: a digest of all it is made of.

A stage is its module, every first-party module that one imports (directly or not), and the data
files it names (templates, C sources). Editing any of them makes its cached results stale; editing
anything else does not.
"""

from __future__ import annotations

import ast
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.graph.store import file_digest
from mlforge_tasks.records import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PACKAGE = "mlforge_tasks"
PROJECT_ROOT = Path(__file__).resolve().parents[2]
_SKIPPED = {"__pycache__"}


@functools.cache
def _find(module: str) -> Path | None:
    path = f"{PROJECT_ROOT}/{module.replace('.', '/')}"
    for candidate in (f"{path}.py", f"{path}/__init__.py"):
        if os.path.isfile(candidate):  # noqa: PTH113 - most are not, and a Path costs more
            return Path(candidate)
    return None


def module_file(module: str) -> Path:
    """Source file of a first-party module.

    Raises:
        FileNotFoundError: There is no such module.
    """
    path = _find(module)
    if path is None:
        raise FileNotFoundError(f"no module '{module}' below {PROJECT_ROOT}")
    return path


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Every statement below some, at whatever depth; imports are nowhere else.

    `ast.walk` would look into expressions too, and took half of a run that has nothing to do.
    """
    todo = list(body)
    while todo:
        node = todo.pop()
        yield node
        for name in ("body", "orelse", "handlers", "finalbody", "cases"):
            todo.extend(getattr(node, name, ()))


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _with_parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    yield from (".".join(parts[: end + 1]) for end in range(len(parts)))


@functools.cache
def _direct_imports(module: str) -> frozenset[str]:
    """First-party modules that a module's source names, wherever in it."""
    path = _find(module)
    if path is None:
        return frozenset()
    statements = _statements(ast.parse(path.read_bytes()).body)
    named = {name for node in statements for name in _imported(node)}
    names = {name for name in named if name.startswith(PACKAGE)}
    parents = {parent for name in names for parent in _with_parents(name)}
    return frozenset(name for name in parents if _find(name) is not None)


def modules(roots: Iterable[str]) -> frozenset[str]:
    """The roots, their parents, and all first-party modules they import, directly or not."""
    seen: set[str] = set()
    todo = [name for root in roots for name in _with_parents(root)]
    while todo:
        module = todo.pop()
        if module not in seen:
            seen.add(module)
            todo.extend(_direct_imports(module))
    return frozenset(seen)


@functools.cache
def _cached_digest(path: Path) -> str:
    return file_digest(path)


def forget_sources() -> None:
    """Makes the next `code_version` read everything anew."""
    for cached in (_find, _direct_imports, _cached_digest, code_version):
        cached.cache_clear()


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for found in sorted(path.rglob("*")):
        if found.is_file() and not _SKIPPED & set(found.parts):
            yield found


@functools.cache
def code_version(roots: tuple[str, ...], resources: tuple[str, ...] = ()) -> str:
    """Digest of some modules' import closure and some files or folders.

    Args:
        roots: Dotted module names.
        resources: Paths relative to the project root; a folder means every file below it.

    Raises:
        FileNotFoundError: A module or resource is not there.
    """
    paths = {_find(module) for module in modules(roots)}
    missing = [root for root in roots if _find(root) is None]
    missing += [name for name in resources if not (PROJECT_ROOT / name).exists()]
    if missing:
        raise FileNotFoundError(f"no such stage code: {', '.join(missing)}")
    for name in resources:
        paths.update(_files(PROJECT_ROOT / name))
    digests = {
        path.relative_to(PROJECT_ROOT).as_posix(): _cached_digest(path)
        for path in paths
        if path is not None
    }
    return sha256_bytes(canonical_json(digests))
