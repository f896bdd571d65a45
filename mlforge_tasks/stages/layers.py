"""layers: of the best candidate, where its int8 model departs from its float network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.data_card import CARD, EXAMPLES_CARD, DataCard
from mlforge_tasks.graph import process
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.stages import main
from mlforge_tasks.stages._child import run_child
from mlforge_tasks.verdict.layer_blame import Told, blamed
from mlforge_tasks.verdict.layer_noise import LAYERS, Layers
from mlforge_tasks.verdict.trials import Report

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Printed once TensorFlow is loaded.
STARTED = "comparison starts"
HALF = "mlforge_tasks.stages._layers"
# It takes seconds; this is for a machine under load.
TIMEOUT_S = 600.0

KIND = StageKind(
    __name__,
    (LAYERS,),
    isolated=True,
    unread={"dataset": (CARD,)},
    fields=("search.seed",),
    loads=(HALF,),
    runs_after_failure=True,
)


def _sources(inputs: Mapping[str, Path], best: str) -> dict[str, Path]:
    """What there is of a candidate, by the names that the other half knows."""
    own = {name: inputs.get(f"{best}.{name}") for name in ("render", "train", "quantise")}
    found = {name: path for name, path in own.items() if path is not None}
    if "model" in inputs:
        found["model"] = inputs["model"]
    return {**found, "dataset": inputs["dataset"]}


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `layers.json`; where nothing can be known, why.

    Args:
        inputs: `report`, `dataset`, `<iteration>.<candidate>.<stage>` of every candidate,
            `model`, a file that was brought along, and `known`, what an earlier search came to: of
            the same candidate nothing is run again.
        out: Output folder.
        config: `search.seed`.

    Raises:
        ToolError: TensorFlow cannot be used, or ran short of something.
    """
    report = Report.read(inputs["report"] / "report.json")
    found = _known(inputs, report.best) or _compared(inputs, report.best, out, config)
    told = Told(
        large=any(one.large for one in report.quantisation if one.candidate == report.best),
        wider=report.dtype == "int8" and report.int16_fits,
        brought="model" in inputs and not found.weights_known,
        anomalies=DataCard.read(inputs["dataset"] / EXAMPLES_CARD).task == "anomaly",
    )
    found.model_copy(update={"worst": blamed(found, told)}).write(out / LAYERS)


def _known(inputs: Mapping[str, Path], best: str | None) -> Layers | None:
    """What an earlier search came to of the same candidate."""
    if "known" not in inputs:
        return None
    found = Layers.read(inputs["known"] / LAYERS)
    return found if found.candidate == best else None


def _compared(
    inputs: Mapping[str, Path], best: str | None, out: Path, config: Mapping[str, Any]
) -> Layers:
    """What running both networks comes to."""
    unknown = Layers(candidate=best)
    if best is None:
        return unknown.for_reason("there is no candidate")
    sources = _sources(inputs, best)
    if "quantise" not in sources or not (sources["quantise"] / "model.tflite").exists():
        return unknown.for_reason("the best candidate was not trained, or not quantised")
    wanted = {"candidate": best, "search.seed": config["search.seed"]}
    done = run_child(HALF, sources, out, wanted, timeout_s=TIMEOUT_S, says_first=STARTED)
    if done.timed_out:
        return unknown.for_reason(f"it took TensorFlow Lite more than {TIMEOUT_S:g} s")
    if done.returncode < 0:
        crash = process.signal_name(done.returncode)
        return unknown.for_reason(f"TensorFlow Lite crashed with {crash} on the float form")
    return Layers.read(out / LAYERS)


if __name__ == "__main__":
    main(run)
