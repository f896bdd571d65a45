"""Centroids of what is normal: how they are found, and the distance that device and host tell."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.cluster import KMeans

from mlforge_tasks.graph import process
from mlforge_tasks.quantisation import Quantisation, TensorQuantisation, score_unit
from mlforge_tasks.stages._describe import with_centroids
from mlforge_tasks.stages._k_means import Clustering, read_centroids
from mlforge_tasks.stages._trainer import Split
from mlforge_tasks.stages.header import header
from mlforge_tasks.verdict.reconstruction import reconstruction_scores
from mlforge_tasks.windows import Windows
from tests.helpers.model_data import card
from tests.stages.test_anomaly import PRINT_SCORES

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIZE = 6
ROWS = np.random.default_rng(5).standard_normal((300, SIZE)).astype(np.float32)
NORMAL = Split(Windows.each(ROWS), None, np.zeros(300, np.int32))
TENSOR = TensorQuantisation(name="flat", shape=(SIZE,), scale=0.03, zero_point=-20)
MODEL = Quantisation(
    input=TENSOR, output=TENSOR, operators=("RESHAPE",), tflite_bytes=1, tflite_sha256="0" * 64
)


def _weights(learner: Clustering) -> NDArray[np.float32]:
    (found,) = learner.get_weights()
    return found


def test_epochs_are_iterations_of_lloyd() -> None:
    """From the same start scikit-learn comes to the same centroids and the same error."""
    learner = Clustering(NORMAL, 7, seed=1)
    start = _weights(learner)
    losses = [learner.epoch(number) for number in range(1, 41)]
    wanted = KMeans(7, init=start, n_init=1, max_iter=40, tol=0.0, algorithm="lloyd").fit(ROWS)
    assert np.abs(_weights(learner) - wanted.cluster_centers_).max() < 1e-5
    assert losses[-1] * ROWS.size == pytest.approx(wanted.inertia_, rel=1e-6)
    assert all(after <= before + 1e-9 for before, after in itertools.pairwise(losses))


def test_centroids_start_at_examples_far_apart() -> None:
    """Of clumps each gets one, whatever the seed: uniform draws do that one time in ten."""
    clumps = np.repeat(np.arange(4) * 1000, 50)[:, None] + ROWS[:200]
    examples = Split(Windows.each(clumps.astype(np.float32)), None, np.zeros(200, np.int32))
    for seed in range(8):
        found = _weights(Clustering(examples, 4, seed=seed))
        assert sorted(np.round(found[:, 0] / 1000).tolist()) == [0, 1, 2, 3]
    starts = {_weights(Clustering(NORMAL, 4, seed=seed)).tobytes() for seed in (1, 1, 2)}
    assert len(starts) == 2


def test_more_centroids_than_different_examples() -> None:
    """Some are the same, and none is lost."""
    same = Split(Windows.each(np.repeat(ROWS[:2], 9, axis=0)), None, np.zeros(18, np.int32))
    learner = Clustering(same, 5, seed=1)
    assert [learner.epoch(number) for number in (1, 2)] == [0, 0]
    assert np.isfinite(_weights(learner)).all()
    assert {row.tobytes() for row in _weights(learner)} == {row.tobytes() for row in ROWS[:2]}


def test_windows_are_compared_whole(tmp_path: Path) -> None:
    """What is given back is the nearest centroid of all; anomalies have no part in the loss."""
    inputs = Windows(ROWS, np.arange(0, 290, 3), length=4)
    targets = (np.arange(len(inputs)) % 5 == 0).astype(np.int32)
    learner = Clustering(Split(inputs, None, np.zeros(len(inputs), np.int32)), 9, seed=1)
    learner.epoch(1)
    learner.save(tmp_path / "weights.npz")
    centroids = read_centroids(tmp_path / "weights.npz")
    assert (centroids == _weights(learner)).all()
    flat = inputs[:].reshape(len(inputs), -1)
    apart = np.square(flat[:, None] - centroids[None]).mean(axis=2)
    outputs = learner.predict(inputs)
    assert (outputs == centroids[apart.argmin(axis=1)]).all()
    split = Split(inputs, None, targets)
    assert learner.loss(split, outputs) == pytest.approx(apart.min(axis=1)[targets == 0].mean())
    learner.epoch(2)
    learner.set_weights([centroids])
    assert (_weights(learner) == centroids).all()


def _steps(count: int) -> NDArray[np.int8]:
    """Any outputs, and the ends of the range."""
    found = np.random.default_rng(count).integers(-128, 128, (count, SIZE)).astype(np.int8)
    found[0], found[1] = -128, 127
    return found


@pytest.mark.parametrize("count", [1, 2, 17])
def test_c_and_python_tell_the_same_distance(count: int, tmp_path: Path) -> None:
    """`model_score` of the header gives the very numbers that the host judges by."""
    centroids, outputs = _steps(count + 2)[2:], _steps(50)
    model = MODEL.model_copy(update={"centroids": tuple(map(tuple, centroids.tolist()))})
    about = card("anomaly", (SIZE,), SIZE, labels=("normal", "anomaly"))
    (tmp_path / "model_data.h").write_text(header(b"x", model, about))
    (tmp_path / "score.c").write_text(PRINT_SCORES)
    pairs = np.stack((np.zeros_like(outputs), outputs), axis=1)  # the input may be anything
    (tmp_path / "pairs").write_bytes(pairs.tobytes())
    flags = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsanitize=undefined"]
    argv = ["gcc", *flags, "-fno-sanitize-recover", "score.c", "-o", "score"]
    process.check(argv, timeout_s=60, cwd=tmp_path)
    told = process.check(["sh", "-c", "./score < pairs"], timeout_s=60, cwd=tmp_path)
    apart = outputs.astype(np.int64)[:, None] - centroids.astype(np.int64)[None]
    wanted = np.square(apart).sum(axis=2).min(axis=1)
    assert [int(line) for line in told.split()] == wanted.tolist()
    assert reconstruction_scores(Windows.each(outputs), outputs, model).tolist() == wanted.tolist()


def test_a_sum_that_needs_more_bits_has_them() -> None:
    """Of 66,052 values apart by 255 the squares sum up to more than 32 bits hold."""
    for size, wide in ((66_051, "uint32_t"), (66_052, "uint64_t")):
        tensor = TENSOR.model_copy(update={"shape": (size,)})
        model = MODEL.model_copy(
            update={"input": tensor, "output": tensor, "centroids": ((127,) * size,)}
        )
        about = card("anomaly", (size, 1), size, labels=("normal", "anomaly"), outputs=())
        text = header(b"x", model, about)
        assert re.findall(r"(\w+) distance = 0;", text) == [wide]
        (score,) = reconstruction_scores(
            Windows.each(np.zeros((1, size), np.int8)), np.full((1, size), -128, np.int8), model
        )
        assert score == 65_025 * size
        assert (score >= 1 << 32) == (wide == "uint64_t")


def test_a_score_is_a_mean_square() -> None:
    """In its unit it is that of what separates the real values, up to half a step of a centroid."""
    centroids = ROWS[:5]
    model = with_centroids(MODEL, centroids)
    outputs = _steps(60)
    real = (outputs.astype(np.float64) - TENSOR.zero_point) * TENSOR.scale
    wanted = np.sqrt(np.square(real[:, None] - centroids[None]).mean(axis=2).min(axis=1))
    scores = reconstruction_scores(Windows.each(outputs), outputs, model)
    found = np.sqrt(scores * score_unit(model))
    assert np.abs(found - wanted).max() <= TENSOR.scale / 2
