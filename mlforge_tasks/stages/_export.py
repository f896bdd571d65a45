"""What the converter is given: the network for one input at a time, and nothing else about it.

The network itself is traced. A clone of it would get the layers' weights, but not what a layer
made of them when it was adapted or loaded, as Keras' Normalization does with its statistics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.stages._keras import Libraries, Predictor, first_output
from mlforge_tasks.windows import Windows

if TYPE_CHECKING:
    from pathlib import Path

# Of the outputs' range. An int8 step is twice that; sums in another order differ by 0.00001.
TOLERANCE = 0.002
COMPARED_EXAMPLES = 32


def export(libraries: Libraries, model: Any, folder: Path) -> None:
    """Writes a network as a SavedModel whose batch is 1.

    With a batch of 1 shapes are constants: else SHAPE, STRIDED_SLICE and PACK stay in the graph.

    Raises:
        Exception: Of many types: Keras cannot trace the network.
    """
    tensorflow, keras = libraries

    def serve(batch: Any) -> Any:
        return first_output(libraries, model(batch, training=False))

    shape = (1, *model.inputs[0].shape[1:])
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", serve, [tensorflow.TensorSpec(shape, "float32", name="input")])
    archive.write_out(folder, verbose=False)


def difference(libraries: Libraries, model: Any, folder: Path, examples: Windows) -> float:
    """How far an exported network's outputs are from the network's own in a batch.

    Args:
        libraries: TensorFlow and Keras.
        model: The network.
        folder: Where it was exported to.
        examples: Inputs, float32; some of them are compared.

    Returns:
        The largest difference as a share of the outputs' range; NaN where they are not finite.
    """
    chosen = examples[:COMPARED_EXAMPLES]
    wanted = Predictor(libraries, model)(Windows.each(chosen))
    exported = libraries.tensorflow.saved_model.load(str(folder))  # its variables live as long
    outputs = [exported.serve(example[None]).numpy().reshape(1, -1) for example in chosen]
    found = np.concatenate(outputs)
    scale = float(np.ptp(wanted)) or float(np.abs(wanted).max()) or 1.0
    return float(np.abs(found - wanted).max()) / scale
