"""Runs generated C on the host: many models in one shared library, called through ctypes."""

from __future__ import annotations

import ctypes
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.graph import process
from mlforge_tasks.oracle import Oracle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.engines import GeneratedModel

WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror")
COMPILE_TIMEOUT_S = 300.0
MOST_AT_ONCE = 64  # sources, so that the limit is one for any number of graphs
MODELS_AT_ONCE = 16
_STATIC = re.compile(
    r"^static (?:_Alignas\(\d+\) |const )*[^={(\[;]*?(\w+)(?= ?[\[=(;])", re.MULTILINE
)
_STRUCT = re.compile(r"^\} (\w+);$", re.MULTILINE)
_MACRO = re.compile(r"^ *#define (\w+)", re.MULTILINE)
SAMPLES = 3


@dataclass(frozen=True)
class Case:
    """A model, what the engine made of it, inputs and the outputs the oracle gives."""

    prefix: str
    tflite: bytes
    generated: GeneratedModel
    inputs: NDArray[np.signedinteger[Any]]
    outputs: NDArray[np.signedinteger[Any]]


def make_case(
    prefix: str,
    tflite: bytes,
    cpu: str = "host",
    inputs: NDArray[np.signedinteger[Any]] | None = None,
    arena_limit_bytes: int | None = None,
    *,
    keeps_state: bool = True,
) -> Case:
    """Generates C for a model and asks the oracle for outputs; of random and extreme inputs.

    A model that keeps a state keeps it from each input to the next.
    """
    oracle = Oracle(tflite)
    if inputs is None:
        rng = np.random.default_rng(len(tflite))
        ends = np.iinfo(oracle.input_type)
        shape = (SAMPLES, *oracle.input_shape[1:])
        inputs = rng.integers(ends.min, ends.max + 1, shape).astype(oracle.input_type)
        inputs[0] = rng.choice(np.array([ends.min, ends.max], inputs.dtype), inputs[0].shape)
    generated = PLUGIN.generate(
        tflite, cpu, prefix, arena_limit_bytes=arena_limit_bytes, keeps_state=keeps_state
    )
    anew = np.arange(len(inputs)) == 0 if keeps_state else None
    return Case(prefix, tflite, generated, inputs, oracle.run(inputs, anew))


def write_sources(cases: Sequence[Case], folder: Path) -> list[Path]:
    """Writes all files; kernels that models share are written once. Returns the C files."""
    files: dict[str, bytes] = {}
    for case in cases:
        files.update(case.generated.files)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in sorted(files) if name.endswith(".c")]


def _renamed(model: Path) -> list[str]:
    """Lines that include a model where others are: its static names are its own."""
    text = model.read_text()
    names = sorted({*_STATIC.findall(text), *_STRUCT.findall(text)})
    return [
        *(f"#define {name} {model.stem}_{name}" for name in names),
        f'#include "{model.name}"',
        *(f"#undef {name}" for name in (*names, *_MACRO.findall(text))),
    ]


def gathered(sources: Sequence[Path]) -> list[Path]:
    """Several models to one source: to start the compiler takes longer than to compile a model."""
    models = [path for path in sources if path.stem.endswith("_aot")]
    units = []
    for start in range(0, len(models), MODELS_AT_ONCE):
        unit = models[start].with_name(f"models_{start}.c")
        lines = (_renamed(model) for model in models[start : start + MODELS_AT_ONCE])
        unit.write_text("\n".join([line for each in lines for line in each] + [""]))
        units.append(unit)
    return [*units, *(path for path in sources if path not in models)]


def compile_objects(
    compiler: Sequence[str], sources: Sequence[Path], flags: Sequence[str]
) -> list[Path]:
    """Compiles every source, each to an object beside it, several to one start of the compiler."""
    starts = max(os.cpu_count() or 1, -(-len(sources) // MOST_AT_ONCE))
    shares = [sources[start::starts] for start in range(starts)]

    def compile_share(share: Sequence[Path]) -> None:
        argv = [*compiler, *flags, "-c", *(path.name for path in share)]
        process.check(argv, timeout_s=COMPILE_TIMEOUT_S, cwd=share[0].parent)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tuple(pool.map(compile_share, [share for share in shares if share]))
    return [source.with_suffix(".o") for source in sources]


class HostModels:
    """Models compiled into one shared library."""

    def __init__(
        self, cases: Sequence[Case], folder: Path, flags: Sequence[str] = ("-O1",)
    ) -> None:
        sources = gathered(write_sources(cases, folder))
        flags = [*WARNINGS, "-fPIC", *flags]
        objects = [str(path) for path in compile_objects(["gcc"], sources, flags)]
        library = folder / "models.so"
        argv = ["gcc", "-shared", *flags, "-o", str(library), *objects]
        process.check(argv, timeout_s=COMPILE_TIMEOUT_S)
        self._library = ctypes.CDLL(str(library))

    def run(self, case: Case) -> NDArray[np.signedinteger[Any]]:
        """What the C makes of a case's inputs."""
        source = getattr(self._library, f"{case.prefix}_input")
        target = getattr(self._library, f"{case.prefix}_output")
        source.restype = target.restype = ctypes.c_void_p
        outputs = np.empty_like(case.outputs)
        assert getattr(self._library, f"{case.prefix}_init")() == 0
        for index, sample in enumerate(case.inputs):
            ctypes.memmove(source(), sample.tobytes(), sample.nbytes)
            assert getattr(self._library, f"{case.prefix}_invoke")() == 0
            data = ctypes.string_at(target(), outputs[index].nbytes)
            outputs[index] = np.frombuffer(data, outputs.dtype).reshape(outputs[index].shape)
        return outputs


def differing_bytes(cases: Sequence[Case], folder: Path) -> Mapping[str, int]:
    """Output bytes that differ from the oracle's, by prefix, where any do."""
    models = HostModels(cases, folder)
    counts = {case.prefix: int((models.run(case) != case.outputs).sum()) for case in cases}
    return {prefix: count for prefix, count in counts.items() if count}
