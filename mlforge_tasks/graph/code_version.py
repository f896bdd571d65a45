"""The version of a stage's code: a digest of all it is made of.

A stage is its module, every first-party module that one imports (directly or not), and the data
files it names (templates, C sources). Editing any of them makes its cached results stale; editing
anything else does not.
"""

from __future__ import annotations

import functools
import os
from importlib.util import resolve_name
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.graph import product
from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.graph.imports import imported_names
from mlforge_tasks.graph.product import PACKAGE, ROOT
from mlforge_tasks.records import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_SKIPPED = {"__pycache__"}


def _stamp(name: str) -> tuple[int, ...]:
    """Size, times and inode of a file below the project's root; of one that is gone, nothing."""
    try:
        found = os.stat(product.place(name))  # noqa: PTH116 - a Path costs more
    except OSError:
        return ()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _sources() -> Iterator[str]:
    for folder, _, names in os.walk(ROOT / PACKAGE):
        below = os.path.relpath(folder, ROOT)
        yield from (f"{below}/{name}" for name in names if name.endswith(".py"))


# As they were when this process began to import them; of other files, when they were first read.
_first_seen = {name: _stamp(name) for name in _sources()}


@functools.cache
def _find(module: str) -> Path | None:
    path = f"{ROOT}/{module.replace('.', '/')}"
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
        raise FileNotFoundError(f"no module '{module}' below {ROOT}")
    return path


@functools.cache
def _existing(name: str) -> frozenset[str]:
    """The modules that importing a name executes: its own, where it is one, and its parents'."""
    parent = name.rpartition(".")[0]
    above = _existing(parent) if parent else frozenset()
    return above if _find(name) is None else above | {name}


@functools.cache
def _names(path: Path) -> frozenset[str]:
    return imported_names(path.read_bytes())


@functools.cache
def _direct_imports(module: str) -> frozenset[str]:
    """First-party modules that a module's source names, wherever in it."""
    path = _find(module)
    if path is None:
        return frozenset()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for name in _names(path):
        full = resolve_name(name, package) if name.startswith(".") else name
        if full.startswith(PACKAGE):
            found |= _existing(full)
    return frozenset(found)


def modules(roots: Iterable[str]) -> frozenset[str]:
    """The roots, their parents, and all first-party modules they import, directly or not."""
    seen: set[str] = set()
    todo = [name for root in roots for name in (root, *_existing(root))]
    while todo:
        module = todo.pop()
        if module not in seen:
            seen.add(module)
            todo.extend(_direct_imports(module))
    return frozenset(seen)


@functools.cache
def foreign_imports(roots: tuple[str, ...]) -> frozenset[str]:
    """What is not of this package among all that some modules import: names of top-level modules.

    Args:
        roots: As `code_version` takes them.
    """
    sources = (_find(module) for module in modules(roots))
    return frozenset().union(*(_foreign(path) for path in sources if path is not None))


@functools.cache
def _foreign(path: Path) -> frozenset[str]:
    names = (name.partition(".")[0] for name in _names(path))
    return frozenset(name for name in names if name not in {"", PACKAGE})


@functools.cache
def _module_digest(module: str) -> tuple[str, str] | None:
    """A module's path, relative to the project root, and its digest; None where there is none."""
    path = _find(module)
    return None if path is None else _digested(path)


def _digested(path: Path) -> tuple[str, str]:
    name = product.name(path)
    if name not in _first_seen:
        _first_seen[name] = _stamp(name)
    return name, file_digest(path)


@functools.cache
def _resource_digests(name: str) -> Mapping[str, str] | None:
    """The same for a file, or for every file below a folder; None where there is neither."""
    path = product.path(name)
    if not path.exists():
        return None
    found = (path, *path.rglob("*"))
    return dict(_digested(one) for one in found if one.is_file() and not _SKIPPED & {*one.parts})


def forget_sources() -> None:
    """Makes the next `code_version` read everything anew."""
    for cached in (
        *(_find, _existing, _names, _direct_imports),
        *(foreign_imports, _foreign, _module_digest, _resource_digests, code_version),
    ):
        cached.cache_clear()


def _made_of(roots: tuple[str, ...], resources: tuple[str, ...]) -> dict[str, str]:
    """Digests of all that a version counts, by path."""
    made_of = {module: _module_digest(module) for module in (*modules(roots), *roots)}
    missing = [root for root in roots if made_of[root] is None]
    resource_digests = {name: _resource_digests(name) for name in resources}
    missing += [name for name, found in resource_digests.items() if found is None]
    if missing:
        raise FileNotFoundError(f"no such stage code: {', '.join(missing)}")
    digests = dict(one for one in made_of.values() if one is not None)
    for found in resource_digests.values():
        digests |= found or {}
    return digests


@functools.cache
def code_version(roots: tuple[str, ...], resources: tuple[str, ...] = ()) -> str:
    """Digest of some modules' import closure and some files or folders.

    Args:
        roots: Dotted module names.
        resources: Paths relative to the project root; a folder means every file below it.

    Raises:
        FileNotFoundError: A module or resource is not there.
    """
    return sha256_bytes(canonical_json(_made_of(roots, resources)))


def edited(roots: tuple[str, ...], resources: tuple[str, ...] = ()) -> list[str]:
    """Which of these files were written to since this process began, whatever they hold now.

    What it imported is older than they are, and what it reads may be newer than what it read.

    Args:
        roots: As `code_version` takes them.
        resources: The same.

    Raises:
        FileNotFoundError: As `code_version`.
    """
    names = sorted(_made_of(roots, resources))
    return [name for name in names if _stamp(name) != _first_seen.get(name)]
