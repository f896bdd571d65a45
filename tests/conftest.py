"""Fixtures that many tests share because they are expensive."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.helpers.builds import Cold

if TYPE_CHECKING:
    from pathlib import Path

# The same examples every time, so that a change is judged and not luck; CONTRIBUTING.md says how
# to look for new ones. How long one takes depends on what else the machine does.
settings.register_profile(
    "gate", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("gate")


@pytest.fixture(scope="session")
def cold(tmp_path_factory: pytest.TempPathFactory) -> Cold:
    """One cold run of the tank contract, in a folder with a space in its name."""
    base = tmp_path_factory.getbasetemp()
    parallel = "PYTEST_XDIST_WORKER" in os.environ
    return Cold((base.parent if parallel else base) / "a folder")


@pytest.fixture
def build(cold: Cold, tmp_path: Path) -> Path:
    """A copy of its build tree, to do harm to."""
    copy = tmp_path / "build"
    shutil.copytree(cold.build, copy)
    return copy
