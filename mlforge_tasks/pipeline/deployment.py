"""The stages between a model and what is measured of it: the same for probe and trained model.

Where a contract leaves the engine open (`engine: auto`) and its platform builds several, each
candidate's probe is deployed with every one of them. `choose` reads the probes of an iteration and
the choice of the one before; what is built from then on takes its engine from that choice, as an
input like any other, so a choice that changes makes stale what it must and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.pipeline import places
from mlforge_tasks.plugins import AUTO
from mlforge_tasks.quantisation import ENDS, LAYOUT, STATE
from mlforge_tasks.stages import (
    admit,
    choose,
    decide,
    engine,
    estimate,
    firmware,
    header,
    pick,
    quantise,
    quantise_torch,
    run,
)
from mlforge_tasks.stages import update as update_stage
from mlforge_tasks.verdict.derived import CONDITIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.graph.stage import Stage
    from mlforge_tasks.pipeline.preparation import Preparation
    from mlforge_tasks.pipeline.wiring import Inputs, Wiring

    Model = Mapping[str, Stage]
    # One candidate's runs with each engine, where the engine is open.
    Tried = Mapping[str, Stage]


# What the names of a probe's stages begin with.
PROBE = "probe_"


class Deployment:
    """Declares the stages of one target from a model onwards."""

    def __init__(self, wiring: Wiring, preparation: Preparation) -> None:
        self._wiring = wiring
        self._preparation = preparation

    @property
    def target(self) -> str:
        """The name of a further target; empty of the leading one."""
        return self._wiring.name

    def model(self, prefix: str, at: str, sources: Inputs) -> Model:
        """The int8 model, what a device decides from its outputs, and its header.

        They are the same for every engine.
        """
        data, wiring = self._preparation.dataset, self._wiring
        given = {**sources, "dataset": data}
        config, kind = {}, quantise.KIND
        if "model" in sources:
            config = {ENDS: wiring.ends, **wiring.fields(LAYOUT, STATE)}
        if "network" in sources:
            config, kind = wiring.layout, quantise_torch.KIND
        made = wiring.stage(f"{prefix}quantise:{at}", kind, given, config)
        read = {"quantise": made, "dataset": data}
        if wiring.detectors:
            chosen = {"detectors": wiring.detectors, "trained": not prefix}
            decided = wiring.stage(f"{prefix}decide:{at}", decide.KIND, read, chosen)
            read = {**read, "decide": decided}
        return {**read, "header": wiring.stage(f"{prefix}header:{at}", header.KIND, read)}

    def deploy(
        self, at: str, model: Model, choice: Stage | None, prefix: str = ""
    ) -> tuple[Stage, ...]:
        """Engine, firmware and run; after them the board's, where the contract wants both."""
        wiring = self._wiring
        name = wiring.engines[0] if choice is None else wiring.target.engine
        engine_, firmware_, run_ = self._measured(f"{prefix}{{}}:{at}", model, name, choice)
        made = [engine_, firmware_, run_]
        if wiring.contract.mode == "simulate-then-hardware" and not prefix:
            board = wiring.on_board
            if wiring.simulated != board:
                firmware_ = self._firmware(f"hardware_firmware:{at}", board, model, engine_)
                made.append(firmware_)
            # After the emulated run, so that what faults there is never flashed.
            read = {**_read_by_run(model, engine_, firmware_), "run": run_}
            made.append(self._run(f"hardware_run:{at}", places.hardware(board), board, read))
        return tuple(made)

    def update(self, at: str, model: Model) -> tuple[Stage, ...]:
        """What sending the model takes, where there is one to update."""
        wiring, update = self._wiring, self._wiring.contract.operation.update
        if update is None:
            return ()
        config = {update_stage.COMPRESSION: update.compression, "model": update.model}
        read: Inputs = {"quantise": model["quantise"], "before": wiring.root / update.model}
        return (wiring.stage(f"update:{at}", update_stage.KIND, read, config),)

    def tried(self, at: str, model: Model, earlier: Stage | None) -> Tried | None:
        """The run of a probe with each engine; None where there is one engine alone.

        Args:
            at: The candidate.
            model: Its stages so far.
            earlier: The choice of the iteration before; once one is chosen, the others' probes
                have nothing to do.
        """
        if len(self._wiring.engines) == 1:
            return None
        return {
            name: self._measured(f"{PROBE}{{}}_{name}:{at}", model, name, earlier)[-1]
            for name in self._wiring.engines
        }

    def choose(self, k: int, tried: Sequence[Tried | None], earlier: Stage | None) -> Stage | None:
        """The engine of an iteration; None where there is one engine alone."""
        inputs: dict[str, Stage] = {} if earlier is None else {"earlier": earlier}
        for index, one in enumerate(tried):
            if one is None:
                return None
            inputs |= {f"{index}.{name}": stage for name, stage in one.items()}
        config = {
            "engines": list(self._wiring.engines),
            "candidates": len(tried),
            "iteration": k,
            "bounds": self._wiring.hardware_limits,
            CONDITIONS: self._wiring.conditions,
            # A model that was brought along is measured in any case.
            "settle": self._wiring.contract.search.brought_model is not None,
        }
        return self._wiring.stage(f"choose:{k}", choose.KIND, inputs, config)

    def probed(
        self,
        at: str,
        model: Model,
        tried: Tried | None,
        choice: Stage | None,
        admitted: Mapping[str, Stage],
    ) -> tuple[Stage, ...]:
        """An untrained model with its engine, up to where it is known whether to train it.

        Args:
            at: The candidate.
            model: Its stages so far.
            tried: Its run with each engine, where that is open.
            choice: The engine, where that is open.
            admitted: `admit` of the target before, which has a say too.
        """
        if tried is None or choice is None:
            probe = self.deploy(at, model, None, PROBE)
        else:
            probe = (self._pick(at, tried, choice),)
        bounds = {"bounds": self._wiring.admitting, CONDITIONS: self._wiring.conditions}
        read = {"run": probe[-1], **admitted}
        return (*probe, self._wiring.stage(f"admit:{at}", admit.KIND, read, bounds))

    def _pick(self, at: str, tried: Tried, choice: Stage) -> Stage:
        """The probe with the chosen engine."""
        config = {
            "engines": list(self._wiring.engines),
            "bounds": self._wiring.hardware_limits,
            CONDITIONS: self._wiring.conditions,
        }
        read = {"choice": choice, **tried}
        return self._wiring.stage(f"probe_run:{at}", pick.KIND, read, config)

    def _measured(
        self, pattern: str, model: Model, name: str, choice: Stage | None
    ) -> tuple[Stage, Stage, Stage]:
        """Engine, firmware, run on what comes first: an emulator, or the board.

        Args:
            pattern: The stages' names, with `{}` for what each does.
            model: What is deployed.
            name: With what engine; `auto` is the one that was chosen.
            choice: The stage that says which one is meant, or still needed.
        """
        wiring = self._wiring
        kind = engine.kind(wiring.engines if name == AUTO else (name,))
        read = {"quantise": model["quantise"]} | ({} if choice is None else {"choice": choice})
        read |= self._preparation.without_model
        given: Inputs = {**read, **wiring.vela_ini}
        config = {"engine": name, "cpu": wiring.board["cpu"], **wiring.ram_limit, **wiring.npu}
        if pattern.startswith(PROBE) and wiring.contract.search.brought_model is None:
            config["untrained"] = True
        sources = wiring.stage(pattern.format("engine"), kind, given, config)
        image = self._firmware(pattern.format("firmware"), wiring.simulated, model, sources)
        measured = _read_by_run(model, sources, image)
        done = self._run(pattern.format("run"), wiring.runner, wiring.simulated, measured)
        return sources, image, done

    def _firmware(self, name: str, board: Board, model: Model, sources: Stage) -> Stage:
        """An image for a board."""
        wiring = self._wiring
        marking = wiring.marking if board == wiring.on_board else {}
        config = {**wiring.building, **marking, "board": board.as_built()}
        kind = firmware.kind(wiring.platform, board, wiring.target.toolchain)
        read = {"header": model["header"], "engine": sources}
        return wiring.stage(name, kind, read, config)

    def _run(self, name: str, runner: str, board: Board, read: Mapping[str, Stage]) -> Stage:
        """An image on its target."""
        config: dict[str, Any] = {"runner": runner, "board": board.as_built()}
        if runner == places.LINUX_HARDWARE:
            told = places.circumstances(self._wiring.contract)
            config[run.CIRCUMSTANCES] = told.model_dump(mode="json")
        if board == self._wiring.on_board:
            read = {**read, "floor": self._preparation.floor}
        kind = estimate.KIND if runner == places.NOWHERE else run.kind(runner, board)
        return self._wiring.stage(name, kind, read, config)


def own(model: Model) -> tuple[Stage, ...]:
    """A model's stages, without the data set that all share."""
    return tuple(stage for name, stage in model.items() if name != "dataset")


def _read_by_run(model: Model, sources: Stage, image: Stage) -> dict[str, Stage]:
    names = ("quantise", "dataset", "decide")
    given = {name: model[name] for name in names if name in model}
    return {**given, "engine": sources, "firmware": image}
