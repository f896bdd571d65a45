"""How sure a mean of a few windows is."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from mlforge_tasks.meters import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVEL = 0.95

# Student's t, 0.975 quantile for 1 to 30 degrees of freedom: NIST/SEMATECH e-Handbook of
# Statistical Methods, 1.3.6.7.2, column 0.975. With more the last one errs to the safe side.
_T = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


def estimate(values: Sequence[float]) -> Estimate:
    """The mean with its 95 % confidence interval, mean +- t * s / sqrt(n).

    Args:
        values: At least two.
    """
    count = len(values)
    mean = statistics.fmean(values)
    t = _T[min(count - 1, len(_T)) - 1]
    half = t * statistics.stdev(values) / math.sqrt(count)
    return Estimate(mean, mean - half, mean + half)
