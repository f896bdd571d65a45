"""The MLPerf Tiny commands, as the benchmark's runner sends them, beside the framed protocol."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks import plugins
from mlforge_tasks.build_report import FirmwareReport
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.contract.loader import load
from mlforge_tasks.engines._report import EngineReport
from mlforge_tasks.errors import ToolError
from mlforge_tasks.pipeline.plan import make_plan
from mlforge_tasks.runners._frames import Frame, FrameType
from mlforge_tasks.runners._program import Program, running
from mlforge_tasks.runners.qemu import command
from mlforge_tasks.stages import firmware
from tests.helpers import tiny_model
from tests.helpers.builds import edited
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlforge_tasks.runners._program import Console

BOARD = load_board("mps2/an385")
BUILDS = {"floor", "probe_firmware", "firmware"}
LIMIT_S = 60.0
NAME = "kws01"
EXTRA_HEADER = """\
#define MODEL_OUTPUT_SCALE 0.25f
#define MODEL_OUTPUT_ZERO_POINT (-8)
"""

pytestmark = pytest.mark.slow


class Dut:
    """Speaks as the benchmark's runner does: a command, `%`, lines up to `m-ready`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._text = ""

    def until(self, mark: str) -> str:
        """Everything up to a mark."""
        deadline = self._console.clock() + LIMIT_S
        while mark not in self._text:
            left_s = deadline - self._console.clock()
            assert left_s > 0, f"no {mark!r} after {self._text!r}"
            self._text += self._console.read(left_s).decode()
        before, _, self._text = self._text.partition(mark)
        return before

    def ask(self, command: str) -> list[str]:
        """The lines of an answer."""
        self._console.write(f"{command}%".encode())
        return [line for line in self.until("m-ready\r\n").splitlines() if line]


def make_image(platform: str, mlperf: str | None, folder: Path) -> Path:
    """The tiny model's ELF file, as the firmware stage makes it of a contract's `target`."""
    model = tiny_model.write_model(folder / "src", invoke="input[0] = input[0];")
    with (model / "model_data.h").open("a") as header:
        header.write(EXTRA_HEADER)
    made = EngineReport(engine="tiny", cpu=BOARD.cpu, arena_bytes=0, layers=())
    made.write(folder / "engine.json")
    config = {"platform": platform, "board": BOARD.model_dump(mode="json"), "mlperf": mlperf}
    config["toolchain"] = "gcc"
    firmware.run({"header": model, "engine": folder}, folder, config)
    return folder / "firmware.elf"


@pytest.fixture(
    scope="module", params=["baremetal", pytest.param("zephyr", marks=pytest.mark.zephyr)]
)
def elf(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with the commands in it."""
    if request.param == "zephyr":
        try:
            plugins.load("platforms", "zephyr").require(BOARD, "aot")
        except ToolError as missing:
            pytest.skip(missing.message)
    return make_image(request.param, NAME, tmp_path_factory.mktemp("mlperf"))


@pytest.fixture
def dut(elf: Path) -> Iterator[Dut]:
    """The device after its boot."""
    with running(Program(command(BOARD, elf)), lambda how: how.outcome("QEMU")) as console:
        device = Dut(console)
        device.until("m-init-done\r\n")
        yield device


def test_device_says_what_it_is(dut: Dut) -> None:
    """The runner reads name and model with exactly these patterns."""
    assert re.match(r"^m-(name)-dut-\[([^]]+)]$", dut.ask("name")[0])
    profile, model = dut.ask("profile")
    assert re.match(r"^m-profile-\[[^]]+]$", profile)
    assert model == f"m-model-[{NAME}]"


def test_loaded_input_is_inferred(dut: Dut) -> None:
    """Bytes come in pieces; the result is dequantised: (10 + 20 - 3 + 8) / 4."""
    assert dut.ask("db load 3") == ["m-[Expecting 3 bytes]"]
    assert dut.ask("db 0a14") == []
    assert dut.ask("db fd") == ["m-load-done"]
    assert dut.ask("db print") == ["m-buffer-0a-14-fd"]
    lines = dut.ask("infer 5 2")
    assert [line.rstrip("0123456789") for line in lines[:6]] == [
        "m-warmup-start-",
        "m-warmup-done",
        "m-infer-start-",
        "m-lap-us-",
        "m-lap-us-",
        "m-infer-done",
    ]
    assert lines[6] == "m-results-[8.750]"
    assert dut.ask("results") == ["m-results-[8.750]"]


def test_a_runner_that_heard_the_boot_is_not_one_answer_behind(elf: Path) -> None:
    """It takes everything up to the first `m-ready` for the answer to its first command."""
    with running(Program(command(BOARD, elf)), lambda how: how.outcome("QEMU")) as console:
        device = Dut(console)
        assert "m-name-dut-[mlforge]" in device.ask("name")
        assert device.ask("profile")[1] == f"m-model-[{NAME}]"


def test_what_is_not_loaded_is_not_inferred(dut: Dut) -> None:
    """A result of half an input, or of none, would be wrong without a word."""
    (none,) = dut.ask("infer 1 1")
    dut.ask("db load 3")
    dut.ask("db 0a14")
    (half,) = dut.ask("infer 1 1")
    assert none == half == "e-[The model takes 3 bytes: 'db load' them first]"


def test_time_passes_between_laps(dut: Dut) -> None:
    """A lap is a time stamp in microseconds."""
    first, second = (int(dut.ask("timestamp")[0].removeprefix("m-lap-us-")) for _ in range(2))
    assert second > first


@pytest.mark.parametrize(
    "command",
    [
        *("", "fly", "db", "db load", "db load 2", "db load 4", "db load x", "db 123", "db zz"),
        *("infer 0", "infer x"),
    ],
)
def test_nonsense_is_answered(dut: Dut, command: str) -> None:
    """Every command gets an error line and leaves the device ready."""
    dut.ask("db load 3")
    (answer,) = dut.ask(command)
    assert answer.startswith("e-[")
    assert dut.ask("name") == ["m-name-dut-[mlforge]"]


def test_a_command_that_is_too_long_does_no_harm(dut: Dut) -> None:
    """What does not fit is dropped with its meaning."""
    assert dut.ask("x" * 1000)[0].startswith("e-[Unknown command")
    assert dut.ask("name") == ["m-name-dut-[mlforge]"]


def test_frames_and_commands_share_the_line(dut: Dut) -> None:
    """A command before, between and after frames disturbs neither."""
    assert dut.ask("name") == ["m-name-dut-[mlforge]"]
    dut._console.write(Frame(7, FrameType.INFER, bytes([1, 2, 3])).encode())
    assert dut.until("\n").startswith("$7,O,")
    assert dut.ask("name") == ["m-name-dut-[mlforge]"]


def test_without_a_name_nothing_of_it_is_in_the_image(tmp_path: Path) -> None:
    """No byte of flash or RAM is spent, and the two images are never taken for one another."""
    with_it = make_image("baremetal", NAME, tmp_path / "with")
    without = make_image("baremetal", None, tmp_path / "without")
    assert b"m-ready" in with_it.with_suffix(".bin").read_bytes()
    assert b"m-ready" not in without.with_suffix(".bin").read_bytes()
    reports = [FirmwareReport.read(elf.with_suffix(".json")) for elf in (with_it, without)]
    assert reports[0].firmware_id != reports[1].firmware_id
    assert reports[0].static_ram_bytes > reports[1].static_ram_bytes


def test_a_contract_names_it(tmp_path: Path) -> None:
    """Every firmware of the contract is built with it, the one without a model too."""
    target = "target: {board: mps2/an385, platform: baremetal, engine: aot"
    contract = edited(TANK, tmp_path, (target, f"{target}, mlperf: tank"))
    plan = make_plan(load(contract, ROOT), "tank", root=ROOT, build=tmp_path / "build")
    stages = list(plan.stages(plan.iterations[:1]))
    built = [stage for stage in stages if stage.name.partition(":")[0] in BUILDS]
    assert {stage.name.partition(":")[0] for stage in built} == BUILDS
    assert all(stage.config["mlperf"] == "tank" for stage in built)
