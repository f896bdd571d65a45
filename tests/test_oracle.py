"""The oracle: TFLM's interpreter behind a small interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlforge_tasks import oracle
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.oracle import Oracle

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.windows import Windows
from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.crashing_reference import stand_in
from tests.helpers.graphs import single_operator


def test_runs_a_batch_sample_by_sample() -> None:
    """A batch gives what its samples give, in shape [N, *output]."""
    reference = Oracle(single_operator("CONV_2D", 1))
    rng = np.random.default_rng(0)
    inputs = rng.integers(-128, 128, (4, *reference.input_shape[1:])).astype(np.int8)
    outputs = reference.run(inputs)
    assert outputs.shape == (4, *reference.output_shape[1:])
    assert all(np.array_equal(reference.run(inputs[[i]])[0], outputs[i]) for i in range(4))


def test_equals_a_hand_computed_layer() -> None:
    """One dense output is what the quantisation scheme says by hand."""
    writer = Writer()
    source = writer.activation((1, 2), Quant(np.float32(0.5), 1), 1.0)
    weights = writer.constant(np.array([[2, -3]], np.int8), [0.25], [0])
    output = writer.activation((1, 1), Quant(np.float32(0.125), 4), 1.0)
    inputs = [source.index, weights, -1]
    writer.operator("FULLY_CONNECTED", inputs, [output.index], schema.FullyConnectedOptionsT())
    model = writer.finish(source.index, output.index)
    accumulator = 2 * (11 - 1) - 3 * (5 - 1)
    by_hand = accumulator * 0.5 * 0.25 / 0.125 + 4
    assert Oracle(model).run(np.array([[11, 5]], np.int8)).tolist() == [[by_hand]]


@pytest.mark.parametrize("inputs", [np.zeros((1, 3), np.int8), np.zeros((1, 2), np.float32)])
def test_refuses_inputs_of_another_type_or_shape(inputs: NDArray[np.generic]) -> None:
    """Wrong inputs are one clear error, not a wrong answer."""
    writer = Writer()
    source = writer.activation((1, 2), Quant(np.float32(0.5), 1), 1.0)
    output = writer.activation((1, 2), Quant(np.float32(1 / 256), -128), 1.0)
    writer.operator("LOGISTIC", [source.index], [output.index])
    reference = Oracle(writer.finish(source.index, output.index))
    with pytest.raises(ToolError, match="wanted int8"):
        reference.run(inputs)  # type: ignore[arg-type]


def test_refuses_a_float_model() -> None:
    """A model that does not take int8 is named as such."""
    writer = Writer()
    source = writer.float_activation((1, 2))
    output = writer.float_activation((1, 2))
    writer.operator("LOGISTIC", [source], [output])
    with pytest.raises(ToolError, match="not int8"):
        Oracle(writer.finish(source, output))


def test_a_process_of_its_own_gives_the_same_outputs() -> None:
    """Only where it runs is different."""
    model = single_operator("CONV_2D", 1)
    reference = Oracle(model)
    inputs = np.random.default_rng(0).integers(-128, 128, (3, *reference.input_shape[1:]))
    samples = inputs.astype(np.int8)
    assert np.array_equal(oracle.outputs_of(model, Windows.each(samples)), reference.run(samples))


def test_an_interpreter_that_ends_itself_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An abort is neither a broken tool nor the candidate's failure: nothing is compared."""
    stand_in(tmp_path, monkeypatch, "sum_of_exps: CHECK failed", "os.abort()")
    with pytest.raises(oracle.ReferenceCrashedError, match=r"SIGABRT .* sum_of_exps: CHECK failed"):
        oracle.outputs_of(b"", Windows.each(np.zeros((1, 2), np.int8)))


def test_an_operator_that_the_reference_does_not_take_is_named() -> None:
    """Nothing is compared; it joins ten tensors at most."""
    writer = Writer()
    source = writer.activation((1, 2), Quant(np.float32(0.1), 0), 1.0)
    joined = writer.activation((1, 22), Quant(np.float32(0.1), 0), 1.0)
    along = schema.ConcatenationOptionsT(axis=1)
    writer.operator("CONCATENATION", [source.index] * 11, [joined.index], along)
    model = writer.finish(source.index, joined.index)
    inputs = Windows.each(np.zeros((1, 2), np.int8))
    told = "does not take CONCATENATION: .*num_inputs"
    with pytest.raises(oracle.ReferenceCrashedError, match=told):
        oracle.outputs_of(model, inputs)
    with pytest.raises(CandidateFailure, match=r"of 11 parts .* join at most 10 at a time"):
        AOT.generate(model, "host")


@pytest.mark.parametrize(
    ("said", "end", "told"),
    [
        ("what(): std::bad_alloc", "os.abort()", "SIGABRT: .*bad_alloc"),
        ("busy", "os.kill(os.getpid(), 9)", "SIGKILL: busy"),
        ("no", "sys.exit(7)", "could not run the model(.|\\n)*no"),
    ],
    ids=["short-of-memory", "killed", "exit-code"],
)
def test_what_ended_the_process_otherwise_is_a_broken_tool(
    said: str, end: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shortages, the kernel and users: shown, never cached, to be tried again."""
    stand_in(tmp_path, monkeypatch, said, end)
    with pytest.raises(ToolError, match=told):
        oracle.outputs_of(b"", Windows.each(np.zeros((1, 2), np.int8)))


def test_says_so_where_there_is_no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel, the error names it and where it can be had."""
    monkeypatch.setattr(oracle, "available", lambda: False)
    with pytest.raises(ToolError, match=r"tflite-micro(.|\n)*Linux on x86-64"):
        Oracle(b"")
