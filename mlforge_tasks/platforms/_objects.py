"""What a compiler made of C sources in this run: firmware, profile and probes share most of theirs.

It is kept in this process's memory alone. Nothing is linked that another run left somewhere.
"""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.graph import process, progress
from mlforge_tasks.records import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

# Of a text, and of an object: those of weights are larger, and no other model's.
MOST_BYTES = 1 << 17
MOST_OBJECTS = 256
TIMEOUT_S = 300.0
# Names that no header of a compiler or C library reads.
_OURS = ("HAL_", "MLFORGE_", "MLPERF_")
_INCLUDE = re.compile(r"#[ \t]*include\b[ \t]*(.*)$", re.MULTILINE)
_NAMED = re.compile(r'(["<])([^">]+)[">]')
# By these an object is made of more than the texts that are read here, or of where they lie; or a
# directive or a name is written in a way that is not read here: `%:`, `#import`, a comment after
# the `#`, a line that goes on within a word.
_MORE = re.compile(
    r"include_next|__has_include|incbin|#\s*embed|__FILE|BASE_FILE|builtin_FILE|assert\.h|__DATE__|"
    r"__TIME|\?\?=|%:|#\s*(?:import|/\*|\\)|\w\\\s*\n\w"
)

_made: dict[str, bytes] = {}


def _directives(data: bytes) -> list[str] | None:
    """What follows each `#include` of a text; None where it is made of more than that."""
    text = data.decode(errors="replace")
    return None if len(data) > MOST_BYTES or _MORE.search(text) else _INCLUDE.findall(text)


def _texts(source: Path, folders: Sequence[Path]) -> list[tuple[str, bytes]] | None:
    """A source and all that it may include from some folders, by how each is named, as it is met.

    What is in none of the folders is the compiler's or the C library's.

    Returns:
        None where that cannot be told.
    """
    met: list[tuple[str, bytes]] = []
    seen: set[Path] = set()
    todo = [(source.name, source)]
    while todo:
        name, path = todo.pop()
        met.append((name, data := path.read_bytes()))
        if path in seen:
            continue
        seen.add(path)
        directives = _directives(data)
        if directives is None:
            return None
        for directive in directives:
            named = _NAMED.match(directive)
            if named is None:
                return None
            places = ([path.parent] if named[1] == '"' else []) + [*folders]
            there = next((one / named[2] for one in places if (one / named[2]).is_file()), None)
            if there is not None:
                todo.append((named[2], there))
    return met


def _counts(macro: str, texts: Sequence[tuple[str, bytes]]) -> bool:
    """Whether a macro may be in what some texts make."""
    prefix = next((one for one in _OURS if macro.startswith(one)), None)
    if prefix is None:
        return True
    pasted = any(b"##" in data for _, data in texts)
    wanted = (prefix if pasted else macro).encode()
    return any(wanted in data for _, data in texts)


def key(
    source: Path, folders: Sequence[Path], macros: Mapping[str, str], *made_by: object
) -> str | None:
    """Digest of all that an object is made of.

    Args:
        source: A C file.
        folders: Where its headers are looked for, in that order.
        macros: What defines each macro. Of the product's own, those count that are named in a text.
        made_by: The compiler, and its other options.

    Returns:
        None where that cannot be told from the texts.
    """
    texts = _texts(source, folders)
    if texts is None:
        return None
    counted = {name: macros[name] for name in macros if _counts(name, texts)}
    files = [[name, sha256_bytes(data)] for name, data in texts]
    return sha256_bytes(canonical_json({"by": made_by, "files": files, "macros": counted}))


@dataclass(frozen=True)
class Compiling:
    """How the sources of one image are compiled.

    Attributes:
        compiler: The program.
        identity: What it is made of.
        flags: Its options for all sources.
        macros: The option that defines each, by its name.
        includes: Folders of headers, in the order in which they are looked through.
        level_of: The option that says what a source is optimised for.
        work: Where the objects go.
    """

    compiler: str
    identity: Mapping[str, str]
    flags: Sequence[str]
    macros: Mapping[str, str]
    includes: Sequence[Path]
    level_of: Callable[[Path], str]
    work: Path

    def objects(self, sources: Sequence[Path]) -> tuple[str, ...]:
        """Compiles in parallel, or takes what was made of the same before.

        Args:
            sources: C files.

        Returns:
            The objects' names, which keep the order and do not depend on the folders.

        Raises:
            ToolError: A source does not compile.
        """
        # The graph has no use for it.
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

        names = tuple(f"{index:03}_{source.stem}.o" for index, source in enumerate(sources))
        options = [*self.flags, *(self.macros[name] for name in sorted(self.macros))]
        options += self._places(sources)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            made = pool.map(functools.partial(self._make, options), sources, names)
            for done, _ in enumerate(made, 1):
                progress.tell(done, len(names), "files", sources[done - 1].name)
        return names

    def _places(self, sources: Sequence[Path]) -> list[str]:
        """Where headers are, and that no object says where its source was (__FILE__ in asserts)."""
        folders = sorted({*self.includes, *(path.parent for path in sources)})
        return [
            *(f"-I{folder}" for folder in self.includes),
            *(f"-ffile-prefix-map={folder}=." for folder in folders),
        ]

    def _make(self, options: Sequence[str], source: Path, name: str) -> None:
        made = self.work / name
        before = self._key(source)
        known = _made.get(before) if before else None
        if known is not None:
            made.write_bytes(known)
            return
        argv = [self.compiler, *options, self.level_of(source), "-c", str(source), "-o", name]
        process.check(argv, timeout_s=TIMEOUT_S, cwd=self.work)
        # A text that was edited meanwhile may be in it.
        if before and made.stat().st_size <= MOST_BYTES and before == self._key(source):
            if len(_made) >= MOST_OBJECTS:
                _made.clear()
            _made[before] = made.read_bytes()

    def _key(self, source: Path) -> str | None:
        by = self.identity, self.flags, self.level_of(source)
        return key(source, self.includes, self.macros, *by)
