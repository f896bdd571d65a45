"""The aot engine: the int8 graph becomes C calls with static offsets, without an interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.engines import GeneratedModel
from mlforge_tasks.engines._aot.core import kernels_for
from mlforge_tasks.engines._aot.delivery import library
from mlforge_tasks.engines._aot.emit import constant_bytes, emit
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.importer import import_model
from mlforge_tasks.engines._aot.lives import arena_plan
from mlforge_tasks.engines._aot.lower import OPERATORS, lowering
from mlforge_tasks.engines._aot.patches import patched
from mlforge_tasks.engines._aot.program import Step
from mlforge_tasks.engines._aot.rewrite import rewrite
from mlforge_tasks.engines._aot.told import told
from mlforge_tasks.engines._aot.trimmed import planned, trimmed
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.records import LayerProfile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.engines import LibrarySources
    from mlforge_tasks.engines._aot.graph import Graph
    from mlforge_tasks.engines._aot.memory import Plan
    from mlforge_tasks.engines._aot.patches import Patched
    from mlforge_tasks.engines._aot.program import Lowered
    from mlforge_tasks.engines._aot.trimmed import Planned


class AotEngine:
    """See `mlforge_tasks.engines.Engine` and docs/aot-engine.md.

    Kernel files are the same for all models of one core, so several models link into one image if
    files of one name are compiled once.
    """

    name = "aot"

    def operators(self, cpu: str) -> tuple[str, ...]:
        """See `Engine.operators`."""
        return tuple(sorted(OPERATORS[kernels_for(cpu)]))

    def generate(
        self,
        tflite: bytes,
        cpu: str,
        prefix: str = "model",
        *,
        arena_limit_bytes: int | None = None,
        untrained: bool = False,
        streamed: bool = False,
        keeps_state: bool = False,
    ) -> GeneratedModel:
        """See `Engine.generate`.

        What is refused is told in the words of the tool that the model was written with.
        What is computed more than once are rows of the first layers. What may be gained from
        weights are channels that have one value whatever the input. A model of several inputs or
        outputs is always computed whole.
        """
        try:
            model = (planned if untrained else trimmed)(rewrite(import_model(tflite)), cpu)
        except CandidateFailure as failure:
            raise told(failure, tflite) from None
        graph, lowered, memory = model.graph, model.lowered, model.memory
        patches = None
        limit_bytes = 0 if arena_limit_bytes is None and streamed else arena_limit_bytes
        if limit_bytes is not None and (streamed or memory.arena_bytes > limit_bytes):
            found = _in_stripes(model, cpu, limit_bytes, streamed=streamed)
            if found is not None:
                graph, lowered, memory = found.graph, found.lowered, found.memory
                patches = found.patches
        files = emit(
            graph, lowered, memory, tflite=tflite, cpu=cpu, prefix=prefix, keeps_state=keeps_state
        )
        layers = _profiles(graph, lowered, memory)
        arena = arena_plan(graph, lowered, memory)
        return GeneratedModel(
            files, memory.arena_bytes, layers, profiled=True, patches=patches, arena=arena
        )

    def library(
        self,
        tflite: bytes,
        cpu: str,
        prefix: str,
        *,
        arena_limit_bytes: int | None,
        streamed: bool,
        keeps_state: bool = False,
    ) -> LibrarySources:
        """See `Engine.library`: the model for every kind of core."""

        def generate(core: str) -> GeneratedModel:
            return self.generate(
                tflite,
                core,
                prefix,
                arena_limit_bytes=arena_limit_bytes,
                streamed=streamed,
                keeps_state=keeps_state,
            )

        return library(generate, cpu, prefix)


def _in_stripes(model: Planned, cpu: str, limit_bytes: int, *, streamed: bool) -> Patched | None:
    """The model with its first layers in stripes; None where there are none that pay.

    Raises:
        CandidateFailure: Its input has to come by rows, and cannot.
    """
    graph, found = model.graph, None
    if graph.has_several_ends and streamed:
        raise unsupported(
            f"an input that comes by rows, with {len(graph.inputs)} inputs and "
            f"{len(graph.outputs)} outputs,",
            "leave out 'patches: streamed'",
        )
    if not graph.is_int8 and streamed:
        raise unsupported("an int16 input that comes by rows", "leave out 'patches: streamed'")
    if graph.is_int8 and not graph.has_several_ends and not graph.states:
        found = patched(
            graph,
            model.operators,
            lowering(cpu),
            whole_bytes=model.memory.arena_bytes,
            limit_bytes=limit_bytes,
            whole_macs=model.whole_macs,
            streamed=streamed,
        )
    if streamed and found is None:
        raise unsupported(
            f"an input that comes by rows, which '{graph.operators[0].name}' reads whole",
            "begin with a convolution or a pooling, or take 'patches: auto'",
        )
    return found


def _profiles(graph: Graph, lowered: Sequence[Lowered], memory: Plan) -> tuple[LayerProfile, ...]:
    return tuple(
        LayerProfile(
            name=operator.name,
            op=operator.op,
            macs=form.macs * graph.turns(index) if isinstance(form, Step) else 0,
            weight_bytes=weight_bytes,
            output_bytes=sum(each.bytes for each in graph.outputs_of(operator)),
            dropped_channels=operator.dropped_channels,
        )
        for index, (operator, form, weight_bytes) in enumerate(
            zip(graph.operators, lowered, constant_bytes(graph, lowered, memory), strict=True)
        )
    )


PLUGIN = AotEngine()
