"""Images for Zephyr, built with west and run in QEMU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks import plugins
from mlforge_tasks.contract.board import Board, board_names, load_board
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.platforms.zephyr import PLUGIN, ZephyrImage
from mlforge_tasks.runners import instruction_counts
from mlforge_tasks.runners.qemu import PLUGIN as QEMU
from tests.helpers import tiny_model
from tests.helpers.zephyr_images import MARKS, OTHER_CORES, build

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = [load_board(name) for name in board_names() if name not in OTHER_CORES]
EMULATED = [one.name for one in KNOWN if one.zephyr and one.qemu]
M3 = load_board("mps2/an385")
M4 = load_board("mps2/an386")
SMALL = load_board("qemu_cortex_m3")


pytestmark = MARKS


def infer(board: Board, folder: Path, data: bytes) -> bytes:
    """Runs the tiny model once."""
    with QEMU.open(board, folder / "firmware.elf", tiny_model.EXPECTED) as session:
        return session.infer(data).output


def outcome(board: Board, folder: Path) -> CandidateFailure:
    """How an image that does not come up fails."""
    with (
        pytest.raises(CandidateFailure) as caught,
        QEMU.open(board, folder / "firmware.elf", tiny_model.EXPECTED),
    ):
        pass
    return caught.value


def test_the_platform_is_a_plug_in() -> None:
    """A contract can name it, and its tools are part of a firmware's key."""
    assert plugins.load("platforms", "zephyr") is PLUGIN
    versions = PLUGIN.tool_versions(M3)
    assert {"gcc", "toolchain", "zephyr", "zephyr_version", "tflite-micro"} <= set(versions)


@pytest.mark.parametrize("name", EMULATED)
def test_every_board_answers(name: str, tmp_path: Path) -> None:
    """Each emulated board boots, identifies itself and computes."""
    board = load_board(name)
    try:
        PLUGIN.require(board, "aot")
        QEMU.tool_versions(board)
    except ToolError as missing:  # of a core that is no Arm
        pytest.skip(missing.message)
    folder = build(board, tmp_path)
    with QEMU.open(board, folder / "firmware.elf", tiny_model.EXPECTED) as session:
        for sample in (bytes([1, 2, 3]), bytes([130, 2, 250])):
            assert session.infer(sample).output == tiny_model.add(sample)
        assert session.inputs_through == "memory"
        counts = instruction_counts(board, session.self_test)
        assert counts[len(counts) // 2] - counts[0] <= 1  # but for interrupts all the same
        stacks = {one.name: one for one in session.self_test.stacks}
        assert {"main", "idle", "interrupts"} <= set(stacks)
        assert all(0 < one.used_bytes <= one.reserved_bytes for one in stacks.values())


def test_another_model_needs_no_configuration(tmp_path: Path) -> None:
    """A swap leaves CMake's files alone, and the image is the new model's."""
    one = build(M3, tmp_path / "one")
    folder = PLUGIN._folder(M3, "c").path
    before = (folder / "build" / "build.ninja").stat().st_mtime_ns
    two = build(M3, tmp_path / "two", invoke="input[0]++;")
    assert (folder / "build" / "build.ninja").stat().st_mtime_ns == before
    assert infer(M3, one, b"\x01\x02\x03") == b"\x06"
    assert infer(M3, two, b"\x01\x02\x03") == b"\x07"


def test_sizes_are_the_images(tmp_path: Path) -> None:
    """Flash is what is programmed, RAM the variables; the model's share is told apart."""
    plain = build(M3, tmp_path / "plain")
    big = build(
        M3,
        tmp_path / "big",
        globals_="static volatile int8_t extra[1000], preset[500] = {1};",
        invoke="extra[input[0] & 7] = preset[1];",
    )
    sizes = [ZephyrImage.read(folder / "zephyr.json") for folder in (plain, big)]
    assert sizes[1].whole.flash_bytes == (big / "firmware.bin").stat().st_size
    # Sections begin at multiples of 64: what a model adds may have been padding.
    grown = sizes[1].model_ram_bytes - sizes[0].model_ram_bytes
    assert 1500 - 64 < grown < 1500 + 64
    assert 500 <= sizes[1].model_flash_bytes - sizes[0].model_flash_bytes < 500 + 128
    assert sizes[0].without_model == sizes[1].without_model
    assert 0 < sizes[0].model_flash_bytes < 1000
    assert sizes[0].whole.stack_reserved_bytes == sizes[1].whole.stack_reserved_bytes > 4096


def test_what_does_not_fit_is_a_result(tmp_path: Path) -> None:
    """The agent learns by how much."""
    with pytest.raises(CandidateFailure) as caught:
        build(
            SMALL,
            tmp_path,
            globals_="static volatile int8_t extra[100000];",
            invoke="extra[input[0] & 7] = 1;",
        )
    reason = caught.value.reason
    assert (reason.code, reason.metric, reason.limit) == ("does_not_fit", "ram_bytes", 64 << 10)
    assert reason.value is not None
    assert reason.value > 100_000


def test_an_overflowing_stack_is_a_fault(tmp_path: Path) -> None:
    """The guard catches it before a neighbour's data is spoilt."""
    folder = build(
        M3,
        tmp_path,
        globals_="static int deep(volatile int8_t *p) "
        "{ volatile int8_t f[8]; f[0] = 1; return *p == 99 ? 0 : deep(f) + f[0]; }",
        invoke="return deep(input);",
    )
    failure = outcome(M3, folder)
    assert failure.reason.code == "fault"
    assert "the stack overflowed" in failure.reason.message


def test_a_hanging_model_is_a_result(tmp_path: Path) -> None:
    """The device's own watchdog tells."""
    folder = build(M3, tmp_path, invoke="while (input[0] != 99) { *(volatile int8_t *)input; }")
    assert outcome(M3, folder).reason.code == "hang"


def test_a_board_that_zephyr_does_not_know_is_explained(tmp_path: Path) -> None:
    """The error says what to do."""
    with pytest.raises(ToolError, match=r"Zephyr does not know mps2/an505") as caught:
        build(load_board("mps2/an505"), tmp_path)
    assert caught.value.hint is not None
