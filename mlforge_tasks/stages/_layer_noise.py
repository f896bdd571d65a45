"""Runs an int8 model beside its float network, and adds up what sets each layer apart.

Of an example, the model is run; then each float layer on the values that the int8 one was given,
so that the difference is what this layer adds; then the float network; then the float network once
for each layer, with this difference added to what the layer gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.stages._layer_sums import PARTS, Ran, Sums
from mlforge_tasks.stages._layer_tensors import is_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.stages._layer_twins import Form, Twins
    from mlforge_tasks.tflite_file.model import FileTensor

    Values = NDArray[np.float32]


# Of TensorFlow Lite's kernels; the first round as a device does, and are not there for all.
_REFERENCE, _OPTIMISED = "BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"


class _Interpreter:
    """TensorFlow Lite's, which keeps every tensor."""

    def __init__(self, lite: Any, content: bytes, kernels: str = _OPTIMISED) -> None:
        self._interpreter = lite.Interpreter(
            model_content=content,
            num_threads=1,
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=getattr(lite.experimental.OpResolverType, kernels),
        )
        self._interpreter.allocate_tensors()
        self.set = self._interpreter.set_tensor
        self.get = self._interpreter.get_tensor

    def run(self) -> None:
        """Once, from its first state, where it has one."""
        self._interpreter.reset_all_variables()
        self._interpreter.invoke()


def _as_a_device(lite: Any, content: bytes) -> _Interpreter:
    try:
        return _Interpreter(lite, content, _REFERENCE)
    except (RuntimeError, ValueError):  # it has REVERSE_V2 of an older version alone
        return _Interpreter(lite, content)


class Runner:
    """A model beside its float network.

    Args:
        lite: `tensorflow.lite`.
        twins: The float network's forms.
        content: The int8 model.
        weights: The float network's own constants, by tensor.

    Raises:
        RuntimeError: TensorFlow Lite refuses a form.
        ValueError: Likewise.
    """

    def __init__(
        self, lite: Any, twins: Twins, content: bytes, weights: Mapping[int, NDArray[np.float32]]
    ) -> None:
        self._int8 = _as_a_device(lite, content)
        form = twins.with_addends(weights)
        self._whole, self._addends = _Interpreter(lite, form.content), form.addends
        apart = [twins.apart(weights)] + ([twins.apart({})] if weights else [])
        self._apart = [(one, _Interpreter(lite, one.content)) for one in apart]
        self._twins = twins
        self._tensors = twins.graph.tensors
        self._zeros = {}
        for tensor, addend in self._addends.items():
            zeros = np.zeros(self._whole.get(addend).shape, np.float32)
            self._whole.set(addend, zeros)
            self._zeros[tensor] = zeros

    def measure(
        self,
        given: Sequence[tuple[NDArray[Any], ...]],
        real: Sequence[tuple[Values, ...]],
        alone: int,
    ) -> Sums:
        """What sets each layer apart on some examples.

        Args:
            given: Of each example, what the int8 model's inputs get.
            real: The same as the float network's get it.
            alone: On how many of them each layer is asked what its own error does to the output.
        """
        sums = Sums(self._twins)
        asked = set(np.linspace(0, len(given) - 1, min(alone, len(given))).astype(int).tolist())
        for at, (steps, values) in enumerate(zip(given, real, strict=True)):
            ran = self._ran(steps, values)
            sums.add(ran)
            if at in asked:
                self._each_alone(ran, values, sums)
        return sums

    def _ran(self, steps: Sequence[NDArray[Any]], values: Sequence[Values]) -> Ran:
        graph = self._twins.graph
        for tensor, part in zip(graph.inputs, steps, strict=True):
            self._int8.set(tensor, part)
        self._int8.run()
        wanted = {one for layer in self._twins.layers for one in layer.outputs} | {*graph.inputs}
        read = {
            one
            for operator in graph.operators
            for one in operator.inputs
            if one >= 0 and is_value(graph.tensors[one])
        }
        int8 = {one: real(self._int8.get(one), self._tensors[one]) for one in wanted | read}
        own = [self._fed(form, interpreter, int8) for form, interpreter in self._apart]
        for tensor, part in zip(graph.inputs, values, strict=True):
            self._whole.set(tensor, part)
        self._whole.run()
        whole = {one: self._whole.get(one) for one in wanted}
        given = {one: whole[one] for one in graph.inputs}
        return Ran(int8, whole, given | own[0], given | own[-1])

    def _fed(
        self, form: Form, interpreter: _Interpreter, int8: Mapping[int, Values]
    ) -> dict[int, Values]:
        """What each float layer makes of the int8 model's values."""
        for feed, tensor in form.feeds.values():
            interpreter.set(feed, int8[tensor])
        interpreter.run()
        made: dict[int, Values] = {}
        for layer in self._twins.layers:
            for output in layer.outputs:
                source = self._twins.graph.operators[layer.operator].inputs[0]
                made[output] = int8[source] if layer.retypes else interpreter.get(output)
        return made

    def _each_alone(self, ran: Ran, values: Sequence[Values], sums: Sums) -> None:
        """Adds the errors that each layer's own brings to the network's outputs."""
        outputs = self._twins.graph.outputs
        sums.add_outputs([ran.whole[one] for one in outputs])
        for at, tensor in enumerate(self._twins.graph.inputs):
            for part, error in ran.errors(tensor, self._tensors[tensor]):
                if error.any():
                    self._whole.set(tensor, values[at] + error)
                    sums.add_alone(at, part, self._off(ran))
            self._whole.set(tensor, values[at])
        first = len(self._twins.graph.inputs)
        for at, layer in enumerate(self._twins.layers, first):
            errors = [dict(ran.errors(one, self._tensors[one])) for one in layer.outputs]
            for part in PARTS:
                given = [one.get(part) for one in errors]
                if all(one is None or not one.any() for one in given):
                    continue
                for tensor, addend in zip(layer.outputs, given, strict=True):
                    if addend is not None:
                        self._whole.set(self._addends[tensor], addend)
                sums.add_alone(at, part, self._off(ran))
            for tensor in layer.outputs:
                self._whole.set(self._addends[tensor], self._zeros[tensor])

    def _off(self, ran: Ran) -> list[Values]:
        """What the network's outputs are now, less what they were."""
        self._whole.run()
        return [self._whole.get(one) - ran.whole[one] for one in self._twins.graph.outputs]


def real(values: NDArray[Any], tensor: FileTensor) -> Values:
    """What steps of a tensor stand for; float values as they are."""
    if not tensor.scales:
        return np.asarray(values, np.float32)
    zero = tensor.zero_points[0] if tensor.zero_points else 0
    return ((values.astype(np.float64) - zero) * tensor.scales[0]).astype(np.float32)
