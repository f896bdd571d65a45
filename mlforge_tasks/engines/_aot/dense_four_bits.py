"""Lowers FULLY_CONNECTED with weights of four bits: they stay packed in flash, on every core."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.program import Call, Constant, Data, Parameters, Step
from mlforge_tasks.engines._aot.weighted import fused_clamp, parts, requant

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Value


def _packed(taps: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Two weights to a byte, the first in its lower half, whole bytes for each channel."""
    even = np.pad(taps, ((0, 0), (0, taps.shape[1] % 2))) & 15
    both: NDArray[np.uint8] = (even[:, ::2] | even[:, 1::2] << 4).astype(np.uint8)
    return both.ravel()


def fully_connected(operator: Operator, graph: Graph) -> Step:
    """A step of the kernel that unpacks weights where it multiplies them."""
    _, weights, bias = parts(operator, graph)
    output = graph.output_of(operator)
    taps = weights.constant.astype(np.int64)
    records = requant(operator, graph, taps, bias, may_share=True)
    name = f"{operator.name}_weights"
    rows = output.size // len(taps)
    members: dict[str, Value] = {
        "weights": name,
        **records.dot_members,
        "rows": rows,
        "inputs": taps.shape[1],
        "channels": len(taps),
        "zero_point": output.zero_point,
    }
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(
            Call("aot_dense_s4.h", "aot_dense_s4", arguments),
            *fused_clamp(operator, output),
        ),
        constants=(
            Constant(name, "uint8_t", _packed(taps), "[channel][tap / 2], the first lower"),
            *records.constants,
        ),
        parameters=Parameters(operator.name, "aot_dense_s4_t", members),
        macs=rows * taps.size,
    )


def or_packed(
    eight_bits: Callable[[Operator, Graph], Step],
) -> Callable[[Operator, Graph], Step]:
    """The core's own way for weights of eight bits, this one for those of four."""

    def lower(operator: Operator, graph: Graph) -> Step:
        few = graph.inputs_of(operator)[1].four_bits
        return (fully_connected if few else eight_bits)(operator, graph)

    return lower
