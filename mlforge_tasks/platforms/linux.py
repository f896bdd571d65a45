"""The platform `linux`: the same application as a program, built with CMake and linked statically.

A program without a shared library runs wherever its processor and a kernel are: the board need not
have the C library of the compiler's version, and what it takes on disk and in memory is its own.
Engine `litert` alone has one, which is installed beside the program.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.build_report import COMPILATION, Compilation, ProgramReport
from mlforge_tasks.contract.benchmark import input_of
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import compiler, litert, process, product
from mlforge_tasks.graph.file_digests import identified
from mlforge_tasks.graph.tool_versions import once

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.contract.linux import Linux
    from mlforge_tasks.contract.sections import Toolchain
    from mlforge_tasks.platforms import BuildRequest

APP = product.path("zephyr_app/src")
PROJECT = Path(__file__).parent / "_linux"
HAL = "hal_linux.c"
LITERT = "litert"  # the engine whose library is shared
TIMEOUT_S = 300.0
PACKAGES = {"cmake": "cmake", "ninja": "ninja-build"}
APPLICATION = ("app.c", "protocol.c", "spread.c", HAL)
LIBRARY = "libc.a"
LIBRARY_PACKAGES = {
    "x86_64": "libc6-dev",
    "aarch64": "libc6-dev-arm64-cross",
    "armv7l": "libc6-dev-armhf-cross",
}
# The model is built for speed, what is around it for size, as everywhere; see CMakeLists.txt.
MODEL_LEVEL, APPLICATION_LEVEL = "-O2", "-Os"


def _linux(board: Board) -> Linux:
    if board.linux is None:
        raise ToolError(
            f"{board.name} runs no Linux: its board file has no 'linux' section",
            hint="name another board, or `platform: baremetal`",
        )
    return board.linux


def tool(board: Board, name: str) -> str:
    """Full path of one of the tools for a board (`gcc`, `strip`).

    Raises:
        ToolError: It is not installed, or the board runs no Linux.
    """
    triple = _linux(board).triple
    package = f"gcc-{triple.replace('_', '-')}"
    return process.which(f"{triple}-{name}", hint=f"sudo apt-get install {package}")


def _require_library(board: Board) -> None:
    """Looks for the C library that programs are linked with, which Debian's compilers go without.

    Raises:
        ToolError: It is not installed.
    """
    argv = [tool(board, "gcc"), f"-print-file-name={LIBRARY}"]
    found = process.check(argv, timeout_s=TIMEOUT_S).strip()
    if not Path(found).is_absolute():  # GCC answers with the bare name of what it does not find
        package = LIBRARY_PACKAGES[_linux(board).arch]
        text = f"the C library of {_linux(board).triple} is not installed"
        raise ToolError(text, hint=f"sudo apt-get install {package}")


def version(board: Board) -> str:
    """The compiler for a board, by its own words; everything else that a build calls is there too.

    Raises:
        ToolError: Something is not installed.
    """
    PLUGIN.require(board, PLUGIN.engines[0])
    return _first_line(tool(board, "gcc"), "--version")


def _program(name: str) -> str:
    return process.which(name, hint=f"sudo apt-get install {PACKAGES[name]}")


def _first_line(*argv: str) -> str:
    return process.first_line(list(argv), timeout_s=TIMEOUT_S)


@once
def _versions(gcc: str, strip: str, cmake: str, ninja: str, *flags: str) -> Mapping[str, str]:
    return {
        **compiler.identity(gcc, *flags),
        "strip": identified(strip, _first_line(strip, "--version")),
        "cmake": identified(cmake, _first_line(cmake, "--version")),
        "ninja": identified(ninja, _first_line(ninja, "--version")),
    }


def _mlperf(name: str | None) -> tuple[list[str], list[str]]:
    """Macros and sources of what answers the MLPerf Tiny benchmark's runner."""
    if name is None:
        return [], []
    kind = f"MLPERF_INPUT_{input_of(name).upper()}=1"
    defines = ["MLFORGE_MLPERF=1", f'MLPERF_MODEL="{name}"', kind]
    return defines, ["mlperf.c", "mlperf_values.c"]


def _arguments(request: BuildRequest) -> list[str]:
    """What CMake is told."""
    linux = _linux(request.board)
    defines, sources = _mlperf(request.mlperf)
    defines += [
        "MLFORGE_LINUX=1",
        f'MLFORGE_ENGINE="{request.engine_name}"',
        f'MLFORGE_FIRMWARE_ID="{request.firmware_id}"',
    ]
    if request.marker:
        defines.append("MLFORGE_MARKER=1")
    if request.profile:
        sources.append("profile.c")
        defines.append("MLFORGE_PROFILE=1")
    told = {
        "CMAKE_SYSTEM_NAME": "Linux",
        "CMAKE_SYSTEM_PROCESSOR": linux.arch,
        "CMAKE_C_COMPILER": tool(request.board, "gcc"),
        "CMAKE_MAKE_PROGRAM": _program("ninja"),
        "MLFORGE_CPU": ";".join(request.board.gcc_flags),
        "MLFORGE_DEFINES": ";".join(defines),
        "MLFORGE_SOURCES": ";".join((*APPLICATION, *sources)),
        "MLFORGE_LITERT": "ON" if request.engine_name == LITERT else "OFF",
    }
    return [f"-D{name}={value}" for name, value in told.items()]


def _lay_out(request: BuildRequest, project: Path) -> None:
    """Puts everything into one folder, so that no name of an object says where its source lay."""
    shutil.copyfile(PROJECT / "CMakeLists.txt", project / "CMakeLists.txt")
    folders = {"application": APP, "header": request.header, "engine": request.engine}
    for name, folder in folders.items():
        (project / name).mkdir()
        for source in (*folder.glob("*.c"), *folder.glob("*.h")):
            shutil.copyfile(source, project / name / source.name)
    shutil.copyfile(PROJECT / HAL, project / "application" / HAL)
    if request.engine_name == LITERT:
        (project / "lib").mkdir()
        shared = litert.library(_linux(request.board).arch)
        (project / "lib" / shared.name).symlink_to(shared)


def _installed_bytes(request: BuildRequest, program: Path) -> int:
    """What is on a board's disk: the program, and what it brings with it."""
    shared = [litert.library(_linux(request.board).arch)] if request.engine_name == LITERT else []
    return sum(one.stat().st_size for one in (program, *shared))


def _static_ram_bytes(board: Board, elf: Path) -> int:
    output = process.check([tool(board, "size"), "-A", str(elf)], timeout_s=TIMEOUT_S)
    lines = (line.split() for line in output.splitlines())
    sizes = {line[0]: int(line[1]) for line in lines if line and line[0].startswith(".")}
    return sizes.get(".data", 0) + sizes.get(".bss", 0)


class LinuxPlatform:
    """Builds with CMake."""

    name = "linux"
    engines = ("aot", LITERT)
    resources = ("zephyr_app/src", "mlforge_tasks/platforms/_linux")
    stack_reserve_bytes = 600  # as on bare metal: the same code, in whatever memory
    links = True

    def engines_for(self, board: Board) -> tuple[str, ...]:  # noqa: ARG002 - the same for every board
        """See `platforms.Platform.engines_for`.

        LiteRT is to be asked for: it takes megabytes, and what it wins is time, of which an
        emulator tells nothing.
        """
        return self.engines[:1]

    def build(self, request: BuildRequest, out: Path) -> ProgramReport:
        """See `platforms.Platform.build`; `.bin` is the program without symbols."""
        elf, installed = out / "firmware.elf", out / "firmware.bin"
        cmake = _program("cmake")
        with tempfile.TemporaryDirectory() as folder:
            project, made = Path(folder), Path(folder) / "build"
            _lay_out(request, project)
            argv = [cmake, "-S", str(project), "-B", str(made), "-G", "Ninja"]
            process.check([*argv, *_arguments(request)], timeout_s=TIMEOUT_S)
            process.check([cmake, "--build", str(made)], timeout_s=TIMEOUT_S)
            for name in (elf.name, "firmware.map"):
                shutil.copyfile(made / name, out / name)
        strip = [tool(request.board, "strip"), "-o", str(installed), str(elf)]
        process.check(strip, timeout_s=TIMEOUT_S)
        flags = (*request.board.gcc_flags, "-std=c11")
        Compilation(
            compiler=_first_line(tool(request.board, "gcc"), "--version"),
            model_flags=(*flags, MODEL_LEVEL),
            application_flags=(*flags, APPLICATION_LEVEL),
        ).write(out / COMPILATION)
        return ProgramReport(
            flash_bytes=_installed_bytes(request, installed),
            static_ram_bytes=_static_ram_bytes(request.board, elf),
            firmware_id=request.firmware_id,
        )

    def require(
        self,
        board: Board,
        engine: str,
        toolchain: Toolchain = "gcc",
    ) -> None:
        """See `platforms.Platform.require`."""
        if engine == LITERT:
            litert.library(_linux(board).arch)
        _require_library(board)
        self.tool_versions(board, toolchain)

    def tool_versions(self, board: Board, toolchain: Toolchain = "gcc") -> Mapping[str, str]:
        """See `platforms.Platform.tool_versions`."""
        if toolchain != "gcc":
            raise ToolError("platform 'linux' is built with GCC alone", hint="toolchain: gcc")
        tools = (tool(board, "gcc"), tool(board, "strip"), _program("cmake"), _program("ninja"))
        return _versions(*tools, *board.gcc_flags)


PLUGIN = LinuxPlatform()
