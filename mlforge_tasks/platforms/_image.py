"""Compiles C sources and links them with the bare-metal start-up code into a firmware image.

Any `main()` becomes an image: the start-up code brings up clock and UART, calls it, and sends an
EOT byte when it returns. Identical sources give identical images in whatever folder they lie.
"""

from __future__ import annotations

import functools
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.build_report import Compilation
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process, product
from mlforge_tasks.graph.tool_versions import once
from mlforge_tasks.platforms import _clang, _gnu, _objects
from mlforge_tasks.platforms._fit import does_not_fit, ended_by_itself
from mlforge_tasks.render import render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.contract.ports import Pin, Uart
    from mlforge_tasks.contract.sections import Toolchain

APP = product.path("zephyr_app/src")
APPLICATION = (APP / "app.c", APP / "spread.c")
STARTUP = Path(__file__).parent / "_baremetal"

C_FLAGS = (
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-ffunction-sections",
    "-fdata-sections",
)
LINK_FLAGS = (
    _gnu.PICOLIBC_SPECS,
    "-nostartfiles",
    "-Wl,--gc-sections",
    "-Wl,--orphan-handling=error",
    "-Wl,--fatal-warnings",
    "-Wl,--build-id=none",
)

_OVERFLOW = re.compile(r"region `(FLASH|RAM)' overflowed by (\d+) bytes")


@dataclass(frozen=True)
class Image:
    """A linked image and the sizes of its sections.

    Attributes:
        elf: The image with its symbols.
        flash_bytes: Code, constants and initial values of variables.
        static_ram_bytes: Variables, without the stack.
        stack_bytes: What is reserved for the stack.
        heap_bytes: The same for a heap, of which the linker script has none.
    """

    elf: Path
    flash_bytes: int
    static_ram_bytes: int
    stack_bytes: int
    heap_bytes: int


@once
def tool_versions(toolchain: Toolchain, *flags: str) -> Mapping[str, str]:
    """What compiler, linker and C library are, for the key of everything they make.

    Args:
        toolchain: Whose compiler; linker and libraries are GNU's with either.
        flags: What selects the core's code generation, and with it the libraries.

    Raises:
        ToolError: One of them is not installed, or does not work.
    """
    clang = _clang.identity(*flags) if toolchain == "llvm" else {}
    return {**_gnu.identity(*flags), **clang}


def require(toolchain: Toolchain) -> None:
    """Looks for the tools and the C library, and has those that say their version do so.

    Raises:
        ToolError: One of them is not installed, or does not work.
    """
    _gnu.require()
    tool_versions(toolchain)


def linker_script(board: Board) -> str:
    """The linker script of a board."""
    return render("baremetal/link.ld.jinja", board=board)


def _define(name: str, value: int | str) -> str:
    return f'-D{name}="{value}"' if isinstance(value, str) else f"-D{name}={value}u"


def _level(optimisation: str, source: Path) -> str:
    """The model is built for speed, what is around it for size, as on Zephyr."""
    return "-Os" if source.parent in {APP, STARTUP} else optimisation


def _compiler(toolchain: Toolchain) -> tuple[str, tuple[str, ...]]:
    """A compiler, and the options with which it makes what GNU's linker and libraries take."""
    if toolchain == "llvm":
        return _clang.program(), _clang.flags(_gnu.picolibc_headers())
    return _gnu.tool("gcc"), (_gnu.PICOLIBC_SPECS,)


def _compiling(
    board: Board,
    toolchain: Toolchain,
    defines: Mapping[str, int | str],
    includes: Sequence[Path],
    *,
    optimisation: str,
    work: Path,
) -> _objects.Compiling:
    compiler, flags = _compiler(toolchain)
    uart = uart_of(board)
    macros = {"HAL_UART_BASE": uart.base, "HAL_TICK_HZ": board.systick_hz, **defines}
    return _objects.Compiling(
        compiler=compiler,
        identity=tool_versions(toolchain, *board.gcc_flags),
        flags=(*board.gcc_flags, *C_FLAGS, *flags),
        macros={key: _define(key, value) for key, value in macros.items()},
        includes=[path.resolve() for path in (*includes, APP, STARTUP)],
        level_of=functools.partial(_level, optimisation),
        work=work,
    )


def _link(
    board: Board, toolchain: Toolchain, objects: Sequence[str], work: Path, name: str
) -> None:
    """Makes `<name>.elf`, `.bin` and `.map`."""
    linking = (*LINK_FLAGS, *(_clang.LINK_FLAGS if toolchain == "llvm" else ()))
    (work / "link.ld").write_text(linker_script(board))
    argv = [_gnu.tool("gcc"), *board.gcc_flags, *linking, "-T", "link.ld", f"-Wl,-Map={name}.map"]
    done = process.run([*argv, *objects, "-o", f"{name}.elf"], timeout_s=_gnu.TIMEOUT_S, cwd=work)
    overflow = _OVERFLOW.search(done.output)
    if overflow is not None and ended_by_itself(done):
        raise does_not_fit(board, overflow[1], int(overflow[2]))
    if done.timed_out or done.returncode != 0:
        raise done.broken(f"linking for {board.name}")
    copy = [_gnu.tool("objcopy"), "-O", "binary", f"{name}.elf", f"{name}.bin"]
    process.check(copy, timeout_s=_gnu.TIMEOUT_S, cwd=work)


def _section_bytes(elf: Path) -> dict[str, int]:
    output = process.check([_gnu.tool("size"), "-A", str(elf)], timeout_s=_gnu.TIMEOUT_S)
    lines = (line.split() for line in output.splitlines())
    return {line[0]: int(line[1]) for line in lines if line and line[0].startswith(".")}


def _measured(elf: Path) -> Image:
    size = _section_bytes(elf)
    return Image(
        elf=elf,
        flash_bytes=size[".text"] + size[".data"],
        static_ram_bytes=size[".data"] + size[".bss"],
        stack_bytes=size[".stack"],
        heap_bytes=size.get(".heap", 0),
    )


def compilation(board: Board, toolchain: Toolchain, optimisation: str = "-O2") -> Compilation:
    """What `link_image` compiles with.

    Raises:
        ToolError: The compiler is not there.
    """
    program, flags = _compiler(toolchain)
    how = (one for one in flags if not one.startswith(("/", "-isystem")))
    common = (*board.gcc_flags, *C_FLAGS, *how)
    return Compilation(
        compiler=process.first_line([program, "--version"], timeout_s=_gnu.TIMEOUT_S),
        model_flags=(*common, optimisation),
        application_flags=(*common, "-Os"),
    )


def marker_of(board: Board) -> Pin:
    """The pin that tells a meter when the model runs.

    Raises:
        ToolError: The board's file has none.
    """
    if board.marker is None:
        raise ToolError(
            f"the file of {board.name} names no pin that could mark inferences for a meter",
            hint="`marker: {kind: cmsdk, base: …, pin: …}` in it, or `platform: zephyr`",
        )
    return board.marker


def uart_of(board: Board) -> Uart:
    """The UART that the image speaks through.

    Raises:
        ToolError: There is no driver for it.
    """
    if board.uart is None:
        raise ToolError(
            f"platform 'baremetal' has no driver for the UART of {board.name}",
            hint="platform: zephyr",
        )
    return board.uart


def link_image(
    board: Board,
    sources: Sequence[Path],
    out: Path,
    *,
    include_dirs: Sequence[Path] = (),
    defines: Mapping[str, int | str] | None = None,
    name: str = "firmware",
    optimisation: str = "-O2",
    toolchain: Toolchain = "gcc",
) -> Image:
    """Builds `out/<name>.elf`, `.bin` and `.map`.

    Args:
        board: What it is for.
        sources: C files, one of them with `main()`; the start-up code and the framed protocol are
            added.
        out: An existing folder.
        include_dirs: Folders of headers; `zephyr_app/src` is added.
        defines: Macros; text becomes a C string, a number an unsigned constant.
        name: Stem of the files made.
        optimisation: The option for all sources but the start-up code and the application's.
        toolchain: Whose compiler makes the objects; GNU's tools link them.

    Raises:
        CandidateFailure: It does not fit into the board's flash or RAM (`does_not_fit`).
        ToolError: A tool is missing, or a source does not compile or link.
    """
    _gnu.picolibc_specs()
    hal = STARTUP / f"hal_{uart_of(board).kind}.c"
    fixed = (STARTUP / "startup.c", STARTUP / "fault.c", hal)
    everything = [path.resolve() for path in (*fixed, APP / "protocol.c", *sources)]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        image = (board, toolchain, defines or {}, include_dirs)
        compiling = _compiling(*image, optimisation=optimisation, work=work)
        _link(board, toolchain, compiling.objects(everything), work, name)
        for file in (f"{name}.elf", f"{name}.bin", f"{name}.map"):
            (out / file).write_bytes((work / file).read_bytes())
    return _measured(out / f"{name}.elf")
