"""What the converter is given: the network for one input at a time, and nothing else about it.

The network itself is traced. A clone of it would get the layers' weights, but not what a layer
made of them when it was adapted or loaded, as Keras' Normalization does with its statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mlforge_tasks.stages._keras import Libraries, Predictor, first_output
from mlforge_tasks.windows import Windows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

# Of the outputs' range. An int8 step is twice that; sums in another order differ by 0.00001.
TOLERANCE = 0.002
COMPARED_EXAMPLES = 32


class Exportable(Protocol):
    """A network that can be written for the converter."""

    def export(self, folder: Path) -> None:
        """Writes it as a SavedModel whose batch is 1.

        With a batch of 1 shapes are constants: else SHAPE, STRIDED_SLICE and PACK stay in the
        graph.

        Raises:
            Exception: Of many types: Keras cannot trace the network.
        """

    def difference(self, folder: Path, examples: Windows) -> float:
        """How far an exported network's outputs are from the network's own in a batch.

        Args:
            folder: Where it was exported to.
            examples: Inputs, float32; some of them are compared.

        Returns:
            The largest difference as a share of the outputs' range; NaN where they are not finite.
        """

    def samples(self, examples: Windows) -> Iterator[Any]:
        """Every example, as the converter gives it to the exported network."""


@dataclass(frozen=True)
class OneEach:
    """A network of one input and one output."""

    libraries: Libraries
    model: Any

    def export(self, folder: Path) -> None:
        """See `Exportable.export`."""
        tensorflow, keras = self.libraries

        def serve(batch: Any) -> Any:
            return first_output(self.libraries, self.model(batch, training=False))

        shape = (1, *self.model.inputs[0].shape[1:])
        archive = keras.export.ExportArchive()
        archive.track(self.model)
        spec = [tensorflow.TensorSpec(shape, "float32", name="input")]
        archive.add_endpoint("serve", serve, spec)
        archive.write_out(folder, verbose=False)

    def difference(self, folder: Path, examples: Windows) -> float:
        """See `Exportable.difference`."""
        chosen = examples[:COMPARED_EXAMPLES]
        wanted = Predictor(self.libraries, self.model)(Windows.each(chosen))
        exported = self.libraries.tensorflow.saved_model.load(
            str(folder)
        )  # its variables live as long
        outputs = [exported.serve(example[None]).numpy().reshape(1, -1) for example in chosen]
        return share_of_range(np.concatenate(outputs), wanted)

    def samples(self, examples: Windows) -> Iterator[Any]:
        """See `Exportable.samples`."""
        return ([example] for example in examples.batches(1))


def share_of_range(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """The largest difference as a share of the range of what is wanted."""
    scale = float(np.ptp(wanted)) or float(np.abs(wanted).max()) or 1.0
    return float(np.abs(found - wanted).max()) / scale
