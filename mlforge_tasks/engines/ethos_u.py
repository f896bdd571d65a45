"""Engine `ethos_u`: the model compiled for an Arm Ethos-U NPU by Arm's compiler vela.

Vela makes a `.tflite` in which what the NPU runs is one operator, `ethos-u`; what it cannot run
stays as it was and is left to the CPU. TensorFlow Lite Micro runs both. Nothing here executes it,
so every figure is the compiler's (docs/npu.md).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlforge_tasks.engines import GeneratedModel
from mlforge_tasks.engines._ethos_u import vela
from mlforge_tasks.engines._ethos_u.figures import NPU_OPERATOR, figures
from mlforge_tasks.engines._file_layers import layers
from mlforge_tasks.engines._tflm.delivery import Ends
from mlforge_tasks.engines._tflm.operators import OPERATORS
from mlforge_tasks.engines._vela_version import version
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.records import Reason
from mlforge_tasks.render import render
from mlforge_tasks.tflite_file.model import read

if TYPE_CHECKING:
    from mlforge_tasks.contract.npu import Npu
    from mlforge_tasks.engines import LibrarySources
    from mlforge_tasks.tflite_file.model import FileGraph

MODEL = "model_vela.tflite"
TABLE, COMPILED = "tflm_operators.c", "model_compiled.h"
# In zephyr_app/src/tflm_ethos_u.cc.
_NPU_TABLE_NAME = "ETHOS_U"


class EthosUEngine:
    """See `mlforge_tasks.engines.Engine`; `on` says for which NPU.

    Args:
        npu: What to compile for.
        own: The project's own configuration of vela, if it has one.
    """

    name = "ethos_u"

    def __init__(self, npu: Npu | None = None, own: bytes | None = None) -> None:
        self._npu = npu
        self._own = own

    def on(self, npu: Npu, own: bytes | None) -> EthosUEngine:
        """The engine for an NPU."""
        return EthosUEngine(npu, own)

    def require(self, npu: Npu | None, own: bytes | None) -> None:
        """Looks for what a run will need.

        Raises:
            ToolError: Vela is not installed.
            MlforgeError: Its configurations lack a name.
        """
        vela.check(_known(npu), own)

    def operators(self, cpu: str) -> tuple[str, ...]:  # noqa: ARG002 - the same for every core
        """See `Engine.operators`: those of TensorFlow Lite Micro, on the NPU or beside it."""
        return OPERATORS

    def generate(
        self,
        tflite: bytes,
        cpu: str,  # noqa: ARG002 - what the CPU has to do TensorFlow Lite Micro does
        prefix: str = "model",
        *,
        arena_limit_bytes: int | None = None,  # noqa: ARG002 - vela plans for the least cycles
        untrained: bool = False,  # noqa: ARG002 - encoded weights depend on their values
        streamed: bool = False,  # noqa: ARG002 - a contract asks no other engine than aot for it
        keeps_state: bool = False,  # noqa: ARG002 - likewise
    ) -> GeneratedModel:
        """See `Engine.generate`: the compiled model and the table of its operators.

        `arena_bytes` is what the NPU takes; TensorFlow Lite Micro's own structures are not in it.

        Raises:
            CandidateFailure: Vela cannot compile it, or leaves to the CPU what has no kernel there.
            ToolError: Vela is not installed.
        """
        npu = _known(self._npu)
        made = vela.run(tflite, npu, self._own)
        graph = read(made.tflite).main
        told = figures(made, graph, npu, version())
        names = sorted({_table_name(one.op) for one in graph.operators})
        files = {
            TABLE: render(
                f"tflm/{TABLE}.jinja", p=prefix, operators=names, ends=_ends(graph)
            ).encode(),
            COMPILED: render(f"ethos_u/{COMPILED}.jinja", p=prefix, tflite=made.tflite).encode(),
        }
        return GeneratedModel(
            files,
            arena_bytes=told.scratch_bytes,
            layers=tuple(layers(read(tflite).main)),
            npu=told,
            beside={MODEL: made.tflite},
        )

    def library(
        self,
        tflite: bytes,  # noqa: ARG002
        cpu: str,  # noqa: ARG002
        prefix: str,  # noqa: ARG002
        *,
        arena_limit_bytes: int | None,  # noqa: ARG002
        streamed: bool,  # noqa: ARG002
        keeps_state: bool = False,  # noqa: ARG002
    ) -> LibrarySources:
        """There is none: what a firmware with an NPU takes is the compiled model.

        Raises:
            ToolError: Always.
        """
        raise ToolError("engine 'ethos_u' has no library: the compiled model is delivered")


def _known(npu: Npu | None) -> Npu:
    if npu is None:
        raise ToolError(
            "engine 'ethos_u' was not told which NPU to compile for",
            hint="`target: {npu: {accelerator: …, system_config: …, memory_mode: …}}`",
        )
    return npu


def _table_name(op: str) -> str:
    """What the interpreter's table calls an operator.

    Raises:
        CandidateFailure: It is left to the CPU, which has no kernel for it.
    """
    if op == NPU_OPERATOR:
        return _NPU_TABLE_NAME
    if op not in OPERATORS:
        text = f"the NPU does not run {op}, for which TFLite Micro has no int8 kernel here"
        raise CandidateFailure(Reason(code="unsupported_operator", stage="engine", message=text))
    return op


def _ends(graph: FileGraph) -> Ends:
    sizes = [
        tuple(math.prod(graph.tensors[index].shape) for index in some)
        for some in (graph.inputs, graph.outputs)
    ]
    return Ends(*sizes)


PLUGIN = EthosUEngine()
