"""Agents head to head on the contracts: candidates trained until a contract is met, and the rest.

    .venv/bin/python -m benchmarks.agents > benchmarks/agents.md

Each search runs the pipeline's own stages, on bare-metal QEMU. A search ends when the contract is
met or after `--budget` rounds; `--seeds`, `--contracts` and `--agents` choose which are run, and
`--minutes` starts no new one after a while. Finished work is kept below `--build`: run it again to
go on. The plot goes to benchmarks/agents.png.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks._agents_table import (
    FIXED_BUDGET,
    MEASURED,
    Candidate,
    Result,
    draw,
    error_table,
    table,
)
from mlforge_tasks.agents._cost import hindsight, measured_figures, measured_value
from mlforge_tasks.agents._features import METRICS
from mlforge_tasks.agents._tpe import failed_on_hardware
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.contract.loader import load
from mlforge_tasks.contract.search import LLM, Llm, Search
from mlforge_tasks.graph.manifest import PROVENANCE, Provenance
from mlforge_tasks.pipeline.chain import Chain
from mlforge_tasks.pipeline.plan import Plan, make_plan
from mlforge_tasks.pipeline.wiring import REFUSING
from mlforge_tasks.stages._brief import brief_of
from mlforge_tasks.verdict.trials import Trials, as_agents_see_it

if TYPE_CHECKING:
    from mlforge_tasks.verdict.trial import Trial

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ("glucose", "activity", "digits")
BASELINES = ("random_search", "tpe")
AGENTS = (*BASELINES, "optimizer", LLM)
RESULT = "search.json"
PLOT = ROOT / "benchmarks" / "agents.png"


def plan_of(contract: str, agent: str, seed: int, options: argparse.Namespace) -> Plan:
    """One search's graph: the contract as it is, but for who proposes, its budget and its seed."""
    given = load(ROOT / "contracts" / f"{contract}.yaml", ROOT)
    llm = Llm(model=options.model) if agent == LLM else None
    search = Search(agent=agent, max_iterations=options.budget, seed=seed, llm=llm)
    return make_plan(
        given.model_copy(update={"search": search}),
        f"{contract}-{agent}-{seed}",
        root=ROOT,
        build=options.build,
        refusing=refusing(agent, everything=options.train_all),
    )


def refusing(agent: str, *, everything: bool) -> tuple[str, ...]:
    """Which stages keep a baseline from training what cannot meet the contract.

    A baseline is charged for every candidate all the same. Random search does not look at what
    comes out, and of an infeasible candidate TPE looks at nothing but its measured figures, so
    what they propose next is what it would be had it been trained.
    """
    if agent not in BASELINES:
        return REFUSING
    if everything:
        return ()
    return REFUSING if agent == "random_search" else ("admit",)


def search(plan: Plan) -> list[Candidate]:
    """Runs a plan without its gates, until the contract is met and the fixed budget is used."""
    agent = plan.contract.search.agent
    for stage in plan.preparation.stages:
        stage.run()
    found: list[Candidate] = []
    goal = plan.contract.asked()[0]
    for iteration in plan.iterations:
        *stages, _, _ = iteration.stages
        for stage in stages:
            stage.run()
        results = Trials.read(iteration.judge.folder / "trials.json").results
        for chain, result in zip(iteration.candidates, results, strict=True):
            found.append(candidate(chain, result.trial, agent, goal.figure.name))
        enough = sum(one.trained for one in found) >= FIXED_BUDGET
        if enough and any(one.met for one in found):
            break
    return found


def candidate(chain: Chain, trial: Trial, agent: str, goal: str) -> Candidate:
    """What a judged proposal comes to."""
    train = Provenance.read(chain["train"].folder / PROVENANCE)
    reason = train.manifest.reason
    really = reason is None or reason.stage == "train"
    return Candidate(
        trained=really or (agent in BASELINES and trial.figures is not None),
        seconds=train.seconds if really else None,
        feasible=bool(trial.measurements) and not failed_on_hardware(trial),
        metric=measured_value(trial, goal),
        met=trial.verdict is not None and trial.verdict.met,
    )


def run(contract: str, agent: str, seed: int, options: argparse.Namespace) -> Result:
    """One search from its start to its end; what the store has is not made again."""
    plan = plan_of(contract, agent, seed, options)
    candidates = search(plan)
    goal = plan.contract.asked()[0]
    result = Result(
        contract=contract,
        agent=agent,
        seed=seed,
        budget=options.budget,
        goal=goal.figure.name,
        direction=goal.figure.direction,
        candidates=tuple(candidates),
    )
    result.write(plan.folder / RESULT)
    return result


def misses(result: Result, options: argparse.Namespace) -> dict[str, list[float]]:
    """How far off the cost model is on each candidate, having learnt from those before it.

    Of a search's candidates only those count that came after `MEASURED` measured ones.
    """
    plan = plan_of(result.contract, result.agent, result.seed, options)
    rounds = [one for one in plan.iterations if one.judge.manifest_path.exists()]
    trials = tuple(
        as_agents_see_it(each.trial)
        for one in rounds[: len(result.candidates)]
        for each in Trials.read(one.judge.folder / "trials.json").results
    )
    card = DataCard.read(plan.preparation.dataset.folder / "data_card.json")
    config = next(one.propose.config for one in rounds if one.propose is not None)
    brief = brief_of(card, plan.contract.search, config)
    known = hindsight(brief, trials)[MEASURED:]
    off: dict[str, list[float]] = {}
    for trial, expected in known:
        for metric, value in measured_figures(brief, trial).items():
            off.setdefault(metric, []).append(abs(expected[metric] / value - 1.0))
    return off


def all_misses(
    results: list[Result], options: argparse.Namespace
) -> dict[str, dict[str, list[float]]]:
    """The same over all searches of each contract."""
    found: dict[str, dict[str, list[float]]] = {}
    for result in sorted(results, key=lambda one: one.contract):
        together = found.setdefault(result.contract, {metric: [] for metric in METRICS})
        for metric, off in misses(result, options).items():
            together.setdefault(metric, []).extend(off)
    return found


def finished(options: argparse.Namespace) -> list[Result]:
    """All searches of this budget that lie in the build tree."""
    found = [Result.read(path) for path in sorted(options.build.glob(f"*/{RESULT}"))]
    return [one for one in found if one.budget == options.budget]


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5, help="as many, from 1")
    parser.add_argument("--budget", type=int, default=20, help="rounds of a search, at most")
    parser.add_argument("--contracts", nargs="+", default=CONTRACTS, choices=CONTRACTS)
    parser.add_argument("--agents", nargs="+", default=AGENTS, choices=AGENTS)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "agents")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--model", default="claude-sonnet-5-5", help=f"what '{LLM}' asks")
    parser.add_argument(
        "--train-all", action="store_true", help="also what breaks a limit, for its seconds"
    )
    parser.add_argument("--only-table", action="store_true", help="of the searches that are done")
    return parser.parse_args()


def main() -> None:
    """Runs the searches, prints the tables as Markdown and draws the plot."""
    options = arguments()
    agents = [one for one in options.agents if one != LLM or os.environ.get("ANTHROPIC_API_KEY")]
    started = time.monotonic()
    every = [
        (c, a, s) for s in range(1, options.seeds + 1) for c in options.contracts for a in agents
    ]
    for contract, agent, seed in [] if options.only_table else every:
        if time.monotonic() - started > options.minutes * 60:
            break
        result = run(contract, agent, seed, options)
        spent = time.monotonic() - started
        line = f"{spent:6.0f} s  {contract} {agent} seed {seed}: met after {result.until_met()}"
        print(line, file=sys.stderr, flush=True)
    results = finished(options)
    print(table(results, options.budget))
    print(f"\n{error_table(all_misses(results, options))}")
    draw(results, options.budget, PLOT)


if __name__ == "__main__":
    main()
