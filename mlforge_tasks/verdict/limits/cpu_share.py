"""`limits.cpu_share`: what inference and a periodic thread take of the core together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.records import Measurement
from mlforge_tasks.verdict.limit_kind import LimitKind

if TYPE_CHECKING:
    from mlforge_tasks.verdict.limit_kind import Known


def _figure(known: Known) -> Measurement | None:
    """One inference each period, and the thread with all it takes to have it run."""
    period_s = known.operation.inference_period_s
    latency_us, thread_share = known.value("latency_us"), known.value("thread_share")
    if period_s is None or latency_us is None or thread_share is None:
        return None
    share = latency_us / (period_s * 1e6) + thread_share
    return Measurement(metric="cpu_share", value=share, unit="1", source=known.source)


LIMIT = LimitKind(
    field="cpu_share",
    unit="1",
    told="share of the core that inference and a periodic thread take: a faster model has less",
    grows_with="latency_us",
    figure=_figure,
)
