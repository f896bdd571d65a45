"""Nordic's Power Profiler Kit II, through `ppk2-api`.

That library finds the calibration and turns codes into currents. It does not look at the counter
that each sample carries, so a lost sample goes unnoticed in it; and an empty read, or one of less
than a sample, puts it out of step (findings/ppk2_short_read.sh). So bytes are cut into samples
here, and counted.

The format of a sample (four bytes, little-endian: code in bits 0 to 13, range in 14 to 16, counter
in 18 to 23, logic inputs in 24 to 31) and the rate are those of Nordic's own program
(pc-nrfconnect-ppk, `serialDevice.ts`).
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import ToolError
from mlforge_tasks.meters import Trace, no_library, require_library

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.meters._settings import Ppk2

RATE_HZ = 100_000
SAMPLE_BYTES = 4
COUNTER_SHIFT, COUNTER_MASK = 18, 0x3F
RANGE_SHIFT, RANGE_MASK = 14, 0x7
CODE_MASK = 0x3FFF
LOGIC_SHIFT = 24
TOP_RANGE = 4
# It answers within milliseconds; a port that says nothing for so long is another device's.
PORT_LIMIT_S = 2.0
START_LIMIT_S = 5.0
POLL_S = 0.001
# So many reads in a row that find nothing are the end.
QUIET_READS = 20
_BATCH = 4096 * SAMPLE_BYTES


def decode(api: Any, data: bytes, settings: Ppk2) -> Trace:
    """What a stream of samples says.

    Args:
        api: `PPK2_API` with the meter's calibration.
        data: As it came, from the first sample.
        settings: Voltage and marker.
    """
    import numpy as np  # noqa: PLC0415 - only with a meter

    data = data[: len(data) // SAMPLE_BYTES * SAMPLE_BYTES]
    words = np.frombuffer(data, dtype="<u4")
    currents_ua: list[float] = []
    for at in range(0, len(data), _BATCH):  # whole samples, never none
        currents_ua += api.get_samples(data[at : at + _BATCH])[0]
    code, on = words & CODE_MASK, words >> RANGE_SHIFT & RANGE_MASK
    return Trace(
        period_s=1 / RATE_HZ,
        power_w=np.asarray(currents_ua) * 1e-6 * settings.voltage_v,
        marker=(words >> (LOGIC_SHIFT + settings.marker) & 1).astype(np.bool_),
        clipped=(code == CODE_MASK) & (on >= TOP_RANGE),
        lost=_lost(words >> COUNTER_SHIFT & COUNTER_MASK),
    )


def _lost(counters: Any) -> str:
    """Where the counter does not go on by one; 64 at a time cannot be seen."""
    import numpy as np  # noqa: PLC0415 - as above

    steps = np.diff(counters.astype(np.int64)) & COUNTER_MASK
    holes = np.flatnonzero(steps != 1)
    if len(holes) == 0:
        return ""
    return f"its counter does not go on in {len(holes)} places, first behind sample {holes[0] + 1}"


class _Recording:
    """See `meters.Recording`: a thread reads, since the port holds some milliseconds alone."""

    def __init__(self, api: Any, settings: Ppk2) -> None:
        self._api = api
        self._settings = settings
        self._data = bytearray()
        self._error: Exception | None = None
        self._found_nothing = 0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while not self._ends.is_set():
                data = self._api.get_data()
                self._data += data
                self._found_nothing = 0 if data else self._found_nothing + 1
                time.sleep(POLL_S)
        except Exception as error:  # noqa: BLE001 - whatever pyserial says of a pulled cable
            self._error = error

    def wait_for_samples(self) -> None:
        """Returns when the first ones are there."""
        deadline = time.monotonic() + START_LIMIT_S
        while not self._data:
            if time.monotonic() > deadline or self._error:
                raise ToolError(
                    f"the meter on {self._settings.port} sends no samples", hint=_PORT_HINT
                )
            time.sleep(POLL_S)

    def end(self) -> None:
        """Ends the thread."""
        self._ends.set()
        self._thread.join()

    def stop(self) -> Trace:
        """See `meters.Recording.stop`."""
        self._api.stop_measuring()
        self._found_nothing = 0
        while self._found_nothing < QUIET_READS and self._error is None:  # what was on its way
            time.sleep(POLL_S)
        self.end()
        if self._error is not None:
            raise ToolError(f"the meter on {self._settings.port} went away: {self._error}")
        return decode(self._api, bytes(self._data), self._settings)


_PORT_HINT = (
    "`serial` of the meter in the hardware map: a PPK2 has two ports where its firmware is new, of "
    "which the one with the lower number is meant"
)


@dataclass(frozen=True)
class _Connected:
    """See `meters.Connected`."""

    api: Any
    settings: Ppk2

    @property
    def identity(self) -> Mapping[str, str]:
        """What the calibration says; its serial number is the USB device's, so of the port."""
        told = self.api.modifiers
        found = {"hardware": told["HW"], "calibrated": told["Calibrated"]}
        known = " ".join(f"{name} {value}" for name, value in found.items() if value is not None)
        number = _serial_number(self.settings.port)
        return {"meter": " ".join(filter(None, ("ppk2", number, known)))}

    @contextlib.contextmanager
    def record(self) -> Iterator[_Recording]:
        """See `meters.Connected.record`."""
        api = self.api
        api.rolling_avg = api.rolling_avg4 = api.prev_range = None  # of the recording before
        api.remainder = {"sequence": b"", "len": 0}
        api.start_measuring()
        recording = _Recording(api, self.settings)
        try:
            recording.wait_for_samples()
            yield recording
        finally:
            api.stop_measuring()
            recording.end()


def _serial_number(port: str) -> str:
    """That of the USB device behind a port; empty where there is none."""
    from serial.tools import list_ports  # noqa: PLC0415 - only with a meter

    device = str(Path(port).resolve())
    found = (one.serial_number for one in list_ports.comports() if one.device == device)
    return next((number for number in found if number), "")


class Ppk2Kind:
    """See `meters.Meter`."""

    name = "ppk2"

    def require(self, settings: Ppk2, folder: Path) -> None:  # noqa: ARG002 - no file
        """See `meters.Meter.require`."""
        require_library("ppk2", "ppk2_api")
        if not Path(settings.port).exists():
            raise ToolError(f"the meter's port {settings.port} is not there", hint=_PORT_HINT)

    @contextlib.contextmanager
    def connect(self, settings: Ppk2, folder: Path) -> Iterator[_Connected]:  # noqa: ARG002 - no file
        """See `meters.Meter.connect`. The board keeps its power when the block ends."""
        api = _open(settings)
        try:
            api.stop_measuring()  # it may be at it since an earlier program was killed
            _drain(api)
            if not _calibrated(api):
                raise ToolError(
                    f"what is on {settings.port} does not answer as a PPK2", hint=_PORT_HINT
                )
            if settings.supplies:
                api.use_source_meter()
            else:
                api.use_ampere_meter()
            api.set_source_voltage(round(settings.voltage_v * 1000))
            api.toggle_DUT_power("ON")
            yield _Connected(api, settings)
        finally:
            api.ser.close()


def _open(settings: Ppk2) -> Any:
    try:
        from ppk2_api.ppk2_api import PPK2_API  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise no_library("ppk2", error) from error
    try:
        return PPK2_API(
            settings.port, timeout=PORT_LIMIT_S, write_timeout=PORT_LIMIT_S, exclusive=True
        )
    except OSError as error:  # SerialException is one
        raise ToolError(f"the meter's port {settings.port}: {error}", hint=_PORT_HINT) from error


def _drain(api: Any) -> None:
    """Reads what an earlier measurement left, which would stand before the calibration."""
    quiet = 0
    deadline = time.monotonic() + PORT_LIMIT_S
    while quiet < QUIET_READS and time.monotonic() < deadline:
        quiet = 0 if api.get_data() else quiet + 1
        time.sleep(POLL_S)


def _calibrated(api: Any) -> bool:
    try:
        return bool(api.get_modifiers())
    except UnicodeDecodeError:  # it is measuring, or something else
        return False


PLUGIN = Ppk2Kind()
