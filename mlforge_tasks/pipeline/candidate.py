"""One candidate's chain: from a proposal, or from a model that was brought along.

A network is designed, trained and quantised once, and deployed on every target.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.pipeline.chain import Chain, by_name
from mlforge_tasks.pipeline.deployment import PROBE, own
from mlforge_tasks.stages import evaluate, render, screen, train, train_torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mlforge_tasks.graph.file_set import FileSet
    from mlforge_tasks.graph.kind import StageKind
    from mlforge_tasks.graph.stage import Stage
    from mlforge_tasks.pipeline.deployment import Deployment, Model, Tried
    from mlforge_tasks.pipeline.wiring import Inputs, Wiring

    # The stage that says which engine each target takes, None where it has one alone.
    Choices = Sequence[Stage | None]


@dataclass(frozen=True)
class Head:
    """A candidate's first stages, up to where it is known what each engine makes of it.

    Attributes:
        at: Which candidate.
        render: Its design.
        screen: Whether that may fit.
        model: Its untrained model.
        tried: Of each target its run with each engine, where that is open.
    """

    at: str
    render: Stage
    screen: Stage
    model: Mapping[str, Stage]
    tried: tuple[Tried | None, ...]


class Candidates:
    """Declares candidates of one contract.

    Args:
        wiring: The contract's.
        dataset: The data set.
        deployments: What is declared on each target, the leading one first.
    """

    def __init__(self, wiring: Wiring, dataset: Stage, deployments: Sequence[Deployment]) -> None:
        self._wiring = wiring
        self._dataset = dataset
        self._deployments = deployments
        self._leading = deployments[0]

    def head(self, at: str, index: int, propose: Stage, choices: Choices) -> Head:
        """A candidate's first stages.

        Args:
            at: `<iteration>.<candidate>`.
            index: Which proposal it is.
            propose: Where it is proposed.
            choices: The engines that the iteration before chose.
        """
        read = {"propose": propose, "dataset": self._dataset}
        design = self._wiring.stage(f"render:{at}", render.KIND, read, {"candidate": index})
        bounds = {"bounds": self._wiring.screening, "patches": self._wiring.target.patches}
        fits = self._wiring.stage(f"screen:{at}", screen.KIND, {"render": design}, bounds)
        model = self._leading.model(PROBE, at, {"render": design, "screen": fits})
        return Head(at, design, fits, model, self._tried(at, model, choices))

    def _tried(self, at: str, model: Model, choices: Choices) -> tuple[Tried | None, ...]:
        pairs = zip(self._deployments, choices, strict=True)
        return tuple(one.tried(at, model, choice) for one, choice in pairs)

    def choose(
        self, k: int, tried: Sequence[Sequence[Tried | None]], earlier: Choices
    ) -> tuple[Stage | None, ...]:
        """The engine of an iteration on each target.

        Args:
            k: Its number.
            tried: Of each candidate, and there of each target.
            earlier: Those of the iteration before.
        """
        each = zip(self._deployments, zip(*tried, strict=True), earlier, strict=True)
        return tuple(one.choose(k, of_all, before) for one, of_all, before in each)

    def chain(self, head: Head, choices: Choices, curves: Mapping[str, Stage]) -> Chain:
        """The whole chain of a candidate.

        Args:
            head: Its first stages.
            choices: The engines of its iteration, where they are open.
            curves: Learning curves of earlier rounds that its training is held against.
        """
        probed = self._probed(head.at, head.model, head.tried, choices)
        read = {"render": head.render}
        trained = self._trained(head.at, train.KIND, {**read, **curves}, probed, choices)
        made = (head.render, head.screen, *own(head.model), *probed, *trained)
        return self._chain(by_name(made))

    def _chain(self, stages: Mapping[str, Stage]) -> Chain:
        return Chain(stages, tuple(one.target for one in self._deployments[1:]))

    def _probed(
        self, at: str, model: Model, tried: Sequence[Tried | None], choices: Choices
    ) -> tuple[Stage, ...]:
        """An untrained model on each target, up to where it is known whether to train it.

        The last stage is the last target's say, which waits for all others': what was admitted to
        by one more target is trained as before.
        """
        made: list[Stage] = []
        for one, runs, choice in zip(self._deployments, tried, choices, strict=True):
            admitted = {"admit": made[-1]} if made else {}
            made += one.probed(at, model, runs, choice, admitted)
        return tuple(made)

    def _trained(
        self,
        at: str,
        kind: StageKind,
        read: Inputs,
        probed: tuple[Stage, ...],
        choices: Choices,
    ) -> tuple[Stage, ...]:
        """A network's training, and all that is made of what it has learnt."""
        wiring = self._wiring
        given = {**read, "dataset": self._dataset, "admit": probed[-1]}
        told = wiring.learning_goal | (wiring.layout if "network" in read else {})
        trained = wiring.stage(f"train:{at}", kind, given, told)
        design = {name: one for name, one in read.items() if name in {"render", "network"}}
        model = self._leading.model("", at, {**design, "train": trained})
        deployed = self._deployed(at, model, choices)
        more = (*self._update(at, model), self._evaluate(at, model))
        return (trained, *own(model), *deployed, *more)

    def _update(self, at: str, model: Model) -> tuple[Stage, ...]:
        """What sending the model takes, of every target that has one to update."""
        return _every(one.update(at, model) for one in self._deployments)

    def _deployed(self, at: str, model: Model, choices: Choices) -> tuple[Stage, ...]:
        """A model on every target."""
        pairs = zip(self._deployments, choices, strict=True)
        return _every(one.deploy(at, model, choice) for one, choice in pairs)

    def users(self, network: FileSet) -> tuple[Chain, tuple[Stage | None, ...]]:
        """The stages of a user's PyTorch network, and the choices of its engine.

        It is measured untrained and trained as a design is, but nothing of it is rendered.
        """
        at, nothing = "1.0", self.nothing_chosen
        read = {"network": network}
        model = self._leading.model(PROBE, at, read)
        tried = self._tried(at, model, nothing)
        choices = self.choose(1, [tried], nothing)
        probed = self._probed(at, model, tried, choices)
        trained = self._trained(at, train_torch.KIND, read, probed, choices)
        return self._chain(by_name((*own(model), *probed, *trained))), choices

    def brought(self, file: Path) -> tuple[Chain, tuple[Stage | None, ...]]:
        """The stages of a model file, and the choices of its engine: nothing is designed."""
        at, nothing = "1.0", self.nothing_chosen
        model = self._leading.model("", at, {"model": file})
        choices = self.choose(1, [self._tried(at, model, nothing)], nothing)
        deployed = self._deployed(at, model, choices)
        made = by_name((*own(model), *deployed, *self._update(at, model)))
        # Its operators are the user's choice: where the engine refuses them, so may the oracle.
        watched = {**model, "run": made["run"]}
        return self._chain({**made, "evaluate": self._evaluate(at, watched)}), choices

    @property
    def nothing_chosen(self) -> tuple[None, ...]:
        """The choices before the first."""
        return (None,) * len(self._deployments)

    def _evaluate(self, at: str, read: Mapping[str, Stage]) -> Stage:
        names = ("quantise", "decide", "run")
        given = {name: read[name] for name in names if name in read} | {"dataset": self._dataset}
        config = {"figures": self._wiring.figures}
        return self._wiring.stage(f"evaluate:{at}", evaluate.KIND, given, config)


def _every(groups: Iterable[Iterable[Stage]]) -> tuple[Stage, ...]:
    return tuple(stage for group in groups for stage in group)
