"""layers: of the best candidate, where its int8 model departs from its float network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.data_card import CARD
from mlforge_tasks.graph import process
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.stages import main
from mlforge_tasks.stages._child import run_child
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
        inputs: `report`, `dataset`, `<iteration>.<candidate>.<stage>` of every candidate, and
            `model`, a file that was brought along.
        out: Output folder.
        config: `search.seed`.

    Raises:
        ToolError: TensorFlow cannot be used, or ran short of something.
    """
    report = Report.read(inputs["report"] / "report.json")
    best = report.best
    unknown = Layers(candidate=best)
    if best is None:
        _say(unknown, "there is no candidate", out)
        return
    sources = _sources(inputs, best)
    if "quantise" not in sources or not (sources["quantise"] / "model.tflite").exists():
        _say(unknown, "the best candidate was not trained, or not quantised", out)
        return
    wanted = {
        "candidate": best,
        "wider": report.dtype == "int8" and report.int16_fits,
        "large": any(one.large for one in report.quantisation if one.candidate == best),
        "search.seed": config["search.seed"],
    }
    done = run_child(HALF, sources, out, wanted, timeout_s=TIMEOUT_S, says_first=STARTED)
    if done.timed_out:
        _say(unknown, f"it took TensorFlow Lite more than {TIMEOUT_S:g} s", out)
    elif done.returncode < 0:
        crash = process.signal_name(done.returncode)
        _say(unknown, f"TensorFlow Lite crashed with {crash} on the float form", out)


def _say(unknown: Layers, why: str, out: Path) -> None:
    unknown.model_copy(update={"reason": why}).write(out / LAYERS)


if __name__ == "__main__":
    main(run)
