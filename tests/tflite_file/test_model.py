"""The reader: what a file says, and that damage is one clear error."""

from __future__ import annotations

import struct

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.stages._describe import describe
from mlforge_tasks.tflite_file.flatbuffer import DamagedError
from mlforge_tasks.tflite_file.model import MOST_NAME_LENGTH, read
from tests.helpers import small_models as small
from tests.helpers.small_models import altered

FLIPS = 300


def test_reads_what_was_written() -> None:
    """Tensors, operators and options are those of the file."""
    graph = read(small.conv(6)).main
    (operator,) = graph.operators
    source, weights, bias, output = graph.tensors
    assert (operator.op, operator.options_type) == ("CONV_2D", "Conv2DOptions")
    assert (operator.inputs, operator.outputs) == ((0, 1, 2), (3,))
    assert (graph.inputs, graph.outputs) == ((0,), (3,))
    assert (source.dtype, source.shape, source.zero_points) == ("int8", (1, 5, 5, 4), (3,))
    assert (len(weights.scales), weights.data is not None) == (6, True)
    assert (bias.dtype, output.data, output.oddity) == ("int32", None, "")


def test_names_are_text_that_can_be_shown() -> None:
    """Any bytes, of any length, on one line."""

    def change(model: object) -> None:
        tensor = model.subgraphs[0].tensors[0]  # type: ignore[attr-defined]
        tensor.name = b"a\n\x1b[31m\xff" + b"x" * 900

    name = read(altered(small.conv(), change)).main.tensors[0].name
    assert name.startswith("a??[31m")
    assert len(name) == MOST_NAME_LENGTH
    assert name.isprintable()


def test_a_long_name_of_litert_torchs_tells_the_innermost_module() -> None:
    """The converter writes the paths of all modules that it fused, with where each is from."""
    path = "nets.Net/nets.Residual_block_of_the_second_stage/torch.nn.modules"

    def change(model: object) -> None:
        tensor = model.subgraphs[0].tensors[0]  # type: ignore[attr-defined]
        tensor.name = f"{path}.activation.ReLU_2;;{path}.conv.Conv2d_1;3"

    name = read(altered(small.conv(), change)).main.tensors[0].name
    assert name == "nets.Net/nets.Residual_block_of_the_second_stage/torch.nn.Conv2d_1;3"


def test_a_file_that_was_cut_off_is_damaged() -> None:
    """At every length; what is missing is never read as zeros."""
    model = small.conv()
    whole = read(model)
    for length in range(len(model) - 1, -1, -7):
        try:
            found = read(model[:length])
        except DamagedError as error:
            assert "damaged" in str(error)  # noqa: PT017 - either is fine, and only those
        else:
            assert found == whole


@pytest.mark.parametrize("make", [small.conv, small.dense, small.open_batch, small.transposed])
def test_flipped_bits_raise_nothing_but_our_errors(make: object) -> None:
    """Whatever a bit says, the file is read, refused or damaged."""
    model = bytearray(make())  # type: ignore[operator]
    rng = np.random.default_rng(3)
    for place, bit in zip(
        rng.integers(8, len(model), FLIPS), rng.integers(0, 8, FLIPS), strict=True
    ):
        broken = bytearray(model)
        broken[place] ^= 1 << bit
        for use in (describe, lambda content: PLUGIN.generate(content, "cortex-m3")):
            try:
                use(bytes(broken))
            except (CandidateFailure, ToolError) as error:
                assert error.message  # noqa: PT017


def test_offsets_that_lead_outside_are_damage() -> None:
    """Before the file, behind it, and into nothing."""
    for root in (0, 1 << 31, 0xFFFFFFFF, 7):
        with pytest.raises(DamagedError):
            read(struct.pack("<I", root) + b"TFL3" + b"\xff" * 40)
    with pytest.raises(DamagedError, match="mark"):
        read(b"")
