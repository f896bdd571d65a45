"""Keras and TensorFlow, imported and set up so that equal inputs give equal bits."""

from __future__ import annotations

import gc
import importlib
import runpy
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.windows import Windows

# Networks for microcontrollers are too small to gain from a second thread (measured: none, and a
# loss where two candidates train at once), and the number of threads changes the order of sums.
THREADS = 1
PREDICT_BATCH = 1024


class Libraries(NamedTuple):
    """The two modules, which only a process that trains or converts imports."""

    tensorflow: Any
    keras: Any


def load() -> Libraries:
    """Imports TensorFlow and Keras, where nobody has yet."""
    if "tensorflow" in sys.modules and "keras" in sys.modules:
        return Libraries(sys.modules["tensorflow"], sys.modules["keras"])
    # Importing makes millions of objects that stay, and Keras pulls in pyplot where it is
    # installed, for plots that nobody draws: half of the import's time, measured.
    sys.modules["matplotlib"] = None  # type: ignore[assignment]
    gc.disable()
    tensorflow = importlib.import_module("tensorflow")
    keras = importlib.import_module("keras")
    gc.freeze()
    gc.enable()
    del sys.modules["matplotlib"]
    return Libraries(tensorflow, keras)


def start(seed: int) -> Libraries:
    """Imports TensorFlow and Keras and fixes everything that could make two runs differ.

    Args:
        seed: For initial weights and dropout.
    """
    libraries = load()
    tensorflow, keras = libraries
    tensorflow.config.threading.set_intra_op_parallelism_threads(THREADS)
    tensorflow.config.threading.set_inter_op_parallelism_threads(THREADS)
    tensorflow.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    return libraries


def load_model(source: Path) -> Any:
    """Builds the network of a rendered `model.py`, which is our own source, not an agent's.

    `runpy`, unlike an import, leaves no `__pycache__` in the stage's output folder.
    """
    return runpy.run_path(str(source))["build_model"]()


def clusters_of(source: Path) -> int:
    """How many centroids a rendered `model.py` wants beside its network; 0 where none."""
    return int(runpy.run_path(str(source)).get("CLUSTERS", 0))


def first_output(libraries: Libraries, outputs: Any) -> Any:
    """A network's only output, which Keras gives as it was declared: in a list or a dict, too."""
    return libraries.tensorflow.nest.flatten(outputs)[0]


class Predictor:
    """Runs a float network over many inputs.

    Args:
        libraries: TensorFlow and Keras.
        model: The network; later changes of its weights are seen.
    """

    def __init__(self, libraries: Libraries, model: Any) -> None:
        tensorflow = libraries.tensorflow
        signature = [tensorflow.TensorSpec((None, *model.inputs[0].shape[1:]), tensorflow.float32)]

        def infer(batch: Any) -> Any:
            return first_output(libraries, model(batch, training=False))

        self._infer = tensorflow.function(infer, input_signature=signature, autograph=False)

    def __call__(self, inputs: Windows) -> NDArray[np.float32]:
        """The network's outputs, [N, outputs]."""
        outputs = [self._infer(batch).numpy() for batch in inputs.batches(PREDICT_BATCH)]
        return np.concatenate(outputs).reshape(len(inputs), -1)
