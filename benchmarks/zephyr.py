"""Both engines on Zephyr side by side: five models on QEMU's boards, and how long images take.

    .venv/bin/python -m benchmarks.zephyr > benchmarks/zephyr.md

Needs a Zephyr workspace (docs/zephyr.md). Runs the contracts first where their result is not there
yet. `--cold-tflm` adds a build of TensorFlow Lite Micro without anything cached, ten minutes and
more.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import _command_line
from benchmarks._engine_image import keras_models
from benchmarks.boards import BUILD, CONTRACTS, converge
from benchmarks.cycles import price
from mlforge_tasks.contract.board import Board, load_board
from mlforge_tasks.engines import aot, tflm
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.platforms import BuildRequest
from mlforge_tasks.platforms._zephyr import needs
from mlforge_tasks.platforms.zephyr import (
    CORE_MODULES,
    PLUGIN,
    TFLM_MODULES,
    ZephyrImage,
    ZephyrPlatform,
)
from mlforge_tasks.quantisation import Quantisation
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.runners import Expected, instruction_counts
from mlforge_tasks.runners.qemu import PLUGIN as QEMU
from mlforge_tasks.stages._golden import GoldenVectors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlforge_tasks.cycles.price import Price
    from mlforge_tasks.engines import Engine
    from mlforge_tasks.records import SelfTest

BOARDS = ("mps2/an385", "mps2/an386", "mps3/an547")
SPEED_BOARD = "mps2/an386"
TFLM_BOARDS = ("mps2/an385", "mps2/an386", "mps3/an547")
ENGINES: tuple[Engine, ...] = (aot.PLUGIN, tflm.PLUGIN)
# Networks of MLPerf Tiny with random weights; tests/helpers/aot_keras_models.py has their shapes.
NETWORKS = {"keyword_spotting": "DS-CNN (KWS)", "resnet_8": "ResNet-8"}
NETWORK_VECTORS = 8
HEADER = (
    *("model", "board", "engine", "flash", "of it the model", "static RAM", "arena"),
    *("stack", "instructions", "vectors equal", "swap"),
)

INTRODUCTION = """\
Made by `.venv/bin/python -m benchmarks.zephyr{options} > benchmarks/zephyr.md`: whole Zephyr
images, in bytes. `arena` is what is reserved for it, `stack` the high-water marks of all stacks,
`instructions` the median of QEMU's count (icount), `vectors equal` how many outputs are those of
TFLM's interpreter, byte for byte, `swap` the time from another model's image in a warm folder to
this one, in brackets the processor time of it ({load} at the start).
"""


@dataclass(frozen=True)
class Model:
    """A model to build.

    Attributes:
        name: For the table.
        tflite: The int8 model.
        header: Its `model_data.h`.
        vectors: Golden vectors, int8 [N, ...].
    """

    name: str
    tflite: bytes
    header: bytes
    vectors: NDArray[np.int8]


@dataclass(frozen=True)
class Image:
    """A model that was built.

    Attributes:
        folder: Has the platform's outputs.
        expected: What the image says about itself.
        sizes: Of the image.
        build_s: Time from generated sources to the finished image, the search for the arena
            included.
        cpu_s: Processor time of it: a busy machine does not change it much.
    """

    folder: Path
    expected: Expected
    sizes: ZephyrImage
    build_s: float
    cpu_s: float

    @property
    def times(self) -> str:
        """Both, for the table."""
        return f"{self.build_s:.1f} s ({self.cpu_s:.1f} s)"


def winner(name: str) -> Model:
    """What a contract delivered, with vectors of its test split."""
    delivered = BUILD / name / "delivered"
    quantisation = Quantisation.read(delivered / "quantisation.json")
    golden = GoldenVectors.choose(BUILD / name / "dataset", quantisation)
    return Model(
        name,
        (delivered / "model.tflite").read_bytes(),
        (delivered / "model_data.h").read_bytes(),
        golden.inputs,
    )


def network(name: str, tflite: bytes) -> Model:
    """One of MLPerf Tiny's networks, with random vectors."""
    oracle = Oracle(tflite)
    output_bytes = int(np.prod(oracle.output_shape))
    header = (
        f'#pragma once\n#define MODEL_DIGEST "{sha256_bytes(tflite)}"\n'
        f"#define MODEL_INPUT_BYTES {int(np.prod(oracle.input_shape))}\n"
        f"#define MODEL_OUTPUT_BYTES {output_bytes}\n"
        "static const unsigned char g_model[] __attribute__((aligned(16), unused)) = "
        f"{{{','.join(map(str, tflite))}}};\n"
    )
    shape = (NETWORK_VECTORS, *oracle.input_shape[1:])
    vectors = np.random.default_rng(1).integers(-128, 128, shape, np.int8)
    return Model(NETWORKS.get(name, name), tflite, header.encode(), vectors)


def models() -> Iterator[Model]:
    """All five."""
    for name in CONTRACTS:
        converge(name)
        yield winner(name)
    for name, tflite in keras_models(NETWORKS).items():
        yield network(name, tflite)


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def build(model: Model, board: Board, engine: Engine, folder: Path, on: ZephyrPlatform) -> Image:
    """Builds an image in an empty folder."""
    header, sources, out = (folder / name for name in ("header", "src", "out"))
    for path in (header, sources, out):
        path.mkdir(parents=True)
    (header / "model_data.h").write_bytes(model.header)
    for name, content in engine.generate(model.tflite, board.cpu).files.items():
        (sources / name).write_bytes(content)
    firmware_id = sha256_bytes(f"{board.name} {engine.name}".encode() + model.tflite)
    start, cpu_start = time.monotonic(), _children_cpu_s()
    on.build(BuildRequest(board, header, sources, engine.name, firmware_id), out)
    build_s, cpu_s = time.monotonic() - start, _children_cpu_s() - cpu_start
    expected = Expected(firmware_id, sha256_bytes(model.tflite))
    return Image(out, expected, ZephyrImage.read(out / "zephyr.json"), build_s, cpu_s)


def check(model: Model, board: Board, image: Image) -> tuple[SelfTest, int]:
    """Runs an image; what it measured, and how many outputs equal the oracle's."""
    with QEMU.open(board, image.folder / "firmware.elf", image.expected) as session:
        outputs = [session.infer(one.tobytes()).output for one in model.vectors]
        self_test = session.self_test
    wanted = (one.tobytes() for one in Oracle(model.tflite).run(model.vectors))
    equal = sum(one == other for one, other in zip(outputs, wanted, strict=True))
    return self_test, equal


def row(model: Model, board: Board, engine: Engine, image: Image) -> tuple[str, ...]:
    """One line of the table."""
    test, equal = check(model, board, image)
    sizes = image.sizes
    reserved = sizes.arena_reserved_bytes
    figures = (
        *(sizes.whole.flash_bytes, sizes.model_flash_bytes, sizes.whole.static_ram_bytes),
        test.arena_bytes if reserved is None else reserved,
        test.stack_used_bytes,
        statistics.median_high(instruction_counts(board, test)),
    )
    cells = (model.name, board.name, engine.name, *(f"{value:,}" for value in figures))
    return (*cells, f"{equal} of {len(model.vectors)}", image.times)


def table(all_models: tuple[Model, ...], scratch: Path) -> None:
    """Prints a line for every model, board and engine; each image is a swap in a warm folder."""
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
    for board in map(load_board, BOARDS):
        for engine in ENGINES:  # warms the folder with a model that is not the first
            with tempfile.TemporaryDirectory(dir=scratch) as folder:
                build(all_models[-1], board, engine, Path(folder) / "warm", PLUGIN)
        for model in all_models:
            for engine in ENGINES:
                with tempfile.TemporaryDirectory(dir=scratch) as folder:
                    image = build(model, board, engine, Path(folder) / "swap", PLUGIN)
                    print(f"| {' | '.join(row(model, board, engine, image))} |", flush=True)


@dataclass(frozen=True)
class Figures:
    """What TensorFlow Lite Micro takes for a model."""

    instructions: int
    price: Price
    flash_bytes: int
    arena_bytes: int


def require_tflm() -> None:
    """Looks for all that TensorFlow Lite Micro is built from.

    Raises:
        ToolError: Something is missing.
    """
    needs.require((*CORE_MODULES, *TFLM_MODULES))


def tflm_figures(name: str, tflite: bytes, board: Board) -> Figures:
    """What TensorFlow Lite Micro takes for a model on one of TFLM_BOARDS."""
    model = network(name, tflite)
    with tempfile.TemporaryDirectory() as folder:
        image = build(model, board, tflm.PLUGIN, Path(folder) / "image", PLUGIN)
        test, _ = check(model, board, image)
        cycles = price(board, image.folder / "firmware.elf")
    reserved = image.sizes.arena_reserved_bytes
    return Figures(
        instructions=round(statistics.median_high(instruction_counts(board, test))),
        price=cycles,
        flash_bytes=image.sizes.model_flash_bytes,
        arena_bytes=test.arena_bytes if reserved is None else reserved,
    )


def pristine(model: Model, engine: Engine, folder: Path) -> str:
    """Times of the same build where there is no build folder and no compiler cache."""
    board = load_board(SPEED_BOARD)
    root = folder / "root"
    # Only the image itself is timed, not the one without a model.
    for sizes in PLUGIN.root.glob("*-none-*/sizes-*.json"):
        known = root / sizes.relative_to(PLUGIN.root)
        known.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(sizes, known)
    os.environ["CCACHE_DISABLE"] = "1"
    return build(model, board, engine, folder / "image", ZephyrPlatform(root)).times


def speed(model: Model, engines: tuple[Engine, ...], scratch: Path) -> None:
    """Prints how long a pristine build takes."""
    print(f"\nA pristine build of {model.name} for {SPEED_BOARD}, without compiler cache, to hold")
    print("against `swap`:\n")
    print("| engine | pristine |\n|---|---|")
    for engine in engines:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            print(f"| {engine.name} | {pristine(model, engine, Path(folder))} |", flush=True)


def main() -> None:
    """Prints everything as Markdown."""
    parser = _command_line.parser(__doc__)
    parser.add_argument("--cold-tflm", action="store_true", help="TFLM too, with nothing cached")
    cold_tflm: bool = parser.parse_args().cold_tflm
    try:
        require_tflm()
        all_models = tuple(models())
        load = f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"
        print(INTRODUCTION.format(load=load, options=" --cold-tflm" * cold_tflm))
        with tempfile.TemporaryDirectory() as scratch:
            table(all_models, Path(scratch))
            speed(all_models[0], ENGINES if cold_tflm else ENGINES[:1], Path(scratch))
    except MlforgeError as error:
        sys.exit(f"ERROR: {error}")


if __name__ == "__main__":
    main()
