"""The engine's arithmetic: the C helpers and their Python twins."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlforge_tasks.engines._aot import fixed_point
from mlforge_tasks.engines._aot.emit import KERNELS
from mlforge_tasks.engines._aot.fixed_point import FAST_ACCUMULATOR, Factor
from mlforge_tasks.graph import process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SHIM = """\
#include "aot_math.h"
int32_t requantise(int32_t acc, int32_t multiplier, int32_t shift, int32_t zero_point);
int32_t requantise(int32_t acc, int32_t multiplier, int32_t shift, int32_t zero_point)
{
    if (shift <= 0) {
        return aot_requantise_wide(acc, multiplier, shift, zero_point);
    }
    return aot_requantise(acc, multiplier, aot_centre(zero_point, shift), shift);
}
"""

multipliers = st.integers(1 << 30, (1 << 31) - 1)
zero_points = st.integers(-128, 127)


@pytest.fixture(scope="module")
def requantise(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int, int, int], int]:
    """The C requantisation, with the sanitizer for undefined behaviour."""
    folder: Path = tmp_path_factory.mktemp("math")
    (folder / "shim.c").write_text(_SHIM)
    library = folder / "math.so"
    argv = ["gcc", "-std=c11", "-O1", "-shared", "-fPIC", f"-I{KERNELS}"]
    argv += ["-fsanitize=undefined", "-fno-sanitize-recover", "-static-libubsan"]
    argv += [str(folder / "shim.c"), str(KERNELS / "aot_math.c"), "-o", str(library)]
    process.check(argv, timeout_s=60)
    function: Callable[[int, int, int, int], int] = ctypes.CDLL(str(library)).requantise
    return function


def _expected(acc: int, by: Factor, zero_point: int) -> int:
    return fixed_point.saturate(fixed_point.wrap(fixed_point.scale(acc, by) + zero_point))


@given(
    acc=st.integers(1 - FAST_ACCUMULATOR, FAST_ACCUMULATOR - 1),
    multiplier=multipliers,
    right=st.sampled_from(fixed_point.FAST_SHIFTS),
    zero_point=zero_points,
)
@example(acc=-1, multiplier=1 << 30, right=1, zero_point=0)
@example(acc=1 - FAST_ACCUMULATOR, multiplier=(1 << 31) - 1, right=1, zero_point=-128)
@example(acc=FAST_ACCUMULATOR - 1, multiplier=(1 << 31) - 1, right=22, zero_point=127)
def test_the_fast_form_is_exact(
    requantise: Callable[[int, int, int, int], int],
    acc: int,
    multiplier: int,
    right: int,
    zero_point: int,
) -> None:
    """One multiply-accumulate and one shift give both of the reference's roundings."""
    found = requantise(acc, multiplier, right, zero_point)
    assert found == _expected(acc, Factor(multiplier, -right), zero_point)


@given(
    acc=st.integers(-(1 << 31), (1 << 31) - 1),
    multiplier=multipliers | st.just(0),
    shift=st.integers(-31, 30),
    zero_point=zero_points,
)
@example(acc=(1 << 31) - 1, multiplier=(1 << 31) - 2, shift=0, zero_point=127)
@example(acc=-(1 << 31), multiplier=(1 << 31) - 2, shift=0, zero_point=-128)
@example(acc=(1 << 30) - 1, multiplier=(1 << 31) - 1, shift=1, zero_point=127)
def test_the_wide_form_is_exact(
    requantise: Callable[[int, int, int, int], int],
    acc: int,
    multiplier: int,
    shift: int,
    zero_point: int,
) -> None:
    """Any factor and accumulator; left shifts and zero points that overflow wrap."""
    by = Factor(multiplier, shift)
    record = fixed_point.requant_record(0, -(1 << 31), (1 << 31) - 1, by)
    assert requantise(acc, *record[1:], zero_point) == _expected(acc, by, zero_point)


@given(real=st.floats(2.0**-40, 2.0**20))
def test_a_factor_is_the_number_it_stands_for(real: float) -> None:
    """A factor is within half a unit of its last place; tiny ones are 0, as in the reference."""
    by = fixed_point.factor(real)
    if real < 2.0**-33:
        assert by == Factor(0, 0)
    elif by.multiplier:
        assert 1 << 30 <= by.multiplier < 1 << 31
        assert by.multiplier * 2.0 ** (by.shift - 31) == pytest.approx(real, rel=2.0**-31)


@given(
    value=st.integers(-(1 << 31), (1 << 31) - 1),
    multiplier=multipliers,
    shift=st.integers(-31, 0),
)
def test_scaling_is_within_one_step_of_the_real_product(
    value: int, multiplier: int, shift: int
) -> None:
    """Rounding twice is off by less than one."""
    real = value * multiplier * 2.0 ** (shift - 31)
    assert abs(fixed_point.scale(value, Factor(multiplier, shift)) - real) <= 1.0


@given(value=st.integers(-(1 << 31), 0))
def test_the_exponential_is_one(value: int) -> None:
    """The fixed-point exponential is the real one, to 21 bits."""
    real = float(np.exp(value * 2.0**-26))
    assert fixed_point.exp_of_negative(value, 5) * 2.0**-31 == pytest.approx(real, abs=2.0**-21)
