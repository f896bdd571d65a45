"""One round of the loop: proposals, their chains, verdicts, the report so far."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks import plugins
from mlforge_tasks.contract import torch_network
from mlforge_tasks.contract.search import LLM, REPLAY
from mlforge_tasks.graph.file_set import FileSet
from mlforge_tasks.graph.stage import Stage
from mlforge_tasks.pipeline import calibrated, places
from mlforge_tasks.pipeline.candidate import Candidates
from mlforge_tasks.pipeline.chain import Chain
from mlforge_tasks.pipeline.delivery import Ended, deliveries, handed_over, probes
from mlforge_tasks.pipeline.deployment import Deployment
from mlforge_tasks.pipeline.reporting import judging, reporting
from mlforge_tasks.stages import curves, judge, propose, report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlforge_tasks.pipeline.preparation import Preparation
    from mlforge_tasks.pipeline.wiring import Wiring


@dataclass(frozen=True)
class Iteration:
    """One round of the loop.

    Attributes:
        number: From 1.
        propose: None where a model was brought along.
        candidates: Their stages.
        choices: Of each target the choice of an engine; None where there is one engine alone.
        curves: Learning curves, where the contract wants weak candidates stopped later.
        judge: The verdicts.
        report: The search so far.
        deliver: What is handed over if it ends here.
        handed_over: What of its candidates may be, by name.
        probes: What their untrained networks came to, by name.
        stages: All of them, and whatever else is declared with them.
    """

    number: int
    propose: Stage | None
    candidates: tuple[Chain, ...]
    choices: tuple[Stage | None, ...]
    curves: Stage | None
    judge: Stage
    report: Stage
    deliver: Stage
    handed_over: dict[str, Stage]
    probes: dict[str, Stage]
    stages: tuple[Stage, ...]

    @property
    def choose(self) -> Stage | None:
        """The leading target's choice of an engine."""
        return self.choices[0]


@dataclass(frozen=True)
class _Tried:
    """What a round came to before it is judged."""

    propose: Stage | None
    chains: tuple[Chain, ...]
    choices: tuple[Stage | None, ...]

    def named(self, k: int, of: Callable[[str, Chain], dict[str, Stage]]) -> dict[str, Stage]:
        """Some stages of each candidate of round `k`, by name."""
        each = (of(f"{k}.{index}", chain) for index, chain in enumerate(self.chains))
        return {name: stage for some in each for name, stage in some.items()}


class Iterations:
    """Declares the rounds of one contract."""

    def __init__(self, wiring: Wiring, preparation: Preparation) -> None:
        self._wiring = wiring
        self._preparation = preparation
        further = zip(wiring.further, preparation.further, strict=True)
        deployments = [Deployment(wiring, preparation), *(Deployment(*one) for one in further)]
        self._candidates = Candidates(wiring, preparation.dataset, deployments)

    def next(self, earlier: Sequence[Iteration]) -> Iteration:
        """The round after some others."""
        k = len(earlier) + 1
        search = self._wiring.contract.search
        model = search.brought_model
        if search.torch is not None:
            path, _ = torch_network.split(search.torch)
            network = FileSet(self._wiring.root, torch_network.Sources(path))
            chain, choices = self._candidates.users(network)
            tried = _Tried(None, (chain,), choices)
        elif model is None:
            tried = self._designed(k, earlier)
        else:
            chain, choices = self._candidates.brought(self._wiring.root / model)
            tried = _Tried(None, (chain,), choices)
        judged = self._judge(k, tried)
        reported = self._report(k, tried, judged, earlier)
        return Iteration(
            number=k,
            propose=tried.propose,
            candidates=tried.chains,
            choices=tried.choices,
            curves=self._curves(k, tried),
            judge=judged,
            report=reported,
            deliver=self._deliver(k, reported, tried, earlier),
            handed_over=tried.named(k, handed_over),
            probes=tried.named(k, probes),
            stages=self._wiring.declared(),  # the last, as all others are declared by now
        )

    def _designed(self, k: int, earlier: Sequence[Iteration]) -> _Tried:
        """A round that begins with proposals."""
        before = earlier[-1].choices if earlier else self._candidates.nothing_chosen
        proposed = self._propose(k, before[0], earlier)
        heads = [
            self._candidates.head(f"{k}.{index}", index, proposed, before)
            for index in range(self._wiring.contract.search.candidates_per_iteration)
        ]
        choices = self._candidates.choose(k, [head.tried for head in heads], before)
        known = {f"curves{one.number:02d}": one.curves for one in earlier if one.curves is not None}
        chains = tuple(self._candidates.chain(head, choices, known) for head in heads)
        return _Tried(proposed, chains, choices)

    def _propose(self, k: int, choice: Stage | None, earlier: Sequence[Iteration]) -> Stage:
        wiring, search = self._wiring, self._wiring.contract.search
        inputs: dict[str, Stage | Path] = {"dataset": self._preparation.dataset}
        inputs |= self._preparation.checks
        inputs |= {f"judge{one.number:02d}": one.judge for one in earlier}
        if choice is not None:
            inputs["choice"] = choice
        inputs |= self._preparation.without_model
        if search.file is not None:
            inputs["file"] = wiring.root / search.file
        config = {
            "limits": wiring.agent_limits,
            "goals": wiring.goals,
            "figures": wiring.figures,
            "iteration": k,
            "board": wiring.board,
            "engines": list(wiring.engines),
            "probe": wiring.probe_config() if search.agent == LLM else None,
            "patches": wiring.ram_limit,
            "setup": self._setup() if search.agent in (LLM, REPLAY) else None,
            **calibrated.for_proposals(wiring),
        }
        return wiring.stage(f"propose:{k}", propose.kind(search.agent), inputs, config)

    def _setup(self) -> dict[str, Any]:
        """What a language model is told of how its designs are trained and built."""
        wiring = self._wiring
        return {
            "mode": wiring.contract.mode,
            "platform": wiring.target.platform,
            "operators": {name: list(self._operators(name)) for name in wiring.engines},
            "margins": wiring.contract.margins_by_metric(),
            "training": wiring.contract.training.model_dump(mode="json"),
        }

    def _operators_of_engines(self) -> dict[str, tuple[str, ...]]:
        """Of every engine that might run the model on the board instead."""
        return {name: self._operators(name) for name in places.alternatives(self._wiring.on_board)}

    def _operators(self, engine: str) -> tuple[str, ...]:
        operators: tuple[str, ...] = plugins.load("engines", engine).operators(
            self._wiring.on_board.cpu
        )
        return operators

    def _curves(self, k: int, tried: _Tried) -> Stage | None:
        """The learning curves of a round, where a later one looks at them."""
        contract = self._wiring.contract
        last = k == contract.search.max_iterations
        if tried.propose is None or not contract.training.prune or last:
            return None
        trained = {f"{index:02d}": chain["train"] for index, chain in enumerate(tried.chains)}
        return self._wiring.stage(f"curves:{k}", curves.KIND, trained)

    def _judge(self, k: int, tried: _Tried) -> Stage:
        watched = {} if tried.propose is None else {"propose": tried.propose}
        watched |= {
            f"{index}.{name}": stage
            for index, chain in enumerate(tried.chains)
            for name, stage in chain.stages.items()
        }
        config = {**judging(self._wiring), "iteration": k}
        return self._wiring.stage(f"judge:{k}", judge.KIND, watched, config)

    def _report(self, k: int, tried: _Tried, judged: Stage, earlier: Sequence[Iteration]) -> Stage:
        wiring = self._wiring
        brought = tried.propose is None
        judges = [*(one.judge for one in earlier), judged]
        inputs = {f"judge{number:02d}": one for number, one in enumerate(judges, 1)}
        inputs |= _proposals(tried, earlier)
        if tried.choices[0] is not None:
            inputs["choice"] = tried.choices[0]
        inputs |= {f"{at}.evaluate": chain["evaluate"] for at, chain in _all(tried, earlier)}
        if brought:
            own = tried.chains[0].stages
            inputs["1.0.quantise"] = own.get("probe_quantise", own["quantise"])
        config = {
            **reporting(wiring),
            "operators": self._operators_of_engines() if brought else {},
        }
        last = f"judge{k:02d}"  # it waits for the round's proposals, and they for all before
        return wiring.stage(f"report:{k}", report.KIND, inputs, config, after=(last,))

    def _deliver(
        self, k: int, reported: Stage, tried: _Tried, earlier: Sequence[Iteration]
    ) -> Stage:
        own = {"report": reported, "dataset": self._preparation.dataset}
        handed = (*(one.handed_over for one in earlier), tried.named(k, handed_over))
        probed = (*(one.probes for one in earlier), tried.named(k, probes))
        config = {"contract": self._wiring.contract.model_dump(mode="json")}
        ended = Ended(
            inputs=ChainMap(own, *handed),
            proposed=_proposals(tried, earlier),
            probes=ChainMap(*probed),
            limit=(self._wiring.ram_limit, self._preparation.without_model),
            config=config,
        )
        return deliveries(self._wiring, k, ended)[-1]


def _proposals(tried: _Tried, earlier: Sequence[Iteration]) -> dict[str, Stage]:
    """What proposed the candidates of each round, but for a model that was brought along."""
    asked = [*(one.propose for one in earlier), tried.propose]
    proposes = (one for one in asked if one is not None)
    return {f"propose{number:02d}": one for number, one in enumerate(proposes, 1)}


def _all(tried: _Tried, earlier: Sequence[Iteration]) -> Iterator[tuple[str, Chain]]:
    """Every candidate so far, by its name."""
    for number, chains in enumerate([*(one.candidates for one in earlier), tried.chains], 1):
        yield from ((f"{number}.{index}", chain) for index, chain in enumerate(chains))
