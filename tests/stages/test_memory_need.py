"""A training that cannot fit says what takes the memory, and what would take less."""

from __future__ import annotations

import dataclasses

import pytest

from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.stages._memory_need import Need, check
from mlforge_tasks.stages._training import BASE_BYTES

SMALL = Need(data=1, weights=1, step=1, prediction=2, outputs=1, batch=64)
GIB = 1 << 30


@pytest.mark.parametrize(
    ("large", "advice"),
    [
        ({"data": 8 * GIB}, "use fewer or narrower rows"),
        ({"step": 8 * GIB}, "lower training.batch_size (64)"),
        ({"prediction": 8 * GIB, "outputs": 4 * GIB}, "have fewer examples validate"),
        ({"prediction": 8 * GIB}, "have the first layers give less"),
    ],
)
def test_advice_is_about_what_takes_the_most(large: dict[str, int], advice: str) -> None:
    """It is a result of the candidate, with both figures; with a gibibyte more it would be none."""
    found = dataclasses.replace(SMALL, **large)
    with pytest.raises(CandidateFailure) as failure:
        check(found, 8 * GIB)
    reason = failure.value.reason
    assert (reason.code, reason.limit) == ("train_memory", 8 * GIB)
    assert reason.value == found.total > BASE_BYTES + 8 * GIB
    assert f"; {advice}" in reason.message
    assert "needs at least 8.4 GiB of memory, its limit is 8 GiB" in reason.message


def test_a_small_training_fits() -> None:
    """In what it takes, to the byte."""
    check(SMALL, SMALL.total)


def test_what_the_machine_lacks_is_no_candidates_fault() -> None:
    """However much the contract gives it."""
    with pytest.raises(ToolError, match=r"of memory: the .* left"):
        check(dataclasses.replace(SMALL, data=GIB << 20), GIB << 21)
