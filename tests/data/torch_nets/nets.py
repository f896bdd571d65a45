# mypy: ignore-errors
"""Networks of a user's, as `search.torch` names them."""

import os
from contextlib import suppress
from pathlib import Path

from parts import block
from torch import nn


def conv(input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Windows of a sensor, channels first."""
    channels, length = input_shape
    body = (block(channels, 6, 5), nn.MaxPool1d(4), nn.Flatten())
    return nn.Sequential(*body, nn.Linear(6 * (length // 4), outputs))


def with_softmax(input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Gives probabilities, which is not wanted."""
    return nn.Sequential(nn.Flatten(), conv_dense(input_shape, outputs), nn.Softmax(dim=-1))


def conv_dense(input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """One dense layer."""
    channels, length = input_shape
    return nn.Linear(channels * length, outputs)


def wrong_size(input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Takes other inputs than there are."""
    return nn.Sequential(nn.Flatten(), nn.Linear(input_shape[0], outputs))


class Failing(nn.Module):
    """Raises where it is run."""

    def forward(self, x):
        """Asks for an axis that is not there."""
        return x.sum(dim=7)


def failing(input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """One that raises."""
    return Failing()


def reads(input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Reads a file that is in no key."""
    (Path(__file__).parents[3] / "pyproject.toml").read_text()
    return nn.Flatten()


def ends(input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Ends the process as if all were well."""
    os._exit(0)


def tries(input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Reads one, and goes on without."""
    with suppress(Exception):
        reads(input_shape, outputs)
    return conv(input_shape, outputs)
