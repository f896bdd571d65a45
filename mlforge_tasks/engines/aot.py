"""The aot engine: the int8 graph becomes C calls with static offsets, without an interpreter."""

from __future__ import annotations

from mlforge_tasks.engines import GeneratedModel
from mlforge_tasks.engines._aot.core import kernels_for
from mlforge_tasks.engines._aot.emit import constant_bytes, emit
from mlforge_tasks.engines._aot.importer import import_model
from mlforge_tasks.engines._aot.lower import OPERATORS, lower
from mlforge_tasks.engines._aot.memory import plan
from mlforge_tasks.engines._aot.program import Step
from mlforge_tasks.records import LayerProfile


class AotEngine:
    """See `mlforge_tasks.engines.Engine` and docs/aot-engine.md.

    Kernel files are the same for all models of one core, so several models link into one image if
    files of one name are compiled once.
    """

    name = "aot"

    def operators(self, cpu: str) -> tuple[str, ...]:
        """See `Engine.operators`."""
        return tuple(sorted(OPERATORS[kernels_for(cpu)]))

    def generate(self, tflite: bytes, cpu: str, prefix: str = "model") -> GeneratedModel:
        """See `Engine.generate`."""
        graph, lowered = lower(import_model(tflite), cpu)
        memory = plan(graph, lowered)
        layers = tuple(
            LayerProfile(
                name=operator.name,
                op=operator.op,
                macs=form.macs if isinstance(form, Step) else 0,
                weight_bytes=weight_bytes,
                output_bytes=sum(each.size for each in graph.outputs_of(operator)),
            )
            for operator, form, weight_bytes in zip(
                graph.operators, lowered, constant_bytes(graph, lowered, memory), strict=True
            )
        )
        files = emit(graph, lowered, memory, tflite=tflite, cpu=cpu, prefix=prefix)
        return GeneratedModel(files, memory.arena_bytes, layers, profiled=True)


PLUGIN = AotEngine()
