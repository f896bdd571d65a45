"""ADD and SUB as one sum: which scales it serves, and every pair of operands against the oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.engines.aot import PLUGIN
from tests.helpers.aot_host import differing_bytes, make_case
from tests.helpers.aot_writer import Quant, Writer

if TYPE_CHECKING:
    from pathlib import Path

_VALUES = np.arange(-128, 128, dtype=np.int8)
_INPUTS = _VALUES.reshape(1, 256, 1)
# Both operands and the output.
_ZERO_POINTS = ((0, 0, 0), (3, -7, -128), (-128, 127, 31))
_SCALES = {
    "any": (0.05234, 0.031177, 0.071311),
    "all outputs that are no integer are ties": (1.0, 0.5, 1.0),
    "ties, saturated": (0.25, 0.25, 0.125),
    "far apart": (1e-4, 0.9, 0.7),
    "always the zero point": (1e-6, 2e-6, 0.5),
    "mostly saturated": (0.9, 0.3, 1e-3),
}
_DECIMAL = (0.05, 0.031, 0.07)  # many sums are near a tie, on a side that roundings decide


def _all_pairs(op: str, scales: tuple[float, ...], zero_points: tuple[int, ...]) -> bytes:
    writer = Writer()
    first, second, output = (
        Quant(np.float32(scale), zero) for scale, zero in zip(scales, zero_points, strict=True)
    )
    source = writer.activation((1, 256, 1), first, 1.0)
    other = writer.constant(_VALUES.reshape(1, 1, 256), [second.scale], [second.zero_point])
    result = writer.activation((1, 256, 256), output, 1.0)
    options = {"ADD": schema.AddOptionsT(), "SUB": schema.SubOptionsT()}[op]
    writer.operator(op, [source.index, other], [result.index], options)
    return writer.finish(source.index, result.index)


def _calls(tflite: bytes) -> str:
    return PLUGIN.generate(tflite, "host").files["model_aot.c"].decode()


@pytest.mark.parametrize("op", ["ADD", "SUB"])
def test_one_sum_serves_ties_and_every_size_of_scales(op: str, tmp_path: Path) -> None:
    """Every pair of operands gives the oracle's byte, without the reference's three roundings."""
    models = [
        _all_pairs(op, scales, zero_points)
        for scales in _SCALES.values()
        for zero_points in _ZERO_POINTS
    ]
    assert all("aot_add_s8(" in _calls(each) for each in models)
    cases = [make_case(f"m{i}", each, inputs=_INPUTS) for i, each in enumerate(models)]
    assert differing_bytes(cases, tmp_path) == {}


@pytest.mark.parametrize("op", ["ADD", "SUB"])
def test_where_no_sum_is_exact_operands_are_rounded_one_by_one(op: str, tmp_path: Path) -> None:
    """Near ties that the reference's roundings decide take its own arithmetic."""
    models = [_all_pairs(op, _DECIMAL, zero_points) for zero_points in _ZERO_POINTS]
    assert any("aot_add_wide_s8(" in _calls(each) for each in models)
    cases = [make_case(f"m{i}", each, inputs=_INPUTS) for i, each in enumerate(models)]
    assert differing_bytes(cases, tmp_path) == {}
