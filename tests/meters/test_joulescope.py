"""Joulescopes: the driver where none is plugged in, and samples as the driver publishes them.

No Joulescope and no simulator of one was there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.meters._settings import Joulescope
from mlforge_tasks.meters.joulescope import PLUGIN, _chosen, _Recording

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = Joulescope.model_validate({"kind": "joulescope"})


def published(first: int, data: Any, rate: int = 1_000_000, decimate: int = 10) -> dict[str, Any]:
    """What a subscriber gets; the instrument counts its own samples."""
    return {
        "sample_id": first * decimate,
        "sample_rate": rate,
        "decimate_factor": decimate,
        "data": data,
    }


def bits(values: list[int]) -> Any:
    """Eight samples a byte, the first in the lowest bit."""
    return np.packbits(np.asarray(values, dtype=np.uint8), bitorder="little")


def test_power_and_marker_are_put_together() -> None:
    """They begin and end apart; a power that is no number is out of range."""
    recording = _Recording()
    recording.on_power("", published(10, np.array([1, 2, 3, 4], dtype=np.float32)))
    recording.on_marker("", published(8, bits([1, 1, 0, 0, 1, 1, 0, 1])))
    recording.on_power("", published(14, np.array([np.nan, 6], dtype=np.float32)))
    found = recording.stop()
    assert list(found.power_w) == [1, 2, 3, 4, 0, 6]
    assert list(found.marker) == [False, False, True, True, False, True]
    assert list(found.clipped) == [False, False, False, False, True, False]
    assert found.period_s == pytest.approx(1e-5)
    assert found.lost == ""


@pytest.mark.parametrize("signal", ["power", "marker"])
def test_a_hole_is_seen(signal: str) -> None:
    """By the instrument's count of its samples."""
    recording = _Recording()
    last = 16 if signal == "power" else 8
    for first in (0, last):
        recording.on_power("", published(first, np.ones(8, dtype=np.float32)))
    for first in (0, 24 - last):
        recording.on_marker("", published(first, bits([0] * 8)))
    assert recording.stop().lost == "sample 160 came, 80 was next"


def test_which_is_meant() -> None:
    """The only one, or that with the number of the hardware map."""
    assert _chosen(["u/js220/000415"], SETTINGS) == "u/js220/000415"
    both = ["u/js220/000415", "u/js320/000007"]
    with pytest.raises(ToolError, match="several Joulescopes are connected"):
        _chosen(both, SETTINGS)
    named = Joulescope.model_validate({"kind": "joulescope", "serial": "000007"})
    assert _chosen(both, named) == "u/js320/000007"


def test_the_driver_without_an_instrument(tmp_path: Path) -> None:
    """The real driver looks, and there is none."""
    pytest.importorskip("pyjoulescope_driver", reason="the extra 'meters' is not installed")
    with (
        pytest.raises(ToolError, match="no such Joulescope is connected"),
        PLUGIN.connect(SETTINGS, tmp_path),
    ):
        pass
