"""What a run will need, looked for before its first stage: compilers, emulator, oracle, bench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks import plugins
from mlforge_tasks.contract.sections import NPU_ENGINE
from mlforge_tasks.contract.targets import views
from mlforge_tasks.graph import environment, torch_venv
from mlforge_tasks.graph.lookahead import Lookahead, cone
from mlforge_tasks.pipeline import places
from mlforge_tasks.pipeline.carry import find
from mlforge_tasks.pipeline.prospect import prospect
from mlforge_tasks.stages import evaluate, update

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.contract.contract import Contract
    from mlforge_tasks.graph.stage import Stage
    from mlforge_tasks.pipeline.plan import Plan
    from mlforge_tasks.platforms import Platform
    from mlforge_tasks.runners import Runner

ARENA_ENGINES = {"tflm", NPU_ENGINE}  # their arena's size is looked for in an emulator


def require(plan: Plan, names: Iterable[str] | None) -> None:
    """Stops where a run could not come to its end, by what this machine has.

    Args:
        plan: The contract's.
        names: The stages that are wanted; None for the whole search.

    Raises:
        ToolError: Something is missing; the hint says what to do.
        MlforgeError: The contract asks for what cannot be had.
    """
    environment.confine()
    targets = tuple(views(plan.contract).values()) or (plan.contract,)
    for contract in targets:
        _build(plan, contract)
    if plan.contract.search.torch is not None:
        torch_venv.tools()
    if any(one.operation.update is not None for one in targets):
        update.tools()
    evaluate.tools()  # what stands in for the oracle, where that is not there
    for contract in targets:
        if contract.mode in ("hardware", "simulate-then-hardware"):
            _bench(plan, contract, None if names is None else set(names))


def _build(plan: Plan, contract: Contract) -> None:
    """What builds for a target, and runs it in an emulator."""
    target, board = contract.target, contract.target.on_board
    platform: Platform = plugins.load("platforms", target.platform)
    engines = places.engines_of(target, board)
    for engine in engines:
        platform.require(board, engine, target.toolchain)
    if contract.mode in places.EMULATING or (platform.links and ARENA_ENGINES & {*engines}):
        _emulator(places.emulated(board))
    if NPU_ENGINE in engines:
        own = target.npu.vela_ini
        ini = None if own is None else (plan.root / own).read_bytes()
        plugins.load("engines", NPU_ENGINE).require(board.npu, ini)


def _emulator(board: Board) -> None:
    runner: Runner = plugins.load("runners", places.simulator(board))
    runner.require(board, west_builds=False)


def _bench(plan: Plan, contract: Contract, names: set[str] | None) -> None:
    """A board itself: known to the bench, and there where something is still to run on it."""
    board = contract.target.on_board
    wanted = _on_the_board(plan, board, names)
    if not wanted:
        return
    runner: Runner = plugins.load("runners", places.hardware(board))
    runner.tool_versions(board)
    if _is_left(plan, wanted, whole=names is None):
        runner.require(board, west_builds=contract.target.platform == "zephyr")


def _on_the_board(plan: Plan, board: Board, names: set[str] | None) -> list[Stage]:
    """The stages that lead to a board and those that are made on it, of what is wanted."""
    stages = list(plan.stages(plan.iterations.declared or plan.iterations[:1]))
    ends = stages if names is None else [stage for stage in stages if _asked(stage, names)]
    runner = places.hardware(board)
    run = [
        one
        for one in cone(stages, ends)
        if one.config.get("runner") == runner and one.config["board"]["name"] == board.name
    ]
    return cone(stages, run)


def _asked(stage: Stage, names: set[str]) -> bool:
    return stage.name in names or stage.name.partition(":")[0] in names


def _is_left(plan: Plan, wanted: list[Stage], *, whole: bool) -> bool:
    """Whether something is not made yet, by the results of this tree."""
    if whole:
        return prospect(plan).met is None and find(plan) is None
    seen = Lookahead()
    return any(seen.look(stage) is None for stage in wanted)
