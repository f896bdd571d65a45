"""judge: what is told of a candidate beside its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.graph.manifest import MANIFEST, Manifest
from mlforge_tasks.quantisation import Quantisation, TensorQuantisation
from mlforge_tasks.records import LayerCost, Measurement, Profile, Record
from mlforge_tasks.stages import judge
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.stages.update import UpdateReport
from mlforge_tasks.verdict.constraints import Bound
from mlforge_tasks.verdict.evaluation import Evaluation, SplitEvaluation
from mlforge_tasks.verdict.trials import Trials
from tests.helpers.conditions import PLAIN

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.records import Source

CRASH = "TFLite Micro's interpreter ended itself with SIGABRT on this model: a check failed"


def _stage(folder: Path, name: str, record: Record) -> Path:
    """The folder of a stage that worked out."""
    folder.mkdir()
    record.write(folder / name)
    outputs = {name: file_digest(folder / name)}
    Manifest(status="ok", outputs=outputs).write(folder / MANIFEST)
    return folder


@pytest.mark.parametrize("why", ["", CRASH])
def test_a_candidate_says_why_nothing_was_compared(why: str, tmp_path: Path) -> None:
    """It may meet the contract all the same, as without a wheel."""
    ran = RunReport(
        source="emulated",
        measurements=(),
        stacks=(),
        ran={},
        macs=1,
        golden_vectors=1,
        checked_against_oracle=not why,
        not_compared=why,
        device_metrics={},
    )
    evaluated = Evaluation(
        computed_by="aot" if why else "tflite-micro",
        not_compared=why,
        validation=SplitEvaluation(examples=9, figures={"mse": 0.5}),
        test=SplitEvaluation(examples=9, figures={"mse": 0.6}),
    )
    inputs = {
        "0.run": _stage(tmp_path / "run", "measurements.json", ran),
        "0.evaluate": _stage(tmp_path / "evaluate", "evaluation.json", evaluated),
    }
    bounds = [Bound(metric="mse", limit=1.0, unit="1").model_dump(mode="json")]
    told = {"bounds": bounds, "must_beat": [], "iteration": 1, "model": "own.tflite", **PLAIN}
    judge.run(inputs, tmp_path, told)
    (result,) = Trials.read(tmp_path / "trials.json").results
    assert result.trial.verdict is not None
    assert result.trial.verdict.met
    assert result.not_compared == why


def _measured(flash_bytes: float, source: Source = "emulated") -> RunReport:
    figure = Measurement(metric="flash_bytes", value=flash_bytes, unit="B", source=source)
    return RunReport(
        source=source,
        measurements=(figure,),
        stacks=(),
        ran={},
        macs=1,
        golden_vectors=1,
        checked_against_oracle=True,
        device_metrics={},
    )


@pytest.mark.parametrize(
    ("dropped", "on_board", "untrained"), [(0, False, []), (3, False, [900.0]), (3, True, [])]
)
def test_what_a_probe_took_is_kept_where_the_trained_model_takes_less(
    dropped: int, untrained: list[float], tmp_path: Path, *, on_board: bool
) -> None:
    """Only what the same source measured can be compared, so not what a board did."""
    cost = LayerCost(
        name="l0",
        op="CONV_2D",
        share=1.0,
        instructions=1,
        time_us=1.0,
        macs=1,
        instructions_per_mac=1.0,
        weight_bytes=1,
        output_bytes=1,
        dropped_channels=dropped,
    )
    split = SplitEvaluation(examples=9, figures={"mse": 0.5})
    evaluated = Evaluation(computed_by="aot", not_compared="", validation=split, test=split)
    inputs = {
        "0.probe_run": _stage(tmp_path / "probe_run", "measurements.json", _measured(900.0)),
        "0.run": _stage(tmp_path / "run", "measurements.json", _measured(300.0)),
        "0.evaluate": _stage(tmp_path / "evaluate", "evaluation.json", evaluated),
    }
    if on_board:
        measured = _measured(299.0, "hardware")
        inputs["0.hardware_run"] = _stage(tmp_path / "board", "measurements.json", measured)
    Profile(source="emulated", layers=(cost,)).write(inputs["0.run"] / "profile.json")
    told = {"bounds": [], "must_beat": [], "iteration": 1, "model": "x", **PLAIN}
    judge.run(inputs, tmp_path, told)
    (result,) = Trials.read(tmp_path / "trials.json").results
    assert [one.value for one in result.trial.untrained] == untrained
    assert result.trial.measurements[-1].value == (299.0 if on_board else 300.0)


def test_a_figure_of_several_targets_is_as_sure_as_their_runs(tmp_path: Path) -> None:
    """The model's own by the surest run of all, an update by the run of the target it is for."""
    split = SplitEvaluation(examples=9, figures={"mse": 0.5})
    evaluated = Evaluation(computed_by="aot", not_compared="", validation=split, test=split)
    patch = UpdateReport(update_bytes=70, model_bytes=9, before_bytes=9, compression="crle")
    records: dict[str, tuple[str, Record]] = {
        "run": ("measurements.json", _measured(300.0)),
        "evaluate": ("evaluation.json", evaluated),
        "run_b": ("measurements.json", _measured(200.0)),
        "hardware_run_b": ("measurements.json", _measured(201.0, "hardware")),
        "run_c": ("measurements.json", _measured(100.0)),
        "probe_run_d": ("measurements.json", _measured(400.0)),
        "update_b": ("update.json", patch),
        "update_c": ("update.json", patch.model_copy(update={"update_bytes": 80})),
        "update_d": ("update.json", patch),
    }
    inputs = {f"0.{name}": _stage(tmp_path / name, *one) for name, one in records.items()}
    asked = (Bound(metric=name, limit=1.0, unit="1") for name in ("mse", "mse_test"))
    bounds = [one.model_dump(mode="json") for one in asked]
    further = [{"name": name, **PLAIN} for name in "bcd"]
    told = {"bounds": bounds, "must_beat": [], "iteration": 1, "model": "x", **PLAIN}
    judge.run(inputs, tmp_path, {**told, "further": further})
    (result,) = Trials.read(tmp_path / "trials.json").results
    found = {(one.metric, one.source): one.value for one in result.trial.measurements}
    assert found == {
        ("flash_bytes", "emulated"): 300.0,
        ("flash_bytes@b", "emulated"): 200.0,
        ("flash_bytes@b", "hardware"): 201.0,
        ("update_bytes@b", "hardware"): 70,
        ("flash_bytes@c", "emulated"): 100.0,
        ("update_bytes@c", "emulated"): 80,
        ("flash_bytes@d", "emulated"): 400.0,
        ("mse", "hardware"): 0.5,
        ("mse_test", "hardware"): 0.5,
    }


def test_what_is_a_baseline_itself_is_not_held_against_it() -> None:
    """In int8 the mean of what is normal, or a linear model, is never strictly better."""
    tensor = TensorQuantisation(name="x", shape=(1,), scale=1.0, zero_point=0)
    model = Quantisation(
        input=tensor, output=tensor, operators=("RESHAPE",), tflite_bytes=1, tflite_sha256=""
    )
    found = [
        judge.is_itself(model.model_copy(update={"centroids": centroids}))
        for centroids in ((), ((1,),), ((1,), (2,)))
    ]
    assert found == [(), ("distance",), ()]
    assert judge.is_itself(model.model_copy(update={"operators": ("FULLY_CONNECTED",)})) == (
        "linear",
    )
