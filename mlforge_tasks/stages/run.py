"""run: the firmware on its target; measures it and holds its outputs against the oracle."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks import oracle, plugins, runners
from mlforge_tasks.contract.board import Board
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.quantisation import Quantisation, quantise
from mlforge_tasks.records import Measurement, Record, Source, StackUse, read_build_report
from mlforge_tasks.runners import Expected
from mlforge_tasks.stages import main
from mlforge_tasks.stages._figures import measurements, profile
from mlforge_tasks.stages.engine import EngineReport
from mlforge_tasks.stages.firmware import PROFILE_IMAGE, profile_id
from mlforge_tasks.verdict.metrics import scores, to_outputs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.records import Profile
    from mlforge_tasks.runners import Runner, Session

# Enough to meet every output range, few enough that a run takes seconds.
GOLDEN_COUNT = 32
PROFILE = "profile.json"


class RunReport(Record):
    """What a run found; `measurements.json`.

    Attributes:
        source: Where every figure comes from.
        measurements: RAM, flash, stack, heap, arena, the model's share, instructions (where they
            can be counted) and latency: the median over the repetitions, least, p99 and most. Of a
            process, the arena alone.
        stacks: Every thread's.
        where: The very board, as the runner identifies it; empty on an emulator.
        macs: Multiply-accumulates per inference.
        golden_vectors: Test inputs that the device ran.
        checked_against_oracle: Whether their outputs were compared, byte for byte, with TFLM's;
            False only where there is no `tflite-micro` wheel.
        device_metrics: The task's metrics over the golden vectors, from the device's own outputs;
            without those that they do not define (`auc` of one class).
    """

    source: Source
    measurements: tuple[Measurement, ...]
    stacks: tuple[StackUse, ...]
    where: tuple[tuple[str, str], ...] = ()
    macs: int
    golden_vectors: int
    checked_against_oracle: bool
    device_metrics: dict[str, float]


def _golden_indices(examples: int) -> NDArray[np.intp]:
    """Test examples spread evenly over the split."""
    count = min(GOLDEN_COUNT, examples)
    return np.linspace(0, examples - 1, count).round().astype(np.intp)


def _ask_device(session: Session, inputs: NDArray[np.int8], shape: tuple[int, ...]) -> Any:
    outputs = [session.infer(one.tobytes()).output for one in inputs]
    return np.frombuffer(b"".join(outputs), np.int8).reshape(len(inputs), *shape)


def _compare(tflite: bytes, inputs: NDArray[np.int8], outputs: NDArray[np.int8]) -> bool:
    """Whether the outputs could be checked.

    Raises:
        ToolError: The device computes something else than the oracle: the engine is wrong.
    """
    if not oracle.available():
        return False
    wanted = oracle.Oracle(tflite).run(inputs)
    wrong = int(np.count_nonzero(wanted != outputs.reshape(wanted.shape)))
    if wrong:
        raise ToolError(
            f"{wrong} of {wanted.size} output bytes differ between the device and the oracle",
            hint="this is a defect of the engine: report it with this candidate's model.tflite",
        )
    return True


def _profile(
    inputs: Mapping[str, Path],
    board: Board,
    runner: Runner,
    expected: Expected,
    engine: EngineReport,
) -> Profile | None:
    """What each layer takes, where there is an image that tells it; it fails no candidate."""
    image = inputs["firmware"] / PROFILE_IMAGE
    if not image.exists():
        return None
    other = dataclasses.replace(expected, firmware_id=profile_id(expected.firmware_id))
    with contextlib.suppress(CandidateFailure), runner.open(board, image, other) as session:
        return profile(board, engine.layers, session.self_test, runner)
    return None


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `measurements.json`, `console.txt` and, on a board, `transcript.txt`.

    Also `profile.json`, where there is an image that tells it.

    Args:
        inputs: `firmware`, `engine`, `quantise`, `dataset`; `floor` where it is for this board.
        out: Output folder.
        config: `runner`, `board`.

    Raises:
        CandidateFailure: The firmware hangs, faults or goes silent.
        ToolError: The runner broke, or the outputs are wrong.
    """
    board = Board.from_dump(config["board"])
    runner: Runner = plugins.load(runners, config["runner"])
    firmware = read_build_report(inputs["firmware"] / "firmware.json")
    floor = read_build_report(inputs["floor"] / "firmware.json") if "floor" in inputs else None
    card = DataCard.read(inputs["dataset"] / "data_card.json")
    quantisation = Quantisation.read(inputs["quantise"] / "quantisation.json")
    test_x = np.load(inputs["dataset"] / "test_x.npy", mmap_mode="r")
    chosen = _golden_indices(len(test_x))
    vectors = quantise(np.asarray(test_x[chosen]), quantisation.input)
    expected = Expected(firmware_id=firmware.firmware_id, model_digest=quantisation.tflite_sha256)
    engine = EngineReport.read(inputs["engine"] / "engine.json")
    # First, so that a board keeps the image that is measured.
    found = _profile(inputs, board, runner, expected, engine)
    if found is not None:
        found.write(out / PROFILE)
    elf = inputs["firmware"] / "firmware.elf"
    with runner.open(board, elf, expected, evidence=out) as session:
        # Up to here the console is the same at every boot; host input makes ticks vary.
        (out / "console.txt").write_bytes(session.console)
        raw = _ask_device(session, vectors, quantisation.output.shape)
        self_test = session.self_test
    tflite = (inputs["quantise"] / "model.tflite").read_bytes()
    checked = _compare(tflite, vectors, raw)
    hardware = runner.capabilities.source == "hardware"
    targets = np.load(inputs["dataset"] / "test_y.npy")[chosen]
    outputs = to_outputs(raw.reshape(len(raw), -1), quantisation, card)
    RunReport(
        source=runner.capabilities.source,
        measurements=measurements(board, firmware, floor, self_test, runner),
        stacks=self_test.stacks,
        where=tuple(runner.tool_versions(board).items()) if hardware else (),
        macs=engine.macs,
        golden_vectors=len(chosen),
        checked_against_oracle=checked,
        device_metrics=scores(card.task, outputs, targets),
    ).write(out / "measurements.json")


if __name__ == "__main__":
    main(run)
