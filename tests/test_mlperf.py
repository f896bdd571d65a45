"""The MLPerf Tiny commands, as the benchmark's runner sends them, beside the framed protocol."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.board import load_board
from mlforge_tasks.platforms._image import APP, link_image
from mlforge_tasks.runners._frames import Frame, FrameType
from mlforge_tasks.runners.qemu import _console
from tests import tiny_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlforge_tasks.runners.qemu import _Console

BOARD = load_board("mps2/an385")
LIMIT_S = 60.0
EXTRA_HEADER = """\
#define MODEL_NAME "tiny"
#define MODEL_OUTPUT_SCALE 0.25f
#define MODEL_OUTPUT_ZERO_POINT (-8)
"""

pytestmark = pytest.mark.slow


class Dut:
    """Speaks as the benchmark's runner does: a command, `%`, lines up to `m-ready`."""

    def __init__(self, console: _Console) -> None:
        self._console = console
        self._text = ""

    def until(self, mark: str) -> str:
        """Everything up to a mark."""
        while mark not in self._text:
            data = self._console.read(LIMIT_S)
            assert data, f"no {mark!r} after {self._text!r}"
            self._text += data.decode()
        before, _, self._text = self._text.partition(mark)
        return before

    def ask(self, command: str) -> list[str]:
        """The lines of an answer."""
        self._console.write(f"{command}%".encode())
        return [line for line in self.until("m-ready\r\n").split("\r\n") if line]


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's image with the commands in it."""
    folder = tmp_path_factory.mktemp("mlperf")
    model = tiny_model.write_model(folder / "model", invoke="input[0] = input[0];")
    with (model / "model_data.h").open("a") as header:
        header.write(EXTRA_HEADER)
    defines: dict[str, int | str] = {
        "MLFORGE_MLPERF": 1,
        "MLFORGE_ENGINE": "tiny",
        "MLFORGE_FIRMWARE_ID": "f1" * 32,
    }
    sources = [APP / "app.c", APP / "mlperf.c", model / "model.c"]
    return link_image(BOARD, sources, folder, include_dirs=[model], defines=defines).elf


@pytest.fixture
def dut(elf: Path) -> Iterator[Dut]:
    """The device after its boot."""
    with _console(BOARD, elf) as console:
        device = Dut(console)
        device.until("m-ready\r\n")
        yield device


def test_device_says_what_it_is(dut: Dut) -> None:
    """The runner reads name and model with exactly these patterns."""
    assert re.match(r"^m-(name)-dut-\[([^]]+)]$", dut.ask("name")[0])
    profile, model = dut.ask("profile")
    assert re.match(r"^m-profile-\[[^]]+]$", profile)
    assert model == "m-model-[tiny]"


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


def test_time_passes_between_laps(dut: Dut) -> None:
    """A lap is a time stamp in microseconds."""
    first, second = (int(dut.ask("timestamp")[0].removeprefix("m-lap-us-")) for _ in range(2))
    assert second > first


@pytest.mark.parametrize(
    "command",
    ["", "fly", "db", "db load", "db load 4", "db load x", "db 123", "db zz", "infer 0", "infer x"],
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
