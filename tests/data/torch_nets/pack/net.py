# mypy: ignore-errors
"""A network that imports as packages do."""

from torch import nn

from .part import COUNT


def relative(input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Raises, once it has been imported."""
    raise ValueError(f"{COUNT} parts")
