"""The networks that a board is calibrated with, as their files were made.

    .venv/bin/python -m tests.helpers.profile_networks

writes them anew. Their weights are random: what a layer takes depends on its shape. The shapes are
those of small series, images and flat features, so that each class of kernels has layers of several
sizes in several networks, and each network fits 64 KiB of flash and 16 KiB of RAM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.architecture import (
    Activate,
    Architecture,
    AveragePool,
    Conv1D,
    Conv2D,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Flatten,
    GlobalAveragePool,
    Layer,
    MaxPool,
    Residual,
    SeparableConv1D,
    SeparableConv2D,
)
from tests.helpers.architecture_model import model_of
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.architecture import Shape, Task

FOLDER = ROOT / "mlforge_tasks" / "calibration" / "networks"

Design = tuple["Shape", "Task", int, tuple[Layer, ...]]


def _residual(filters: int) -> Residual:
    first = Conv2D(filters=filters, kernel=(3, 3), padding="same", activation="relu")
    second = Conv2D(filters=filters, kernel=(3, 3), padding="same", activation="linear")
    return Residual(layers=(first, second))


DESIGNS: Mapping[str, Design] = {
    "series_conv": (
        (24, 1),
        "regression",
        1,
        (
            Conv1D(filters=8, kernel=3, activation="relu"),
            MaxPool(size=2),
            Conv1D(filters=12, kernel=5, activation="relu"),
            MaxPool(size=2),
            Flatten(),
            Dense(units=8, activation="relu"),
        ),
    ),
    "series_separable": (
        (48, 3),
        "classification",
        4,
        (
            Conv1D(filters=8, kernel=5, stride=2, activation="relu"),
            SeparableConv1D(filters=16, kernel=5, padding="same", activation="relu"),
            SeparableConv1D(filters=16, kernel=3, stride=2, activation="relu"),
            GlobalAveragePool(),
        ),
    ),
    "series_residual": (
        (40, 2),
        "classification",
        7,
        (
            Conv1D(filters=8, kernel=3, padding="same", activation="relu"),
            Residual(
                layers=(SeparableConv1D(filters=8, kernel=3, padding="same", activation="linear"),)
            ),
            AveragePool(size=2),
            Residual(layers=(Conv1D(filters=8, kernel=3, padding="same", activation="linear"),)),
            AveragePool(size=4),
            Flatten(),
        ),
    ),
    "series_bounded": (
        (64, 1),
        "regression",
        2,
        (
            Conv1D(filters=6, kernel=7, stride=2, activation="tanh"),
            DepthwiseConv1D(kernel=5, activation="relu"),
            Activate(activation="sigmoid"),
            AveragePool(size=3),
            Flatten(),
            Dense(units=6, activation="tanh"),
        ),
    ),
    "image_conv": (
        (14, 14, 1),
        "classification",
        10,
        (
            Conv2D(filters=4, kernel=(3, 3), activation="relu"),
            MaxPool(size=2),
            Conv2D(filters=8, kernel=(3, 3), activation="relu"),
            MaxPool(size=2),
            Flatten(),
            Dense(units=16, activation="relu"),
        ),
    ),
    "image_separable": (
        (16, 16, 3),
        "classification",
        6,
        (
            Conv2D(filters=8, kernel=(3, 3), stride=2, padding="same", activation="relu"),
            SeparableConv2D(filters=16, kernel=(3, 3), padding="same", activation="relu"),
            SeparableConv2D(filters=24, kernel=(3, 3), stride=2, padding="same", activation="relu"),
            GlobalAveragePool(),
        ),
    ),
    "image_residual": (
        (12, 12, 2),
        "classification",
        3,
        (
            Conv2D(filters=8, kernel=(3, 3), stride=2, padding="same", activation="relu"),
            _residual(8),
            AveragePool(size=2),
            _residual(8),
            GlobalAveragePool(),
        ),
    ),
    "image_depthwise": (
        (10, 10, 4),
        "classification",
        5,
        (
            DepthwiseConv2D(kernel=(3, 3), padding="same", activation="relu"),
            Conv2D(filters=12, kernel=(1, 1), activation="relu"),
            Residual(
                layers=(
                    DepthwiseConv2D(kernel=(3, 3), padding="same", activation="relu"),
                    Conv2D(filters=12, kernel=(1, 1), activation="linear"),
                )
            ),
            MaxPool(size=3),
            Flatten(),
            Activate(activation="tanh"),
        ),
    ),
    "features_small": (
        (12,),
        "regression",
        1,
        (Dense(units=16, activation="relu"), Dense(units=8, activation="sigmoid")),
    ),
    "features_wide": (
        (64,),
        "classification",
        16,
        (
            Dense(units=32, activation="relu"),
            Residual(layers=(Dense(units=32, activation="linear"),)),
            Dense(units=24, activation="tanh"),
        ),
    ),
}


def made(name: str) -> bytes:
    """A network's file, the same at every call."""
    shape, task, outputs, layers = DESIGNS[name]
    return model_of(Architecture(layers=layers), shape, task, outputs)


def main() -> None:
    """Writes the files."""
    for name in DESIGNS:
        (FOLDER / f"{name}.tflite").write_bytes(made(name))


if __name__ == "__main__":
    main()
