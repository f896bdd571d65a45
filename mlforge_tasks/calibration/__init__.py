"""What layers take on a board against what emulation says of them, fitted to both.

`fit` fits, which needs numpy; `record` is what it found as it lies on disk, `foretell` applies it,
`pair` is what was measured, `classes` says which layers are alike. Imports records and YAML alone:
who measures is above.
"""

from __future__ import annotations

from pathlib import Path

# Beside a board's own file, `boards/<board>.yaml`.
SUFFIX = ".calibration.yaml"
# Networks that a board is calibrated with; see `tests/helpers/profile_networks.py`.
NETWORKS = Path(__file__).parent / "networks"


def beside(board_file: Path) -> Path:
    """Where a board's calibration is, whether or not it exists."""
    return board_file.with_suffix(SUFFIX)


def board_files(folder: Path) -> list[Path]:
    """The files of boards in a folder, without those of calibrations beside them."""
    return sorted(one for one in folder.glob("*.yaml") if not one.match(f"*{SUFFIX}"))
