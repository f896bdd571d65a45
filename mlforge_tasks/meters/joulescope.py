"""Jetperch's Joulescopes, through `pyjoulescope_driver`.

Topics and the form of what is published to them are the driver's own (`record.py`, and its entry
points `info` and `record`). No Joulescope and no simulator of one was there to try this on: it is
tested on the driver where none is plugged in, and on arrays as the driver publishes them.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import ToolError
from mlforge_tasks.meters import Trace, no_library, require_library

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlforge_tasks.meters._settings import Joulescope

POWER = "s/p"
START_LIMIT_S = 10.0


@dataclass
class _Signal:
    """What was published of one signal, in order.

    Attributes:
        bits: Samples are packed into bytes, the first in the lowest bit.
        pieces: Arrays of samples.
        first: Index of the first sample.
        expected: Index of the one that must come next, by the instrument's own count.
        decimate: How many of the instrument's samples one of them is.
        rate_hz: Of these samples.
        lost: Where some are missing.
    """

    bits: bool = False
    pieces: list[Any] = field(default_factory=list)
    first: int = 0
    expected: int | None = None
    decimate: int = 1
    rate_hz: float = 0.0
    lost: str = ""

    def take(self, value: Mapping[str, Any]) -> None:
        """Takes what the driver publishes."""
        import numpy as np  # noqa: PLC0415 - only with a meter

        data = np.unpackbits(value["data"], bitorder="little") if self.bits else value["data"]
        start, self.decimate = int(value["sample_id"]), int(value["decimate_factor"])
        if self.expected is None:
            self.first = start // self.decimate
            self.rate_hz = value["sample_rate"] / self.decimate
        elif start != self.expected and not self.lost:
            self.lost = f"sample {start} came, {self.expected} was next"
        self.expected = start + len(data) * self.decimate
        self.pieces.append(np.array(data))

    def samples(self) -> Any:
        """All of them."""
        import numpy as np  # noqa: PLC0415 - as above

        return np.concatenate(self.pieces) if self.pieces else np.zeros(0)


def merged(power: _Signal, marker: _Signal) -> Trace:
    """The samples that both signals have; a power that is no number is out of range."""
    import numpy as np  # noqa: PLC0415 - as above

    watts, high = power.samples(), marker.samples()
    first = max(power.first, marker.first)
    watts, high = watts[first - power.first :], high[first - marker.first :]
    count = min(len(watts), len(high))
    watts, high = watts[:count].astype(np.float64), high[:count]
    return Trace(
        period_s=1 / power.rate_hz if power.rate_hz else 0.0,
        power_w=np.nan_to_num(watts),
        marker=high.astype(np.bool_),
        clipped=~np.isfinite(watts),
        lost=power.lost or marker.lost,
    )


class _Recording:
    """See `meters.Recording`."""

    def __init__(self) -> None:
        self.power, self.marker = _Signal(), _Signal(bits=True)
        self.begun = threading.Event()

    def on_power(self, topic: str, value: Mapping[str, Any]) -> None:  # noqa: ARG002 - the driver's
        """Takes power."""
        self.power.take(value)
        self.begun.set()

    def on_marker(self, topic: str, value: Mapping[str, Any]) -> None:  # noqa: ARG002 - the driver's
        """Takes the marker."""
        self.marker.take(value)

    def stop(self) -> Trace:
        """See `meters.Recording.stop`."""
        return merged(self.power, self.marker)


@dataclass(frozen=True)
class _Connected:
    """See `meters.Connected`."""

    driver: Any
    path: str
    settings: Joulescope

    @property
    def identity(self) -> Mapping[str, str]:
        """Model, serial number and firmware."""
        _, model, number = self.path.split("/")
        packed = int(self.driver.query(f"{self.path}/c/fw/version"))
        version = f"{packed >> 24 & 0xFF}.{packed >> 16 & 0xFF}.{packed & 0xFFFF}"
        return {"meter": f"joulescope {model} {number} firmware {version}"}

    @contextlib.contextmanager
    def record(self) -> Iterator[_Recording]:
        """See `meters.Connected.record`."""
        recording, marker = _Recording(), f"s/gpi/{self.settings.marker}"
        takers = {POWER: recording.on_power, marker: recording.on_marker}
        for signal, take in takers.items():
            self.driver.subscribe(f"{self.path}/{signal}/!data", ["pub"], take)
            self.driver.publish(f"{self.path}/{signal}/ctrl", 1, timeout=0)
        try:
            if not recording.begun.wait(START_LIMIT_S):
                raise ToolError(f"the Joulescope {self.path} sends no samples")
            yield recording
        finally:
            for signal, take in takers.items():
                self.driver.publish(f"{self.path}/{signal}/ctrl", 0, timeout=0)
                self.driver.unsubscribe(f"{self.path}/{signal}/!data", take)


def _chosen(paths: list[str], settings: Joulescope) -> str:
    """The instrument that is meant.

    Raises:
        ToolError: It is not there, or there are several.
    """
    wanted = settings.serial_number
    found = [one for one in paths if wanted is None or one.rpartition("/")[2] == wanted]
    if len(found) == 1:
        return found[0]
    there = ", ".join(paths) or "none"
    text = "several Joulescopes are" if found else "no such Joulescope is"
    hint = f"`serial` of the meter in the hardware map is its number; there are: {there}"
    raise ToolError(f"{text} connected", hint=hint)


class JoulescopeKind:
    """See `meters.Meter`."""

    name = "joulescope"

    def require(self, settings: Joulescope, folder: Path) -> None:  # noqa: ARG002 - as it is
        """See `meters.Meter.require`: whether it is there only its driver can tell."""
        require_library("joulescope", "pyjoulescope_driver")

    @contextlib.contextmanager
    def connect(self, settings: Joulescope, folder: Path) -> Iterator[_Connected]:  # noqa: ARG002 - no file
        """See `meters.Meter.connect`."""
        try:
            from pyjoulescope_driver import Driver  # noqa: PLC0415 - an extra
        except (ImportError, OSError) as error:
            raise no_library("joulescope", error) from error
        with Driver() as driver:
            path = _chosen(list(driver.device_paths()), settings)
            driver.open(path, mode="defaults")
            try:
                driver.publish(f"{path}/s/i/range/mode", "auto")
                driver.publish(f"{path}/h/fs", settings.rate_hz)
                yield _Connected(driver, path, settings)
            finally:
                driver.close(path)


PLUGIN = JoulescopeKind()
