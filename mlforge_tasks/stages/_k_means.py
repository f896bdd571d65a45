"""k-means on what is normal: seeded as k-means++, then Lloyd's iterations, one an epoch.

Seeding: Arthur and Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.stages._trainer import save_arrays
from mlforge_tasks.verdict.reconstruction import squared_errors

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.stages._trainer import Split
    from mlforge_tasks.windows import Windows

    Floats = NDArray[np.floating[Any]]

CENTROIDS = "centroids"
# The first centroids are chosen from so many examples at most, or so many values: each takes a pass
# over all of them.
SEEDING, SEEDING_VALUES = 16_384, 1 << 24


def read_centroids(path: Path) -> NDArray[np.float32]:
    """The centroids that `Clustering.save` wrote: [clusters, elements]."""
    with np.load(path) as arrays:
        found: NDArray[np.float32] = arrays[CENTROIDS]
    return found


def reconstruct(inputs: Windows, centroids: NDArray[np.float32]) -> NDArray[np.float32]:
    """The centroid that is nearest to each input: [N, elements].

    Args:
        inputs: N inputs.
        centroids: [clusters, elements].
    """
    return np.concatenate([centroids[_nearest(one, centroids)] for one in inputs.batches()])


def _nearest(batch: Floats, centroids: Floats) -> NDArray[np.intp]:
    """Which centroid each input is nearest to; of equals the first."""
    flat, wide = batch.reshape(len(batch), -1).astype(np.float64), centroids.astype(np.float64)
    # |x - c|^2 but for |x|^2, which is the same for all.
    which: NDArray[np.intp] = (np.square(wide).sum(axis=1) - 2.0 * (flat @ wide.T)).argmin(axis=1)
    return which


class Clustering:
    """Centroids that learn as a network does, an epoch at a time.

    Args:
        train: What is normal.
        clusters: How many centroids.
        seed: Of the examples that they start at.
    """

    def __init__(self, train: Split, clusters: int, seed: int) -> None:
        self._train = train.inputs
        self._centroids = _seeded(train.inputs, clusters, np.random.default_rng(seed))

    def epoch(self, number: int) -> float:  # noqa: ARG002 - each is like the one before
        """Moves each centroid to the mean of the examples that are nearest to it.

        Returns:
            The mean square of what separates examples from their centroids, before that.
        """
        count, elements = self._centroids.shape
        members, sums = np.zeros(count), np.zeros((count, elements))
        error, seen = 0.0, int(len(self._train) * elements)
        for batch in self._train.batches():
            flat = batch.reshape(len(batch), -1).astype(np.float64)
            nearest = _nearest(flat, self._centroids)
            error += float(np.square(flat - self._centroids[nearest]).sum())
            mine = (nearest == np.arange(count)[:, None]).astype(np.float64)
            sums += mine @ flat
            members += mine.sum(axis=1)
        some = members > 0  # one without any stays where it is
        self._centroids[some] = (sums[some] / members[some, None]).astype(np.float32)
        return error / seen

    def predict(self, inputs: Windows) -> NDArray[np.float32]:
        """What is given back of each input, [N, elements]: the nearest centroid."""
        return reconstruct(inputs, self._centroids)

    def loss(self, split: Split, outputs: NDArray[np.float32]) -> float:
        """The mean square of what separates the normal examples of a split from `predict`'s."""
        return float(squared_errors(outputs, split.inputs)[split.targets == 0].mean())

    def get_weights(self) -> list[NDArray[np.float32]]:
        """The centroids: [clusters, elements]."""
        return [self._centroids.copy()]

    def set_weights(self, weights: list[NDArray[np.float32]]) -> None:
        """Goes back to what `get_weights` gave."""
        (self._centroids,) = weights

    def save(self, path: Path) -> None:
        """Writes the centroids; equal ones give equal bytes."""
        save_arrays({CENTROIDS: self._centroids}, path)


def _seeded(inputs: Windows, clusters: int, random: np.random.Generator) -> NDArray[np.float32]:
    """Examples far from one another: each is drawn by its squared distance from those before."""
    most = min(SEEDING, max(clusters, SEEDING_VALUES // math.prod(inputs.shape)))
    some = random.permutation(len(inputs))[:most]
    flat = inputs[np.sort(some)].reshape(len(some), -1).astype(np.float64)
    chosen = [int(random.integers(len(flat)))]
    apart = np.square(flat - flat[chosen[0]]).sum(axis=1)
    while len(chosen) < clusters:
        total = apart.sum()  # 0 where there are fewer different examples than clusters
        shares = apart / total if total > 0 else np.full(len(flat), 1 / len(flat))
        chosen.append(int(random.choice(len(flat), p=shares)))
        apart = np.minimum(apart, np.square(flat - flat[chosen[-1]]).sum(axis=1))
    return flat[chosen].astype(np.float32)
