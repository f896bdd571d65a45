"""A model whose input comes by rows, off the line: any bytes get the answers of a whole input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlforge_tasks.runners._frames import Frame
from tests.helpers import native_app, tiny_model

if TYPE_CHECKING:
    from pathlib import Path

ROWS, ROW_BYTES = 4, 2
INPUT_BYTES = ROWS * ROW_BYTES  # no multiple of three: the last group of digits is padded
_SEQ = 9


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application with a model that has its input whole."""
    folder = tmp_path_factory.mktemp("whole")
    return native_app.build(tiny_model.write_model(folder, input_bytes=INPUT_BYTES))


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the same one that asks for rows, and leaves the last ones out."""
    folder = tmp_path_factory.mktemp("streamed")
    size = {"rows": ROWS, "row_bytes": ROW_BYTES, "read": 2}
    return native_app.build(tiny_model.write_streamed_model(folder, **size))


_good = st.binary(min_size=INPUT_BYTES, max_size=INPUT_BYTES).map(
    lambda data: Frame(_SEQ, "I", data).encode()
)
_other = st.builds(
    lambda kind, data: Frame(_SEQ, kind, data).encode(),
    st.sampled_from("IIIQ"),
    st.binary(max_size=2 * INPUT_BYTES),
)


def _damaged(wire: bytes, position: int, bit: int) -> bytes:
    place = position % len(wire)
    return wire[:place] + bytes([wire[place] ^ 1 << bit]) + wire[place + 1 :]


_pieces = st.one_of(
    _good,
    _other,
    st.builds(lambda wire, size: wire[: size % len(wire)], _good, st.integers(0)),  # restarted
    st.builds(lambda wire, start: wire[start % len(wire) :], _good, st.integers(0)),
    st.builds(_damaged, _good, st.integers(0), st.integers(0, 7)),
    st.text("$,*=I9Aaz+/\n", max_size=20).map(str.encode),
)


@settings(max_examples=60)
@given(pieces=st.lists(_pieces, max_size=12), sample=st.binary(min_size=INPUT_BYTES, max_size=8))
def test_the_answers_are_those_of_a_whole_input(
    whole: Path, streamed: Path, pieces: list[bytes], sample: bytes
) -> None:
    """Broken, short, long and restarted frames alike, and a good one after all of them."""
    wire = b"".join([*pieces, Frame(5, "I", sample).encode()])
    found = native_app.answers(streamed, wire)
    assert found == native_app.answers(whole, wire)
    assert found[-1] == Frame(5, "O", bytes(8) + tiny_model.add(sample))
