"""run: the firmware on its target; measures it and holds its outputs against the oracle."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

from mlforge_tasks import plugins
from mlforge_tasks.build_report import read_build_report
from mlforge_tasks.contract.board import Board
from mlforge_tasks.cycles.record import Cycles
from mlforge_tasks.engines._report import REPORT, EngineReport
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.quantisation import Quantisation
from mlforge_tasks.records import Measurement, Reason, Record, SelfTest, Source, StackUse
from mlforge_tasks.runners import Circumstances, Expected, Way
from mlforge_tasks.stages import main
from mlforge_tasks.stages._figures import measurements, profile
from mlforge_tasks.stages._schedule import Schedule, Told
from mlforge_tasks.stages.firmware import (
    IMAGE,
    NO_PROFILE,
    NO_SCHEDULE,
    PROFILE_IMAGE,
    SCHEDULER_IMAGE,
    profile_id,
    scheduler_id,
)
from mlforge_tasks.verdict.decision import decision_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.build_report import BuildReport
    from mlforge_tasks.int8 import Quantised
    from mlforge_tasks.runners import Runner, Session
    from mlforge_tasks.stages._golden import GoldenVectors

PROFILE = "profile.json"
# A login takes an agent's keys where no file has them; only the stage that logs in knows of it.
SECRETS: Mapping[str, tuple[str, ...]] = {"ssh": ("SSH_AUTH_SOCK",)}
# Key of a configuration: what a program runs beside and within on a machine that is logged in to.
CIRCUMSTANCES = "circumstances"
FIELDS = ("target.verification_time_s",)


def tools(runner: str, board: Board) -> Mapping[str, str]:
    """The runner's own tools."""
    plugin: Runner = plugins.load("runners", runner)
    return plugin.tool_versions(board)


def kind(runner: str, board: Board) -> StageKind:
    """A run with a runner, by its name, on a board."""
    return StageKind(
        __name__,
        ("measurements.json",),
        isolated=True,
        fields=FIELDS,
        loads=(plugins.module("runners", runner),),
        tools=functools.partial(tools, runner, board),
        secrets=SECRETS.get(runner, ()),
    )


class RunReport(Record):
    """What a run found; `measurements.json`.

    Attributes:
        source: Where every figure comes from.
        measurements: RAM, flash, stack, heap, arena, the model's share, instructions (where they
            can be counted) and latency: the median over the repetitions, least, p99 and most. Of a
            process, the arena alone.
        cycles: What an inference takes on an emulated core, and what turns that into its latency;
            None where the device's own clock tells it.
        stacks: Every thread's.
        ran: sha256 of what ran, by file: the images, and the model in them by their own word.
        where: The very board, as the runner identifies it; empty on an emulator.
        not_measured: Figures that were asked for and could not be had, each with why.
        macs: Multiply-accumulates per inference.
        golden_vectors: Test inputs that the device ran.
        golden_left_out: Further ones that it would have run in less time.
        inputs_through: How they came to the device.
        checked_against_oracle: Whether their outputs were compared, byte for byte, with TFLM's;
            False where there is no `tflite-micro` wheel, or its interpreter cannot run the model.
        not_compared: Why they were not; empty where they were.
        differs: How many of them differ and how far, of an engine that may (`litert`).
        no_profile: Why there is no `profile.json` although there is an engine that can tell.
        device_metrics: The task's metrics over the golden vectors, from the device's own outputs;
            without those that they do not define (`auc` of one class).
        on_cpu: What an NPU leaves to the CPU, and why: nothing tells the time of that.
    """

    source: Source
    measurements: tuple[Measurement, ...]
    cycles: Cycles | None = None
    stacks: tuple[StackUse, ...]
    ran: dict[str, str]
    where: tuple[tuple[str, str], ...] = ()
    not_measured: tuple[tuple[str, str], ...] = ()
    macs: int
    golden_vectors: int
    golden_left_out: int = 0
    inputs_through: Way = "line"
    checked_against_oracle: bool
    not_compared: str = ""
    differs: str = ""
    no_profile: str = ""
    device_metrics: dict[str, float]
    on_cpu: tuple[str, ...] = ()


def _write_profile(
    inputs: Mapping[str, Path], out: Path, board: Board, runner: Runner, expected: Expected
) -> str:
    """What each layer takes, where there is an image that tells it; it fails no candidate.

    It comes first, so that a board keeps the image that is measured.

    Returns:
        Why there is none, where the image was too large or failed; else nothing.
    """
    image = inputs["firmware"] / PROFILE_IMAGE
    if not image.exists():
        too_large = inputs["firmware"] / NO_PROFILE
        return Reason.read(too_large).message if too_large.exists() else ""
    layers = EngineReport.read(inputs["engine"] / REPORT).layers
    other = dataclasses.replace(expected, firmware_id=profile_id(expected.firmware_id))
    try:
        with runner.open(board, image, other) as session:
            test = session.self_test
        cycles = runner.layer_cycles(board, image, test)
    except CandidateFailure as failure:
        return str(failure)
    profile(board, layers, test, runner.capabilities.source, cycles).write(out / PROFILE)
    return ""


def _schedule(inputs: Mapping[str, Path], board: Board, runner: Runner, expected: Expected) -> Told:
    """What an image with a periodic thread tells; it fails no candidate either, and comes first."""
    image = inputs["firmware"] / SCHEDULER_IMAGE
    if not image.exists():
        too_large = inputs["firmware"] / NO_SCHEDULE
        return Told(why=Reason.read(too_large).message if too_large.exists() else "")
    other = dataclasses.replace(expected, firmware_id=scheduler_id(expected.firmware_id))
    try:
        with runner.open(board, image, other) as session:
            return Told(Schedule.of(session.self_test))
    except CandidateFailure as failure:
        return Told(why=str(failure))


def _other_images(
    inputs: Mapping[str, Path], out: Path, board: Board, runner: Runner, expected: Expected
) -> tuple[str, Told]:
    """What images tell that run before the firmware: why there is no profile, and the schedule."""
    no_profile = _write_profile(inputs, out, board, runner, expected)
    return no_profile, _schedule(inputs, board, runner, expected)


def _builds(inputs: Mapping[str, Path]) -> tuple[BuildReport, BuildReport | None]:
    """Sizes of the image and, where it is for this board, of the one without a model."""
    firmware = read_build_report(inputs["firmware"] / "firmware.json")
    floor = read_build_report(inputs["floor"] / "firmware.json") if "floor" in inputs else None
    return firmware, floor


def _ran(firmware: Path, self_test: SelfTest) -> dict[str, str]:
    """sha256 of the images that ran, and of the model inside."""
    images = (firmware / name for name in (IMAGE, PROFILE_IMAGE, SCHEDULER_IMAGE))
    digests = {path.name: file_digest(path) for path in images if path.exists()}
    return {**digests, "model.tflite": self_test.model_digest}


def _runner(config: Mapping[str, Any]) -> Runner:
    """What runs the firmware, as it is asked to."""
    runner: Any = plugins.load("runners", config["runner"])
    told = config.get(CIRCUMSTANCES)
    found: Runner = runner.under(Circumstances.from_dump(told)) if told else runner
    return found


def _where(runner: Runner, board: Board) -> tuple[tuple[str, str], ...]:
    """The very board, as the runner identifies it; empty on an emulator."""
    hardware = runner.capabilities.source == "hardware"
    return tuple(runner.tool_versions(board).items()) if hardware else ()


def _examples(
    inputs: Mapping[str, Path], session: Session, model: Quantisation, time_s: float
) -> GoldenVectors:
    """The test examples that a device is to run in some time."""
    from mlforge_tasks.stages import _golden  # noqa: PLC0415 - numpy

    count, decision = _golden.fitting(session, model, time_s), decision_in(inputs)
    return _golden.GoldenVectors.choose(inputs["dataset"], model, decision, count=count)


def _compared(
    inputs: Mapping[str, Path], golden: GoldenVectors, outputs: NDArray[Quantised]
) -> dict[str, Any]:
    """What the device computed, held against the oracle as closely as its engine may be."""
    engine = EngineReport.read(inputs["engine"] / REPORT)
    tflite = (inputs["quantise"] / "model.tflite").read_bytes()
    found = dataclasses.asdict(golden.check(tflite, outputs, most_steps=engine.most_steps))
    return {"macs": engine.macs, "checked_against_oracle": not any(found.values()), **found}


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `measurements.json`, `console.txt` and, of an image that tells it, `profile.json`.

    Args:
        inputs: `firmware`, `engine`, `quantise`, `dataset`; `floor` of this board; any `decide`.
        out: Output folder; a board's transcript goes there too.
        config: `runner`, `board`, `target.verification_time_s`; any `circumstances`.

    Raises:
        CandidateFailure: The firmware hangs, faults or goes silent.
        ToolError: The runner broke, or the outputs are wrong.
    """
    board = Board.from_dump(config["board"])
    runner = _runner(config)
    builds, model = _builds(inputs), Quantisation.read(inputs["quantise"] / "quantisation.json")
    expected, elf = Expected(builds[0].firmware_id, model.tflite_sha256), inputs["firmware"] / IMAGE
    no_profile, schedule = _other_images(inputs, out, board, runner, expected)
    with runner.open(board, elf, expected, evidence=out) as session:
        (out / "console.txt").write_bytes(session.console)  # the same at every boot, up to here
        golden = _examples(inputs, session, model, config[FIELDS[0]])
        outputs, self_test, beside = golden.ask(session), session.self_test, session.beside
    compared = _compared(inputs, golden, outputs)
    cycles, source = runner.cycles(board, elf, self_test), runner.capabilities.source
    RunReport(
        source=source,
        measurements=measurements(board, builds, self_test, source, cycles)
        + schedule.figures(board, source, cycles)
        + beside.measurements,
        cycles=cycles,
        stacks=self_test.stacks,
        ran=_ran(inputs["firmware"], self_test),
        where=_where(runner, board) + beside.where,
        not_measured=schedule.not_measured + beside.not_measured,
        golden_vectors=len(golden.inputs),
        golden_left_out=golden.left_out,
        inputs_through=session.inputs_through,
        **compared,
        no_profile=no_profile,
        device_metrics=golden.scores(outputs),
    ).write(out / "measurements.json")


if __name__ == "__main__":
    main(run)
