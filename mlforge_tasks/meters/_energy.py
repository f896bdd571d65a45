"""What a trace says of an inference, and when it says nothing.

The board raises its marker, makes N inferences, lowers it, and waits as long as they took; again
and again. A window is what lies between a rising and a falling edge. The first one warms up (cache,
regulator, the meter's range) and is only counted; each later one is compared with the pause before
it. Figures are of windows, each with its own idle, so that a drift of the supply is no error.

A trace in which anything is odd gives no figure but an error that says what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.meters import US_PER_S, Energy, LostSamplesError
from mlforge_tasks.meters._student import estimate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mlforge_tasks.meters import Burst, Estimate, Trace

# Meters and boards keep time by crystals, or by oscillators that are calibrated to 1 %; two samples
# more for the edges. A wrong sampling rate or clock setting is off by more.
CLOCK_SHARE = 0.01
EDGE_SAMPLES = 2
# No power counts so close to an edge: marker and current are not of the very same moment, and
# ppk2-api spreads a change of the meter's range over three samples.
SETTLING_SAMPLES = 5
# Below, the edges are several per cent of a window.
LEAST_SAMPLES = 50
# A pulse or a gap of less than so much of the longest window is none that the firmware makes.
GLITCH_SHARE = 0.5

WIRING = (
    "see docs/hardware.md#energy for the pin that the firmware marks with, and `marker` of the "
    "meter in the hardware map"
)


def energy(trace: Trace, burst: Burst) -> Energy:
    """What an inference takes, by a recording of a burst.

    Raises:
        LostSamplesError: Samples are missing.
        ToolError: The marker was not seen, or not as the board says; the range was left.
    """
    if trace.lost:
        raise LostSamplesError(f"the meter lost samples: {trace.lost}")
    starts, ends = _edges(trace, burst)
    _check_count(burst, starts, ends)
    _check_clocks(trace, burst, ends - starts)
    if trace.clipped[starts[0] : ends[-1]].any():
        raise ToolError(
            "the meter's range was left: samples are clipped",
            hint="a larger range, or a shunt of less resistance",
        )
    return _figures(trace, burst, starts, ends)


def _edges(trace: Trace, burst: Burst) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Index of the first sample of each window, and of the first one behind it."""
    import numpy as np  # noqa: PLC0415 - as in all of them: a run without a meter has no need

    if len(trace.marker) == 0:
        raise ToolError("the meter recorded nothing", hint="see whether it runs, and for how long")
    changes = np.flatnonzero(np.diff(trace.marker.astype(np.int8))) + 1
    if trace.marker[0] or trace.marker[-1]:
        when = "begins" if trace.marker[0] else "ends"
        if len(changes) == 0:
            raise ToolError("the marker is high all the time", hint=WIRING)
        raise ToolError(f"the recording {when} within a window: the marker is high", hint=WIRING)
    if len(changes) == 0:
        seconds = len(trace.marker) * trace.period_s
        raise ToolError(
            f"the meter never saw the marker in {len(trace.marker)} samples ({seconds:.3g} s), "
            f"which the board raised {burst.windows} times",
            hint=WIRING,
        )
    return changes[::2], changes[1::2]


def _check_count(burst: Burst, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> None:
    """Whether each window is there, and nothing beside."""
    least = GLITCH_SHARE * (ends - starts).max()  # whatever the clocks say
    short = int((ends - starts < least).sum() + (starts[1:] - ends[:-1] < least).sum())
    if short:
        raise ToolError(
            f"the marker has {short} pulses or gaps shorter than half a window: glitches",
            hint=f"a shorter wire, a common ground, the meter's threshold; {WIRING}",
        )
    if len(starts) != burst.windows:
        raise ToolError(
            f"the meter saw {len(starts)} windows, the board made {burst.windows}",
            hint="something else drives the marker's line, or the recording is too short; "
            + WIRING,
        )


def _check_clocks(trace: Trace, burst: Burst, samples: NDArray[np.intp]) -> None:
    """Whether meter and board mean the same by a second."""
    if samples.min() < LEAST_SAMPLES:
        raise ToolError(
            f"a window of {burst.least_s * 1000:.3g} ms has {samples.min()} samples of the meter, "
            f"wanted at least {LEAST_SAMPLES}",
            hint="a higher sampling rate",
        )
    edges_s = EDGE_SAMPLES * trace.period_s
    low = burst.least_s * (1 - CLOCK_SHARE) - edges_s
    high = burst.most_s * (1 + CLOCK_SHARE) + edges_s
    for count in samples:
        seconds = float(count) * trace.period_s
        if not low <= seconds <= high:
            raise ToolError(
                f"a window took {seconds * 1000:.5g} ms by the meter's clock and "
                f"{burst.least_s * 1000:.5g} to {burst.most_s * 1000:.5g} ms by the board's",
                hint="see the meter's sampling rate (or the unit of its time), and the board's "
                "clock: its latency would be as wrong",
            )


def _figures(
    trace: Trace, burst: Burst, starts: NDArray[np.intp], ends: NDArray[np.intp]
) -> Energy:
    """Means over the windows."""
    per_inference, with_idle, active, idle = [], [], [], []

    def mean_w(start: int, end: int) -> float:
        return float(trace.power_w[start + SETTLING_SAMPLES : end - SETTLING_SAMPLES].mean())

    for index in range(1, len(starts)):
        busy_w = mean_w(starts[index], ends[index])
        rest_w = mean_w(ends[index - 1], starts[index])
        seconds = float(ends[index] - starts[index]) * trace.period_s / burst.inferences
        active.append(busy_w * US_PER_S)
        idle.append(rest_w * US_PER_S)
        per_inference.append((busy_w - rest_w) * seconds * US_PER_S)
        with_idle.append(busy_w * seconds * US_PER_S)
    found = Energy(
        per_inference_uj=estimate(per_inference),
        with_idle_uj=estimate(with_idle).at_least_zero(),
        active_power_uw=estimate(active).at_least_zero(),
        idle_power_uw=_idle(estimate(idle)),
        windows=len(active),
        inferences=burst.inferences,
    )
    if found.per_inference_uj.low <= 0:
        raise ToolError(
            f"the meter sees no more power during inferences ({found.active_power_uw.value:.4g} "
            f"uW) than between them ({found.idle_power_uw.value:.4g} uW)",
            hint="see whether it measures the supply of the core; a debugger that is attached "
            "keeps a core from sleeping",
        )
    return found


def _idle(found: Estimate) -> Estimate:
    """Power between inferences, of which the part below zero is the meter's error."""
    if found.high < 0:
        raise ToolError(
            f"the meter's zero is off: between inferences it sees {found.low:.4g} to "
            f"{found.high:.4g} uW, and a device takes no less than nothing",
            hint="zero or calibrate the meter with nothing connected, or a smaller range; see "
            "that nothing else feeds the board",
        )
    return found.at_least_zero()
