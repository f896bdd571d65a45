"""What a language model is told of a candidate: what it was, each clause, where its budget went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.agents._text import clipped
from mlforge_tasks.architecture import brief

if TYPE_CHECKING:
    from mlforge_tasks.agents._cost import CostModel
    from mlforge_tasks.architecture import StaticFigures
    from mlforge_tasks.records import Clause, Profile, Reason
    from mlforge_tasks.verdict.trial import Trial

# Of a long network only the operators that take the most time are shown.
LAYERS_SHOWN = 12
ROUNDED_DIGITS = 4
# Of a message inside a trial.
TEXT_LENGTH = 300


def rounded(value: float) -> float:
    """A figure with as many digits as matter."""
    return float(f"{value:.{ROUNDED_DIGITS}g}")


def profile(costs: CostModel, figures: StaticFigures) -> dict[str, Any]:
    """Where a network's budget goes, and how that is known."""
    return {"source": "predicted from counts", "layers": operators(costs, figures)}


def measured_profile(found: Profile) -> dict[str, Any]:
    """The same, where the device told what each layer takes: the slowest, slowest first."""
    ranked = sorted(found.layers, key=lambda layer: -layer.share)
    return {
        "source": f"measured on the target ({found.source})",
        "layers": [
            {
                "layer": layer.name,
                "operation": layer.op,
                "share_of_latency": round(layer.share, 3),
                "instructions": layer.instructions,
                "macs": layer.macs,
                "weight_bytes": layer.weight_bytes,
                "output_bytes": layer.output_bytes,
            }
            for layer in ranked[:LAYERS_SHOWN]
            if layer.share
        ],
    }


def operators(costs: CostModel, figures: StaticFigures) -> list[dict[str, Any]]:
    """A network's slowest operators, slowest first."""
    shares = costs.latency_shares(figures)
    ranked = sorted(zip(shares, figures.layers, strict=True), key=lambda pair: -pair[0])
    return [
        {
            "layer": layer.name,
            "operation": layer.operation,
            "share_of_latency": round(share, 3),
            "macs": layer.macs,
            "weight_bytes": layer.weight_bytes,
            "output_bytes": layer.output_bytes * costs.value_bytes,
            "live_bytes": layer.live_bytes * costs.value_bytes,
        }
        for share, layer in ranked[:LAYERS_SHOWN]
    ]


def _clause(clause: Clause) -> dict[str, Any]:
    return {
        "metric": clause.metric,
        "value": None if clause.value is None else rounded(clause.value),
        "limit": rounded(clause.limit),
        "slack": None if clause.slack is None else rounded(clause.slack),
        "source": clause.source,
        "status": clause.status,
    }


def reason_of(reason: Reason | None) -> dict[str, Any] | None:
    """Why a candidate failed; messages of tools are cut."""
    if reason is None:
        return None
    told: dict[str, Any] = clipped(reason.model_dump(exclude_none=True), TEXT_LENGTH)
    return told


def _measured(trial: Trial) -> dict[str, Any]:
    """Figures of what was not judged yet: a probe of this round."""
    return {
        one.metric: {"value": rounded(one.value), "source": one.source}
        for one in trial.measurements
    }


def summary(trial: Trial) -> dict[str, Any]:
    """A judged candidate in short: what it was, each clause, why it failed."""
    return {
        "id": trial.id,
        "design": None if trial.architecture is None else brief(trial.architecture),
        "met": trial.verdict is not None and trial.verdict.met,
        "reason": reason_of(trial.reason),
        "clauses": [_clause(one) for one in trial.verdict.clauses] if trial.verdict else [],
    } | ({} if trial.verdict else {"measured": _measured(trial)})


def detail(trial: Trial, costs: CostModel) -> dict[str, Any]:
    """The same with its layers, and where the budget went."""
    layers = None if trial.architecture is None else trial.architecture.model_dump(mode="json")
    spent: dict[str, Any] | None
    if trial.profile is not None:
        spent = measured_profile(trial.profile)
    else:
        spent = None if trial.figures is None else profile(costs, trial.figures)
    return summary(trial) | {"architecture": layers, "profile": spent}
