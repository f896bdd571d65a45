"""`doit board`: the file of a board that Zephyr knows, beside the contracts, to look through."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mlforge_tasks.contract.board import Board, board_file, board_names, find_board, load_board
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph import product
from mlforge_tasks.platforms._zephyr import describe
from mlforge_tasks.platforms.zephyr import BUILD_ROOT
from mlforge_tasks.yaml_file import read_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.platforms._zephyr.describe import Description

# About what an instruction takes where nothing is known: those of a core without a cache.
NOMINAL_CYCLES = 1.6


class Asked(NamedTuple):
    """What a command line asks for.

    Attributes:
        name: The board's, as Zephyr writes it.
        path: Where its file goes.
        root: A tree of boards, relative to the project.
    """

    name: str
    path: Path
    root: str | None


def read(words: Mapping[str, str]) -> Asked:
    """What is asked for, before anything is done.

    Args:
        words: The command line's: `name`, as Zephyr writes it; `folder`, a tree of boards.

    Raises:
        MlforgeError: There is no name, or the board or its file is there already.
    """
    name = words.get("name")
    if name is None:
        raise MlforgeError(
            "found no name of a board", hint="`doit board name=nucleo_l476rg`, as Zephyr writes it"
        )
    path = board_file(name, product.project() / "contracts" / "boards")
    if path.exists():
        raise MlforgeError(f"'{path}' is there already", hint="remove it, or edit it")
    known = find_board(name)
    if known is not None and "folder" not in words:
        raise MlforgeError(
            f"MLForge has the board '{known.name}' already: {board_file(known.name)}",
            hint=f"copy that file to '{path}' to change it for your contracts",
        )
    return Asked(name, path, _root(words.get("folder")))


def write(words: Mapping[str, str]) -> tuple[Path, list[str]]:
    """Writes a board's file.

    Args:
        words: As for `read`.

    Returns:
        The file, and what in it is to be looked at.

    Raises:
        MlforgeError: As `read`; or Zephyr knows no such board.
        ToolError: Zephyr cannot be configured for it.
    """
    name, path, root = read(words)
    found = describe.describe(name, product.project() / root if root else None, BUILD_ROOT)
    text = "\n".join(_lines(found, root)) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    read_model(path, Board)
    return path, [line.partition("CHECK: ")[2] for line in text.splitlines() if "CHECK: " in line]


def _root(folder: str | None) -> str | None:
    """A tree of boards, relative to the project."""
    if folder is None:
        return None
    project = product.project().resolve()
    place = (project / Path(folder).expanduser()).resolve()
    if not (place / "boards").is_dir() or not place.is_relative_to(project):
        raise MlforgeError(
            f"folder={folder}: wanted a folder of the project with `boards/<vendor>/<board>/`"
        )
    return place.relative_to(project).as_posix()


def _lines(found: Description, root: str | None) -> Iterator[str]:
    alike = [board for board in map(load_board, board_names()) if board.cpu == found.cpu]
    yield f"# {found.name}: core, memories and clocks as Zephyr's Kconfig and devicetree have them."
    yield f"name: {found.name}"
    yield f"cpu: {found.cpu}"
    yield f"gcc_flags: [{', '.join(found.gcc_flags)}]"
    for key in ("fpu", "dsp", "mve"):
        yield f"{key}: {str(getattr(found, key)).lower()}"
    for key, (origin, size) in (("flash", found.flash), ("ram", found.ram)):
        yield f"{key}: {{origin: {origin:#010x}, length: {size >> 10} KiB}}"
    yield from _clocks(found, alike)
    yield "stack: 4 KiB"
    if found.emulated:
        yield "# CHECK: a `qemu` section, as qemu_cortex_m3.yaml has: QEMU emulates it"
    yield from _zephyr(found, alike, root)


def _clocks(found: Description, alike: list[Board]) -> Iterator[str]:
    clock = f"clock_hz: {found.clock_hz or found.tick_hz:_}"
    yield clock if found.clock_hz else f"{clock}   # CHECK: clock_hz, the core's own: not told"
    cycles = next((one.cycles_per_instruction for one in alike), None)
    why = f"as of {alike[0].name}" if alike else "CHECK: cycles_per_instruction, nominal"
    yield f"cycles_per_instruction: {cycles or NOMINAL_CYCLES}   # where forecasts start; {why}"
    yield "# CHECK: wait_states of its flash at that clock (data sheet): {flash: 3, line: 16 B}"
    yield f"systick_hz: {found.tick_hz:_}"


def _zephyr(found: Description, alike: list[Board], root: str | None) -> Iterator[str]:
    emulated = [one.name for one in alike if one.qemu and one.zephyr and _same(one, found)]
    parts = [f"target: {found.name}"]
    parts += [f"arch: {found.arch}"] if found.arch != "arm" else []
    parts += [f"modules: [{', '.join(found.modules)}]"] if found.modules else []
    parts += [f"arena_on: {emulated[0]}"] if emulated and not found.emulated else []
    parts += ["options: [CONFIG_TIMING_FUNCTIONS=y]"] if found.cycle_counter else []
    parts += [f"board_root: {root}"] if root else []
    yield f"zephyr: {{{', '.join(parts)}}}"


def _same(board: Board, found: Description) -> bool:
    return (board.dsp, board.mve) == (found.dsp, found.mve)
