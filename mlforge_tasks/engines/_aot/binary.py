"""Lowers ADD, SUB and MUL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot import addition, fixed_point
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.program import Call, Data, Parameters, Step
from mlforge_tasks.engines._aot.ratio import ratio
from mlforge_tasks.engines._aot.weighted import fused_clamp

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.fixed_point import Factor
    from mlforge_tasks.engines._aot.graph import Graph, Operator, Shape, Tensor
    from mlforge_tasks.engines._aot.program import Value

BROADCAST_DIMENSIONS = 4
_MOST_PRODUCT = 1 << 16


def _groups(shapes: tuple[Shape, Shape], output: Shape) -> list[tuple[int, bool, bool]]:
    """The output's shape with neighbouring dimensions merged that broadcast alike.

    Returns:
        Size and, per operand, whether it is broadcast; outermost first.
    """
    padded = [(1,) * (len(output) - len(shape)) + shape for shape in shapes]
    groups: list[tuple[int, bool, bool]] = []
    for size, first, second in zip(output, *padded, strict=True):
        if size == 1:
            continue
        kind = (first == 1, second == 1)
        if groups and groups[-1][1:] == kind:
            size *= groups.pop()[0]  # noqa: PLW2901 - the merged size
        groups.append((size, *kind))
    return groups


def _steps(groups: list[tuple[int, bool, bool]], operand: int) -> tuple[int, ...]:
    """Distance between an operand's neighbours along each group; 0 where it is broadcast."""
    steps: list[int] = []
    step = 1
    for size, *broadcast in reversed(groups):
        steps.append(0 if broadcast[operand] else step)
        step *= 1 if broadcast[operand] else size
    return tuple(reversed(steps))


def broadcast_record(operator: Operator, graph: Graph) -> dict[str, Value]:
    """An `aot_broadcast_t` of two operands.

    Raises:
        CandidateFailure: They are broadcast in more ways than the kernels have.
    """
    first, second = graph.inputs_of(operator)
    groups = _groups((first.shape, second.shape), graph.output_of(operator).shape)
    if len(groups) > BROADCAST_DIMENSIONS:
        raise unsupported(
            f"{operator.op} '{operator.name}' that broadcasts along many axes",
            "give both operands the same shape",
        )
    groups = [(1, False, False)] * (BROADCAST_DIMENSIONS - len(groups)) + groups
    return {
        "shape": tuple(size for size, *_ in groups),
        "steps0": _steps(groups, 0),
        "steps1": _steps(groups, 1),
    }


def in_place_operand(operator: Operator, graph: Graph) -> int | None:
    """An operand as large as the output, that it may overwrite."""
    size = graph.output_of(operator).size
    for index in operator.inputs:
        tensor = graph.tensors[index]
        if tensor.size == size and tensor.data is None:
            return index
    return None


def operand_record(
    tensor: Tensor, by: Factor, headroom_bits: int = addition.HEADROOM_BITS
) -> dict[str, Value]:
    """An `aot_operand_t`, of operands that are scaled up by a power of two first.

    Its fast form shifts right by one at least. A factor without a shift is exactly one half, so
    lifting the operand by one bit more makes room for that shift, without a rounding.
    """
    lift = headroom_bits + (by.shift == 0)
    return {
        "lift": lift,
        "zero_point": tensor.zero_point << lift,
        "multiplier": by.multiplier,
        "shift": max(-by.shift, 1),
    }


def scale_record(by: Factor, most: int) -> tuple[int, int]:
    """An `aot_scale_t` for values that are not larger than `most`."""
    _, multiplier, shift = fixed_point.requant_record(0, -most, most, by)
    return multiplier, shift


def add_or_sub(operator: Operator, graph: Graph) -> Step:
    """ADD and SUB."""
    first, second = graph.inputs_of(operator)
    output = graph.output_of(operator)
    sign = 1 if operator.op == "ADD" else -1
    operands = addition.Operands((first, second), output, sign)
    by = addition.factors(operands)
    if any(each.shift > 0 for each in by):
        raise unsupported(
            f"{operator.op} '{operator.name}' with an output scale far below its inputs'",
            "calibrate with representative data",
        )
    members: dict[str, Value] = {"broadcast": broadcast_record(operator, graph)}
    found = addition.find(operands, by)
    if found is not None:
        members.update(vars(found))
        return pair_step(
            operator, graph, Parameters(operator.name, "aot_add_t", members), "aot_add_s8"
        )
    members.update(
        operand0=operand_record(first, by[0]),
        operand1=operand_record(second, by[1]),
        sign=sign,
        output=scale_record(by[2], 1 << (8 + addition.HEADROOM_BITS)),
        output_zero_point=output.zero_point,
    )
    parameters = Parameters(operator.name, "aot_add_wide_t", members)
    return pair_step(operator, graph, parameters, "aot_add_wide_s8")


def mul(operator: Operator, graph: Graph) -> Step:
    """MUL."""
    first, second = graph.inputs_of(operator)
    output = graph.output_of(operator)
    real = float(first.scale) * float(second.scale) / float(output.scale)
    members: dict[str, Value] = {
        "broadcast": broadcast_record(operator, graph),
        "zero_point0": first.zero_point,
        "zero_point1": second.zero_point,
        "output": scale_record(ratio(operator, real), _MOST_PRODUCT),
        "output_zero_point": output.zero_point,
    }
    parameters = Parameters(operator.name, "aot_mul_t", members)
    return pair_step(operator, graph, parameters, "aot_mul_s8")


def pair_step(
    operator: Operator,
    graph: Graph,
    parameters: Parameters,
    function: str,
    header: str = "aot_binary_s8.h",
) -> Step:
    """A kernel of two operands, and the fused activation."""
    operands = (Data(operator.inputs[0]), Data(operator.inputs[1]))
    call = Call(header, function, (f"&{operator.name}", *operands, Data(operator.output)))
    return Step(
        calls=(call, *fused_clamp(operator, graph.output_of(operator))),
        parameters=parameters,
        overwrites=in_place_operand(operator, graph),
    )
