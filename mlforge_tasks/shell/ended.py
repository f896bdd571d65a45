"""How a run ended, put together for continuous integration from its report and its contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.ci.outcome import Case, Ending, Fault, Outcome
from mlforge_tasks.graph import explanation, product
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.shell import console
from mlforge_tasks.verdict import clauses, floors, notes, words
from mlforge_tasks.verdict.constraints import clause_of
from mlforge_tasks.verdict.trials import Report, TrialResult, holds
from mlforge_tasks.yaml_file.places import Place, nearest
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlforge_tasks.contract.contract import Contract
    from mlforge_tasks.errors import MlforgeError, Problem
    from mlforge_tasks.pipeline.plan import Plan
    from mlforge_tasks.records import Clause
    from mlforge_tasks.shell.source import Source
    from mlforge_tasks.verdict.constraints import Bound

NOT_MET = 1
REFUSED = 3
SEARCH = "search"
REPORTS = ("report.html", "report.json")
# What of a run's stages says which tools it took.
_WITH_TOOLS = ("firmware", "run", "hardware_run")
# What a value may be that is written into YAML without quotes.
_PLAIN = set("_./%+-")
_UNKNOWN_KEY = "the unknown key "


def judged(plan: Plan, source: Source, report: Report, code: int) -> Outcome:
    """Of a run that came to a verdict."""
    best = report.best_result()
    ending = _ending(report, best)
    cases = tuple(_case(bound, report, best) for bound in report.bounds)
    relaxations = report.shortfall.relaxations if report.shortfall else ()
    files = _delivered(plan)
    lines = words.shortfall(report).splitlines() if not report.met else []
    met = f"PASS: candidate {report.best} meets {report.name}"
    return Outcome(
        name=plan.name,
        contract=source.named(),
        ending=ending,
        code=code,
        headline=lines[0] if lines else met,
        cases=cases,
        nobody=_nobody(report, best, cases) if ending == "unmet" else None,
        header=(*console.COLUMNS, *report.goals[: console.FIGURES_SHOWN], "verdict"),
        rows=tuple(console.row(one, _metrics(report)) for one in report.results),
        best=None if floors.floor(report) else report.best,
        notes=(*notes.every(report, best), *(words.cycles_text(best) if best else ())),
        given=tuple((one, words.relaxation_text(one)) for one in relaxations),
        least=floors.floor_text(report),
        figures=tuple(_figures(best)),
        properties=dict(_properties(plan, source, report)),
        places=source.places(),
        reports=tuple(f"{plan.name}/delivered/{one}" for one in REPORTS if one in files),
        version=product.version(),
    )


def broken(plan: Plan, source: Source, code: int, messages: Iterable[str]) -> Outcome:
    """Of a run that a tool ended, or that could not be started: nothing is said of clauses."""
    why = "not judged: a tool broke" if code != REFUSED else "not judged: nothing was started"
    told = tuple(messages) or (f"the run ended with exit code {code}; its output says why",)
    return Outcome(
        name=plan.name,
        contract=source.named(),
        ending="refused" if code == REFUSED else "broken",
        code=code,
        headline=told[0].partition("\n")[0],
        cases=tuple(
            Case(one.metric, one.contract_key, "unknown", why, why, clause_of(one))
            for one in clauses.bounds(plan.contract)
        ),
        broken=told,
        version=product.version(),
        properties=_asked(plan.contract, source),
        places=source.places(),
    )


def mistaken(name: str, source: Source, problems: Sequence[Problem]) -> Outcome:
    """Of a contract that is not valid."""
    found = source.places()
    faults = tuple(_fault(one, source, found) for one in problems)
    count = len(faults)
    told = f"{count} mistake{'' if count == 1 else 's'} in {source.named()}; nothing was started"
    return _refused(name, source, told, faults=faults)


def misfit(name: str, source: Source, error: MlforgeError) -> Outcome:
    """Of a contract that is valid, and cannot be served here: at the key that it begins with."""
    key = error.message.partition(":")[0]
    place = source.places().get(key)
    if place is None:
        return _refused(name, source, error.message, broken=(str(error),))
    message = str(error).removeprefix(f"{key}: ")
    fault = Fault(source.named(), place.line, key, message, place)
    return _refused(name, source, error.message, faults=(fault,))


def _refused(name: str, source: Source, told: str, **known: Any) -> Outcome:
    return Outcome(
        name=name,
        contract=source.named(),
        ending="refused",
        code=REFUSED,
        headline=told,
        version=product.version(),
        properties={"contract.sha256": sha256_bytes(source.data)},
        **known,
    )


def _fault(problem: Problem, source: Source, places: Mapping[str, Place]) -> Fault:
    """A mistake, with what of its line is meant and what would be right there."""
    path, _, line = problem.where.rpartition(":")
    own = path in ("", str(source.path))
    message = f"found {problem.found}, wanted {problem.wanted}"
    if problem.suggestion:
        message += f"; did you mean '{problem.suggestion}'?"
    key, place = nearest(places, problem.field) if own else ("", None)
    if place is not None and (key != problem.field or problem.found.startswith(_UNKNOWN_KEY)):
        place = place.key or place  # what is missing, or is wrong itself, is the key
    if place is not None and place.line != int(line):
        place = None
    sure = place is not None and key == problem.field and _plain(problem.suggestion)
    return Fault(
        source.named(Path(path) if path else None),
        int(line),
        problem.field,
        message,
        place,
        problem.suggestion if sure else None,
    )


def _plain(text: str | None) -> bool:
    return bool(text) and all(one.isalnum() or one in _PLAIN for one in (text or ""))


def _ending(report: Report, best: TrialResult | None) -> Ending:
    if report.met:
        return "met"
    return "unknown" if best is not None and holds(best.trial.verdict) else "unmet"


def _case(bound: Bound, report: Report, best: TrialResult | None) -> Case:
    verdict = None if best is None else best.trial.verdict
    known = {one.metric: one for one in verdict.clauses} if verdict else {}
    clause = floors.floor_clause(report, bound) or known.get(bound.metric) or clause_of(bound)
    why = _why_unknown(clause, bound, best)
    told = f"{words.describe_clause(clause)} ({clause.source})" if clause.source else why
    least = bound.direction == "at_least"
    return Case(bound.metric, bound.contract_key, clause.status, told, why, clause, least)


def _why_unknown(clause: Clause, bound: Bound, best: TrialResult | None) -> str:
    if clause.status != "unknown":
        return ""
    if not bound.sources:
        return "not measured, since it ran as a process of this computer"
    if best is None:
        return "not measured: no candidate could be built"
    if best.trial.reason is not None:
        return f"not measured: {best.trial.reason.message}"
    if bound.on_test:
        return "not measured: the test split is asked only of what keeps all else"
    return "not measured"


def _nobody(
    report: Report, best: TrialResult | None, cases: Iterable[Case]
) -> tuple[str, str] | None:
    """Why a search without a broken clause found nothing, and the key that is about."""
    if any(one.status == "fail" for one in cases):
        return None
    told = words.shortfall(report).partition("\n")[0].removeprefix("NOT MET: ")
    reason = None if best is None else best.trial.reason
    keys = {one.metric: one.contract_key for one in report.bounds}
    return told, keys.get(reason.metric or "", SEARCH) if reason else SEARCH


def _metrics(report: Report) -> tuple[str, ...]:
    return (*report.shown, *report.goals[: console.FIGURES_SHOWN])


def _figures(best: TrialResult | None) -> Iterator[str]:
    for metric, word in (("ram_bytes", " RAM"), ("latency_us", "")):
        found = None if best is None else best.measurement(metric)
        if found is not None:
            text = format_value(found.value, found.unit)
            yield f"{text.removesuffix(' us')} µs" if text.endswith(" us") else f"{text}{word}"


def _asked(contract: Contract, source: Source) -> dict[str, str]:
    return {
        "board": contract.target.board,
        "engine": contract.target.engine,
        "platform": contract.target.platform,
        "mode": contract.mode,
        "contract.sha256": sha256_bytes(source.data),
    }


def _properties(plan: Plan, source: Source, report: Report) -> Iterator[tuple[str, str]]:
    yield from _asked(plan.contract, source).items()
    if report.choice is not None and report.choice.engine is not None:
        yield "engine", report.choice.engine
    if report.best is None:
        return
    yield "candidate", report.best
    files = _delivered(plan)
    for name in ("firmware.bin", "firmware.elf"):
        if name in files:
            yield "firmware.sha256", files[name]
            break
    yield from _tools(plan, report.best)


def _delivered(plan: Plan) -> Mapping[str, str]:
    """What is delivered, with its digests."""
    manifest = plan.iterations[0].deliver.outputs.manifest()
    return manifest.outputs if manifest else {}


def _tools(plan: Plan, best: str) -> Iterator[tuple[str, str]]:
    """Those that have a version, and that built or ran the best candidate."""
    number, _, index = best.partition(".")
    stages = plan.iterations[int(number) - 1].candidates[int(index)].stages
    for name in _WITH_TOOLS:
        if name in stages:
            tools = explanation.key_document(stages[name].folder).get("tools")
            for tool, is_ in sorted(tools.items() if isinstance(tools, dict) else ()):
                version = str(is_).partition("sha256:")[0].strip()
                if version:
                    yield f"tool.{tool}", version
