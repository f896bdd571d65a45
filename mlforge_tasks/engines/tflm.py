"""Engine `tflm`: TensorFlow Lite Micro, with an op resolver made for the one model.

The model itself stays what it is, a C array in `model_data.h`; what is generated is a table in C of
the operators it uses, so that another model needs no C++ compiled. How much working memory one
needs depends on the kernels and the core, so only an image can tell: `zephyr_app/src/tflm_arena.c`
has model and arena and defines `model_init`, and the platform says how large the arena is, after it
has built and run an image that searches for the smallest one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlforge_tasks.engines import GeneratedModel
from mlforge_tasks.engines._file_layers import layers
from mlforge_tasks.engines._tflm.delivery import Ends, library
from mlforge_tasks.engines._tflm.operators import OPERATORS
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.records import Reason
from mlforge_tasks.render import render
from mlforge_tasks.tflite_file.joins import MOST_JOINED
from mlforge_tasks.tflite_file.model import read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlforge_tasks.engines import LibrarySources
    from mlforge_tasks.tflite_file.model import FileGraph

SOURCE = "tflm_operators.c"

# Of these Zephyr's image has no kernel but that for int8.
_INT8_ONLY = {"ADD", "AVERAGE_POOL_2D", "MAXIMUM", "MAX_POOL_2D", "MINIMUM", "MUL", "SOFTMAX"}
# And these no kernel for int8.
_FLOAT_ONLY = {"CEIL", "FLOOR", "NEG", "ROUND", "SQUARE"}


class TflmEngine:
    """Writes the table of a model's operators for `zephyr_app/src/tflm_runtime.cc`."""

    name = "tflm"

    def operators(self, cpu: str) -> tuple[str, ...]:  # noqa: ARG002 - the same for every core
        """See `Engine.operators`; those that have no int8 kernel are there for float islands."""
        return tuple(each for each in OPERATORS if each not in _FLOAT_ONLY)

    def generate(
        self,
        tflite: bytes,
        cpu: str,  # noqa: ARG002 - the sources are the same for every core
        prefix: str = "model",
        *,
        arena_limit_bytes: int | None = None,  # noqa: ARG002 - the interpreter plans on the device
        untrained: bool = False,  # noqa: ARG002 - it runs what is in the file
        streamed: bool = False,  # noqa: ARG002 - a contract asks no other engine than aot for it
        keeps_state: bool = False,  # noqa: ARG002 - likewise
    ) -> GeneratedModel:
        """Generates the C source of one model; see `Engine.generate`.

        `arena_bytes` is 0: it is not known before the image has run.

        Raises:
            CandidateFailure: The model has an operator without an int8 kernel in TFLM, or int16
                values.
        """
        graph = read(tflite).main
        _check_types(graph)
        found = tuple(layers(graph))
        text = source(prefix, sorted({layer.op for layer in found}), _ends(graph))
        return GeneratedModel({SOURCE: text.encode()}, arena_bytes=0, layers=found)

    def library(
        self,
        tflite: bytes,
        cpu: str,
        prefix: str,
        *,
        arena_limit_bytes: int | None,  # noqa: ARG002 - see `generate`
        streamed: bool,  # noqa: ARG002
        keeps_state: bool = False,  # noqa: ARG002
    ) -> LibrarySources:
        """See `Engine.library`."""
        model = self.generate(tflite, cpu, prefix)
        operators = sorted({layer.op for layer in model.layers})
        return library(tflite, operators, prefix, _ends(read(tflite).main), model.files)


def _unsupported(text: str) -> CandidateFailure:
    return CandidateFailure(Reason(code="unsupported_operator", stage="engine", message=text))


def _check_types(graph: FileGraph) -> None:
    """Refuses what would end the interpreter on the device, or compute something else there.

    Raises:
        CandidateFailure: An operator that is there for int8 alone makes floats, one makes int16,
            one keeps a state, which the application does not reset, or one joins too many.
    """
    for operator in graph.operators:
        keeps = any(index >= 0 and graph.tensors[index].is_variable for index in operator.inputs)
        if keeps or operator.op == "VAR_HANDLE":
            raise _unsupported(
                f"the model uses {operator.op}, whose state the application of engine tflm does "
                "not reset; take `target: {engine: aot}`"
            )
    if any(each.dtype == "int16" for each in graph.tensors):
        raise _unsupported(
            "the model has int16 values, which TFLite Micro as Zephyr has it computes otherwise "
            "than the reference, or not at all; take 'engine: aot'"
        )
    for operator in graph.operators:
        types = {graph.tensors[index].dtype for index in operator.outputs}
        if operator.op in _INT8_ONLY and "float32" in types:
            text = f"the model uses {operator.op} in float32, of which there is no kernel here"
            raise _unsupported(text)
        if operator.op == "CONCATENATION" and len(operator.inputs) > MOST_JOINED:
            raise _unsupported(
                f"the model has a CONCATENATION of {len(operator.inputs)} parts; join at most "
                f"{MOST_JOINED} at a time, as TFLite Micro does"
            )


def _ends(graph: FileGraph) -> Ends:
    """The ends of a graph.

    Raises:
        CandidateFailure: One of several is of a type that no firmware here feeds.
    """
    inputs, outputs = (
        [graph.tensors[index] for index in some] for some in (graph.inputs, graph.outputs)
    )
    ends = Ends(*(tuple(math.prod(one.shape) for one in some) for some in (inputs, outputs)))
    if ends.several and any(one.dtype != "int8" for one in inputs + outputs):
        raise _unsupported("of several inputs and outputs each has to be int8")
    return ends


def source(prefix: str, operators: Iterable[str], ends: Ends) -> str:
    """The table of these operators.

    Args:
        prefix: What its names begin with; the runtime reads that of `model`.
        operators: As TFLite writes them.
        ends: The model's; what is generated for several gives them to the application as one.

    Raises:
        CandidateFailure: One of them has no int8 kernel in TFLM.
    """
    operators = tuple(operators)
    for name in operators:
        if name not in OPERATORS:
            text = f"the model uses {name}, for which TFLite Micro has no int8 kernel here"
            raise _unsupported(text)
    return render(f"tflm/{SOURCE}.jinja", p=prefix, operators=operators, ends=ends)


PLUGIN = TflmEngine()
