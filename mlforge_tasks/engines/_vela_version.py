"""Which vela is installed; asked for a stage's key, so that nothing heavy is imported here."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE = "ethos-u-vela"


def version() -> str:
    """Vela's version.

    Raises:
        ToolError: It is not installed.
    """
    try:
        return importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise ToolError(
            f"engine 'ethos_u' needs the Python package '{PACKAGE}', which is not installed",
            hint=f"pip install '{PACKAGE}>=5.2,<6' (it is in the extra 'ethos-u')",
        ) from None


def tools() -> Mapping[str, str]:
    """The same, as a stage's key has it; its files are in the environment's digest."""
    return {PACKAGE: version()}
