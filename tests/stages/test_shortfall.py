"""Which engine a brought model is sent to, and when to none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.quantisation import ACTIVATIONS, Quantisation, TensorQuantisation
from mlforge_tasks.records import Reason
from mlforge_tasks.stages._shortfall import shortfall
from mlforge_tasks.verdict.constraints import Bound
from mlforge_tasks.verdict.trial import Trial
from mlforge_tasks.verdict.trials import TrialResult

if TYPE_CHECKING:
    from pathlib import Path

# What the engines have, of a made-up three operators.
OPERATORS = {"aot": ["ADD", "RELU6"], "other": ["ADD"], "tflm": ["ADD", "MAXIMUM", "RELU6"]}


@pytest.mark.parametrize(
    ("operators", "own", "code", "wanted"),
    [
        (("ADD", "MAXIMUM"), ["aot"], "unsupported_operator", ("tflm",)),
        (("ADD", "RELU6"), ["other"], "unsupported_operator", ("aot", "tflm")),
        (("ADD", "RELU6"), ["aot"], "unsupported_operator", ()),
        (("ADD", "RELU6"), ["other", "tflm"], "unsupported_operator", ()),
        (("ADD", "TILE"), ["aot"], "unsupported_operator", ()),
        (("ADD", "MAXIMUM"), ["aot"], "does_not_fit", ()),
    ],
)
def test_another_engine_is_named_only_for_an_operator_that_is_missing(
    operators: tuple[str, ...], own: list[str], code: str, wanted: tuple[str, ...], tmp_path: Path
) -> None:
    """A form of an operator that an engine refuses is refused for a reason; others have none."""
    tensor = TensorQuantisation(name="x", shape=(4,), scale=0.1, zero_point=0)
    Quantisation(
        input=tensor,
        output=tensor,
        operators=operators,
        tflite_bytes=1,
        tflite_sha256="0" * 64,
    ).write(tmp_path / "quantisation.json")
    reason = Reason(code=code, stage="engine", message="no")
    trial = Trial(id="1.0", architecture=None, reason=reason)
    config = {
        "margins": {},
        "memories": {},
        "engines": own,
        "operators": OPERATORS,
        "patches": "off",
        ACTIVATIONS: "int8",
    }
    bounds = (Bound(metric="mse", limit=1.0, unit="1"),)
    result = TrialResult(trial=trial, brief="own.tflite")
    assert shortfall({"1.0.quantise": tmp_path}, (result,), bounds, config).engines == wanted
