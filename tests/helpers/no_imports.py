"""What a warm process cannot import."""

from __future__ import annotations


def load() -> None:
    """As where TensorFlow is refused memory."""
    raise ImportError("as asked")
