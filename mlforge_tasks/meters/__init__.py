"""Meters: what measures the power that a board takes, while the board marks what it is doing.

To add one: write `meters/<kind>.py` with a class that has `Meter`'s members and ends with
`PLUGIN = ThatClass()`; write the keys of its entry in the hardware map in `_settings.py`; try it in
`tests/meters/` against a stand-in that speaks its protocol. A meter's library is an optional extra,
imported when the meter is used. What is made of a trace stands in `_energy.py`, for all of them.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mlforge_tasks.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

US_PER_S = 10**6
EXTRA_HINT = "`.venv/bin/python -m pip install 'mlforge[meters]'`"


class LostSamplesError(ToolError):
    """A recording has a hole: it says nothing, and the next one may be whole."""


@dataclass(frozen=True)
class Trace:
    """What a meter recorded, a sample each period.

    Attributes:
        period_s: Time between samples, by the meter's clock.
        power_w: Power, shape (samples,), W.
        marker: Whether the board's marker was high, shape (samples,).
        clipped: Whether the sample is at the end of the meter's range, shape (samples,).
        lost: Why samples are known to be missing; empty where none is.
    """

    period_s: float
    power_w: NDArray[np.float64]
    marker: NDArray[np.bool_]
    clipped: NDArray[np.bool_]
    lost: str = ""


class Recording(Protocol):
    """A recording that goes on."""

    def stop(self) -> Trace:
        """Ends it.

        Raises:
            ToolError: What was recorded cannot be read.
        """


class Connected(Protocol):
    """A meter that was found.

    Attributes:
        identity: Its kind, serial number and firmware version, as far as it tells them.
    """

    @property
    def identity(self) -> Mapping[str, str]:
        """See above."""

    def record(self) -> AbstractContextManager[Recording]:
        """Begins a recording: samples come when the block begins.

        Raises:
            ToolError: It does not begin.
        """


class Meter(Protocol):
    """A kind of meter."""

    name: str

    def require(self, settings: Any, folder: Path) -> None:
        """Looks for what it takes, before anything is started.

        Raises:
            ToolError: Its library, its port or its program is not there.
        """

    def connect(self, settings: Any, folder: Path) -> AbstractContextManager[Connected]:
        """Finds the meter and sets it up; where it supplies the board, that has power from then on.

        Args:
            settings: The hardware map's, of this kind (`_settings.py`).
            folder: That of the hardware map, which relative paths start from.

        Raises:
            ToolError: It is not there, its library is not installed, or it refuses.
        """


@dataclass(frozen=True)
class Burst:
    """What the board did while it was recorded, by its own clock.

    Attributes:
        windows: How often the marker was high, with as long a pause behind each.
        inferences: In each of them, one behind the other.
        least_s: Time that the shortest window took.
        most_s: Time that the longest took.
    """

    windows: int
    inferences: int
    least_s: float
    most_s: float


@dataclass(frozen=True)
class Estimate:
    """A mean over windows, with the interval that it is in at 95 %."""

    value: float
    low: float
    high: float

    def at_least_zero(self) -> Estimate:
        """What is left of it where nothing can be below zero."""
        return Estimate(*(max(0.0, one) for one in (self.value, self.low, self.high)))


@dataclass(frozen=True)
class Energy:
    """What an inference takes.

    Attributes:
        per_inference_uj: What an inference adds: what the supply gives while it runs, less what the
            device would have taken in that time when idle. So that with an inference every period
            T the device takes idle_power + per_inference / T on average.
        with_idle_uj: The same with idle not subtracted: all that the supply gives while it runs.
        active_power_uw: While it computes.
        idle_power_uw: While it waits.
        windows: Pairs of a window and the pause before it that were compared.
        inferences: In each window.
    """

    per_inference_uj: Estimate
    with_idle_uj: Estimate
    active_power_uw: Estimate
    idle_power_uw: Estimate
    windows: int
    inferences: int


def require_library(kind: str, module: str) -> None:
    """Whether a meter's library is installed; it is not loaded.

    Raises:
        ToolError: It is not.
    """
    if importlib.util.find_spec(module) is None:
        raise no_library(kind, ModuleNotFoundError(f"No module named '{module}'"))


def no_library(kind: str, error: Exception) -> ToolError:
    """What is said where a meter's library is not installed, or does not load."""
    return ToolError(f"a meter of kind '{kind}' needs its library: {error}", hint=EXTRA_HINT)
