"""feasible: refuses limits that no model can keep, and goals that no split can judge, at first."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from mlforge_tasks import plugins
from mlforge_tasks.architecture import smallest
from mlforge_tasks.build_report import BuildReport, FirmwareReport, ProgramReport, read_build_report
from mlforge_tasks.contract.board import Board
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.contract.goal import Figure
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import engine, firmware, header, main, render
from mlforge_tasks.stages._measure import PROBE_MODULE, measure
from mlforge_tasks.stages.run import tools as run_tools
from mlforge_tasks.verdict.constraints import IMPOSSIBLE, LATENCIES, Bound, over_limit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlforge_tasks.contract.sections import Toolchain
    from mlforge_tasks.platforms import Platform

# The smallest network with one output takes 230 instructions (16 x 2 inputs, Cortex-M3). A limit of
# more than twice that, and as much again for each class of a softmax, is not worth the seconds that
# it takes to measure.
QUESTIONABLE_INSTRUCTIONS, MORE_PER_OUTPUT = 250, 250


# Where there is nothing to measure on but a board, sizes alone are looked at.
KIND = StageKind(__name__)


def measuring(
    platform: Platform, names: Sequence[str], runner: str, board: Board, toolchain: Toolchain
) -> StageKind:
    """Where there is an emulator: what the figures of a probe depend on.

    Args:
        platform: What builds the smallest networks.
        names: The engines that may run them.
        runner: What runs them, by its name.
        board: What it emulates.
        toolchain: Whose compiler builds them.
    """
    deployed = (engine.kind(names), firmware.kind(platform, board, toolchain))
    probe = (render.KIND, header.KIND, *deployed)

    def tools() -> dict[str, str]:
        return {**platform.tool_versions(board, toolchain), **run_tools(runner, board)}

    return StageKind(
        __name__,
        loads=(
            PROBE_MODULE,
            *(one for kind in deployed for one in kind.loads),
            plugins.module("runners", runner),
        ),
        resources=tuple(one for kind in probe for one in kind.resources),
        tools=tools,
    )


def _impossible(bound: Bound, value: float, what: str) -> CandidateFailure:
    return CandidateFailure(
        Reason(
            code=IMPOSSIBLE,
            stage="feasible",
            message=over_limit(bound, value, f"is {{}} {what}"),
            metric=bound.metric,
            value=value,
            limit=bound.limit,
        )
    )


def _check_sizes(floor: BuildReport, limits: Mapping[str, Bound]) -> None:
    if not isinstance(floor, FirmwareReport | ProgramReport):
        return
    least = {"flash_bytes": floor.flash_bytes}
    if isinstance(floor, FirmwareReport):  # of a program's variables not all are ever resident
        least["ram_bytes"] = floor.static_ram_bytes
    for metric, value in least.items():
        if metric in limits and value > limits[metric].limit:
            raise _impossible(limits[metric], value, "without any model")


def _questionable(limit_us: float, board: Board, card: DataCard) -> bool:
    if board.clock_hz is None or board.cycles_per_instruction is None:
        return False  # nor would the smallest networks tell more
    instructions = limit_us * board.clock_hz / 1e6 / board.cycles_per_instruction
    return instructions < QUESTIONABLE_INSTRUCTIONS + MORE_PER_OUTPUT * card.output_count


def _least_latency_us(dataset: Path, config: Mapping[str, Any], bound: Bound) -> float | None:
    """The latency of the fastest of the smallest networks; None where one may keep the limit."""
    card = DataCard.read(dataset / "data_card.json")
    if not _questionable(bound.limit, Board.from_dump(config["board"]), card):
        return None
    found = []
    for architecture, name in product(smallest(card.input_shape, card.task), config["engines"]):
        try:
            measured = measure({"dataset": dataset}, {**config, "engines": [name]}, architecture)
        except CandidateFailure:
            return None  # it says nothing of the limit
        found += [one.value for one in measured if one.metric == bound.measured]
        if min(found, default=0.0) <= bound.limit:
            return None
    return min(found)


def _check_goal(dataset: Path, config: Mapping[str, Any]) -> None:
    from mlforge_tasks.verdict.undefined import undefined  # noqa: PLC0415 - numpy

    asked = [Figure.from_dump(one) for one in config["figures"]]
    for one in undefined(asked, dataset, surely=config["surely"]):
        raise one.error


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Passes, or fails whatever would be proposed.

    What the goal asks has to be defined on the splits that judge. Sizes are held against the
    firmware without a model; a latency so low that it is questionable, against the smallest
    networks, which are built and measured for it.

    Args:
        inputs: `floor`, `dataset`.
        out: Stays empty: an edited limit changes nothing as long as it is possible.
        config: `figures`, those that the contract asks; `surely`, whether by their intervals;
            `bounds`; `probe` (what a probe's stages are configured with; None where there is
            nothing to measure on but a board).

    Raises:
        CandidateFailure: With code `impossible_limit`.
        DataError: A split cannot tell a figure.
    """
    _check_goal(inputs["dataset"], config)
    limits = {one.measured: one for one in map(Bound.from_dump, config["bounds"])}
    _check_sizes(read_build_report(inputs["floor"] / "firmware.json"), limits)
    probe = config["probe"]
    metric = next((name for name in LATENCIES if name in limits), None)
    if probe is None or metric is None:
        return
    least_us = _least_latency_us(inputs["dataset"], probe, limits[metric])
    if least_us is not None:
        raise _impossible(limits[metric], least_us, "for the smallest networks there are")


if __name__ == "__main__":
    main(run)
