"""What the warm process imports before it forks any stage's; see `graph.warm`."""

from __future__ import annotations

import importlib

from mlforge_tasks.stages import _keras

# What TensorFlow and Keras import when they are first used, and the halves of stages, with all that
# those import: each would take its time in each process that is forked.
MODULES = (
    "mlforge_tasks.stages._bring",
    "mlforge_tasks.stages._convert",
    "mlforge_tasks.stages._fit",
    "mlforge_tasks.stages._int8_metrics",
)


def load() -> None:
    """Imports all of it."""
    _keras.load()
    for name in MODULES:
        importlib.import_module(name)
