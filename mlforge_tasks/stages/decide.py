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

    from mlforge_tasks.verdict.decision import Counts

KIND = StageKind(
    __name__,
    (DECISION,),
    isolated=True,
    resources=engines.resources("aot"),
    tools=tools,
)


def _chosen(inputs: Mapping[str, Path], figure: Figure) -> tuple[int, Counts]:
    """The best threshold on the validation split, and what it makes of that."""
    from mlforge_tasks.stages import _int8_metrics  # noqa: PLC0415 - numpy

    quantisation = Quantisation.read(inputs["quantise"] / "quantisation.json")
    tflite = (inputs["quantise"] / "model.tflite").read_bytes()
    return _int8_metrics.threshold(tflite, quantisation, inputs["dataset"], figure)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `decision.json`.

    Args:
        inputs: `quantise` and `dataset`.
        out: Where the output goes.
        config: `detector`, the figure that the threshold is to be the best for; `trained`: a
            probe says nothing of the data, and its threshold is 0.

    Raises:
        CandidateFailure: There is no oracle here, and the `aot` engine cannot run the model.
        ToolError: The validation split has nothing to tell apart.
    """
    figure = Figure.from_dump(config["detector"])
    card = DataCard.read(inputs["dataset"] / "data_card.json")
    if figure.output is None:
        raise AssertionError("the contract names the label")
    least, counts = _chosen(inputs, figure) if config["trained"] else (0, None)
    Decision(
        rule="score" if card.task == "anomaly" else "lead",
        positive=figure.output,
        chosen_for=figure.name,
        thresholds=(Threshold(label=card.labels[figure.output], least=least, validation=counts),),
    ).write(out / DECISION)


if __name__ == "__main__":
    main(run)
