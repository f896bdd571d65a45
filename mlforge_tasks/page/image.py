"""An image cut into parts: each byte of it in one, with its symbol and the object it is from."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from elftools.elf.elffile import ELFFile

    from mlforge_tasks.page.link_map import LinkMap

_WRITE, _ALLOCATED, _THREAD = 1, 2, 0x400
GAP = "padding"


@dataclass(frozen=True)
class Part:
    """Bytes of an image.

    Attributes:
        name: The symbol, or the section that the object has them in, or `padding`.
        file: The object, with its archive; empty where the linker's map does not say.
        section: Of the image.
        address: Where they lie while the image runs.
        size_bytes: How many.
        runs: Whether they are code.
        written: Whether they are variables.
        loaded: Whether they are in the image's file, and so in flash.
        symbol: Whether the name is a symbol's.
    """

    name: str
    file: str
    section: str
    address: int
    size_bytes: int
    runs: bool
    written: bool
    loaded: bool
    symbol: bool


@dataclass(frozen=True)
class _Symbol:
    address: int
    size_bytes: int
    name: str
    runs: bool


@dataclass(frozen=True)
class _Section:
    name: str
    start: int
    end: int
    written: bool
    loaded: bool


def _symbols(elf: ELFFile) -> Mapping[int, Sequence[_Symbol]]:
    """Symbols that have a size, by their section's number; of equals the first by name."""
    from elftools.elf.sections import SymbolTableSection  # noqa: PLC0415

    table = elf.get_section_by_name(".symtab")
    arm = elf["e_machine"] == "EM_ARM"
    found: dict[int, list[_Symbol]] = {}
    for one in table.iter_symbols() if isinstance(table, SymbolTableSection) else ():
        number, kind = one["st_shndx"], one["st_info"]["type"]
        if not isinstance(number, int) or not one["st_size"] or kind == "STT_TLS":
            continue
        runs = kind == "STT_FUNC"
        address = one["st_value"] & ~1 if runs and arm else one["st_value"]
        found.setdefault(number, []).append(_Symbol(address, one["st_size"], one.name, runs))
    for some in found.values():
        some.sort(
            key=lambda one: (one.address, -one.size_bytes, one.name.startswith("_"), one.name)
        )
    return found


def _between(section: _Section, start: int, end: int, known: LinkMap) -> Iterator[Part]:
    """Bytes that no symbol has: by what the linker put there."""
    at = start
    for piece in known.pieces(section.name, start, end):
        if piece.address > at:
            yield _part(section, at, piece.address, GAP)
        stop = min(piece.end, end)
        yield _part(section, max(at, piece.address), stop, piece.section, piece.file)
        at = stop
    if at < end:
        yield _part(section, at, end, GAP)


def _part(
    section: _Section,
    start: int,
    end: int,
    name: str,
    file: str = "",
    *,
    symbol: _Symbol | None = None,
) -> Part:
    runs = symbol.runs if symbol else name.startswith(".text")
    return Part(
        name,
        file,
        section.name,
        start,
        end - start,
        runs,
        section.written,
        section.loaded,
        symbol is not None,
    )


def _file_of(section: _Section, address: int, known: LinkMap) -> str:
    return next((one.file for one in known.pieces(section.name, address, address + 1)), "")


def _cut(section: _Section, symbols: Iterable[_Symbol], known: LinkMap) -> Iterator[Part]:
    at = section.start
    for one in symbols:
        start, end = max(one.address, at), min(one.address + one.size_bytes, section.end)
        if end <= start:
            continue
        if start > at:
            yield from _between(section, at, start, known)
        file = _file_of(section, start, known)
        yield _part(section, start, end, one.name, file, symbol=one)
        at = end
    if at < section.end:
        yield from _between(section, at, section.end, known)


def read_image(content: bytes, known: LinkMap) -> tuple[Part, ...]:
    """All that an ELF file puts into memory, in parts.

    Args:
        content: It.
        known: The linker's map.

    Raises:
        elftools.common.exceptions.ELFError: It is none, or cut off.
    """
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415 - the graph imports this module

    elf = ELFFile(io.BytesIO(content))
    symbols = _symbols(elf)
    parts: list[Part] = []
    for number, one in enumerate(elf.iter_sections()):
        flags, size = one["sh_flags"], one["sh_size"]
        in_file = one["sh_type"] != "SHT_NOBITS"
        if not size or not flags & _ALLOCATED or (flags & _THREAD and not in_file):
            continue
        start = one["sh_addr"]
        section = _Section(one.name, start, start + size, bool(flags & _WRITE), in_file)
        parts += _cut(section, symbols.get(number, ()), known)
    return tuple(parts)
