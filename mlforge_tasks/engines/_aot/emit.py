"""Writes the C of a planned model: constants, parameters, and one call after another."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.c_text import INDENT, comment, definition, initialiser, state_text
from mlforge_tasks.engines._aot.core import kernels_for
from mlforge_tasks.engines._aot.program import Alias, Constant, Data, Scratch, Step
from mlforge_tasks.engines._aot.stripes import FEED_ROWS
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.render import c_identifier, c_int, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlforge_tasks.engines._aot.c_text import StateText
    from mlforge_tasks.engines._aot.core import Kernels
    from mlforge_tasks.engines._aot.graph import Graph, Operator
    from mlforge_tasks.engines._aot.memory import Plan
    from mlforge_tasks.engines._aot.program import Argument, Call, Lowered

KERNELS = Path(__file__).parent / "kernels"
# Where a core's kernels are looked for; the first folder that has a file is taken.
FOLDERS: Mapping[Kernels, tuple[str, ...]] = {
    "portable": ("portable", "."),
    "dsp": ("dsp", "packed", "portable", "."),
    "mve": ("mve", "packed", "portable", "."),
}

_INCLUDE = re.compile(r'^#include "(aot_\w+)\.h"', re.MULTILINE)


@dataclass(frozen=True)
class Layer:
    """What the template needs of one operator, all of it C text.

    Attributes:
        title: Name, operator, shapes and cost, for a comment.
        constants: Definitions of arrays.
        parameters: Definition of the parameter struct, or empty.
        calls: Statements.
        opens: Turns of the loop that begins here, 0 where none does.
        closes: Whether one ends here.
        indent: Of what is in a loop.
    """

    title: str
    constants: tuple[str, ...]
    parameters: str
    calls: tuple[str, ...]
    opens: int = 0
    closes: bool = False
    indent: str = ""


class _Emitter:
    def __init__(
        self, graph: Graph, lowered: Sequence[Lowered], plan: Plan, prefix: str = ""
    ) -> None:
        self._prefix = prefix
        self._graph = graph
        self._lowered = lowered
        self._plan = plan
        self._first: dict[int, Step] = {}
        for form in lowered:
            if isinstance(form, Step):
                self._first.update(dict.fromkeys(self._constants(form) - set(self._first), form))

    def _argument(self, argument: Argument, index: int) -> str:
        if isinstance(argument, Data):
            if argument.tensor in self._plan.tensors:
                place = str(self._plan.tensors[argument.tensor] + argument.offset)
                if argument.tensor in self._plan.steps:
                    place += f" + stripe * {self._plan.steps[argument.tensor]}"
                return f"{self._cast(argument.tensor)}&arena[{place}]"
            return f"{self._cast(argument.tensor, 'const ')}tensor_{argument.tensor}"
        if isinstance(argument, Scratch):
            return f"&arena[{self._plan.scratch[index]}]"
        return c_int(argument) if isinstance(argument, int) else argument

    def _cast(self, tensor: int, qualifier: str = "") -> str:
        """What makes a kernel of int16, or one that moves bytes, take it."""
        return f"({qualifier}void *)" if self._graph.tensors[tensor].dtype == "int16" else ""

    def _call(self, call: Call, index: int) -> str:
        arguments = (self._argument(argument, index) for argument in call.arguments)
        function = call.function if call.header else f"{self._prefix}_{call.function}"
        return f"{function}({', '.join(arguments)});"

    def states(self) -> list[StateText]:
        """What the model keeps, as the template needs it."""
        return [
            state_text(each, self._graph.tensors[each.tensor], self._plan.tensors[each.tensor])
            for each in self._graph.states
        ]

    def constant_operands(self, step: Step) -> tuple[Constant, ...]:
        """Arrays for arguments that are constant tensors, at the first step that reads them."""
        constants = self._graph.tensors
        types = {"int16": ("int16_t", np.int16)}
        made = {i: types.get(each.dtype, ("int8_t", np.int8)) for i, each in enumerate(constants)}
        return tuple(
            Constant(
                f"tensor_{tensor}",
                made[tensor][0],
                constants[tensor].constant.ravel().astype(made[tensor][1]),
                comment(constants[tensor].name),
            )
            for tensor in sorted(self._constants(step))
            if self._first[tensor] is step
        )

    def _constants(self, step: Step) -> set[int]:
        arguments = (argument for call in step.calls for argument in call.arguments)
        tensors = {each.tensor for each in arguments if isinstance(each, Data)}
        return tensors - self._plan.tensors.keys()

    def layer(self, index: int, operator: Operator) -> Layer:
        layer = self._layer(index, operator)
        loop = self._graph.loop_of(index)
        if loop is None:
            return layer
        opens = loop.turns if index == loop.first else 0
        return replace(layer, opens=opens, closes=index == loop.last, indent=INDENT)

    def _layer(self, index: int, operator: Operator) -> Layer:
        form = self._lowered[index]
        shapes = ", ".join(
            str(list(tensor.shape))
            for tensor in self._graph.inputs_of(operator)
            if tensor.data is None
        )
        reads = "the model's input" if operator.op == FEED_ROWS else shapes or "constant"
        title = f"{operator.name}: {operator.op} {reads}"
        made = ", ".join(str(list(each.shape)) for each in self._graph.outputs_of(operator))
        title += f" -> {made}"
        if not isinstance(form, Step):
            kind = "the same bytes" if isinstance(form, Alias) else "constant"
            return Layer(f"{title}, {kind}", (), "", ())
        constants = (*form.constants, *self.constant_operands(form))
        parameters = ""
        if form.parameters is not None:
            members = initialiser(form.parameters.members)
            name = f"{form.parameters.c_type} {form.parameters.name}"
            parameters = f"static const {name} = {members};"
        return Layer(
            title=title + (f", {form.macs:,} MACs" if form.macs else ""),
            constants=tuple(definition(constant) for constant in constants),
            parameters=parameters,
            calls=tuple(self._call(call, index) for call in form.calls),
        )


def constant_bytes(graph: Graph, lowered: Sequence[Lowered], plan: Plan) -> tuple[int, ...]:
    """Bytes of constants in flash, by operator."""
    emitter = _Emitter(graph, lowered, plan)
    return tuple(
        sum(each.size_bytes for each in (*form.constants, *emitter.constant_operands(form)))
        if isinstance(form, Step)
        else 0
        for form in lowered
    )


def _find(name: str, kernels: Kernels) -> Path | None:
    """A kernel's file: the most special one that the core has."""
    paths = (KERNELS / folder / name for folder in FOLDERS[kernels])
    return next((path for path in paths if path.is_file()), None)


@functools.cache
def _kernel(stem: str, kernels: Kernels) -> tuple[Mapping[str, bytes], frozenset[str]]:
    """A kernel's header and source, and which others they include; read once."""
    paths = (_find(f"{stem}{suffix}", kernels) for suffix in (".h", ".c"))
    files = {path.name: path.read_bytes() for path in paths if path is not None}
    return files, frozenset(
        name for each in files.values() for name in _INCLUDE.findall(each.decode())
    )


def kernel_files(headers: Iterable[str], kernels: Kernels) -> Mapping[str, bytes]:
    """The kernels that some headers need, sources and headers."""
    files: dict[str, bytes] = {}
    todo, seen = {Path(header).stem for header in headers}, set[str]()
    while todo:
        seen.add(stem := todo.pop())
        found, included = _kernel(stem, kernels)
        files.update(found)
        todo |= included - seen
    return files


def _model(graph: Graph, emitter: _Emitter, plan: Plan) -> Mapping[str, object]:
    """What the templates say of a model."""
    ends = {"input": graph.inputs[0], "output": graph.outputs[0]}
    return {
        "layers": [emitter.layer(index, each) for index, each in enumerate(graph.operators)],
        "arena_bytes": plan.arena_bytes,
        "rows": graph.rows,
        "states": emitter.states(),
        **{f"{which}_offset": plan.tensors[tensor] for which, tensor in ends.items()},
        "types": {
            which: "int16_t" if graph.tensors[tensor].dtype == "int16" else "int8_t"
            for which, tensor in ends.items()
        },
    }


def emit(
    graph: Graph,
    lowered: Sequence[Lowered],
    plan: Plan,
    *,
    tflite: bytes,
    cpu: str,
    prefix: str,
    keeps_state: bool = False,
) -> Mapping[str, bytes]:
    """All files of a model, sorted by name.

    Args:
        graph: The model.
        lowered: Its operators as steps.
        plan: Where its buffers lie.
        tflite: What it was made from, for the comment on top.
        cpu: The core it is for.
        prefix: Of every symbol that is not static, and of the file names.
        keeps_state: Whether what the model keeps is cleared before the first inference alone.

    Raises:
        ToolError: The prefix is not a C identifier.
    """
    steps = [form for form in lowered if isinstance(form, Step)]
    headers = {call.header for step in steps for call in step.calls} - {""}
    context = {
        **_model(graph, _Emitter(graph, lowered, plan, prefix), plan),
        "prefix": c_identifier(prefix),
        "cpu": comment(cpu),
        "digest": sha256_bytes(tflite),
        "headers": sorted(headers),
        "keeps_state": keeps_state,
    }
    files = dict(kernel_files(headers, kernels_for(cpu)))
    names = ["aot.c", "aot.h", *(["rows.h"] if graph.rows else [])]
    for name in names:
        text = render(f"aot/model_{name}.jinja", **context)
        files[f"{prefix}_{name}"] = text.encode()
    return dict(sorted(files.items()))
