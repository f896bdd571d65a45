"""Engine `litert`: LiteRT's interpreter with XNNPACK, on processors with Linux.

The model stays what it is, a C array in `model_data.h`; what is generated calls LiteRT's C
interface (`graph/litert.py` has its library, which is installed beside the program).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.engines import GeneratedModel, LibrarySources
from mlforge_tasks.engines._file_layers import layers
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph.litert import VERSION
from mlforge_tasks.records import Reason
from mlforge_tasks.render import render
from mlforge_tasks.tflite_file.model import read

if TYPE_CHECKING:
    from mlforge_tasks.tflite_file.model import FileGraph

SOURCE = "litert_model.c"
# How far an output may be from TensorFlow Lite Micro's, in steps of int8. LiteRT rounds in ways of
# its own, which add up from layer to layer; what is beyond this is no rounding any more. Measured:
# 1 step over random graphs, 3 in other modes of the interpreter.
MOST_STEPS = 16
# Those that ran in it, in random int8 graphs (tests/helpers/graphs.py); it has no BROADCAST_TO.
OPERATORS = (
    "ABS",
    "ADD",
    "AVERAGE_POOL_2D",
    "BATCH_MATMUL",
    "BATCH_TO_SPACE_ND",
    "CEIL",
    "CONCATENATION",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "DEPTH_TO_SPACE",
    "DEQUANTIZE",
    "DIV",
    "ELU",
    "EQUAL",
    "EXPAND_DIMS",
    "FLOOR",
    "FULLY_CONNECTED",
    "GATHER",
    "GATHER_ND",
    "GREATER",
    "GREATER_EQUAL",
    "HARD_SWISH",
    "L2_NORMALIZATION",
    "LEAKY_RELU",
    "LESS",
    "LOGISTIC",
    "LOG_SOFTMAX",
    "MAXIMUM",
    "MAX_POOL_2D",
    "MEAN",
    "MINIMUM",
    "MIRROR_PAD",
    "MUL",
    "NEG",
    "NOT_EQUAL",
    "PACK",
    "PAD",
    "PADV2",
    "PRELU",
    "QUANTIZE",
    "REDUCE_MAX",
    "REDUCE_MIN",
    "RELU",
    "RELU6",
    "RESHAPE",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "REVERSE_V2",
    "RSQRT",
    "SELECT_V2",
    "SLICE",
    "SOFTMAX",
    "SPACE_TO_BATCH_ND",
    "SPACE_TO_DEPTH",
    "SPLIT",
    "SPLIT_V",
    "SQUARE",
    "SQUARED_DIFFERENCE",
    "SQUEEZE",
    "STRIDED_SLICE",
    "SUB",
    "SUM",
    "TANH",
    "TRANSPOSE",
    "TRANSPOSE_CONV",
    "UNPACK",
)
_BIAS_INPUT = 2


def _unsupported(text: str) -> CandidateFailure:
    return CandidateFailure(Reason(code="unsupported_operator", stage="engine", message=text))


def _check(graph: FileGraph) -> None:
    """Refuses what LiteRT would refuse on the device, or what is not called here.

    Raises:
        CandidateFailure: It is such a model.
    """
    ends = [graph.tensors[index] for index in (*graph.inputs, *graph.outputs)]
    if len(graph.inputs) != 1 or len(graph.outputs) != 1 or {one.dtype for one in ends} != {"int8"}:
        raise _unsupported("engine 'litert' runs models of one int8 input and one int8 output")
    for operator in graph.operators:
        if operator.op not in OPERATORS:
            raise _unsupported(f"the model uses {operator.op}, which LiteRT has no kernel for here")
        bias = operator.inputs[_BIAS_INPUT:]
        if operator.op == "CONV_2D" and (not bias or bias[0] < 0):
            raise _unsupported("LiteRT takes no CONV_2D without a bias")


class LitertEngine:
    """Writes the C around a model that LiteRT runs."""

    name = "litert"

    def operators(self, cpu: str) -> tuple[str, ...]:  # noqa: ARG002 - the same for every core
        """See `Engine.operators`."""
        return OPERATORS

    def generate(
        self,
        tflite: bytes,
        cpu: str,  # noqa: ARG002 - the source is the same for every core
        prefix: str = "model",
        *,
        arena_limit_bytes: int | None = None,  # noqa: ARG002 - LiteRT plans its memory itself
        untrained: bool = False,  # noqa: ARG002 - it runs what is in the file
        streamed: bool = False,  # noqa: ARG002 - a contract asks no other engine than aot for it
        keeps_state: bool = False,
    ) -> GeneratedModel:
        """See `Engine.generate`; `arena_bytes` is 0, since what LiteRT takes it does not tell.

        Raises:
            CandidateFailure: LiteRT does not run it, or it keeps a state.
        """
        if keeps_state:
            raise _unsupported("engine 'litert' runs no model that keeps a state")
        graph = read(tflite).main
        _check(graph)
        shapes = {
            name: graph.tensors[indices[0]].shape
            for name, indices in (("input", graph.inputs), ("output", graph.outputs))
        }
        text = render(f"litert/{SOURCE}.jinja", p=prefix, version=VERSION, **shapes)
        return GeneratedModel(
            {SOURCE: text.encode()},
            arena_bytes=0,
            layers=tuple(layers(graph)),
            most_steps=MOST_STEPS,
        )

    def library(
        self,
        tflite: bytes,
        cpu: str,
        prefix: str,
        *,
        arena_limit_bytes: int | None,  # noqa: ARG002 - as in `generate`
        streamed: bool,  # noqa: ARG002 - likewise
        keeps_state: bool = False,
    ) -> LibrarySources:
        """See `Engine.library`: of no sources, since LiteRT itself is what a program takes."""
        made = self.generate(tflite, cpu, prefix, keeps_state=keeps_state)
        return LibrarySources(files={}, shared=(), measured=made.files)


PLUGIN = LitertEngine()
