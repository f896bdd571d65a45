"""The bare-metal platform: sizes are right, limits bind, images are the same everywhere."""

from __future__ import annotations

import dataclasses
import re
import sys
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks import plugins
from mlforge_tasks.build_report import COMPILATION, Compilation
from mlforge_tasks.contract.board import board_names, load_board
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.platforms import _gnu, _image
from mlforge_tasks.platforms.baremetal import PLUGIN
from tests.helpers import tiny_model
from tests.helpers.clang import clang_or_skip
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.contract.sections import Toolchain

BOARD = load_board("mps2/an385")


def with_memory(board: Board, *, flash_bytes: int, ram_bytes: int) -> Board:
    """The same board with smaller memories."""
    flash, ram = board.memories()
    smaller = {
        "flash": flash.model_copy(update={"length_bytes": flash_bytes}),
        "ram": ram.model_copy(update={"length_bytes": ram_bytes}),
    }
    return board.model_copy(update=smaller)


def test_platforms_are_found() -> None:
    """A contract can name the platform; helpers are no platforms."""
    assert "baremetal" in plugins.installed("platforms")
    for name in plugins.installed("platforms"):
        assert plugins.load("platforms", name).name == name


@pytest.mark.parametrize("name", [name for name in board_names() if load_board(name).uart])
def test_linker_script_has_the_boards_memory(name: str) -> None:
    """Origins and lengths come from the board file."""
    board = load_board(name)
    script = _image.linker_script(board)
    for region in board.memories():
        assert f"ORIGIN = {region.origin:#x}, LENGTH = {region.length_bytes}\n" in script
    assert f". += {board.stack_bytes};" in script


@pytest.mark.slow
@pytest.mark.parametrize("toolchain", ["gcc", "llvm"])
def test_what_compiled_an_image_lies_beside_it(toolchain: Toolchain, tmp_path: Path) -> None:
    """The compiler's version, and its options, of which none is a place."""
    if toolchain == "llvm":
        clang_or_skip()
    source = tiny_model.write_model(tmp_path / "model")
    request = dataclasses.replace(tiny_model.request(BOARD, source), toolchain=toolchain)
    PLUGIN.build(request, tmp_path)
    how = Compilation.read(tmp_path / COMPILATION)
    assert ("clang" if toolchain == "llvm" else "arm-none-eabi-gcc") in how.compiler
    assert (how.model_flags[-1], how.application_flags[-1]) == ("-O2", "-Os")
    assert {"-mcpu=cortex-m3", "-std=c11"} <= {*how.model_flags} & {*how.application_flags}
    assert not any("/" in one for one in (*how.model_flags, *how.application_flags))


@pytest.mark.slow
def test_report_has_the_sizes_of_the_image(tmp_path: Path) -> None:
    """Flash is exactly what is programmed; RAM is the variables, the stack apart."""
    source = tiny_model.write_model(
        tmp_path / "model",
        globals_="volatile int8_t extra[1000]; volatile int8_t preset[500] = {1};",
        invoke="extra[input[0] & 7] = preset[1];",
    )
    plain = PLUGIN.build(
        tiny_model.request(BOARD, tiny_model.write_model(tmp_path / "plain")), tmp_path
    )
    report = PLUGIN.build(tiny_model.request(BOARD, source), tmp_path)
    assert report.flash_bytes == (tmp_path / "firmware.bin").stat().st_size
    assert report.stack_reserved_bytes == BOARD.stack_bytes
    assert report.firmware_id == tiny_model.FIRMWARE_ID
    assert 1500 <= report.static_ram_bytes - plain.static_ram_bytes <= 1508
    assert 500 <= report.flash_bytes - plain.flash_bytes <= 600
    assert sorted(path.name for path in tmp_path.glob("firmware.*")) == [
        "firmware.bin",
        "firmware.elf",
        "firmware.map",
    ]


@pytest.mark.slow
def test_image_is_the_same_in_any_folder(tmp_path: Path) -> None:
    """ELF, binary and map have the same bytes wherever sources and outputs lie."""
    made = []
    for folder in (tmp_path / "a", tmp_path / "somewhere" / "quite" / "else"):
        model = tiny_model.write_model(
            folder / "model",
            globals_="const char *volatile where = __FILE__;",
            invoke="if (*where == input[0]) return 1;",
        )
        PLUGIN.build(tiny_model.request(BOARD, model), folder)
        made.append({path.name: path.read_bytes() for path in folder.glob("firmware.*")})
    assert made[0] == made[1]
    assert len(made[0]) == 3
    assert not [name for name, data in made[0].items() if str(tmp_path).encode() in data]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flash_bytes", "ram_bytes", "metric", "limit"),
    [(2048, 1 << 20, "flash_bytes", 2048), (1 << 20, 10000, "ram_bytes", 10000)],
)
def test_what_does_not_fit_is_a_result(
    tmp_path: Path, flash_bytes: int, ram_bytes: int, metric: str, limit: int
) -> None:
    """Overflowing flash, or RAM with the stack in it, fails the candidate by the exact figure."""
    source = tiny_model.write_model(tmp_path / "model", input_bytes=3000)
    fits = PLUGIN.build(tiny_model.request(BOARD, source), tmp_path)
    small = with_memory(BOARD, flash_bytes=flash_bytes, ram_bytes=ram_bytes)
    with pytest.raises(CandidateFailure) as caught:
        PLUGIN.build(tiny_model.request(small, source), tmp_path)
    reason = caught.value.reason
    assert (reason.code, reason.metric, reason.limit) == ("does_not_fit", metric, limit)
    ram_need = fits.static_ram_bytes + fits.stack_reserved_bytes
    need = {"flash_bytes": fits.flash_bytes, "ram_bytes": ram_need}[metric]
    assert reason.value == pytest.approx(need, abs=8)  # alignment


@pytest.mark.slow
def test_memory_that_is_just_enough_links(tmp_path: Path) -> None:
    """The limit itself is still allowed: a board with exactly the reported sizes links."""
    source = tiny_model.write_model(tmp_path / "model")
    report = PLUGIN.build(tiny_model.request(BOARD, source), tmp_path)
    exact = with_memory(
        BOARD,
        flash_bytes=report.flash_bytes,
        ram_bytes=report.static_ram_bytes + report.stack_reserved_bytes,
    )
    assert PLUGIN.build(tiny_model.request(exact, source), tmp_path) == report


@pytest.mark.slow
@pytest.mark.parametrize(
    ("globals_", "what"),
    [("int broken(", "model.c"), ("static int unused;", "'unused' defined but not used")],
    ids=["syntax", "warning"],
)
def test_a_source_that_does_not_compile_is_a_broken_tool(
    tmp_path: Path, globals_: str, what: str
) -> None:
    """The compiler's own last lines are shown; a warning is an error."""
    source = tiny_model.write_model(tmp_path, globals_=globals_)
    with pytest.raises(ToolError, match=what):
        PLUGIN.build(tiny_model.request(BOARD, source), tmp_path)


@pytest.mark.slow
def test_what_no_code_uses_costs_nothing(tmp_path: Path) -> None:
    """Unused functions and data are dropped, even such as could not be linked."""
    unused = "int missing(void); int calls(void) { return missing(); } int8_t many[9999] = {1};"
    plain = tiny_model.write_model(tmp_path / "plain")
    padded = tiny_model.write_model(tmp_path / "padded", globals_=unused)
    reports = [
        PLUGIN.build(tiny_model.request(BOARD, source), tmp_path) for source in (plain, padded)
    ]
    assert reports[0] == reports[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("globals_", "invoke", "what"),
    [
        ("int missing(void);", "return missing();", "undefined reference to `missing'"),
        ("static _Thread_local int n = 1;", "n += input[0]; if (n) return n;", "thread-local data"),
    ],
)
def test_what_cannot_be_linked_is_a_broken_tool(
    tmp_path: Path, globals_: str, invoke: str, what: str
) -> None:
    """A missing function, or data the start-up code does not set up, stops the build."""
    source = tiny_model.write_model(tmp_path, globals_=globals_, invoke=invoke)
    with pytest.raises(ToolError, match=what):
        PLUGIN.build(tiny_model.request(BOARD, source), tmp_path)


def refuses(folder: Path, what: str) -> None:
    """Before a run starts, and in a build."""
    _gnu.picolibc_specs.cache_clear()
    with pytest.raises(ToolError, match=what):
        PLUGIN.require(BOARD, "aot")
    with pytest.raises(ToolError, match=what):
        PLUGIN.build(tiny_model.request(BOARD, folder), folder)
    _gnu.picolibc_specs.cache_clear()


def test_missing_compiler_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the compiler the error says what to install."""
    compiler = process.which("arm-none-eabi-gcc", hint="")
    monkeypatch.setenv("PATH", str(tmp_path))
    refuses(tmp_path, r"apt-get install gcc-arm-none-eabi")
    (tmp_path / "arm-none-eabi-gcc").symlink_to(compiler)
    with pytest.raises(ToolError, match=r"apt-get install binutils-arm-none-eabi"):
        PLUGIN.require(BOARD, "aot")


def test_missing_c_library_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A compiler without picolibc is noticed before anything is compiled."""
    gcc = tmp_path / "arm-none-eabi-gcc"
    gcc.write_text("#!/bin/sh\necho picolibc.specs\n")  # as GCC answers for what it lacks
    gcc.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    refuses(tmp_path, r"apt-get install picolibc-arm-none-eabi")


def test_a_linker_that_does_not_work_is_told_before_a_run_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there, and yet it does not say its version."""
    linker = tmp_path / "arm-none-eabi-ld"
    linker.write_text("#!/bin/sh\nexit 1\n")
    linker.chmod(0o755)
    code = (
        "from mlforge_tasks.contract.board import load_board; "
        "from mlforge_tasks.platforms.baremetal import PLUGIN; "
        "PLUGIN.require(load_board('mps2/an385'), 'aot')"
    )
    done = process.run(
        [sys.executable, "-c", code],
        timeout_s=60,
        cwd=ROOT,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    assert done.returncode != 0
    assert "arm-none-eabi-ld --version` ended with 1" in done.output


@pytest.mark.slow
def test_tool_versions_are_part_of_the_key() -> None:
    """Everything that makes bytes of the image is named with a version."""
    versions = PLUGIN.tool_versions(BOARD)
    parts = {"gcc", "cc1", "as", "ld", "collect2", "libc.a", "libgcc.a", "headers"}
    parts |= {"picolibc.specs", "arm-none-eabi-ld", "objcopy", "size"}
    assert parts <= set(versions)
    assert all(re.search(r"sha256:[0-9a-f]{64}$", text) for text in versions.values())
    assert re.match(r"\d+\.\d+\.\d+ ", versions["gcc"])
    assert versions["libc.a"].startswith("picolibc ")
