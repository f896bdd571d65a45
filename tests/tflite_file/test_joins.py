"""A join of many parts, of which one is read: the reference refuses it, and takes it without."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.engines import tflm
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.tflite_file.joins import MOST_JOINED, without_wide_joins
from mlforge_tasks.tflite_file.model import read
from tests.helpers.aot_writer import Quant, Ref, Writer

QUANT, CURVED = Quant(np.float32(0.1), 3), Quant(np.float32(1 / 128), 0)
WIDTH = 4


def _slice(writer: Writer, source: Ref, at: int, rows: int) -> Ref:
    """Some rows of [1, rows, WIDTH]."""
    made = writer.activation((1, rows, WIDTH), QUANT, 1.0)
    lists = [writer.constant(np.array(one, np.int32)) for one in ((0, at, 0), (1, rows, WIDTH))]
    writer.operator("SLICE", [source.index, *lists], [made.index], schema.SliceOptionsT())
    return made


def _steps(count: int, at: int, rows: int = 1, *, joined: bool = True) -> bytes:
    """As a GRU of PyTorch's: rows one by one are joined along another axis, and some are read."""
    writer = Writer()
    source = last = writer.activation((1, count, WIDTH), QUANT, 1.0)
    if joined:
        steps = [_slice(writer, source, each, 1).index for each in range(count)]
        whole = writer.activation((count, 1, WIDTH), QUANT, 1.0)
        writer.operator("CONCATENATION", steps, [whole.index], schema.ConcatenationOptionsT())
        last = writer.activation(source.shape, QUANT, 1.0)
        shape = writer.constant(np.array(source.shape, np.int32))
        writer.operator("RESHAPE", [whole.index, shape], [last.index], schema.ReshapeOptionsT())
    read_ones = _slice(writer, last, at, rows)
    done = writer.activation(read_ones.shape, CURVED, 1.0)
    writer.operator("TANH", [read_ones.index], [done.index])
    return writer.finish(source.index, done.index)


@pytest.mark.parametrize("at", [0, MOST_JOINED])
def test_the_part_itself_is_read(at: int) -> None:
    """The reference refuses the model as it was, and gives what the part gives."""
    model = _steps(MOST_JOINED + 1, at)
    changed, told = without_wide_joins(model)
    assert len(told) == 1
    assert f" of {MOST_JOINED + 1} parts was left out, of which one is read" in told[0]
    assert [one.op for one in read(changed).main.operators] == ["SLICE", "TANH"]
    inputs = np.random.default_rng(1).integers(-128, 128, (3, MOST_JOINED + 1, WIDTH))
    with pytest.raises(ToolError, match="refuses the model"):
        Oracle(model).run(inputs.astype(np.int8))
    wanted = Oracle(_steps(MOST_JOINED + 1, at, joined=False)).run(inputs.astype(np.int8))
    assert np.array_equal(Oracle(changed).run(inputs.astype(np.int8)), wanted)


@pytest.mark.parametrize(
    ("count", "rows"), [(MOST_JOINED, 1), (MOST_JOINED + 1, 2)], ids=["few parts", "of two parts"]
)
def test_what_is_no_such_join_stays(count: int, rows: int) -> None:
    """To the byte."""
    model = _steps(count, 0, rows)
    assert without_wide_joins(model) == (model, ())


def test_what_else_reads_it_is_refused() -> None:
    """By the engine that would find the reference's interpreter at its end on the device."""
    model = _steps(MOST_JOINED + 1, 0, 2)
    with pytest.raises(CandidateFailure, match=rf"of {MOST_JOINED + 1} parts; join at most"):
        tflm.PLUGIN.generate(model, "cortex-m3", "model")
