"""TILE in other words: what the reference then makes is what TILE means."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.oracle import Oracle
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.tiles import without_tiles
from tests.helpers import small_models as small
from tests.helpers.aot_writer import Quant, Writer

Step = tuple[tuple[int, ...], list[int]]
QUANT = Quant(np.float32(0.1), 3)


def _tiles(shape: tuple[int, ...], *steps: Step, share: bool = False) -> bytes:
    """Each step takes the last tensor in a shape and repeats it; lists may be one for all steps."""
    writer = Writer()
    source = last = writer.activation(shape, QUANT, 1.0)
    counts = writer.constant(np.array(steps[0][1], np.int32))
    for seen, times in steps:
        same = writer.activation(seen, QUANT, 1.0)
        writer.operator("RESHAPE", [last.index], [same.index])
        made = tuple(size * each for size, each in zip(seen, times, strict=True))
        last = writer.activation(made, QUANT, 1.0)
        numbers = counts if share else writer.constant(np.array(times, np.int32))
        writer.operator("TILE", [same.index, numbers], [last.index], schema.TileOptionsT())
    return writer.finish(source.index, last.index)


_TWICE = ((1, 3, 1, 4, 2), [1, 1, 2, 1, 1]), ((1, 6, 4, 1, 2), [1, 1, 1, 2, 1])
_SHARED = ((1, 3, 1, 8), [1, 1, 2, 1]), ((1, 6, 1, 8), [1, 1, 2, 1])
KNOWN = {
    "image_of_twice_the_size": ((1, 3, 4, 2), _TWICE, False, "CONCATENATION"),
    "lists_in_common": ((1, 24), _SHARED, True, "CONCATENATION"),
    "of_several_elements": ((1, 6), (((1, 3, 2), [1, 3, 1]),), False, "CONCATENATION"),
    "once": ((1, 6), (((1, 6), [1, 1]),), False, "CONCATENATION"),
    "often": ((1, 6), (((1, 1, 6), [1, 24, 1]),), False, "BROADCAST_TO"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_reference_repeats(name: str) -> None:
    """As numpy does, element by element, in as many operators."""
    shape, steps, share, op = KNOWN[name]
    model = _tiles(shape, *steps, share=share)
    changed, told = without_tiles(model)
    assert [each.op for each in read(changed).main.operators] == ["RESHAPE", op] * len(steps)
    inputs = np.random.default_rng(1).integers(-128, 128, (2, *shape[1:])).astype(np.int8)
    wanted = []
    for sample in inputs:
        made = sample
        for seen, times in steps:
            made = np.tile(made.reshape(seen), times)
        wanted.append(made[0])
    assert (Oracle(changed).run(inputs) == np.array(wanted)).all()
    assert without_tiles(changed) == (changed, ())
    assert [one.partition(" (Keras layer ")[0] for one in told] == ["its TILE"] * len(steps)
    assert all(one.endswith(f" became {op}") for one in told)


@pytest.mark.parametrize(
    "model",
    [
        _tiles((1, 6), ((1, 6, 1), [1, 2, 2])),
        _tiles((1, 6), ((1, 2, 3), [1, 12, 1])),
        _tiles((1, 6), ((1, 6, 1), [1, 1, 12]), ((1, 72, 1), [1, 1, 12]), share=True),
        small.altered(
            _tiles((1, 6), ((1, 2, 3), [1, 2, 1])),
            lambda model: setattr(model.subgraphs[0].tensors[3], "shape", [1, 5, 3]),
        ),
        small.conv(),
    ],
    ids=["two_axes", "many_parts", "many_parts_in_common", "another_shape", "none"],
)
def test_what_has_no_other_words_stays(model: bytes) -> None:
    """The file as it is, which the engine then refuses, naming TILE."""
    assert without_tiles(model) == (model, ())
