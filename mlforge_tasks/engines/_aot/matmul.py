"""Lowers BATCH_MATMUL: matrices that are both computed, as in attention."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import fixed_point
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.fixed_point import INT8_MAX, INT8_MIN, INT32_MAX
from mlforge_tasks.engines._aot.program import Call, Data, Parameters, Scratch, Step
from mlforge_tasks.engines._aot.ratio import ratio
from mlforge_tasks.engines._aot.view import steps_of

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.graph import Graph, Operator, Shape, Tensor
    from mlforge_tasks.engines._aot.program import Value

BATCH_AXES = 3
MATRIX_AXES = 2


def _batches(shapes: tuple[Shape, Shape], output: Shape) -> dict[str, Value]:
    """How many matrices there are along each axis, and how far apart those of an operand lie."""
    count = len(output) - MATRIX_AXES
    lead = (1,) * (BATCH_AXES - count)
    members: dict[str, Value] = {"batches": (*lead, *output[:count])}
    for name, shape in zip(("batch_steps0", "batch_steps1"), shapes, strict=True):
        own = (1,) * (len(output) - len(shape)) + shape
        steps = (
            step if size > 1 else 0
            for size, step in zip(own[:count], steps_of(own)[:count], strict=True)
        )
        members[name] = (*(0 for _ in lead), *steps)
    return members


def _bound(tensor: Tensor) -> int:
    """The furthest that a value is from the zero point."""
    return max(INT8_MAX - tensor.zero_point, tensor.zero_point - INT8_MIN)


def _output(operator: Operator, graph: Graph, depth: int) -> Value:
    """The factor from sums of products to the output.

    Raises:
        CandidateFailure: A 32-bit accumulator can overflow.
    """
    first, second = graph.inputs_of(operator)
    most = depth * _bound(first) * _bound(second)
    if most > INT32_MAX:
        raise unsupported(
            f"BATCH_MATMUL '{operator.name}' whose 32-bit accumulator can overflow",
            "use shorter rows",
        )
    # The reference multiplies both scales in single precision.
    scales = float(np.float32(first.scale * second.scale))
    by = ratio(operator, scales / float(graph.output_of(operator).scale))
    _, multiplier, shift = fixed_point.requant_record(0, -most, most, by)
    return {"multiplier": multiplier, "shift": shift}


def batch_matmul(operator: Operator, graph: Graph) -> Step:
    """BATCH_MATMUL."""
    first, second = graph.inputs_of(operator)
    output = graph.output_of(operator)
    *_, rows, columns = output.shape
    turned = operator.options.adjoint
    depth = first.shape[-2 if turned[0] else -1]
    members: dict[str, Value] = {
        **_batches((first.shape, second.shape), output.shape),
        "rows": rows,
        "columns": columns,
        "depth": depth,
        "row_step": 1 if turned[0] else depth,
        "step0": rows if turned[0] else 1,
        "step1": 1 if turned[1] else columns,
        "column_step": depth if turned[1] else 1,
        "zero_point0": first.zero_point,
        "zero_point1": second.zero_point,
        "output": _output(operator, graph, depth),
        "output_zero_point": output.zero_point,
    }
    operands = (Data(operator.inputs[0]), Data(operator.inputs[1]))
    arguments = (f"&{operator.name}", *operands, Data(operator.output), Scratch())
    return Step(
        calls=(Call("aot_matmul_s8.h", "aot_matmul_s8", arguments),),
        parameters=Parameters(operator.name, "aot_matmul_t", members),
        scratch_bytes=2 * depth,
        macs=math.prod(output.shape) * depth,
    )
