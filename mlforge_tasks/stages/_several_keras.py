"""A Keras network of several inputs or outputs, for what works with one of each.

Its inputs come one behind the other as one vector of an example's elements, and so do its outputs.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.stages._export import COMPARED_EXAMPLES, share_of_range
from mlforge_tasks.stages._keras import PREDICT_BATCH
from mlforge_tasks.stages._several import End
from mlforge_tasks.tflite_file.names import Names
from mlforge_tasks.windows import Windows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.stages._keras import Libraries

    Floats = NDArray[np.float32]

_INPUT, _OUTPUT = "input_{}", "output_{}"


def keras_ends(model: Any) -> tuple[tuple[End, ...], tuple[End, ...]]:
    """A network's inputs and outputs, called as in the dicts that it takes and gives.

    Where there are none, inputs have the names of their `Input`, outputs of the layers that make
    them. (A `Sequential` has no such names: it has one of each.)
    """
    layers = getattr(model, "output_names", [one.name for one in model.outputs])
    inputs = _called(getattr(model, "input", None), [one.name for one in model.inputs])
    outputs = _called(getattr(model, "output", None), layers)
    return _ends(inputs, model.inputs), _ends(outputs, model.outputs)


def _called(declared: Any, names: Sequence[str]) -> Sequence[str]:
    plain = isinstance(declared, dict) and len(declared) == len(names)
    return sorted(declared) if plain else names  # Keras lists what a dict holds in that order


def _ends(names: Sequence[str], tensors: Sequence[Any]) -> tuple[End, ...]:
    return tuple(End(name, tuple(one.shape[1:])) for name, one in zip(names, tensors, strict=True))


def names_of(model: Any, found: Names) -> Names:
    """What the network calls the inputs and outputs that an exported file numbers.

    Args:
        model: The network.
        found: The file's names, as `Several.export` makes them.
    """
    inputs, outputs = keras_ends(model)
    return Names(
        tuple(inputs[int(name.rpartition("_")[2])].name for name in found.inputs),
        tuple(outputs[int(name.rpartition("_")[2])].name for name in found.outputs),
    )


@dataclass(frozen=True)
class Several:
    """A network of any number of inputs and outputs.

    Attributes:
        libraries: TensorFlow and Keras.
        model: The network itself.
    """

    libraries: Libraries
    model: Any

    def _split(self, examples: Any, *, batch: int) -> list[Any]:
        """Each input of some examples that are [batch, elements]; -1 for any number."""
        shapes = [tuple(one.shape[1:]) for one in self.model.inputs]
        ends = list(accumulate(map(prod, shapes)))
        return [
            examples[:, end - prod(shape) : end].reshape(batch, *shape)
            if isinstance(examples, np.ndarray)
            else self.libraries.tensorflow.reshape(
                examples[:, end - prod(shape) : end], (batch, *shape)
            )
            for end, shape in zip(ends, shapes, strict=True)
        ]

    def _outputs(self, inputs: Sequence[Any]) -> list[Any]:
        nest = self.libraries.tensorflow.nest
        declared = getattr(self.model, "input", self.model.inputs[0])
        given = nest.pack_sequence_as(declared, list(inputs))
        return list(nest.flatten(self.model(given, training=False)))

    def predict(self, inputs: Windows) -> Floats:
        """All outputs, one behind the other: [N, elements]."""
        batches = inputs.batches(PREDICT_BATCH)
        return np.concatenate([self._infer(batch).numpy() for batch in batches])

    @functools.cached_property
    def _infer(self) -> Callable[[Floats], Any]:
        tensorflow = self.libraries.tensorflow
        size = sum(prod(one.shape[1:]) for one in self.model.inputs)

        def infer(batch: Any) -> Any:
            parts = self._outputs(self._split(batch, batch=-1))
            return tensorflow.concat([self._flat(one) for one in parts], axis=1)

        signature = [tensorflow.TensorSpec((None, size), tensorflow.float32)]
        made: Callable[[Floats], Any]
        made = tensorflow.function(infer, input_signature=signature, autograph=False)
        return made

    def _flat(self, output: Any) -> Any:
        return self.libraries.tensorflow.reshape(output, (-1, prod(output.shape[1:])))

    def export(self, folder: Path) -> None:
        """See `Exportable.export`."""
        tensorflow, keras = self.libraries

        def serve(*inputs: Any) -> dict[str, Any]:
            return {_OUTPUT.format(at): one for at, one in enumerate(self._outputs(inputs))}

        specs = [
            tensorflow.TensorSpec((1, *one.shape[1:]), "float32", name=_INPUT.format(at))
            for at, one in enumerate(self.model.inputs)
        ]
        archive = keras.export.ExportArchive()
        archive.track(self.model)
        archive.add_endpoint("serve", serve, specs)
        archive.write_out(folder, verbose=False)

    def samples(self, examples: Windows) -> Iterator[Mapping[str, Floats]]:
        """See `Exportable.samples`; by the names of the exported network's inputs."""
        for example in examples.batches(1):
            parts = self._split(example, batch=1)
            yield {_INPUT.format(at): part for at, part in enumerate(parts)}

    def difference(self, folder: Path, examples: Windows) -> float:
        """See `Exportable.difference`; the share is of the range of the output that it is in."""
        chosen = examples[:COMPARED_EXAMPLES]
        wanted = self.predict(Windows.each(chosen))
        exported = self.libraries.tensorflow.saved_model.load(str(folder))
        found = np.concatenate([self._served(exported, example[None]) for example in chosen])
        sizes = [prod(one.shape[1:]) for one in self.model.outputs]
        ends = list(accumulate(sizes))[:-1]
        pairs = zip(np.split(found, ends, axis=1), np.split(wanted, ends, axis=1), strict=True)
        return max(share_of_range(one, other) for one, other in pairs)

    def _served(self, exported: Any, example: Floats) -> Floats:
        """What an exported network gives for [1, elements]."""
        outputs = exported.serve(*self._split(example, batch=1))
        parts = [outputs[_OUTPUT.format(at)] for at in range(len(self.model.outputs))]
        return np.concatenate([one.numpy().reshape(1, -1) for one in parts], axis=1)
