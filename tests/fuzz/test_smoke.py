"""A few hundred broken files of each kind: every one is read, or refused with an error of ours."""

from __future__ import annotations

from random import Random

import pytest

pytest.importorskip("tflite_micro")

from tests.fuzz.targets import TARGETS, Target

BROKEN = {"contract": 300, "data": 1500, "recorded": 900, "importer": 300, "bring": 100}
SEED = 9


def broken_files(target: Target, seeds: list[bytes], count: int) -> list[bytes]:
    random = Random(SEED)  # noqa: S311 - no secret
    files = []
    for _ in range(count):
        data = random.choice(seeds)
        change = target.mutate[data[0] % len(target.mutate)]
        for _ in range(random.randrange(1, 4)):
            data = data[:1] + change(data[1:], random)
        files.append(data)
    return files


@pytest.mark.filterwarnings("ignore")  # of Keras, and of names that are twice in a zip archive
@pytest.mark.parametrize("name", TARGETS)
def test_broken_files_are_read_or_refused(name: str) -> None:
    """Whatever is wrong with a file, no exception but our own leaves its reader."""
    target = TARGETS[name]
    seeds = list(target.seeds())
    assert all(target.one(seed) for seed in seeds)
    read = [target.one(data) for data in broken_files(target, seeds, BROKEN[name])]
    assert True in read
    assert False in read
