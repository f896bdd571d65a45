"""From operators to calls of kernels.

To add an operator: write its kernel in `kernels/aot_<name>_s8.{c,h}`; write a function that makes a
`Step` of it and name it in `_EVERYWHERE`; say what it takes in `forms`, `shapes` and `options`; add
it to the generator in `tests/helpers/graphs.py`, whose property tests hold it against the oracle.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot import (
    activation,
    binary,
    dense,
    dense_four_bits,
    division,
    elementwise,
    gathering,
    int16,
    log_softmax,
    lstm,
    matmul,
    mean,
    packed,
    reduction,
    resize,
    rows,
    shape,
    simple,
    spaces,
    states,
    svdf,
    view,
)
from mlforge_tasks.engines._aot.advice import INSTEAD
from mlforge_tasks.engines._aot.core import kernels_for
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.islands import TABLE
from mlforge_tasks.engines._aot.program import Folded, Lowering
from mlforge_tasks.engines._aot.several import with_outputs_apart
from mlforge_tasks.engines._aot.share import share_constants

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlforge_tasks.engines._aot.core import Kernels
    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.program import Lowered, Step

    _Lowering = Callable[[Operator, Graph], Lowered]

_EVERYWHERE: Mapping[str, _Lowering] = {
    "ABS": elementwise.absolute,
    "ADD": binary.add_or_sub,
    "ASSIGN_VARIABLE": states.assign,
    "AVERAGE_POOL_2D": simple.pool,
    "BATCH_MATMUL": matmul.batch_matmul,
    "BATCH_TO_SPACE_ND": spaces.batch_to_space,
    "BROADCAST_TO": gathering.broadcast_to,
    "CONCATENATION": shape.concatenation,
    "DEPTH_TO_SPACE": spaces.depth_to_space,
    "DIV": division.divide,
    "ELU": elementwise.elu,
    "EXPAND_DIMS": shape.reshape,
    "GATHER": gathering.gather,
    "GATHER_ND": gathering.gather_nd,
    "HARD_SWISH": activation.hard_swish,
    "L2_NORMALIZATION": simple.normalise,
    "LEAKY_RELU": activation.leaky_relu,
    "LOGISTIC": simple.sigmoid,
    "LOG_SOFTMAX": log_softmax.log_softmax,
    "MAXIMUM": elementwise.extreme,
    "MAX_POOL_2D": simple.pool,
    "MEAN": mean.mean,
    "MINIMUM": elementwise.extreme,
    "MIRROR_PAD": gathering.mirror_pad,
    "MUL": binary.mul,
    "PACK": shape.concatenation,
    "PAD": shape.pad,
    "PADV2": shape.pad,
    "PRELU": activation.prelu,
    "QUANTIZE": simple.quantize,
    "READ_VARIABLE": states.read,
    "REDUCE_MAX": simple.pool,  # a rewrite makes it one
    "REDUCE_MIN": reduction.reduce_min,
    "RELU": simple.relu,
    "RELU6": simple.relu6,
    "RESHAPE": shape.reshape,
    "RESIZE_BILINEAR": resize.resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": resize.resize_nearest,
    "REVERSE_V2": gathering.reverse,
    "RSQRT": elementwise.inverse_root,
    "SELECT_V2": elementwise.extreme,  # a rewrite makes it one, or two
    "SLICE": gathering.slice_,
    "SOFTMAX": simple.softmax,
    "SPACE_TO_BATCH_ND": spaces.space_to_batch,
    "SPACE_TO_DEPTH": spaces.space_to_depth,
    "SPLIT": view.split,
    "SPLIT_V": view.split,
    "SQUARED_DIFFERENCE": elementwise.squared_difference,
    "SQUEEZE": shape.reshape,
    "STRIDED_SLICE": view.strided_slice,
    "SUB": binary.add_or_sub,
    "SUM": mean.mean,
    "SVDF": svdf.svdf,
    "TANH": simple.sigmoid,
    "TRANSPOSE": view.transpose,
    "TRANSPOSE_CONV": shape.spread,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm.lstm,
    "UNPACK": view.unpack,
}
# What only rewrites make.
_OURS: Mapping[str, Callable[[Operator, Graph], Step]] = {
    **rows.OPERATORS,
    TABLE: elementwise.table,
}
_NEWER = "no schema known here has its number: convert with an earlier TensorFlow"
# What differs from core to core.
_PER_CORE: Mapping[Kernels, Mapping[str, Callable[[Operator, Graph], Step]]] = {
    "portable": dense.OPERATORS,
    "dsp": packed.DSP_OPERATORS,
    "mve": packed.MVE_OPERATORS,
}
OPERATORS: Mapping[Kernels, Mapping[str, _Lowering]] = {
    kernels: {
        **_EVERYWHERE,
        **own,
        "FULLY_CONNECTED": dense_four_bits.or_packed(own["FULLY_CONNECTED"]),
    }
    for kernels, own in _PER_CORE.items()
}


def _lowering(operator: Operator, graph: Graph, operators: Mapping[str, _Lowering]) -> _Lowering:
    """What lowers an operator, by the type of its values."""
    if int16.is_of_int16(operator, graph):
        if operator.op not in int16.OPERATORS:
            has = f"of these it has {', '.join(sorted(int16.OPERATORS))}"
            raise unsupported(
                f"{operator.op} '{operator.name}' with int16 values",
                int16.INSTEAD.get(operator.op, has),
            )
        return int16.OPERATORS[operator.op]
    if operator.op not in operators:
        newer = operator.op.startswith("operator ")  # how one is called that has no name here
        has = _NEWER if newer else f"it has {', '.join(sorted(operators))}"
        raise unsupported(f"{operator.op} '{operator.name}'", INSTEAD.get(operator.op, has))
    return operators[operator.op]


def lower_operators(graph: Graph, cpu: str) -> tuple[Graph, tuple[Lowered, ...]]:
    """Lowers every operator, with every constant at each that has it.

    Args:
        graph: The model, rewritten.
        cpu: The core, as GCC's `-mcpu` names it.

    Returns:
        The graph with folded tensors made constant and several outputs apart, and one lowered form
        per operator.

    Raises:
        CandidateFailure: An operator, or a form of it, is not supported.
    """
    operators = OPERATORS[kernels_for(cpu)]
    lowered: list[Lowered] = []
    for operator in graph.operators:
        if operator.op in _OURS:
            lowered.append(_OURS[operator.op](operator, graph))
            continue
        form = _lowering(operator, graph, operators)(operator, graph)
        if isinstance(form, Folded):
            tensors = list(graph.tensors)
            tensors[operator.output] = replace(tensors[operator.output], data=form.values)
            graph = replace(graph, tensors=tuple(tensors))
        lowered.append(form)
    return with_outputs_apart(graph, lowered)


def lowering(cpu: str) -> Lowering:
    """How operators become steps on a core, as GCC's `-mcpu` names it."""
    return Lowering(lambda graph: lower_operators(graph, cpu)[1], share_constants)
