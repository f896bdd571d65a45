"""What is told of a model file that keeps something, by what the contract says of it."""

from __future__ import annotations

import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.stages._state import NoStateError, of_state
from tests.helpers import graphs


@pytest.mark.parametrize(
    ("op", "named"),
    [
        ("ASSIGN_VARIABLE", "(VAR_HANDLE)"),
        ("SVDF", "(SVDF)"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", ""),  # each window is one for itself, as always
    ],
)
def test_that_a_state_is_cleared_is_told(op: str, named: str) -> None:
    """Unless the contract has it kept, where there is nothing to say."""
    model = graphs.single_operator(op, 1)
    keeps, told = of_state(model, "cleared")
    assert not keeps
    assert [named in one and "`search: {state: kept}`" in one for one in told] == [True] * bool(
        named
    )
    assert of_state(model, "kept") == (True, ())


def test_a_state_that_is_not_there_cannot_be_kept() -> None:
    """A contract that wants it is wrong about the file."""
    model = graphs.single_operator("RELU", 1)
    assert of_state(model, "cleared") == (False, ())
    with pytest.raises(NoStateError, match="keeps nothing"):
        of_state(model, "kept")
