"""First layers that run stripe by stripe: the same bytes as the oracle's, in less memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines._aot.patches import MOST_EXTRA_SHARE
from mlforge_tasks.engines.aot import PLUGIN
from tests.engines.test_aot_device import differing
from tests.helpers import graphs
from tests.helpers.aot_device import run_sanitized
from tests.helpers.aot_host import (
    WARNINGS,
    compile_objects,
    differing_bytes,
    make_case,
    write_sources,
)
from tests.helpers.aot_patches import cut_cases, pyramid, random_stages

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.aot_host import Case

COUNT = graphs.COUNT // 4
CUTS = 3
CORES = ("host", "cortex-m4", "cortex-m55")


def _cases(seeds: range, cpu: str = "host") -> list[Case]:
    """Models in some of their cuts, every third with its input by rows."""
    return [
        case
        for seed in seeds
        for case in cut_cases(
            f"p{seed}", random_stages(seed), cpu, most=CUTS, streamed=seed % 3 == 0
        )
    ]


def _source(case: Case) -> str:
    return case.generated.files[f"{case.prefix}_aot.c"].decode()


def test_cut_models_equal_the_oracle(tmp_path: Path) -> None:
    """Any layers, strides, padding and sizes, images and sequences: not one output byte differs."""
    cases = _cases(range(COUNT))
    assert len(cases) > 2 * COUNT
    assert sum("stripe * " in _source(case) for case in cases) > len(cases) // 3
    assert differing_bytes(cases, tmp_path) == {}


def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    """No stripe reads or writes beyond the arena, and no arithmetic overflows."""
    results = run_sanitized(_cases(range(1000, 1000 + COUNT)), tmp_path)
    assert {name for name, (bad, _) in results.items() if bad} == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mps2/an385", "mps2/an386", "mps3/an547"])
def test_cut_models_equal_the_oracle_on_a_core(name: str, tmp_path: Path) -> None:
    """With the kernels of Cortex-M3, M4F and M55, each arena between canaries."""
    board = load_board(name)
    assert differing(_cases(range(2000, 2000 + COUNT), board.cpu), board, tmp_path) == set()


@pytest.mark.parametrize("cpu", ["cortex-m4", "cortex-m55"])
def test_cross_compiles_without_a_warning(cpu: str, tmp_path: Path) -> None:
    """Loops over stripes, with the warnings that the engine's C is held to."""
    compiler = ["arm-none-eabi-gcc", "--specs=picolibc.specs", f"-mcpu={cpu}", "-mthumb"]
    sources = write_sources(_cases(range(3), cpu), tmp_path)
    compile_objects([*compiler, "-mfloat-abi=hard"], sources, [*WARNINGS, "-O2"])


@pytest.mark.parametrize("cpu", CORES)
def test_what_fits_is_not_cut(cpu: str) -> None:
    """An arena that keeps the limit to the byte is what it is without a limit, file by file."""
    for tflite in (pyramid(), *(random_stages(seed) for seed in range(5))):
        whole = PLUGIN.generate(tflite, cpu)
        assert PLUGIN.generate(tflite, cpu, arena_limit_bytes=whole.arena_bytes) == whole


@pytest.mark.parametrize("cpu", CORES)
def test_a_limit_is_kept_with_the_fewest_extra_macs(cpu: str) -> None:
    """A tighter limit costs more, never beyond the bound; one out of reach takes the smallest."""
    whole = PLUGIN.generate(pyramid(), cpu)
    macs = sum(layer.macs for layer in whole.layers)
    least = PLUGIN.generate(pyramid(), cpu, arena_limit_bytes=0)
    assert least.patches is not None
    extra = []
    for limit in (whole.arena_bytes - 1, (whole.arena_bytes + least.arena_bytes) // 2):
        cut = PLUGIN.generate(pyramid(), cpu, arena_limit_bytes=limit)
        assert cut.patches is not None
        assert least.arena_bytes <= cut.arena_bytes <= limit
        assert cut.patches.whole_arena_bytes == whole.arena_bytes
        assert sum(layer.macs for layer in cut.layers) - macs == cut.patches.extra_macs
        extra.append(cut.patches.extra_macs)
    assert extra == sorted(extra)
    assert extra[-1] <= least.patches.extra_macs <= MOST_EXTRA_SHARE * macs
    assert least.arena_bytes < 0.7 * whole.arena_bytes


def test_rows_that_two_stripes_read_are_kept() -> None:
    """No multiply-accumulate twice, one short copy for each tensor with such rows."""
    whole = PLUGIN.generate(pyramid(), "cortex-m4")
    limit = whole.arena_bytes * 6 // 10
    cut = PLUGIN.generate(pyramid(), "cortex-m4", arena_limit_bytes=limit)
    assert cut.patches is not None
    assert cut.patches.extra_macs == 0
    assert cut.arena_bytes <= limit
    text = cut.files["model_aot.c"].decode()
    (loop,) = re.findall(r"stripe < .*?\n    }", text, re.DOTALL)
    assert loop.count("aot_move_s8(") == loop.count("aot_depthwise")


@pytest.mark.parametrize("cpu", CORES)
def test_no_weights_lie_in_flash_twice(cpu: str) -> None:
    """All stripes read the same constants, and those between the borders are one loop."""
    whole = PLUGIN.generate(pyramid(), cpu)
    cut = PLUGIN.generate(pyramid(), cpu, arena_limit_bytes=0)
    text = cut.files["model_aot.c"].decode()
    arrays = re.findall(r"int8_t \w+_weights\[(\d+)\]", text)
    assert arrays == re.findall(r"\w+_weights\[(\d+)\]", whole.files["model_aot.c"].decode())
    assert sum(each.weight_bytes for each in cut.layers) == sum(
        each.weight_bytes for each in whole.layers
    )
    assert cut.patches is not None
    (turns,) = re.findall(r"stripe < (\d+)", text)
    assert int(turns) >= cut.patches.stripes - 3


def test_a_model_that_cannot_be_cut_stays_whole(tmp_path: Path) -> None:
    """Dense layers have no rows; the limit is broken, and nothing else changes."""
    tflite = graphs.single_operator("FULLY_CONNECTED", 1)
    whole = make_case("m", tflite)
    cut = make_case("m", tflite, arena_limit_bytes=0)
    assert cut.generated == whole.generated
    assert differing_bytes([cut], tmp_path) == {}
