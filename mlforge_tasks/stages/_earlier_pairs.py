"""Profiles that are there already: of an earlier calibration, or of runs on both sides."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mlforge_tasks.calibration.pair import PAIR, Conditions, Pair
from mlforge_tasks.contract.board import Board
from mlforge_tasks.engines._report import REPORT, EngineReport
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph.code_version import code_version
from mlforge_tasks.graph.manifest import PROVENANCE, Provenance
from mlforge_tasks.records import Profile, Record, canonical_json, sha256_bytes
from mlforge_tasks.stages import engine
from mlforge_tasks.stages._calibrate import kernels, said_versions
from mlforge_tasks.stages.firmware import profile_id
from mlforge_tasks.stages.run import PROFILE, RunReport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HARDWARE_RUN = "hardware_run"


def earlier_pairs(folder: Path, board: str) -> tuple[Pair, ...]:
    """What was emulated and measured on a board, from all that lies below a folder.

    Args:
        folder: With `pair.json` files of an earlier calibration; or a build tree, with runs of mode
            `simulate-then-hardware`.
        board: The board's name.

    Raises:
        MlforgeError: There is nothing of the board, or a file is not what it should be.
    """
    found = [_read(path, Pair) for path in sorted(folder.rglob(PAIR))]
    if not found:
        found = list(_of_runs(folder))
    own = [pair for pair in found if pair.conditions.board == board]
    if not own:
        others = ", ".join(sorted({pair.conditions.board for pair in found}))
        raise MlforgeError(
            f"'{folder}' has no profiles of {board} on both sides"
            + (f", only of {others}" if others else ""),
            hint=f"`doit calibrate board={board}` measures some; so does a contract with "
            "`mode: simulate-then-hardware`",
        )
    once = {pair.model: pair for pair in own}
    return tuple(once.values())


def _read(path: Path, record: type[Any]) -> Any:
    try:
        return record.read(path)
    except (ValidationError, OSError) as error:
        raise MlforgeError(f"'{path}' is no {record.__name__.lower()}: {error}") from None


def _of_runs(folder: Path) -> Iterator[Pair]:
    for place in sorted(folder.rglob(HARDWARE_RUN)):
        candidate = place.parent
        if all((candidate / name / PROFILE).is_file() for name in ("run", HARDWARE_RUN)):
            yield _of_run(candidate, candidate.relative_to(folder).as_posix())


class _Built(Record):
    """What the key of an image says.

    Attributes:
        board: What it is for.
        platform: What built it.
        toolchain: Whose compiler.
        tools: What is known of the tools.
    """

    board: Board
    platform: str
    toolchain: str
    tools: dict[str, str]


def _of_run(candidate: Path, name: str) -> Pair:
    own = "hardware_firmware" if (candidate / "hardware_firmware").exists() else "firmware"
    emulated_on, built = _built(candidate / "firmware"), _built(candidate / own)
    emulated, measured = (
        _read(candidate / stage / "measurements.json", RunReport) for stage in ("run", HARDWARE_RUN)
    )
    layers = _read(candidate / "engine" / REPORT, EngineReport)
    board, cycles = built.board, emulated.cycles
    if board.clock_hz is None or cycles is None:
        raise MlforgeError(f"'{candidate}': its emulated run tells no cycles")
    _check_kernels(candidate, layers.engine)
    ids = [_firmware_id(candidate / stage) for stage in ("firmware", own)]
    last = (candidate / HARDWARE_RUN / "transcript.txt").stat().st_mtime
    return Pair(
        network=name,
        model=measured.ran["model.tflite"],
        conditions=Conditions(
            board=board.name,
            cpu=board.cpu,
            clock_hz=board.clock_hz,
            engine=layers.engine,
            platform=built.platform,
            toolchain=built.toolchain,
            versions=said_versions(built.tools),
            tools=sha256_bytes(canonical_json(built.tools)),
            kernels=kernels(),
            emulated_on=emulated_on.board.name,
            cycles_by=cycles.tool or cycles.method,
        ),
        probe=dict(sorted(measured.where)),
        date=dt.datetime.fromtimestamp(last, dt.UTC).date().isoformat(),
        tick_hz=board.systick_hz,
        emulated_firmware=profile_id(ids[0]),
        measured_firmware=profile_id(ids[1]),
        emulated=_read(candidate / "run" / PROFILE, Profile),
        measured=_read(candidate / HARDWARE_RUN / PROFILE, Profile),
    )


def _built(folder: Path) -> _Built:
    document = _read(folder / PROVENANCE, Provenance).key_document
    config: dict[str, Any] = document["config"]
    known = {name: config[name] for name in ("board", "platform", "toolchain")}
    return _Built.from_dump({**known, "tools": document["tools"]})


def _firmware_id(folder: Path) -> str:
    from mlforge_tasks.build_report import read_build_report  # noqa: PLC0415 - JSON schemas

    return read_build_report(folder / "firmware.json").firmware_id


def _check_kernels(candidate: Path, name: str) -> None:
    """What a run was built of is not kept; that it was today's code is known by its key."""
    document = _read(candidate / "engine" / PROVENANCE, Provenance).key_document
    if document["code"] != code_version(*engine.kind((name,)).code()):
        raise MlforgeError(
            f"'{candidate}' was built by another version of engine '{name}'",
            hint="run its contract again, then calibrate",
        )
