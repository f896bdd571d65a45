"""What each layer takes: time as it was measured, memory and weights as the engine has them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.engines._report import REPORT, EngineReport
from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill
from mlforge_tasks.records import LayerCost, Profile

if TYPE_CHECKING:
    from mlforge_tasks.page.found import Found
    from mlforge_tasks.records import LayerProfile

PROFILE = "profile.json"
# Layers that take less of an inference than this have no bar of their own.
_LEAST_SHARE = 0.005


@dataclass(frozen=True)
class Line:
    """One layer.

    Attributes:
        number: From 1, in the order they run.
        layer: What it is, as the engine has it.
        cost: What was measured of it; None where nothing was.
        scratch_bytes: Working memory that it alone needs.
    """

    number: int
    layer: LayerProfile | LayerCost
    cost: LayerCost | None
    scratch_bytes: int


def _profile(found: Found) -> Profile | None:
    path = found.file(found.best, "run", PROFILE)
    return None if path is None else Profile.read(path)


def _why_none(found: Found) -> str:
    """Why no layer was measured, as far as the run says."""
    path = found.file(found.best, "run", "measurements.json")
    if path is None:
        return "it did not run"
    told = json.loads(path.read_bytes()).get("no_profile")
    return told or "its engine or its platform cannot tell what a layer takes"


def _scratch(engine: EngineReport) -> Counter[int]:
    """Bytes by layer."""
    lives = engine.arena.lives if engine.arena else ()
    return Counter({one.first: one.size_bytes for one in lives if one.kind == "scratch"})


def _lines(engine: EngineReport, profile: Profile | None) -> list[Line]:
    scratch = _scratch(engine)
    costs = profile.layers if profile is not None else (None,) * len(engine.layers)
    return [
        Line(at + 1, layer, cost, scratch[at])
        for at, (layer, cost) in enumerate(zip(engine.layers, costs, strict=True))
    ]


def _bars(lines: list[Line]) -> list[tuple[str, float, float]]:
    """Name, share and time of the layers that take any, the others together."""
    costs = [(one.number, one.cost) for one in lines if one.cost is not None and one.cost.share]
    shown = [one for one in costs if one[1].share >= _LEAST_SHARE]
    bars = [(f"{number} {one.name}", one.share, one.time_us) for number, one in shown]
    rest = [one for _, one in costs if one.share < _LEAST_SHARE]
    if rest:
        name = f"{len(rest)} more layer{'' if len(rest) == 1 else 's'}"
        bars.append((name, sum(one.share for one in rest), sum(one.time_us for one in rest)))
    return bars


def section(found: Found) -> Section | None:
    """Of the best candidate."""
    path = found.file(found.best, "engine", REPORT)
    if path is None:
        return None
    engine, profile = EngineReport.read(path), _profile(found)
    if profile is not None and len(profile.layers) != len(engine.layers):
        return None
    lines = _lines(engine, profile)
    costs = [one.cost for one in lines if one.cost is not None]
    body = fill(
        "profile.html",
        candidate=found.best,
        untrained=found.untrained(found.best),
        engine=engine,
        source=None if profile is None else profile.source,
        why_none="" if profile is not None else _why_none(found),
        lines=lines,
        bars=_bars(lines),
        counted=any(one.cycles_upper is not None for one in costs),
        total_us=sum(one.time_us for one in costs),
        latency=_latency(found),
    )
    return Section("profile", "Profile", body)


def _latency(found: Found) -> float | None:
    result = found.best_result
    measured = result.measurement("latency_us") if result is not None else None
    return None if measured is None else measured.value
