"""The raw trace, kept beside what was made of it."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.meters import Trace

TRACE_FILE = "power_trace.csv.gz"
# Some 1.5 MB at most; a trace with more has the mean of as many neighbours in a row as it takes.
MOST_ROWS = 100_000


def keep(trace: Trace, path: Path) -> None:
    """Writes a trace as compressed CSV: time (s), power (W), marker (0 or 1; 1 where any was)."""
    import numpy as np  # noqa: PLC0415 - only with a meter

    count = len(trace.power_w)
    width = max(-(-count // MOST_ROWS), 1)
    starts = np.arange(0, count, width)
    sizes = np.minimum(starts + width, count) - starts
    power = np.add.reduceat(trace.power_w, starts) / sizes if count else trace.power_w
    marker = np.maximum.reduceat(trace.marker, starts) if count else trace.marker
    rows = zip(starts * trace.period_s, power, marker.astype(int), strict=True)
    lines = [f"time_s,power_w,marker,of {width} samples\n"]
    lines += [f"{time:.7f},{watts:.6e},{high}\n" for time, watts, high in rows]
    path.write_bytes(gzip.compress("".join(lines).encode(), compresslevel=6, mtime=0))
