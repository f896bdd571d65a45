"""firmware: compiles and links the model's C with the application for one board."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks import plugins
from mlforge_tasks.contract.board import Board
from mlforge_tasks.contract.periodic_thread import PERIODIC_THREAD, PeriodicThread
from mlforge_tasks.engines._report import REPORT, EngineReport
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph.code_version import code_version
from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.platforms import BuildRequest
from mlforge_tasks.records import Reason, canonical_json, sha256_bytes
from mlforge_tasks.stages import main
from mlforge_tasks.stages.engine import SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.contract.sections import Toolchain
    from mlforge_tasks.platforms import Platform

IMAGE = "firmware.elf"
PROFILE_IMAGE = "profile.elf"
NO_PROFILE = "no_profile.json"
SCHEDULER_IMAGE = "scheduler.elf"
NO_SCHEDULE = "no_schedule.json"


def kind(platform: Platform, board: Board, toolchain: Toolchain) -> StageKind:
    """What builds it depends on the platform, and through its tools on board and compiler."""
    flashed = () if board.native else ("firmware.bin",)
    images = (IMAGE, *flashed) if platform.links else ()
    return StageKind(
        __name__,
        (*images, "firmware.json"),
        loads=(plugins.module("platforms", platform.name),),
        resources=tuple(platform.resources),
        tools=functools.partial(platform.tool_versions, board, toolchain),
    )


def firmware_id(header: Path, sources: Path, config: Mapping[str, Any]) -> str:
    """Digest of all that is built and of what builds it; the image carries and shows it."""
    platform: Platform = plugins.load("platforms", config["platform"])
    board = Board.from_dump(config["board"])
    files = [header / "model_data.h", *sorted(sources.iterdir())]
    parts = {
        "board": board.as_built(),
        "files": {path.name: file_digest(path) for path in files},
        "mlperf": config["mlperf"],
        **({"marker": True} if config.get("marker") else {}),
        "platform": code_version(
            (plugins.module("platforms", platform.name),), tuple(platform.resources)
        ),
        "tools": dict(platform.tool_versions(board, config["toolchain"])),
        **{name: config[name] for name in (PERIODIC_THREAD,) if name in config},
    }
    return sha256_bytes(canonical_json(parts))


def profile_id(firmware: str) -> str:
    """What the profile image beside some firmware shows, so that neither passes for the other."""
    return sha256_bytes(f"{firmware} profile".encode())


def scheduler_id(firmware: str) -> str:
    """The same of the image with a periodic thread."""
    return sha256_bytes(f"{firmware} scheduler".encode())


def periodic_thread(config: Mapping[str, Any]) -> PeriodicThread | None:
    """What runs beside the model, where a stage's configuration has any."""
    given = config.get(PERIODIC_THREAD)
    return None if given is None else PeriodicThread.from_dump(given)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `firmware.elf`, `firmware.bin`, `firmware.map` and `firmware.json`.

    Of an engine that can tell what each layer takes also `profile.elf` and `.bin`, and where a
    periodic thread is to run beside the model `scheduler.elf` and `.bin`: no other figure of them
    counts. Where they do not fit, `no_profile.json` or `no_schedule.json` says so.

    Of a process `firmware.elf` is the program; it has no time that tells anything of its layers.
    What is installed on a Linux is `firmware.bin`, the program without symbols; nothing is flashed
    of one that is none of Linux.

    Args:
        inputs: `header`, `engine`.
        out: Output folder.
        config: `platform`, `board`, `toolchain`, `mlperf`; `marker`, for a meter; any
            `periodic_thread`.

    Raises:
        CandidateFailure: The image does not fit the board's memory, or the benchmark's runner
            cannot speak to the model.
        ToolError: The compiler is missing or refuses the sources.
    """
    platform: Platform = plugins.load("platforms", config["platform"])
    board = Board.from_dump(config["board"])
    header, sources = inputs["header"], inputs["engine"] / SOURCES
    _check_mlperf(header / "model_data.h", config["mlperf"])
    engine = EngineReport.read(inputs["engine"] / REPORT)
    request = BuildRequest(
        board=board,
        header=header,
        engine=sources,
        engine_name=engine.engine,
        firmware_id=firmware_id(header, sources, config),
        toolchain=config["toolchain"],
        mlperf=config["mlperf"],
        marker=config.get("marker", False),
        periodic=periodic_thread(config),
    )
    platform.build(request, out).write(out / "firmware.json")
    _build_others(platform, request, out, profiled=engine.profiled and not board.process)


def _build_others(platform: Platform, request: BuildRequest, out: Path, *, profiled: bool) -> None:
    """Images that tell what the firmware does not."""
    known = request.firmware_id
    if profiled:
        other = dataclasses.replace(request, profile=True, firmware_id=profile_id(known))
        _build_beside(platform, other, out / PROFILE_IMAGE, out / NO_PROFILE)
    if request.periodic is not None:
        other = dataclasses.replace(request, scheduler=True, firmware_id=scheduler_id(known))
        _build_beside(platform, other, out / SCHEDULER_IMAGE, out / NO_SCHEDULE)


def _check_mlperf(header: Path, mlperf: str | None) -> None:
    """The benchmark's runner sends and is told int8 alone.

    Raises:
        CandidateFailure: It is asked for, and the model's input or output is int16.
    """
    if mlperf is not None and "_TYPE int16_t" in header.read_text():
        message = (
            "the model takes or gives int16, and the MLPerf Tiny runner that target.mlperf names "
            "sends int8: leave that key out, or quantise activations to int8"
        )
        raise CandidateFailure(Reason(code="unusable_model", stage="firmware", message=message))


def _build_beside(platform: Platform, request: BuildRequest, image: Path, unfit: Path) -> None:
    """Another image of the same model; it need not fit where the firmware does."""
    with tempfile.TemporaryDirectory() as name:
        try:
            platform.build(request, Path(name))
        except CandidateFailure as failure:
            failure.reason.write(unfit)
            return
        for suffix in (".elf", ".bin"):  # a board's flasher may want either
            copy = image.with_suffix(suffix)
            shutil.copyfile((Path(name) / IMAGE).with_suffix(suffix), copy)


if __name__ == "__main__":
    main(run)
