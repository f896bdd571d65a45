"""A network of PyTorch's that is given examples channels last."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.oracle import Oracle
from mlforge_tasks.tflite_file.channels import with_channels_last
from mlforge_tasks.tflite_file.model import read
from tests.helpers.aot_writer import Quant, Writer

QUANT, OTHER = Quant(np.float32(0.1), 3), Quant(np.float32(0.2), 0)
Moves = list[tuple[str, tuple[int, ...]]]


def _model(shape: tuple[int, ...], moves: Moves, quant: Quant = QUANT) -> bytes:
    """Moves the input's elements, each time into a shape or an order, and takes their tanh."""
    writer = Writer()
    source = last = writer.activation(shape, QUANT, 1.0)
    for op, numbers in moves:
        order = np.array(numbers, np.int32)
        made = tuple(last.shape[one] for one in numbers) if op == "TRANSPOSE" else numbers
        after = writer.activation(made, quant, 1.0)
        writer.operator(op, [last.index, writer.constant(order)], [after.index])
        last = after
    done = writer.activation(last.shape, Quant(np.float32(1 / 128), 0), 1.0)
    writer.operator("TANH", [last.index], [done.index])
    return writer.finish(source.index, done.index)


WINDOW: Moves = [("RESHAPE", (1, 3, 1, 8)), ("TRANSPOSE", (0, 2, 3, 1))]
KNOWN: dict[str, tuple[tuple[int, ...], Moves, tuple[int, ...], list[str]]] = {
    "image": ((1, 3, 4, 5), [("TRANSPOSE", (0, 2, 3, 1))], (1, 4, 5, 3), []),
    "window": ((1, 3, 8), WINDOW, (1, 1, 8, 3), []),
    "then more": ((1, 3, 8), [*WINDOW, ("RESHAPE", (1, 24))], (1, 1, 8, 3), ["RESHAPE"]),
    "one channel": ((1, 1, 4, 5), [("RESHAPE", (1, 4, 5, 1))], (1, 4, 5, 1), []),
}


@pytest.mark.parametrize("name", KNOWN)
def test_it_gives_what_it_gave(name: str) -> None:
    """Of the same examples, in the other order of their axes."""
    shape, moves, wanted, left = KNOWN[name]
    model = _model(shape, moves)
    changed = with_channels_last(model)
    assert changed is not None
    graph = read(changed).main
    assert graph.tensors[graph.inputs[0]].shape == wanted
    assert [one.op for one in graph.operators] == [*left, "TANH"]
    inputs = np.random.default_rng(1).integers(-128, 128, (4, *shape[1:])).astype(np.int8)
    last = np.moveaxis(inputs, 1, -1).reshape(4, *wanted[1:])
    before, after = Oracle(model).run(inputs), Oracle(changed).run(last)
    assert len(np.unique(before)) > 10
    assert np.array_equal(before, after)


@pytest.mark.parametrize(
    ("shape", "moves", "quant"),
    [
        ((1, 3, 8), [("RESHAPE", (1, 24))], QUANT),
        ((1, 3, 4, 5), [("TRANSPOSE", (0, 3, 2, 1))], QUANT),
        ((1, 3, 8), [("RESHAPE", (1, 8, 3))], QUANT),
        ((1, 1, 4, 5), [("RESHAPE", (1, 20))], QUANT),
        ((1, 3, 8), [], QUANT),
        ((1, 3, 8), WINDOW, OTHER),
    ],
    ids=["flat", "another order", "no transposition", "flat image", "nothing", "another scale"],
)
def test_what_does_not_begin_so_stays(shape: tuple[int, ...], moves: Moves, quant: Quant) -> None:
    """A dense layer's weights are in the order of its input."""
    assert with_channels_last(_model(shape, moves, quant)) is None
