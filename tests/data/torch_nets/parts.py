# mypy: ignore-errors
"""What a network of `nets.py` is made of."""

from torch import nn


def block(before: int, after: int, width: int) -> nn.Module:
    """A convolution over time."""
    convolution = nn.Conv1d(before, after, width, padding=width // 2)
    return nn.Sequential(convolution, nn.BatchNorm1d(after), nn.ReLU())
