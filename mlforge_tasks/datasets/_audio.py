"""WAV and FLAC files: float samples, all of one rate."""

from __future__ import annotations

import io
import re
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._extras import library
from mlforge_tasks.datasets._recordings import Recording, odd_ones
from mlforge_tasks.datasets._unpack import MAX_BYTES, reading, too_large
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.sources.folder import FolderSource
    from mlforge_tasks.datasets._wanted import Wanted

AUDIO, TIME = "audio", "time"
_WHAT = "WAV and FLAC files"
_SAMPLE_BYTES = 4
# What libsndfile's log has where a header says another size than the file is.
_CUT = re.compile(r"^data : \d+ \(should be \d+\)", re.MULTILINE)
# What libsndfile says of a stream, and more than a header takes without samples.
_UNKNOWN_FRAMES = 1 << 62
_MOST_HEADER_BYTES = 4096
# Longer filters than for this ratio take minutes and tell rates apart that no recorder has.
_MOST_RATIO = 100_000
# A recording that is brought to more times its rate than this has nearly nothing that was measured.
MOST_TIMES = 100


class AudioReader:
    """Reads recordings of one rate and number of channels.

    Args:
        spec: The source.
        files: Where each recording lies, by its name for messages.
        columns: What the contract names.

    Raises:
        MlforgeError: Their rates or channels differ, and the contract does not say what then.
        ToolError: soundfile or scipy is not installed.
    """

    def __init__(self, spec: FolderSource, files: Mapping[str, Path], columns: Wanted) -> None:
        self._soundfile = library("soundfile", "audio", _WHAT)
        self._columns = columns
        rates, channels, cut = {}, {}, []
        for where, path in files.items():
            with reading(where, "no audio file"):
                found = self._soundfile.info(str(path))
            rates[where], channels[where] = found.samplerate, found.channels
            if _CUT.search(found.extra_info):
                cut.append(where)
            if found.frames >= _UNKNOWN_FRAMES:
                raise MlforgeError(
                    f"{where}: its header does not say how many samples there are, as of a stream",
                    hint="write it anew, such as with `ffmpeg -i IN.flac OUT.flac`",
                )
            if found.frames * found.channels * _SAMPLE_BYTES > MAX_BYTES:
                raise too_large(where)
        usual, odd = odd_ones(channels, None)
        if odd:
            raise MlforgeError(
                f"{odd[0]}: found {channels[odd[0]]} channels where most files have {usual} "
                f"({len(odd)} of {len(files)} are not like these)",
                hint="take others or fewer files by dataset.source.files",
            )
        self.rate_hz = self._one_rate(spec, rates)
        self.notes = (*_resampled(rates, self.rate_hz), *_ended_early(cut))
        self._signal = None
        if spec.resample:
            self._signal = library("scipy.signal", "audio", "Files to resample")

    def _one_rate(self, spec: FolderSource, rates: Mapping[str, float]) -> float:
        usual, odd = odd_ones(rates, spec.rate_hz)
        if spec.resample and spec.rate_hz is None:
            raise MlforgeError(
                "dataset.source.resample: found no rate to bring the files to",
                hint=f"give dataset.source.rate, such as {usual} Hz",
            )
        rate = float(str(usual))
        if odd and not spec.resample:
            asked = "dataset.source.rate" if spec.rate_hz else "which most have"
            raise MlforgeError(
                f"{odd[0]}: found {rates[odd[0]]:g} samples a second, wanted {rate:g} ({asked}); "
                f"{len(odd)} of {len(rates)} files have another rate",
                hint=f"to bring them all to it, write `rate: {rate:g} Hz` and `resample: true`",
            )
        return rate

    def read(self, data: bytes, where: str) -> Recording:
        """One recording: `audio`, -1 to 1, float32 [rows] or [rows, channels].

        Several channels are columns of their own too (`audio.0`); `time` is in seconds.
        """
        with reading(where, "no audio file"):
            samples, rate = self._soundfile.read(io.BytesIO(data), dtype="float32")
        if not len(samples):
            raise MlforgeError(
                f"{where}: there are no samples by its header; the file has {len(data):,} bytes",
                hint="of a recorder that was switched off, write it anew with `sox --ignore-length "
                "IN.wav OUT.wav`"
                if len(data) > _MOST_HEADER_BYTES
                else "remove it",
            )
        if rate != self.rate_hz:
            samples = self._at_rate(samples, rate, where)
        signals = {AUDIO: samples, TIME: np.empty(0)}
        if samples.ndim > 1:
            channels = range(samples.shape[1])
            signals |= {f"{AUDIO}.{index}": samples[:, index] for index in channels}
        kept = self._columns.kinds(tuple(signals))
        if TIME in kept:
            signals[TIME] = np.arange(len(samples)) / self.rate_hz
        wanted = {name: signals[name] for name in kept}
        return Recording(where, wanted or {AUDIO: samples}, tuple(signals))

    def _at_rate(self, samples: NDArray[np.float32], rate: float, where: str) -> NDArray[Any]:
        """A polyphase filter's (scipy.signal.resample_poly, a Kaiser window of beta 5)."""
        if self._signal is None:
            raise AssertionError(f"{where} has another rate")
        ratio = Fraction(self.rate_hz) / Fraction(rate)
        if max(ratio.numerator, ratio.denominator) > _MOST_RATIO:
            raise MlforgeError(
                f"{where}: {rate:g} samples a second cannot be brought to {self.rate_hz:g}",
                hint="give dataset.source.rate in whole hertz",
            )
        if ratio > MOST_TIMES or samples.nbytes * ratio > MAX_BYTES:
            raise MlforgeError(
                f"{where}: found {rate:g} samples a second, wanted at least "
                f"{self.rate_hz / MOST_TIMES:g}, a {MOST_TIMES}th of dataset.source.rate, and no "
                "more in all than memory holds",
                hint="give a lower rate, or leave the file out by dataset.source.files",
            )
        up, down = ratio.numerator, ratio.denominator
        exact = self._signal.resample_poly(samples.astype(np.float64), up, down, axis=0)
        resampled: NDArray[Any] = exact.astype(np.float32)
        return resampled


def _ended_early(cut: Sequence[str]) -> Iterator[str]:
    """Files that a card or a link lost the end of; what is there is read."""
    if cut:
        files = "file ends" if len(cut) == 1 else "files end"
        yield f"{len(cut):,} {files} before the header says so, such as {cut[0]}"


def _resampled(rates: Mapping[str, float], wanted: float) -> Iterator[str]:
    """How many files of each other rate are brought to the one that is wanted."""
    for rate, count in sorted(Counter(rates.values()).items()):
        if rate != wanted:
            files = "file" if count == 1 else "files"
            yield f"{count:,} {files} brought from {rate:g} Hz to {wanted:g} Hz"
