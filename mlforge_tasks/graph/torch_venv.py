"""The environment that PyTorch lives in: large, wanted by few, so apart from `.venv`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import environment, product
from mlforge_tasks.records import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = ".venv-torch"
VARIABLE = "MLFORGE_TORCH_VENV"
HINT = (
    f"./bootstrap --torch makes it (7 GB), or let {VARIABLE} name an environment that has "
    "requirements-torch.lock installed"
)
# Whose versions a key names beside the digest of all that is installed.
PACKAGES = ("torch", "litert-torch", "ai-edge-quantizer", "ai-edge-litert")


def place(environ: Mapping[str, str] = os.environ) -> Path:
    """Where it is, or would be."""
    named = environ.get(VARIABLE)
    return Path(named).absolute() if named else product.project().absolute() / FOLDER


def python() -> str:
    """Its Python.

    Raises:
        ToolError: There is none.
    """
    found = place() / "bin" / "python"
    if not os.access(found, os.X_OK):
        raise ToolError(f"`search.torch` needs PyTorch, and there is no '{found}'", hint=HINT)
    return str(found)


def tools() -> Mapping[str, str]:
    """What is installed there, for a key: versions to read, and one digest of it all.

    Raises:
        ToolError: It is not there, or PyTorch or its converter is not in it.
    """
    found = environment.installed(python())
    missing = [name for name in PACKAGES if name not in found.packages]
    if missing:
        raise ToolError(f"{place()} lacks {', '.join(missing)}", hint=HINT)
    versions = {name: found.packages[name].partition(" ")[0] for name in PACKAGES}
    whole = found.model_dump(mode="json", exclude={"path"})
    return {**versions, "torch environment": sha256_bytes(canonical_json(whole))}
