"""What a trace says of an inference, and every trace that says nothing."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.meters import Burst, LostSamplesError, Trace
from mlforge_tasks.meters._energy import SETTLING_SAMPLES, energy
from mlforge_tasks.meters._evidence import MOST_ROWS, keep
from mlforge_tasks.meters._student import estimate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WINDOW = 200
PERIOD_S = 1e-3
BURST = Burst(windows=12, inferences=50, least_s=0.2, most_s=0.2)


def trace(windows: int = 12, noise_w: float = 1e-12, drift_w: float = 0.0, seed: int = 1) -> Trace:
    """Windows of 20 mW with pauses of 2 mW, at 1 kHz."""
    marker = np.tile(np.repeat([False, True], WINDOW), windows)
    marker = np.concatenate([marker, np.zeros(WINDOW, dtype=bool)])
    power = np.where(marker, 20e-3, 2e-3)
    power += np.random.default_rng(seed).normal(0, noise_w, len(power))
    power += np.linspace(0, drift_w, len(power))
    return Trace(PERIOD_S, power, marker, np.zeros(len(power), dtype=bool))


def test_an_inference_is_what_it_adds_to_idle() -> None:
    """18 mW above idle for 0.2 s are 3,600 uJ, of 50 inferences 72 uJ each; with idle 80 uJ."""
    found = energy(trace(), BURST)
    assert found.per_inference_uj.value == pytest.approx(72)
    assert found.with_idle_uj.value == pytest.approx(80)
    assert found.active_power_uw.value == pytest.approx(20_000)
    assert found.idle_power_uw.value == pytest.approx(2_000)
    assert (found.windows, found.inferences) == (11, 50)


def test_the_interval_holds_the_answer_as_often_as_it_says() -> None:
    """19 times in 20, of traces with noise."""
    found = [energy(trace(noise_w=1e-3, seed=seed), BURST).per_inference_uj for seed in range(100)]
    assert 90 <= sum(one.low < 72 < one.high for one in found) <= 99


def test_a_drift_of_the_supply_cancels() -> None:
    """By as much as an inference adds; only that a window comes later than its pause is left."""
    found = energy(trace(drift_w=18e-3), BURST).per_inference_uj
    assert found.value == pytest.approx(72 * (1 + 200 / 5000), rel=1e-3)
    assert found.high - found.low < 0.1


def test_what_is_close_to_an_edge_does_not_count() -> None:
    """A meter that settles within a few samples says the same."""
    smeared = trace()
    edges = np.flatnonzero(np.diff(smeared.marker.astype(int)))
    for edge in edges:
        smeared.power_w[edge + 1 : edge + 1 + SETTLING_SAMPLES] = 10e-3
    assert energy(smeared, BURST).per_inference_uj.value == pytest.approx(72)


def _clipped(one: Trace) -> Trace:
    one.clipped[WINDOW + 5] = True
    return one


def _shown(one: Trace, marker: np.ndarray) -> Trace:
    return replace(one, marker=marker)


def _spike(one: Trace) -> Trace:
    one.marker[WINDOW // 2] = True
    return one


def _gap(one: Trace) -> Trace:
    one.marker[WINDOW + 50 : WINDOW + 53] = False
    return one


def _short(one: Trace) -> Trace:
    """The third window is 3 % too short."""
    one.marker[5 * WINDOW : 5 * WINDOW + 6] = False
    return one


def _nothing(one: Trace) -> Trace:
    return replace(one, power_w=one.power_w[:0], marker=one.marker[:0], clipped=one.clipped[:0])


def _offset(one: Trace, offset_w: float = 2.1e-3) -> Trace:
    return replace(one, power_w=one.power_w - offset_w)


def _flat(one: Trace) -> Trace:
    return replace(one, power_w=np.full_like(one.power_w, 1e-3))


FAULTS: dict[str, tuple[Callable[[Trace], Trace], str]] = {
    "lost": (lambda one: replace(one, lost="a hole"), "lost samples: a hole"),
    "no samples": (_nothing, "recorded nothing"),
    "never": (lambda one: _shown(one, np.zeros_like(one.marker)), "never saw the marker in 5000"),
    "always": (lambda one: _shown(one, np.ones_like(one.marker)), "high all the time"),
    "begins high": (lambda one: _shown(one, ~one.marker), "begins within a window"),
    "a spike": (_spike, "pulses or gaps shorter than half a window: glitches"),
    "a gap": (_gap, "pulses or gaps shorter"),
    "one too many": (lambda _: trace(windows=13), "saw 13 windows, the board made 12"),
    "one too few": (lambda _: trace(windows=11), "saw 11 windows, the board made 12"),
    "another clock": (lambda one: replace(one, period_s=1.05e-3), "210 ms by the meter's clock"),
    "too short": (_short, "194 ms by the meter's clock and 200 to 200 ms by the board's"),
    "clipped": (_clipped, "range was left"),
    "zero is off": (_offset, "zero is off: between inferences it sees -100 to -100 uW"),
    "no difference": (_flat, "sees no more power"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_odd_trace_is_no_figure(fault: str) -> None:
    """An error says what is odd, and where it is the wiring, what to look at."""
    spoilt, said = FAULTS[fault]
    with pytest.raises(ToolError, match=said) as error:
        energy(spoilt(trace()), BURST)
    assert isinstance(error.value, LostSamplesError) == (fault == "lost")


def test_no_power_is_below_zero() -> None:
    """Of an interval about zero the worse end stays; what an inference adds is as it was."""
    noisy = trace(noise_w=5e-3)
    true = energy(noisy, BURST)
    half_uw = true.idle_power_uw.high - true.idle_power_uw.value
    found = energy(_offset(noisy, (true.idle_power_uw.value + half_uw / 2) / 1e6), BURST)
    idle = found.idle_power_uw
    assert (idle.value, idle.low) == (0, 0)
    assert idle.high == pytest.approx(half_uw / 2)
    assert found.per_inference_uj.value == pytest.approx(true.per_inference_uj.value)


def test_a_meter_that_is_too_slow() -> None:
    """Ten samples a window cannot tell where it begins."""
    slow = trace()
    thin = Trace(20 * PERIOD_S, slow.power_w[::20], slow.marker[::20], slow.clipped[::20])
    with pytest.raises(ToolError, match="has 10 samples of the meter, wanted at least 50"):
        energy(thin, BURST)


def test_clipping_outside_of_the_windows_is_no_matter() -> None:
    """Such as while the board is flashed."""
    one = trace()
    one.clipped[3] = one.clipped[-3] = True
    assert energy(one, BURST).windows == 11


def test_the_interval_is_students() -> None:
    """Held against scipy, for every number of windows that the table has."""
    special = pytest.importorskip("scipy.special", reason="the extra 'audio' is not installed")
    for count in (2, 5, 12, 31):
        values = [float(value) for value in range(count)]
        found = estimate(values)
        spread = np.std(values, ddof=1) / np.sqrt(count)
        half = special.stdtrit(count - 1, 0.975) * spread
        assert found.value == np.mean(values)
        assert found.high - found.value == pytest.approx(half, rel=1e-3)
        assert found.value - found.low == pytest.approx(half, rel=1e-3)


def test_the_trace_is_kept_in_little_room(tmp_path: Path) -> None:
    """A long one has means of neighbours; the same trace gives the same bytes."""
    long = trace()
    count = 3 * MOST_ROWS
    many = Trace(1e-5, np.resize(long.power_w, count), np.resize(long.marker, count), long.clipped)
    for name in ("one", "two"):
        keep(many, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    lines = gzip.decompress((tmp_path / "one").read_bytes()).decode().splitlines()
    assert len(lines) == 1 + MOST_ROWS
    assert lines[0].endswith("of 3 samples")
    assert float(lines[1].split(",")[1]) == pytest.approx(2e-3)
    assert (tmp_path / "one").stat().st_size < 1_500_000
