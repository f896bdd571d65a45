"""What a warm process imports in tests: next to nothing, or what cannot be imported."""

from __future__ import annotations

from tests.helpers.demo_stages import born

MODULES = (born,)


def load() -> None:
    """It is imported already."""
