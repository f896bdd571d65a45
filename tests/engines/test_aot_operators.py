"""Generated C against the oracle on the host: every operator, and random graphs of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

pytest.importorskip("tflite_micro")

from mlforge_tasks.engines._aot.core import kernels_for
from mlforge_tasks.engines._aot.emit import FOLDERS, KERNELS
from mlforge_tasks.graph import process
from tests.helpers import graph_dead, graphs
from tests.helpers.aot_device import run_sanitized
from tests.helpers.aot_host import (
    WARNINGS,
    compile_objects,
    differing_bytes,
    gathered,
    make_case,
    write_sources,
)
from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.clang import clang_or_skip

if TYPE_CHECKING:
    from pathlib import Path

PER_OPERATOR = 4
# What Zephyr defines for every file: no kernel may have a macro of that name.
ZEPHYR = ("-DKERNEL", "-D__ZEPHYR__=1", "-D__PROGRAM_START", "-DK_HEAP_MEM_POOL_SIZE=0")
SANITIZED = graphs.COUNT if graphs.COUNT > 200 else 60


@given(seed=st.integers(0, 1 << 30))
@settings(
    max_examples=3,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a smaller seed is no simpler
    suppress_health_check=(HealthCheck.function_scoped_fixture, HealthCheck.too_slow),
)
def test_every_operator_equals_the_oracle(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any shape, stride, padding, dilation, scale, zero point and activation: the same bytes."""
    cases = [
        make_case(f"{op.lower()}_{seed + index}", graphs.single_operator(op, seed + index))
        for op in (*graphs.OPERATORS, *graphs.EXTRA, *graphs.TABLES)
        for index in range(PER_OPERATOR)
    ]
    assert differing_bytes(cases, tmp_path_factory.mktemp("operators")) == {}


def test_random_graphs_equal_the_oracle(tmp_path: Path) -> None:
    """Graphs with branches: not one output byte differs."""
    cases = [make_case(f"graph_{seed}", graph_dead.any_graph(seed)) for seed in range(graphs.COUNT)]
    assert differing_bytes(cases, tmp_path) == {}


@pytest.mark.parametrize("shape", [(1,), (1, 6), (1, 4, 6), (1, 4, 5, 6)])
def test_random_graphs_have_a_batch_of_one(shape: tuple[int, ...]) -> None:
    """Two examples, or none, are no model of the engine's, so no graph may end in them."""
    for seed in range(20):
        graph = graphs.RandomGraph(seed)
        source = graph.start(shape)
        for op in graphs.fitting(graphs.OPERATORS, source):
            assert graph.apply(op, source).shape[:1] == (1,), (seed, op)


def _sigmoid(op: str, scale: float, output: Quant) -> bytes:
    writer = Writer()
    source = writer.activation((1, 256), Quant(np.float32(scale), 3), 1.0)
    result = writer.activation(source.shape, output, 1.0)
    writer.operator(op, [source.index], [result.index])
    return writer.finish(source.index, result.index)


@pytest.mark.parametrize("scale", [14.9, 15.1, 40.0, 2000.0])
def test_sigmoids_of_huge_scales_equal_the_oracle(scale: float, tmp_path: Path) -> None:
    """LOGISTIC and TANH where the reference's input range is empty, as random graphs once found."""
    models = {
        "logistic": _sigmoid("LOGISTIC", scale, Quant(np.float32(1 / 256), -128)),
        "tanh": _sigmoid("TANH", scale, Quant(np.float32(1 / 128), 0)),
    }
    cases = [make_case(name, model) for name, model in models.items()]
    assert differing_bytes(cases, tmp_path) == {}


def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    """No access out of bounds and no undefined behaviour, in kernels and generated code."""
    cases = [make_case(f"graph_{seed}", graph_dead.any_graph(seed)) for seed in range(SANITIZED)]
    results = run_sanitized(cases, tmp_path)
    assert {name for name, (bad, _) in results.items() if bad} == set()


@pytest.mark.parametrize("optimisation", ["-O2", "-Os"])
@pytest.mark.parametrize("cpu", ["cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"])
def test_cross_compiles_without_a_warning(cpu: str, optimisation: str, tmp_path: Path) -> None:
    """All kernels and generated code, with the warnings that bare metal builds do not ask for."""
    cases = [make_case(op.lower(), graphs.single_operator(op, 1), cpu) for op in graphs.OPERATORS]
    sources = {path.name: path for path in write_sources(cases, tmp_path)}
    for folder in FOLDERS[kernels_for(cpu)]:
        for kernel in sorted((KERNELS / folder).glob("*.[ch]")):
            path = tmp_path / kernel.name
            if not path.exists():
                path.write_bytes(kernel.read_bytes())
                if path.suffix == ".c":
                    sources[path.name] = path
    compiler = ["arm-none-eabi-gcc", "--specs=picolibc.specs", f"-mcpu={cpu}", "-mthumb"]
    if kernels_for(cpu) == "mve":
        compiler.append("-mfloat-abi=hard")  # GCC turns MVE off without
    each = list(sources.values())
    if optimisation == "-Os":
        each = gathered(each)
    compile_objects(compiler, each, [*WARNINGS, *ZEPHYR, optimisation])


STRING_H = """\
#include <stddef.h>
void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
"""


@pytest.mark.parametrize("cpu", ["cortex-m3", "cortex-m4", "cortex-m55"])
def test_clang_compiles_kernels_for_arm(cpu: str, tmp_path: Path) -> None:
    """It has fewer registers left for a piece of assembler than GCC, and other names for some."""
    (tmp_path / "string.h").write_text(STRING_H)
    folders = [KERNELS / folder for folder in FOLDERS[kernels_for(cpu)]]
    sources = [each for folder in folders for each in sorted(folder.glob("*.c"))]
    abi = "hard" if kernels_for(cpu) == "mve" else "soft"
    compiler = [clang_or_skip(), "--target=arm-none-eabi", f"-mcpu={cpu}", f"-mfloat-abi={abi}"]
    includes = [f"-I{folder}" for folder in (*folders, tmp_path)]
    for source in sources:
        target = tmp_path / f"{source.stem}.o"
        words = [*compiler, "-O2", *includes, "-c", str(source), "-o", str(target)]
        process.check(words, timeout_s=60)


def test_what_needs_no_speed_is_built_for_size(tmp_path: Path) -> None:
    """Files that begin with aot_small.h have one size whatever the option, and -O0 is obeyed."""
    names = [each.name for each in KERNELS.glob("*.c") if "aot_small.h" in each.read_text()]
    assert "aot_softmax_s8.c" in names
    sizes = {}
    for level in ("-O0", "-O2", "-O3"):
        folder = tmp_path / level[1:]
        folder.mkdir()
        sources = [folder / name for name in names]
        for source in sources:
            source.write_bytes((KERNELS / source.name).read_bytes())
        compiler = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", f"-I{KERNELS}"]
        objects = compile_objects(compiler, sources, [*WARNINGS, level])
        table = process.check(["arm-none-eabi-size", *map(str, objects)], timeout_s=60)
        sizes[level] = [int(line.split()[0]) for line in table.splitlines()[1:]]
    assert sizes["-O2"] == sizes["-O3"] != sizes["-O0"]


@pytest.mark.parametrize(
    ("cpu", "kernels"),
    [
        ("host", "portable"),
        ("cortex-m0", "portable"),
        ("cortex-m3", "portable"),
        ("cortex-m4", "dsp"),
        ("cortex-m4+nofp", "dsp"),
        ("cortex-m7", "dsp"),
        ("cortex-m33", "dsp"),
        ("cortex-m33+nodsp", "portable"),
        ("cortex-m55", "mve"),
        ("cortex-m55+nomve", "dsp"),
    ],
)
def test_a_core_gets_the_kernels_it_can_run(cpu: str, kernels: str) -> None:
    """The name that GCC takes decides, extensions that it takes away included."""
    assert kernels_for(cpu) == kernels
