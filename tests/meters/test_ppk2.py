"""Nordic's PPK2: `ppk2-api` as it is, on a pseudo-terminal that speaks the meter's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.meters import require_library
from mlforge_tasks.meters._settings import Ppk2
from mlforge_tasks.meters.ppk2 import PLUGIN, decode
from tests.helpers.power_standin import Ppk2StandIn, Samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ppk2_api = pytest.importorskip("ppk2_api.ppk2_api", reason="the extra 'meters' is not installed")


@pytest.fixture
def meter(tmp_path: Path) -> Iterator[Ppk2StandIn]:
    """A PPK2 that is plugged in."""
    with Ppk2StandIn(tmp_path) as one:
        yield one


def settings(meter: Ppk2StandIn, **changes: Any) -> Ppk2:
    """Of the hardware map."""
    given = {"kind": "ppk2", "serial": str(meter.port), "voltage": 3.3, "marker": 0}
    return Ppk2.model_validate(given | changes)


def samples(*currents_a: float, high: bool = False, times: int = 50) -> Samples:
    """Each current some times."""
    values = np.repeat(np.asarray(currents_a), times)
    return Samples(values, np.full(len(values), high), Ppk2StandIn.RATE_HZ)


def test_every_range_and_the_marker(meter: Ppk2StandIn, tmp_path: Path) -> None:
    """Currents from 10 uA to 500 mA, each within a step, once the filter has settled."""
    given = [1e-5, 5e-4, 5e-3, 5e-2, 0.5]
    with PLUGIN.connect(settings(meter), tmp_path) as found, found.record() as recording:
        meter.play(samples(*given))
        meter.play(samples(1e-5, high=True))
        trace = recording.stop()
    assert trace.lost == ""
    assert not trace.clipped.any()
    assert trace.period_s == 1e-5
    behind = len(trace.power_w) - 6 * 50
    settled = trace.power_w[behind:].reshape(6, 50)[:, 10:].mean(axis=1)
    # A code is 4.4e-5 V at the shunt: 44 nA in the first range.
    assert settled / 3.3 == pytest.approx([*given, 1e-5], rel=3e-3)
    assert trace.marker.sum() == 50
    assert (meter.voltage_mv, meter.mode, meter.powered) == (3300, 2, True)


def test_a_current_beyond_its_range_is_clipped(meter: Ppk2StandIn, tmp_path: Path) -> None:
    """At the top of the highest one."""
    with PLUGIN.connect(settings(meter), tmp_path) as found, found.record() as recording:
        meter.play(samples(20.0))
        trace = recording.stop()
    assert trace.clipped.sum() == 50


@pytest.mark.parametrize("lost", [1, 5, 63])
def test_a_lost_sample_is_seen(meter: Ppk2StandIn, tmp_path: Path, lost: int) -> None:
    """By the counter, which the library does not look at."""
    with PLUGIN.connect(settings(meter), tmp_path) as found, found.record() as recording:
        meter.loses = lambda numbers: (numbers > 150) & (numbers <= 150 + lost)
        meter.play(samples(1e-3, times=300))
        trace = recording.stop()
    assert trace.lost == "its counter does not go on in 1 places, first behind sample 150"
    assert len(trace.power_w) == 400 - lost


def test_a_byte_that_is_lost_is_seen(meter: Ppk2StandIn) -> None:
    """What comes behind is out of step, and its counter with it."""
    words = (np.arange(300, dtype=np.uint32) & 0x3F) << 18 | 1000
    data = words.astype("<u4").tobytes()
    api = _calibrated(meter)
    assert decode(api, data, settings(meter)).lost == ""
    assert "does not go on" in decode(api, data[:401] + data[402:], settings(meter)).lost


def _calibrated(meter: Ppk2StandIn) -> Any:
    api = ppk2_api.PPK2_API(str(meter.port))
    api.current_vdd = 3300
    return api


def test_a_meter_that_only_measures(meter: Ppk2StandIn, tmp_path: Path) -> None:
    """It is told the board's voltage, which some of its corrections depend on."""
    with PLUGIN.connect(settings(meter, supplies=False), tmp_path) as found:
        assert found.identity == {"meter": "ppk2 hardware 9173 calibrated 1"}
        with found.record() as recording:
            recording.stop()
    assert (meter.mode, meter.voltage_mv) == (1, 3300)


def test_a_meter_that_was_left_measuring(meter: Ppk2StandIn, tmp_path: Path) -> None:
    """By a program that was killed: it is stopped before it is asked."""
    with PLUGIN.connect(settings(meter), tmp_path) as found, found.record() as recording:
        meter.play(samples(1e-3))
        recording.end()
    meter._measures.set()
    meter.play(samples(1e-3))
    with PLUGIN.connect(settings(meter), tmp_path) as found, found.record() as recording:
        assert recording.stop().lost == ""


def test_what_is_no_ppk2(meter: Ppk2StandIn, tmp_path: Path) -> None:
    """A port that says nothing, and one that is not there."""
    meter.answers = False
    with (
        pytest.raises(ToolError, match="does not answer as a PPK2"),
        PLUGIN.connect(settings(meter), tmp_path),
    ):
        pass
    gone = Ppk2.model_validate({"kind": "ppk2", "serial": "/dev/nowhere", "voltage": 3.0})
    with (
        pytest.raises(ToolError, match=r"/dev/nowhere: .*No such file"),
        PLUGIN.connect(gone, tmp_path),
    ):
        pass


def test_what_it_takes_is_looked_for_before(meter: Ppk2StandIn, tmp_path: Path) -> None:
    """The library and the port."""
    PLUGIN.require(settings(meter), tmp_path)
    gone = Ppk2.model_validate({"kind": "ppk2", "serial": "/dev/nowhere", "voltage": 3.0})
    with pytest.raises(ToolError, match="port /dev/nowhere is not there"):
        PLUGIN.require(gone, tmp_path)
    with pytest.raises(ToolError, match="its library: No module named 'no_such_library'") as error:
        require_library("ppk2", "no_such_library")
    assert "mlforge[meters]" in str(error.value.hint)
