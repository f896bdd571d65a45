"""Masks of attention: scores keep their resolution, what is masked is nothing."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.oracle import Oracle
from mlforge_tasks.tflite_file.masks import with_near_masks
from mlforge_tasks.tflite_file.model import read
from tests.helpers import small_models as small
from tests.helpers.aot_writer import Quant, Ref, Writer

SCORES = Quant(np.float32(0.05), 3)
FAR = Quant(np.float32(9.3e35), 127)
SHAPE = (1, 4, 6)


def _masked(writer: Writer, scores: Ref, mask: int, far: Quant) -> Ref:
    """Scores, halved and masked, as SOFTMAX makes them."""
    half = writer.constant(np.array(127, np.int8), [0.5 / 255], [-128])
    halved, chosen = (writer.activation(SHAPE, far, 1.0) for _ in range(2))
    made = writer.activation(SHAPE, Quant(np.float32(1 / 256), -128), 1.0)
    writer.operator("MUL", [scores.index, half], [halved.index], schema.MulOptionsT())
    condition = writer.constant(np.tri(4, 6, dtype=np.bool_)[None])
    inputs = [condition, halved.index, mask]
    writer.operator("SELECT_V2", inputs, [chosen.index], schema.SelectV2OptionsT())
    writer.operator("SOFTMAX", [chosen.index], [made.index], schema.SoftmaxOptionsT(beta=1.0))
    return made


def _attention(far: Quant, layers: int = 1) -> bytes:
    """Layers one behind the other, of one mask."""
    writer = Writer()
    source = last = writer.activation(SHAPE, SCORES, 1.0)
    mask = writer.constant(np.array(-128, np.int8), [far.scale], [far.zero_point])
    for _ in range(layers):
        last = _masked(writer, last, mask, far)
    return writer.finish(source.index, last.index)


def test_scores_under_a_mask_count() -> None:
    """The reference's softmax is that of the scores that are not masked, to a few steps."""
    inputs = np.random.default_rng(1).integers(-128, 128, (5, *SHAPE[1:])).astype(np.int8)
    real = (inputs.astype(float) - SCORES.zero_point) * float(SCORES.scale) / 2
    masked = np.where(np.tri(4, 6, dtype=bool), real, -np.inf)
    shares = np.exp(masked - masked.max(axis=-1, keepdims=True))
    wanted = shares / shares.sum(axis=-1, keepdims=True)
    before = Oracle(_attention(FAR)).run(inputs)
    found = Oracle(with_near_masks(_attention(FAR))[0]).run(inputs)
    off = [np.abs((each.astype(float) + 128) / 256 - wanted) for each in (before, found)]
    assert off[0].max() > 0.3
    assert off[1].max() < 0.02
    assert (found[~np.broadcast_to(np.tri(4, 6, dtype=bool), found.shape)] == -128).all()


def test_layers_of_one_mask_have_one_range() -> None:
    """Since the constant has one."""
    content, told = with_near_masks(_attention(FAR, layers=2))
    changed = read(content).main
    choices = [each for each in changed.operators if each.op == "SELECT_V2"]
    tensors = [changed.tensors[i] for each in choices for i in (*each.inputs[1:], *each.outputs)]
    assert len(choices) == 2
    assert len({(each.scales, each.zero_points) for each in tensors}) == 1
    assert tensors[0].scales[0] < 0.2
    assert len(told) == 2
    assert all("takes scores to -" in each and "no further" in each for each in told)


@pytest.mark.parametrize("model", [_attention(SCORES), small.conv()], ids=["near", "none"])
def test_other_models_stay(model: bytes) -> None:
    """A mask that is near already, and no mask at all."""
    assert with_near_masks(model) == (model, ())
