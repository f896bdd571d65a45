"""Why figures are not told that a candidate's time does not allow, on each of its targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.verdict.constraints import on_target, plain, target_of
from mlforge_tasks.verdict.derived import CONDITIONS, Conditions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlforge_tasks.records import Measurement, Verdict


def untold(
    measurements: Sequence[Measurement], verdict: Verdict, config: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Unknown clauses of one inference a period that inferences do not fit into, with why.

    Args:
        measurements: All figures found, of all targets.
        verdict: What was made of them.
        config: Of stage judge.
    """
    unknown = [one.metric for one in verdict.clauses if one.status == "unknown"]
    for target in ({**config, "name": ""}, *config.get("further", ())):
        name, conditions = target["name"], Conditions.from_dump(target[CONDITIONS])
        own = [
            one.model_copy(update={"metric": plain(one.metric)})
            for one in measurements
            if target_of(one.metric) == name
        ]
        asked = [plain(metric) for metric in unknown if target_of(metric) == name]
        for metric, why in conditions.untold(own, asked):
            yield (on_target(metric, name) if name else metric), why
