"""What training writes is the same bytes whatever Python writes it."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.stages._trainer import save_arrays

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ARRAYS: dict[str, NDArray[Any]] = {
    "conv1d/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 7,
    "conv1d/bias": np.zeros(4, np.float32),
    "count": np.array(3, np.int64),
    "none": np.empty((0, 2), np.float32),
}
DIGEST = "46f770135a4ada8e796951e70729c2416cedd888bbb59db240d647edde517844"


def test_archives_of_arrays_are_the_same_bytes_everywhere(tmp_path: Path) -> None:
    """The digest is of no machine, day, Python or numpy: Python 3.11.2 to 3.13.0 have given it."""
    path = tmp_path / "weights.npz"
    save_arrays(ARRAYS, path)
    assert sha256(path.read_bytes()).hexdigest() == DIGEST
    with np.load(path) as found:
        assert list(found) == list(ARRAYS)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(found[name], array, strict=True)
