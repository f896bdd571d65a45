"""Networks on the emulator and on the board: what a board's calibration is fitted to."""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from mlforge_tasks import engines, plugins
from mlforge_tasks.calibration import NETWORKS
from mlforge_tasks.calibration.pair import Conditions, Pair
from mlforge_tasks.cycles import llvm
from mlforge_tasks.cycles.cores import core_of
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph import product
from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.platforms import BuildRequest
from mlforge_tasks.records import Profile, Reason, canonical_json, sha256_bytes
from mlforge_tasks.runners import Expected
from mlforge_tasks.runners._cycles import NOMINAL
from mlforge_tasks.stages._figures import profile
from mlforge_tasks.stages.firmware import IMAGE, firmware_id, profile_id
from mlforge_tasks.tflite_file import model as tflite_model

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.contract.sections import Toolchain
    from mlforge_tasks.engines import Engine
    from mlforge_tasks.platforms import Platform
    from mlforge_tasks.records import LayerProfile
    from mlforge_tasks.runners import Runner

# The one engine whose images tell what each layer takes.
ENGINE = "aot"
# What C and the templates of C end with.
_SOURCES = (".c", ".h", ".jinja")
# All that the application has to know of a model whose outputs nobody looks at.
_HEADER = """\
#ifndef MODEL_DATA_H
#define MODEL_DATA_H
#define MODEL_DIGEST "{digest}"
#define MODEL_INPUT_BYTES {input_bytes}
#define MODEL_OUTPUT_BYTES {output_bytes}
#endif
"""


@dataclass(frozen=True)
class Bench:
    """Where networks are measured.

    Attributes:
        board: The board that is calibrated.
        emulated: What stands for it.
        platform: How images are built.
        toolchain: Whose compiler builds them.
        runner: What runs them on the board.
        emulator: What runs them on what stands for it.
    """

    board: Board
    emulated: Board
    platform: str
    toolchain: Toolchain
    runner: str = "serial"
    emulator: str = "qemu"


def networks() -> Mapping[str, bytes]:
    """The networks that every board is calibrated with, by name."""
    return {path.stem: path.read_bytes() for path in sorted(NETWORKS.glob("*.tflite"))}


def conditions(bench: Bench) -> Conditions:
    """What a calibration made now would hold for.

    Raises:
        ToolError: A tool is missing, or the board has no clock.
    """
    board = bench.board
    if board.clock_hz is None:
        raise ToolError(f"{board.name} is a process: it has no clock to be calibrated")
    platform: Platform = plugins.load("platforms", bench.platform)
    tools = dict(platform.tool_versions(board, bench.toolchain))
    return Conditions(
        board=board.name,
        cpu=board.cpu,
        clock_hz=board.clock_hz,
        engine=ENGINE,
        platform=bench.platform,
        toolchain=bench.toolchain,
        versions=said_versions(tools),
        tools=sha256_bytes(canonical_json(tools)),
        kernels=kernels(),
        emulated_on=bench.emulated.name,
        cycles_by=_cycles_by(board),
    )


def said_versions(tools: Mapping[str, str]) -> str:
    """What tools say that they are, without digests."""
    said = {name: value.partition("sha256:")[0].strip() for name, value in tools.items()}
    return ", ".join(f"{name} {text}" for name, text in sorted(said.items()) if text)


@functools.cache
def kernels() -> str:
    """sha256 of the C that layers are made of."""
    folders = [product.path(name) for name in engines.resources(ENGINE)]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in _SOURCES]
    return sha256_bytes(canonical_json({product.name(path): file_digest(path) for path in files}))


def _cycles_by(board: Board) -> str:
    core = core_of(board.cpu)
    if core is None:
        return NOMINAL
    return f"llvm-mca {llvm.version()}" if core.llvm else core.source


def measure(name: str, tflite: bytes, bench: Bench, held: Conditions, work: Path) -> Pair:
    """Builds a network's profile images, and has emulator and board tell what each layer takes.

    Args:
        name: The network's.
        tflite: Its file.
        bench: Where.
        held: The conditions.
        work: An empty folder.

    Raises:
        CandidateFailure: It does not fit the board, or does not run there.
        ToolError: A tool is missing or broke, the bench has no such board, or another image
            answers.
        ContractError: The hardware map is not valid.
    """
    layers, digest = _write_sources(tflite, bench.board.cpu, work), sha256_bytes(tflite)
    runner: Runner = plugins.load("runners", bench.runner)
    emulator: Runner = plugins.load("runners", bench.emulator)
    identity = dict(sorted(runner.tool_versions(bench.board).items()))
    emulated_id = _build(bench, bench.emulated, work, "emulated")
    emulated, _ = _run(emulator, bench.emulated, work / "emulated", (emulated_id, digest), layers)
    measured_id = _build(bench, bench.board, work, "board")
    measured, tick_hz = _run(runner, bench.board, work / "board", (measured_id, digest), layers)
    return Pair(
        network=name,
        model=digest,
        conditions=held,
        probe=identity,
        date=dt.datetime.now(dt.UTC).date().isoformat(),
        tick_hz=tick_hz,
        emulated_firmware=emulated_id,
        measured_firmware=measured_id,
        emulated=emulated,
        measured=measured,
    )


def _write_sources(tflite: bytes, cpu: str, work: Path) -> tuple[LayerProfile, ...]:
    """The C of a network and its header; its layers."""
    engine: Engine = plugins.load("engines", ENGINE)
    made = engine.generate(tflite, cpu, untrained=True)
    graph = tflite_model.read(tflite).main
    sizes = [
        sum(prod(graph.tensors[at].shape) for at in ends) for ends in (graph.inputs, graph.outputs)
    ]
    (work / "src").mkdir()
    (work / "header").mkdir()
    for file, content in made.files.items():
        (work / "src" / file).write_bytes(content)
    text = _HEADER.format(digest=sha256_bytes(tflite), input_bytes=sizes[0], output_bytes=sizes[1])
    (work / "header" / "model_data.h").write_text(text)
    return made.layers


def _build(bench: Bench, board: Board, work: Path, name: str) -> str:
    """Builds a profile image; its id."""
    platform: Platform = plugins.load("platforms", bench.platform)
    config = {
        "platform": bench.platform,
        "board": board.model_dump(mode="json"),
        "toolchain": bench.toolchain,
        "mlperf": None,
    }
    identity = profile_id(firmware_id(work / "header", work / "src", config))
    request = BuildRequest(
        board=board,
        header=work / "header",
        engine=work / "src",
        engine_name=ENGINE,
        firmware_id=identity,
        toolchain=bench.toolchain,
        profile=True,
    )
    (work / name).mkdir()
    platform.build(request, work / name)
    return identity


def _run(
    runner: Runner,
    board: Board,
    folder: Path,
    ids: tuple[str, str],
    layers: tuple[LayerProfile, ...],
) -> tuple[Profile, int]:
    """What each layer takes, and the clock that told it."""
    image = folder / IMAGE
    with runner.open(board, image, Expected(*ids), evidence=folder) as session:
        test = session.self_test
    if not test.laps:
        told = f"the image of {board.name} does not tell what its layers take"
        raise CandidateFailure(Reason(code="fault", stage="run", message=told))
    cycles = runner.layer_cycles(board, image, test)
    return profile(board, layers, test, runner.capabilities.source, cycles), test.tick_hz
