"""A model whose input comes by rows: it asks for them, and nothing comes that nobody waits for."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import ToolError
from mlforge_tasks.platforms.baremetal import PLUGIN as BAREMETAL
from mlforge_tasks.runners._frames import Frame, FrameType, placed
from mlforge_tasks.runners._hello import Hello, Wanted
from mlforge_tasks.runners._inputs import Inputs
from mlforge_tasks.runners._link import Link
from mlforge_tasks.runners.qemu import PLUGIN as QEMU
from tests.helpers import native_app, tiny_model
from tests.runners.test_link import HELLO_TEXT, FirmwareProcess
from tests.runners.test_qemu import over_the_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlforge_tasks.runners._frames import BadFrame, Log

ROWS, ROW_BYTES = 4, 2
READ = 2  # the last rows are left out
INPUT_BYTES = ROWS * ROW_BYTES
SAMPLE = b"\x11\x22\x44\x88\x99\xaa\xbb\xcc"
_SEQ = 9


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application with a model that asks for rows."""
    folder = tmp_path_factory.mktemp("streamed")
    return native_app.build(tiny_model.write_streamed_model(folder, ROWS, ROW_BYTES, READ))


def row(number: int, sample: bytes = SAMPLE) -> bytes:
    """The frame that brings a row."""
    first = number * ROW_BYTES
    return Frame(first, FrameType.ROWS, sample[first:][:ROW_BYTES]).encode()


def inference(seq: int, sample: bytes = SAMPLE) -> bytes:
    """All that a host sends for one, if nothing goes wrong."""
    rows = (row(number, sample) for number in range(READ))
    return Frame(seq, FrameType.INFER, b"").encode() + b"".join(rows)


def outputs(events: list[Frame | BadFrame | Log]) -> list[Frame]:
    """What a device says but for asking."""
    frames = [event for event in events if isinstance(event, Frame)]
    return [frame for frame in frames if frame.type != FrameType.WANTED]


def _damaged(wire: bytes, position: int, bit: int) -> bytes:
    place = position % len(wire)
    return wire[:place] + bytes([wire[place] ^ 1 << bit]) + wire[place + 1 :]


_good = st.one_of(
    st.just(Frame(_SEQ, FrameType.INFER, b"").encode()),
    st.integers(0, ROWS - 1).map(row),  # too late, too early, twice
    st.just(inference(_SEQ)),
    st.just(Frame(_SEQ, FrameType.INFER, SAMPLE).encode()),
    st.just(Frame(0, FrameType.ROWS, SAMPLE).encode()),
)
_pieces = st.one_of(
    _good,
    st.builds(lambda wire, size: wire[: size % len(wire)], _good, st.integers(0)),
    st.builds(lambda wire, start: wire[start % len(wire) :], _good, st.integers(0)),
    st.builds(_damaged, _good, st.integers(0), st.integers(0, 7)),
    st.text("$,*=I9AaRP0z+/\n", max_size=20).map(str.encode),
)


@settings(max_examples=60)
@given(pieces=st.lists(_pieces, max_size=12))
def test_no_answer_is_of_other_rows(firmware: Path, pieces: list[bytes]) -> None:
    """Broken, late, doubled and cut frames alike; and a good inference after them is answered."""
    found = outputs(native_app.answers(firmware, b"".join([*pieces, inference(5)])))
    wanted = bytes(8) + tiny_model.add(SAMPLE)
    assert all(one.payload == wanted for one in found if one.type == FrameType.OUTPUT)
    assert found[-1] == Frame(5, FrameType.OUTPUT, wanted)


def test_a_row_is_asked_for_again(firmware: Path) -> None:
    """Where it came broken; of another one that comes in between nothing is taken."""
    wire = inference(7).replace(row(1), b"$2,R,AAAA*00000000\n" + row(0) + row(1))
    frames = [e for e in native_app.answers(firmware, wire) if isinstance(e, Frame)]
    asked = [Wanted.parse(one.payload) for one in frames if one.type == FrameType.WANTED]
    assert [(one.first, one.size_bytes) for one in asked] == [(0, 2), (2, 2), (2, 2)]


# What a UART without flow control and with a register for one byte makes of bytes that come while
# the model computes: all but the first are lost. Those are here that the host has sent by now.
OVERRUN = """
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
static void compute(void)
{
    char lost[4096];
    setvbuf(stdin, NULL, _IONBF, 0);
    int flags = fcntl(0, F_GETFL);
    fcntl(0, F_SETFL, flags | O_NONBLOCK);
    while (read(0, lost, sizeof lost) > 0) {
    }
    fcntl(0, F_SETFL, flags);
}
"""


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[FirmwareProcess]:
    """A device that computes before each row, and loses what comes meanwhile."""
    folder = tiny_model.write_streamed_model(
        tmp_path, ROWS, ROW_BYTES, READ, each="compute();", globals_=OVERRUN
    )
    with FirmwareProcess(native_app.build(folder)) as transport:
        yield transport


def test_nothing_comes_while_the_model_computes(forgetful: FirmwareProcess) -> None:
    """So a plain UART loses nothing; of what is sent unasked nothing arrives."""
    device = Link(forgetful, tiny_model.EXPECTED, timeout_s=30, attempts=1)
    assert device.wait_for_boot().pieces == READ
    for seed in range(20):
        sample = random.Random(seed).randbytes(INPUT_BYTES)  # noqa: S311 - an input, no secret
        assert device.infer(sample).output == tiny_model.add(sample)
    forgetful.write(inference(99))
    assert forgetful.read(30).startswith(b"$99,W,")
    forgetful.write(Frame(100, FrameType.INFER, b"").encode())
    assert forgetful.read(30).startswith(b"$100,W,")


@pytest.mark.slow
def test_rows_are_placed_in_an_emulator(tmp_path: Path) -> None:
    """Or come over its line: with the same outputs, and the same measurements before."""
    board = load_board("mps3/an547")
    request = tiny_model.request(
        board, tiny_model.write_streamed_model(tmp_path / "model", ROWS, ROW_BYTES, READ)
    )
    BAREMETAL.build(request, tmp_path)
    elf, told = tmp_path / "firmware.elf", []
    for way in (QEMU.open(board, elf, tiny_model.EXPECTED), over_the_line(board, elf)):
        with way as session:
            assert session.infer(SAMPLE).output == tiny_model.add(SAMPLE)
            told.append((session.self_test, session.inputs_through))
    assert told == [(told[0][0], "memory"), (told[0][0], "line")]


def test_rows_that_are_asked_for_without_end_or_sense() -> None:
    """A device that asks for what there is not, or does not see what it got, is a broken tool."""
    asked = b"first=2\nsize=2\nat=20\n"
    inputs = Inputs(None)
    inputs.request(1, SAMPLE)
    assert {inputs.piece(asked) for _ in SAMPLE} == {row(1)}
    assert inputs.piece(asked) is None
    for odd in (b"first=8\nsize=1\nat=0", b"first=7\nsize=2\nat=0", b"first=0\nsize=0\nat=0"):
        with pytest.raises(ToolError, match="which has 8"):
            inputs.piece(odd)
    with pytest.raises(ToolError, match="unclearly: 'size'"):
        inputs.piece(b"first=8\n")


class _Memory:
    """Takes what is written."""

    def write(self, address: int, data: bytes) -> None:
        assert (address, data) == (0x20, SAMPLE[2:4])


def test_a_device_that_sees_other_rows_is_a_broken_tool() -> None:
    """It asks once more for what was written to its memory, where no line loses anything."""
    inputs = Inputs(_Memory())
    boot = HELLO_TEXT.replace("input_bytes=3", "input_bytes=8") + "pieces=2\n"
    inputs.meet(Hello.parse(boot.encode()))
    inputs.request(1, SAMPLE)
    asked = b"first=2\nsize=2\nat=20\n"
    assert inputs.piece(asked) == placed(2, SAMPLE[2:4])
    with pytest.raises(ToolError, match="another input than was written"):
        inputs.piece(asked)
