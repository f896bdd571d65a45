"""A model that keeps a state: the host has it begin, and what comes twice is computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.runners._frames import Frame, FrameType, placed
from tests.helpers import native_app, tiny_model

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = b"\x01\x02\x03"


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application with a model whose output is the sum of all that came."""
    folder = tiny_model.write_model(
        tmp_path_factory.mktemp("kept"),
        invoke="kept = (int8_t)(kept + input[0]); input[0] = kept; input[1] = input[2] = 0;",
        globals_="static int8_t kept;",
        decide="#define MODEL_KEEPS_STATE 1",
    )
    source = folder / "model.c"
    text = source.read_text().replace("{ return 0; }", "{ kept = 0; return 0; }")
    assert "kept = 0" in text
    source.write_text(text)
    return native_app.build(folder)


def asked(seq: int, kind: FrameType = FrameType.INFER, data: bytes = SAMPLE) -> bytes:
    return Frame(seq, kind, b"" if kind == FrameType.BEGIN else data).encode()


def told(firmware: Path, *wire: bytes) -> list[tuple[str, int]]:
    """The last byte of each answer: of an inference its output."""
    events = native_app.answers(firmware, b"".join(wire))
    frames = [one for one in events if isinstance(one, Frame)]
    return [(one.type, one.payload[-1] if one.payload else 0) for one in frames]


def test_a_stream_goes_on_until_another_begins(firmware: Path) -> None:
    """The self-test's inferences before it leave nothing."""
    begin = [asked(1, FrameType.BEGIN), asked(5, FrameType.BEGIN)]
    wire = [begin[0], asked(2), asked(3), asked(4), begin[1], asked(6)]
    sums = [(FrameType.OUTPUT, one) for one in (1, 2, 3)]
    began = (FrameType.BEGIN, 0)
    assert told(firmware, *wire) == [began, *sums, began, sums[0]]


def test_a_request_that_comes_again_is_answered_again(firmware: Path) -> None:
    """As where its answer was lost, or its input was written again; the state does not move."""
    wire = [asked(1, FrameType.BEGIN), asked(2), asked(2), placed(2, SAMPLE), asked(3)]
    found = told(firmware, *wire)
    assert [value for kind, value in found if kind == FrameType.OUTPUT][-2:] == [1, 2]
    again = told(firmware, *wire[:3], asked(3, data=b"\x07\x00\x00"))
    assert [value for _, value in again] == [0, 1, 1, 8]


def test_nothing_is_computed_before_a_stream_begins(firmware: Path) -> None:
    """Such as after a reset: the host would take what follows for the stream that it had begun."""
    (answer,) = native_app.answers(firmware, asked(1))
    assert answer == Frame(1, FrameType.ERROR, b"no stream has begun")
