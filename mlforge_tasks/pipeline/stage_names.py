"""What stages are called, and where their folders are."""

from __future__ import annotations

from pathlib import Path


def called(name: str, target: str) -> str:
    """A stage of a target: `run:1.0` of the leading one, `run_mps2_an386:1.0` of a further one."""
    base, colon, part = name.partition(":")
    return f"{base}_{target}{colon}{part}" if target else name


def folder_of(name: str) -> Path:
    """Folder of a stage below a contract's: `train:2.0` lies in `iterations/02/0/train`."""
    base, _, part = name.partition(":")
    if base == "deliver":
        return Path("delivered")
    if not part:
        return Path(base)
    iteration, _, candidate = part.partition(".")
    return round_folder(int(iteration)) / candidate / base


def round_folder(number: int) -> Path:
    """Where a round's stages have their folders, below a contract's."""
    return Path("iterations", f"{number:02d}")
