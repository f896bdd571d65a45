"""Picks, blocks, reductions, enlarging and matrix products: special forms, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.errors import CandidateFailure
from tests.helpers import small_models as small
from tests.helpers.aot_host import differing_bytes, make_case
from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.small_models import CHANNELS, QUANT, SHAPE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.aot_writer import Ref

_KEPT = schema.ReducerOptionsT(keepDims=True)
_LOGARITHMS = Quant(np.float32(1 / 16), 127)


def _matmul(
    first: tuple[int, ...], second: tuple[int, ...], made: tuple[int, ...], **options: bool
) -> bytes:
    """Two views of the input's elements, or fewer, as matrices."""

    def add(writer: Writer, source: Ref) -> int:
        refs = []
        for shape in (first, second):
            size = int(np.prod(shape))
            flat = writer.activation((1, 100), QUANT, 1.0)
            writer.operator("RESHAPE", [source.index], [flat.index])
            part = writer.activation((1, size), QUANT, 1.0)
            lists = [writer.constant(np.array(each, np.int32)) for each in ([0, 0], [1, size])]
            writer.operator("SLICE", [flat.index, *lists], [part.index], schema.SliceOptionsT())
            refs.append(writer.activation(shape, QUANT, 1.0).index)
            writer.operator("RESHAPE", [part.index], [refs[-1]])
        output = writer.activation(made, Quant(np.float32(3.0), -9), 1.0)
        settings = schema.BatchMatMulOptionsT(**options)
        writer.operator("BATCH_MATMUL", refs, [output.index], settings)
        return output.index

    return small.model(SHAPE, add)


def _of_constant(op: str, made: tuple[int, ...], *lists: Any, options: Any) -> bytes:
    """An operator on a constant, which is added to the input."""

    def add(writer: Writer, source: Ref) -> int:
        values = np.arange(-50, 50, dtype=np.int8).reshape(SHAPE)
        index = writer.constant(values, [QUANT.scale], [QUANT.zero_point])
        constants = [writer.constant(np.array(each, np.int32)) for each in lists]
        moved = writer.activation(made, QUANT, 1.0)
        writer.operator(op, [index, *constants], [moved.index], options)
        output = writer.activation(SHAPE, Quant(np.float32(0.2), 0), 1.0)
        writer.operator("ADD", [source.index, moved.index], [output.index], schema.AddOptionsT())
        return output.index

    return small.model(SHAPE, add)


_GATHER = schema.GatherOptionsT
_WHOLE = ([0, 0, 0, 0], [-1, -1, -1, -1])
EQUAL = {
    "slice_of_everything": small.listed("SLICE", SHAPE, *_WHOLE, options=schema.SliceOptionsT()),
    "gather_a_scalar": small.listed("GATHER", (1, 5, 4), 3, options=_GATHER(axis=2)),
    "gather_by_example": small.listed(
        "GATHER", (1, 3, 5, 4), [[4, 0, 4]], options=_GATHER(axis=1, batchDims=1)
    ),
    "gather_from_behind": small.listed("GATHER", (1, 5, 5, 2), [3, 0], options=_GATHER(axis=-1)),
    "mirror_of_channels": small.listed(
        "MIRROR_PAD",
        (1, 6, 5, 9),
        [[0, 0], [1, 0], [0, 0], [3, 2]],
        options=schema.MirrorPadOptionsT(mode=0),
    ),
    "maximum_of_nothing": small.listed("REDUCE_MAX", SHAPE, [0], options=_KEPT),
    "maximum_of_all": small.listed("REDUCE_MAX", (1, 1, 1, 1), [1, 2, 3], options=_KEPT),
    "least_of_columns_and_channels": small.listed(
        "REDUCE_MIN", (1, 5, 1, 1), [3, -2], options=_KEPT
    ),
    "constant_gathered": _of_constant("GATHER", SHAPE, [4, 0, 0, 2, 1], options=_GATHER(axis=2)),
    "constant_reversed": _of_constant(
        "REVERSE_V2", SHAPE, [1, 2], options=schema.ReverseV2OptionsT()
    ),
    "matrix_for_all": _matmul((1, 5, 4, 5), (1, 1, 5, 7), (1, 5, 4, 7)),
    "matrix_of_fewer_axes": _matmul((1, 5, 4, 5), (5, 7), (1, 5, 4, 7)),
    "matrix_in_front_for_all": _matmul((1, 1, 4, 5), (1, 2, 5, 7), (1, 2, 4, 7)),
    "matrix_of_five_axes": _matmul((1, 2, 1, 4, 5), (1, 1, 2, 5, 3), (1, 2, 2, 4, 3)),
    "matrices_turned": _matmul((1, 5, 4), (1, 6, 5), (1, 4, 6), adjX=True, adjY=True),
    "bilinear_to_one": small.listed(
        "RESIZE_BILINEAR",
        (1, 1, 1, 4),
        [1, 1],
        options=schema.ResizeBilinearOptionsT(alignCorners=True),
    ),
}


def test_special_forms_equal_the_oracle(tmp_path: Path) -> None:
    """Axes from behind, matrices that are one for all, operators on constants, and on nothing."""
    cases = [make_case(name, tflite) for name, tflite in EQUAL.items()]
    assert differing_bytes(cases, tmp_path) == {}


def test_what_changes_nothing_costs_nothing() -> None:
    """A slice of everything, a maximum over axes of size 1 and an operator on a constant."""
    for name, steps in (("slice_of_everything", 0), ("maximum_of_nothing", 0)):
        layers = PLUGIN.generate(EQUAL[name], "host").layers
        assert sum(each.op not in {"SLICE", "RESHAPE"} for each in layers) == steps
    text = PLUGIN.generate(EQUAL["constant_gathered"], "host").files["model_aot.c"].decode()
    assert "aot_pick_s8" not in text
    assert "constant" in text


def test_an_image_of_twice_the_size_takes_no_table() -> None:
    """Each row and column comes twice, which steps alone can say."""
    model = small.listed(
        "RESIZE_NEAREST_NEIGHBOR",
        (1, 10, 10, CHANNELS),
        [10, 10],
        options=schema.ResizeNearestNeighborOptionsT(halfPixelCenters=True),
    )
    files = PLUGIN.generate(model, "host").files
    assert "aot_view_s8.c" in files
    assert "uint16_t" not in files["model_aot.c"].decode()


def test_a_maximum_over_an_image_is_pooling() -> None:
    """So it has the kernel of the core."""
    model = small.listed("REDUCE_MAX", (1, 1, 1, CHANNELS), [1, 2], options=_KEPT)
    assert "aot_pool_window_s8.c" in PLUGIN.generate(model, "cortex-m55").files


def _of_itself(model: Any) -> None:
    """The input, whatever the condition."""
    graph = model.subgraphs[0]
    graph.tensors[1].type = schema.TensorType.BOOL
    model.buffers[graph.tensors[1].buffer].data = [1]
    graph.operators[0].inputs = [1, 0, 0]


_SLICE, _BLOCKS = schema.SliceOptionsT(), schema.SpaceToBatchNDOptionsT()
_TABLE = {
    "slice_beyond": (
        small.listed("SLICE", (1, 3, 5, 4), [0, 3, 0, 0], [1, 3, 5, 4], options=_SLICE),
        "SLICE .* 3 of 5 from 3",
    ),
    "slice_of_few_axes": (
        small.listed("SLICE", SHAPE, [0, 0], [1, 5], options=_SLICE),
        "bounds for some axes",
    ),
    "place_beyond": (
        small.listed("GATHER", (1, 1, 5, 4), [5], options=_GATHER(axis=1)),
        "GATHER .* place 5 of 5",
    ),
    "place_by_example": (
        small.listed("GATHER", (1, 5, 2, 4), [[[0, 1]] * 5], options=_GATHER(axis=2, batchDims=2)),
        "GATHER .* places for .* 5. examples",
    ),
    "place_of_many_axes": (
        small.listed("GATHER_ND", (1,), [[0] * 5], options=schema.GatherNdOptionsT()),
        "GATHER_ND .* places of 5 axes",
    ),
    "mirror_of_too_much": (
        small.listed(
            "MIRROR_PAD",
            (1, 10, 5, 4),
            [[0, 0], [5, 0], [0, 0], [0, 0]],
            options=schema.MirrorPadOptionsT(mode=0),
        ),
        r"a mirrored border \[5, 0\] of 5",
    ),
    "broadcast_to_less": (
        small.listed("BROADCAST_TO", SHAPE, [1, 5, 1, 4], options=schema.BroadcastToOptionsT()),
        r"BROADCAST_TO .* \[1, 5, 5, 4\] to \[1, 5, 1, 4\]",
    ),
    "broken_blocks": (
        small.listed(
            "SPACE_TO_DEPTH", (1, 2, 2, 16), options=schema.SpaceToDepthOptionsT(blockSize=2)
        ),
        "SPACE_TO_DEPTH .* blocks of 2",
    ),
    "no_blocks": (
        small.listed("DEPTH_TO_SPACE", SHAPE, options=schema.DepthToSpaceOptionsT(blockSize=0)),
        "DEPTH_TO_SPACE .* blocks of 0",
    ),
    "border_of_blocks": (
        small.listed("SPACE_TO_BATCH_ND", (1, 6, 6, 4), [1, 1], [[1, 0], [0, 1]], options=_BLOCKS),
        "SPACE_TO_BATCH_ND .* with a border .* fills it with whatever is in memory",
    ),
    "few_examples_of_blocks": (
        small.listed(
            "BATCH_TO_SPACE_ND",
            (1, 10, 10, 4),
            [2, 2],
            [[0, 0], [0, 0]],
            options=schema.BatchToSpaceNDOptionsT(),
        ),
        r"BATCH_TO_SPACE_ND .* 1 examples for blocks \[2, 2\]",
    ),
    "two_ways_to_enlarge": (
        small.listed(
            "RESIZE_BILINEAR",
            (1, 9, 9, 4),
            [9, 9],
            options=schema.ResizeBilinearOptionsT(alignCorners=True, halfPixelCenters=True),
        ),
        "align_corners and half_pixel_centers",
    ),
    "enlarged_beyond": (
        small.listed(
            "RESIZE_BILINEAR", (1, 290, 5, 4), [290, 5], options=schema.ResizeBilinearOptionsT()
        ),
        "from 5 to 290, for which TensorFlow Lite Micro reads beyond the image",
    ),
    "matrices_that_do_not_fit": (
        _matmul((1, 5, 4), (1, 5, 6), (1, 5, 6)),
        r"operands \[1, 5, 4\] and \[1, 5, 6\]",
    ),
    "numbers_of_matrices": (
        _matmul((1, 2, 5, 4), (1, 3, 4, 5), (1, 3, 5, 5)),
        r"operands \[1, 2, 5, 4\] and \[1, 3, 4, 5\]",
    ),
    "scale_of_logarithms": (small.unary("LOG_SOFTMAX"), "LOG_SOFTMAX .* scale other than 1/16"),
    "scale_below_logarithms": (
        small.unary("LOG_SOFTMAX", None, _LOGARITHMS, source=Quant(np.float32(1e-8), 0)),
        "LOG_SOFTMAX .* input scale of 1e-08",
    ),
    "computed_condition": (
        small.altered(
            small.listed("SELECT_V2", SHAPE, [1], options=schema.SelectV2OptionsT()),
            lambda model: setattr(model.subgraphs[0].operators[0], "inputs", [0, 0, 0]),
        ),
        "SELECT_V2 .* no bool constant",
    ),
    "two_computed_tensors": (
        small.altered(
            small.listed("SELECT_V2", SHAPE, [1], options=schema.SelectV2OptionsT()), _of_itself
        ),
        "SELECT_V2 .* of 2 computed tensors",
    ),
    "scale_of_what_is_turned": (
        small.altered(
            small.listed("REVERSE_V2", SHAPE, [1], options=schema.ReverseV2OptionsT()),
            lambda model: setattr(model.subgraphs[0].tensors[2].quantization, "scale", [0.2]),
        ),
        r"REVERSE_V2 .* changes the scale .* use x\[:, ::-1\]",
    ),
    "scale_of_a_maximum": (
        small.altered(
            small.listed("REDUCE_MAX", (1, 1, 5, 4), [1], options=_KEPT),
            lambda model: setattr(model.subgraphs[0].tensors[2].quantization, "scale", [0.2]),
        ),
        "REDUCE_MAX .* changes the scale",
    ),
}


@pytest.mark.parametrize("name", _TABLE)
def test_what_is_refused_names_the_cause(name: str) -> None:
    """What about the operator, and what to do."""
    tflite, cause = _TABLE[name]
    with pytest.raises(CandidateFailure, match=cause) as caught:
        PLUGIN.generate(tflite, "host")
    assert caught.value.reason.code == "unsupported_operator"
    assert "; " in caught.value.reason.message
