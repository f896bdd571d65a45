"""The smallest networks for an input: valid, and with next to nothing in them."""

from __future__ import annotations

import pytest

from mlforge_tasks.architecture import smallest, static_figures


@pytest.mark.parametrize(
    "shape", [(1,), (490,), (24, 1), (128, 6), (1000, 3), (28, 28, 1), (49, 10, 1), (96, 96, 3)]
)
def test_each_is_a_network_for_its_input(shape: tuple[int, ...]) -> None:
    """Their shapes work out, and the first of a series or an image has hardly any work to do."""
    found = [
        static_figures(one, shape, "classification", 10)
        for one in smallest(shape, "classification")
    ]
    assert found
    if len(shape) > 1:
        # Every sixteenth pixel each way, then every sixteenth of these, then the head.
        looked_at = 1
        for side in shape[:-1]:
            looked_at *= -(-side // 16)
        assert found[0].macs <= shape[-1] * looked_at + looked_at + 10
        assert found[0].macs <= min(one.macs for one in found[1:] if one.macs > 10 * shape[-1])
