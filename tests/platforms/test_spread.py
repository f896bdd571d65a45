"""The device's reduction of its repeated inferences, and the statistics made of it."""

from __future__ import annotations

import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlforge_tasks.graph import process
from mlforge_tasks.platforms import _image
from mlforge_tasks.stages._figures import statistics_of

if TYPE_CHECKING:
    from pathlib import Path

SLOTS = 7
DIFFERENCES = st.integers(-(2**31), 2**31 - 1)  # from the first value, which is 0
MAIN = """\
#include <inttypes.h>
#include <stdio.h>
#include "spread.h"
int main(void)
{
    struct spread all = {0};
    int32_t value;
    while (scanf("%" SCNd32, &value) == 1) {
        spread_add(&all, value);
    }
    printf("%" PRId32, all.least);
    for (uint32_t i = 0; i < all.used; i++) {
        printf(" %" PRId32 " %" PRIu32, all.values[i].value, all.values[i].count);
    }
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reads numbers, prints the least and then each value with its count."""
    folder = tmp_path_factory.mktemp("spread")
    (folder / "main.c").write_text(MAIN)
    argv = ["gcc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    argv += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", f"-I{_image.APP}"]
    sources = [str(folder / "main.c"), str(_image.APP / "spread.c")]
    process.check([*argv, *sources, "-o", str(folder / "spread")], timeout_s=60)
    return folder / "spread"


def reduced(program: Path, values: list[int]) -> tuple[int, list[int]]:
    """The least value, and all of them as the device tells them."""
    text = " ".join(map(str, values))
    done = subprocess.run([program], input=text, text=True, capture_output=True, check=True)
    least, *rest = map(int, done.stdout.split())
    pairs = zip(rest[::2], rest[1::2], strict=True)
    return least, [value for value, count in pairs for _ in range(count)]


@settings(max_examples=40)
@given(few=st.lists(DIFFERENCES, max_size=SLOTS - 1), data=st.data())
def test_few_different_values_are_kept(program: Path, few: list[int], data: st.DataObject) -> None:
    """Up to seven different values come back exactly, in whatever order they came."""
    values = [0, *data.draw(st.lists(st.sampled_from([0, *few]), max_size=60))]
    assert reduced(program, values) == (min(values), sorted(values))


@settings(max_examples=40)
@given(others=st.lists(DIFFERENCES, max_size=120))
def test_many_values_are_never_told_too_small(program: Path, others: list[int]) -> None:
    """Beyond that nothing is lost or made smaller; least and most are exact."""
    values = [0, *others]
    least, told = reduced(program, values)
    ordered = sorted(values)
    assert (least, told[-1], len(told)) == (ordered[0], ordered[-1], len(values))
    assert all(one >= true for one, true in zip(told, ordered, strict=True))
    assert set(told) <= set(values)
    assert len(Counter(told)) <= SLOTS


def test_statistics_are_ranks() -> None:
    """Each statistic is one of the values; below 100 of them the p99 is the most."""
    hundred = statistics_of(range(100, 0, -1))
    assert hundred == {"min": 1, "": 51, "p99": 99, "max": 100}
    assert statistics_of(range(5))["p99"] == 4
    assert statistics_of(range(500))["p99"] == 494
