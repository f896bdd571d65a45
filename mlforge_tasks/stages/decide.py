"""decide: the threshold of a detector, chosen on what the int8 model says of validation data.

Only of a contract whose goal is a detection. The header carries it, the firmware applies it, and
the evaluation judges by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks import engines
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.quantisation import Quantisation
from mlforge_tasks.stages import main
from mlforge_tasks.stages.evaluate import tools
from mlforge_tasks.verdict.decision import DECISION, Decision, Threshold

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.contract.target import Task
    from mlforge_tasks.verdict.decision import Counts, Rule

KIND = StageKind(
    __name__,
    (DECISION,),
    isolated=True,
    resources=engines.resources("aot"),
    tools=tools,
)


# By the task that has it.
_RULES: Mapping[Task, Rule] = {"multilabel": "outputs", "anomaly": "score"}


def _chosen(inputs: Mapping[str, Path], wanted: tuple[Figure, ...]) -> list[tuple[int, Counts]]:
    """The best thresholds on the validation split, and what they make of that."""
    from mlforge_tasks.stages import _int8_metrics  # noqa: PLC0415 - numpy

    quantisation = Quantisation.read(inputs["quantise"] / "quantisation.json")
    tflite = (inputs["quantise"] / "model.tflite").read_bytes()
    return _int8_metrics.thresholds(tflite, quantisation, inputs["dataset"], wanted)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `decision.json`.

    Args:
        inputs: `quantise` and `dataset`.
        out: Where the output goes.
        config: `detectors`, the figures that the thresholds are to be the best for; `trained`: a
            probe says nothing of the data, and its thresholds are 0.

    Raises:
        CandidateFailure: There is no oracle here, and the `aot` engine cannot run the model.
        ToolError: The validation split has nothing to tell apart.
    """
    wanted = tuple(Figure.from_dump(one) for one in config["detectors"])
    card = DataCard.read(inputs["dataset"] / "data_card.json")
    untrained: list[tuple[int, Counts | None]] = [(0, None)] * len(wanted)
    chosen = _chosen(inputs, wanted) if config["trained"] else untrained
    rule = _RULES.get(card.task, "lead")
    Decision(
        rule=rule,
        positive=None if rule == "outputs" else wanted[0].output,
        thresholds=tuple(
            Threshold(
                label=card.labels[one.output or 0],
                chosen_for=one.name,
                least=least,
                validation=counts,
            )
            for one, (least, counts) in zip(wanted, chosen, strict=True)
        ),
    ).write(out / DECISION)


if __name__ == "__main__":
    main(run)
