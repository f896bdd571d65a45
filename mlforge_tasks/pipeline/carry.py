"""What an earlier search of this tree found, where it keeps today's clauses: nothing is searched.

Of a contract whose limits, margins or goal were edited, a candidate that was made whole is held
against the new ones first. That holds only where all else is what it was: each stage of that
search, with the earlier contract's own limits and today's code, tools and files, would find its
result made. A tree without `delivered/`, a new one or one after `doit clean`, knows of none, so two
cold runs have the same bytes.
"""

from __future__ import annotations

import functools
import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.contract import Contract
from mlforge_tasks.contract.differences import differences, key, pair
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph.files import read_own
from mlforge_tasks.graph.lookahead import Lookahead, cone, in_place
from mlforge_tasks.graph.stage import Stage
from mlforge_tasks.pipeline.delivery import Ended, deliveries, handed_over
from mlforge_tasks.pipeline.plan import Plan, make_plan
from mlforge_tasks.pipeline.preparation import WITHOUT_MODEL
from mlforge_tasks.pipeline.reporting import judging, reporting
from mlforge_tasks.pipeline.wiring import Wiring
from mlforge_tasks.stages import carry, deliver, layers, library, page, report
from mlforge_tasks.verdict import clauses
from mlforge_tasks.verdict.trials import Carried, Report, Trials

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlforge_tasks.calibration.record import Calibration
    from mlforge_tasks.contract.operation import Operation
    from mlforge_tasks.pipeline.chain import Chain
    from mlforge_tasks.pipeline.iteration import Iteration
    from mlforge_tasks.verdict.trials import TrialResult

# What a contract may have other than the one that was searched with.
EDITABLE = ("limits", "margins", "operation", "goal")
# What in a stage's configuration says what it is made for, and is measured of what it made.
_MADE_FOR = ("ram_bytes", "stack_bytes")


@dataclass(frozen=True)
class Carry:
    """Stages that deliver a candidate of an earlier search.

    Attributes:
        judge: Which candidate keeps today's clauses.
        earlier: What the candidates come from, in the order it may run; all of it was made.
        told: Stages of the earlier search that a report reads.
        layers: Where int8 loses what float had, of the earlier search's best candidate.
        chains: The candidates that were made whole, by their names.
        searched: The contract of the earlier search.
        wiring: Today's.
    """

    judge: Stage
    earlier: tuple[Stage, ...]
    told: Mapping[str, Stage]
    layers: Stage | None
    chains: Mapping[str, Chain]
    searched: Contract
    wiring: Wiring

    def best(self) -> str | None:
        """The candidate that keeps today's clauses; None where none does.

        The earlier search is put in its place, from the store, where another was there since.
        """
        for stage in (*self.earlier, self.judge):
            if in_place(stage, stage.key_document()) is None:
                stage.run()
        verdicts = ((one.trial.id, one.trial.verdict) for one in self._judged())
        return next((name for name, verdict in verdicts if verdict and verdict.met), None)

    def _judged(self) -> tuple[TrialResult, ...]:
        return Trials.read(self.judge.folder / "trials.json").results

    def delivery(self, best: str, asked: Iterable[str]) -> tuple[Stage, ...]:
        """Report, library and delivery of a candidate.

        Args:
            best: Which one.
            asked: The candidates that the test split was asked of before.
        """
        every = {*asked, *(one.trial.id for one in self._judged())}
        edited = tuple(_edits(self.searched.operation, self.wiring.contract.operation))
        bounds = clauses.bounds(self.searched)
        known = Carried(bounds=bounds, asked=tuple(sorted(every)), edited=edited)
        chain = self.chains[best]
        read = {"judge00": self.judge, **self.told, f"{best}.evaluate": chain["evaluate"]}
        config = {**reporting(self.wiring), "carried": known.model_dump(mode="json")}
        told = self.wiring.stage("report:0", report.KIND, read, config)
        by_name = {one.name: one for one in self.earlier}
        contracts = {
            "contract": self.wiring.contract.model_dump(mode="json"),
            "searched": self.searched.model_dump(mode="json"),
        }
        sizes = {name: by_name[name] for name in (WITHOUT_MODEL,) if name in by_name}
        then = Wiring(self.searched, self.wiring.folder, self.wiring.workspace, self.wiring.root)
        ended = Ended(
            inputs={"report": told, "dataset": by_name["dataset"], **handed_over(best, chain)},
            proposed={at: one for at, one in self.told.items() if at.startswith("propose")},
            limit=(then.ram_limit, sizes),
            config=contracts,
            known=self.layers,
        )
        return told, *deliveries(self.wiring, 0, ended)


class CarryOver:
    """What a run does with an earlier search; looked for once, since the run has the tree.

    Args:
        plan: Today's.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    @functools.cached_property
    def _found(self) -> tuple[Carry, str] | None:
        carry = find(self._plan)
        best = carry and carry.best()
        return (carry, best) if carry and best else None

    def decide(self) -> dict[str, Any]:
        """What else a run has to do, for doit's `calc_dep`: search, or deliver what is known."""
        if self._found is None:
            return {"met": False, "calc_dep": ["gate:1"], "task_dep": []}
        return {"met": True, "calc_dep": [], "task_dep": ["deliver:0"]}

    @functools.cached_property
    def stages(self) -> tuple[Stage, ...]:
        """Those that deliver what is known.

        Raises:
            MlforgeError: There is nothing that may be carried over.
        """
        if self._found is None:
            raise MlforgeError(
                f"no earlier search of {self._plan.name} has a candidate that keeps its limits",
                hint="`doit run` searches",
            )
        carry, best = self._found
        before = Report.read(self._plan.folder / "delivered" / "report.json")
        return carry.delivery(best, before.asked())


def folders(plan: Plan) -> tuple[Stage, ...]:
    """The stages that `doit clean` knows of by their folders alone."""
    wiring = Wiring(plan.contract, plan.folder, plan.workspace, plan.root)
    kinds = {
        "carry": carry.KIND,
        "report:0": report.KIND,
        "library:0": library.kind(()),
        "layers:0": layers.KIND,
        "page:0": page.KIND,
    }
    return tuple(wiring.stage(name, kind, {}) for name, kind in kinds.items())


def find(plan: Plan) -> Carry | None:
    """What may be carried over.

    Args:
        plan: Today's.

    Returns:
        None where the contract is that of the search that lies there, differs from it in more than
        its limits, or nothing was made whole.
    """
    searched = _searched(plan)
    if searched is None:
        return None
    build = plan.folder.parent
    earlier = make_plan(searched, plan.name, root=plan.root, build=build, workspace=plan.workspace)
    seen = Lookahead()
    chains: dict[str, Chain] = {}
    told: dict[str, Stage] = {}
    apart: Stage | None = None
    _look(seen, earlier.preparation.stages)
    for k, (then, now) in enumerate(zip(earlier.iterations, plan.iterations, strict=True), 1):
        _look(seen, cone(then.stages, [then.judge]))
        if then.judge not in seen:
            break
        pairs = zip(then.candidates, now.candidates, strict=True)
        chains |= {
            f"{k}.{index}": chain
            for index, (chain, today) in enumerate(pairs)
            if seen.worked(chain["evaluate"]) and _made_alike(chain, today)
        }
        told |= {} if then.propose is None else {f"propose{k:02d}": then.propose}
        told |= {} if then.choose is None else {"choice": then.choose}
        apart = _layers(seen, then) or apart
    if not chains:
        return None
    return _carry(plan, earlier, chains, told, apart)


def _layers(seen: Lookahead, then: Iteration) -> Stage | None:
    """Where int8 loses what float had, as a round that ended the search has it."""
    stage = then.deliver.inputs["layers"]
    if not isinstance(stage, Stage):
        return None
    _look(seen, cone(then.stages, [stage]))
    return stage if seen.worked(stage) else None


def _searched(plan: Plan) -> Contract | None:
    """The contract whose search lies in the tree, where it is today's but for its limits."""
    today = plan.contract.model_dump(mode="json")
    folder = plan.folder / "delivered"
    known = (folder / name for name in (deliver.SEARCHED, deliver.CONTRACT))
    try:
        found = next(json.loads(read_own(path)) for path in known if path.exists())
        if found == today or _rest(found) != _rest(today):
            return None
        if not plan.iterations[0].deliver.intact():
            return None
        return _calibrated(Contract.from_dump(found), plan.contract.target.calibration)
    except (OSError, ValueError, AttributeError, StopIteration):
        return None


def _calibrated(contract: Contract, calibration: Calibration | None) -> Contract:
    """A contract with what is known of its board today, which no copy of it has."""
    target = contract.target.model_copy(update={"calibration": calibration})
    return contract.model_copy(update={"target": target})


def _rest(contract: Mapping[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in contract.items() if name not in EDITABLE}
    targets = [
        {name: value for name, value in one.items() if name not in EDITABLE}
        for one in contract.get("targets", ())
    ]
    return {**rest, "targets": targets}


def _look(seen: Lookahead, stages: Iterable[Stage]) -> None:
    for stage in stages:
        seen.look(stage)


def _made_alike(then: Chain, now: Chain) -> bool:
    """Whether today's contract would make the same of a design as the earlier one did."""
    pairs = (_all_of(then), _all_of(now))
    return pairs[0].keys() == pairs[1].keys() and all(
        _making(pairs[0][name]) == _making(pairs[1][name]) for name in pairs[0]
    )


def _all_of(chain: Chain) -> dict[str, Stage]:
    """What is handed over of a candidate, and what else is measured of it."""
    updates = {"update", *(f"update_{target}" for target in chain.further)}
    update = {name: stage for name, stage in chain.stages.items() if name in updates}
    return {**handed_over("", chain), **update}


def _edits(before: Operation, after: Operation) -> Iterator[str]:
    """What is said of the device's use that is other now."""
    dumps = ({"operation": one.model_dump(mode="json")} for one in (before, after))
    for one in differences(*dumps):
        was, now = pair(one)
        yield f"{key(one.field)} {now}, was {was}"


def _making(stage: Stage) -> dict[str, Any]:
    return {name: value for name, value in stage.config.items() if name not in _MADE_FOR}


def _carry(
    plan: Plan,
    earlier: Plan,
    chains: Mapping[str, Chain],
    told: Mapping[str, Stage],
    apart: Stage | None,
) -> Carry:
    wiring = Wiring(plan.contract, plan.folder, plan.workspace, plan.root, written=plan.written)
    watched = {
        f"{at}.{name}": stage
        for at, chain in chains.items()
        for name, stage in chain.stages.items()
    }
    config = {**judging(wiring), "candidates": sorted(chains)}
    judged = wiring.stage("carry", carry.KIND, watched, config)
    ends = itertools.chain(watched.values(), told.values(), [] if apart is None else [apart])
    made = cone(earlier.stages(earlier.iterations.declared), ends)
    return Carry(judged, tuple(made), told, apart, chains, earlier.contract, wiring)
