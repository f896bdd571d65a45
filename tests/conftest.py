"""Fixtures that many tests share because they are expensive."""

from __future__ import annotations

import pytest

from tests.builds import Cold


@pytest.fixture(scope="session")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Cold:
    """One cold run of the tank contract, in a folder with a space in its name."""
    return Cold(tmp_path_factory.mktemp("a folder") / "build")
