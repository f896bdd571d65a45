"""One candidate's chain: from a proposal, or from a model that was brought along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.pipeline.chain import Chain, by_name
from mlforge_tasks.pipeline.deployment import PROBE, own
from mlforge_tasks.stages import admit, evaluate, render, screen, train, train_torch
from mlforge_tasks.stages import update as update_stage
from mlforge_tasks.verdict.derived import CONDITIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.graph.file_set import FileSet
    from mlforge_tasks.graph.kind import StageKind
    from mlforge_tasks.graph.stage import Stage
    from mlforge_tasks.pipeline.deployment import Deployment, Model, Tried
    from mlforge_tasks.pipeline.wiring import Inputs, Wiring


@dataclass(frozen=True)
class Head:
    """A candidate's first stages, up to where it is known what each engine makes of it.

    Attributes:
        at: Which candidate.
        render: Its design.
        screen: Whether that may fit.
        model: Its untrained model.
        tried: Its run with each engine, where that is open.
    """

    at: str
    render: Stage
    screen: Stage
    model: Mapping[str, Stage]
    tried: Mapping[str, Stage] | None


class Candidates:
    """Declares candidates of one contract."""

    def __init__(self, wiring: Wiring, dataset: Stage, deployment: Deployment) -> None:
        self._wiring = wiring
        self._dataset = dataset
        self._deployment = deployment

    def head(self, at: str, index: int, propose: Stage, choice: Stage | None) -> Head:
        """A candidate's first stages.

        Args:
            at: `<iteration>.<candidate>`.
            index: Which proposal it is.
            propose: Where it is proposed.
            choice: The engine that the iteration before chose.
        """
        read = {"propose": propose, "dataset": self._dataset}
        design = self._wiring.stage(f"render:{at}", render.KIND, read, {"candidate": index})
        bounds = {"bounds": self._wiring.screening, "patches": self._wiring.target.patches}
        fits = self._wiring.stage(f"screen:{at}", screen.KIND, {"render": design}, bounds)
        model = self._deployment.model(PROBE, at, {"render": design, "screen": fits})
        return Head(at, design, fits, model, self._deployment.tried(at, model, choice))

    def chain(self, head: Head, choice: Stage | None, curves: Mapping[str, Stage]) -> Chain:
        """The whole chain of a candidate.

        Args:
            head: Its first stages.
            choice: The engine of its iteration, where that is open.
            curves: Learning curves of earlier rounds that its training is held against.
        """
        probed = self._probed(head.at, head.model, head.tried, choice)
        read = {"render": head.render}
        trained = self._trained(head.at, train.KIND, {**read, **curves}, probed, choice)
        return Chain(by_name((head.render, head.screen, *own(head.model), *probed, *trained)))

    def _probed(
        self, at: str, model: Model, tried: Tried | None, choice: Stage | None
    ) -> tuple[Stage, ...]:
        """An untrained model with its engine, up to where it is known whether to train it."""
        if tried is None or choice is None:
            probe = self._deployment.deploy(at, model, None, PROBE)
        else:
            probe = (self._deployment.pick(at, tried, choice),)
        bounds = {"bounds": self._wiring.admitting, CONDITIONS: self._wiring.conditions}
        return (*probe, self._wiring.stage(f"admit:{at}", admit.KIND, {"run": probe[-1]}, bounds))

    def _trained(
        self,
        at: str,
        kind: StageKind,
        read: Inputs,
        probed: tuple[Stage, ...],
        choice: Stage | None,
    ) -> tuple[Stage, ...]:
        """A network's training, and all that is made of what it has learnt."""
        wiring, deployment = self._wiring, self._deployment
        given = {**read, "dataset": self._dataset, "admit": probed[-1]}
        told = wiring.learning_goal | (wiring.layout if "network" in read else {})
        trained = wiring.stage(f"train:{at}", kind, given, told)
        design = {name: one for name, one in read.items() if name in {"render", "network"}}
        model = deployment.model("", at, {**design, "train": trained})
        deployed = deployment.deploy(at, model, choice)
        more = (*self._update(at, model), self._evaluate(at, model))
        return (trained, *own(model), *deployed, *more)

    def _update(self, at: str, model: Model) -> tuple[Stage, ...]:
        """What sending the model takes, where there is one to update."""
        update = self._wiring.contract.operation.update
        if update is None:
            return ()
        config = {update_stage.COMPRESSION: update.compression, "model": update.model}
        before = self._wiring.root / update.model
        read: Inputs = {"quantise": model["quantise"], "before": before}
        return (self._wiring.stage(f"update:{at}", update_stage.KIND, read, config),)

    def users(self, network: FileSet) -> tuple[Chain, Stage | None]:
        """The stages of a user's PyTorch network, and the choice of its engine.

        It is measured untrained and trained as a design is, but nothing of it is rendered.
        """
        at, deployment = "1.0", self._deployment
        read = {"network": network}
        model = deployment.model(PROBE, at, read)
        tried = deployment.tried(at, model, None)
        choice = deployment.choose(1, [tried], None)
        probed = self._probed(at, model, tried, choice)
        trained = self._trained(at, train_torch.KIND, read, probed, choice)
        return Chain(by_name((*own(model), *probed, *trained))), choice

    def brought(self, file: Path) -> tuple[Chain, Stage | None]:
        """The stages of a model file, and the choice of its engine: nothing is designed."""
        at, deployment = "1.0", self._deployment
        model = deployment.model("", at, {"model": file})
        tried = deployment.tried(at, model, None)
        choice = deployment.choose(1, [tried], None)
        deployed = deployment.deploy(at, model, choice)
        made = by_name((*own(model), *deployed, *self._update(at, model)))
        # Its operators are the user's choice: where the engine refuses them, so may the oracle.
        watched = {**model, "run": made["run"]}
        return Chain({**made, "evaluate": self._evaluate(at, watched)}), choice

    def _evaluate(self, at: str, read: Mapping[str, Stage]) -> Stage:
        names = ("quantise", "decide", "run")
        given = {name: read[name] for name in names if name in read} | {"dataset": self._dataset}
        config = {"figures": self._wiring.figures}
        return self._wiring.stage(f"evaluate:{at}", evaluate.KIND, given, config)
