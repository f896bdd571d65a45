"""How the figures came to be: what was emulated, counted, compared and left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill
from mlforge_tasks.verdict import words
from mlforge_tasks.verdict.constraints import UNITS, plain
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.page.found import Found
    from mlforge_tasks.records import Clause
    from mlforge_tasks.verdict.trials import Report, TrialResult

# What each source of a figure means.
SOURCES = {
    "static": "computed, of shapes, cycles, data sheets or by a compiler, and not measured",
    "emulated": "of the firmware as an emulator ran it, which is no measurement of hardware",
    "hardware": "of the firmware on the board itself",
}


def section(found: Found) -> Section | None:
    """What is known of the best candidate's measurements; nothing where there are none."""
    best = found.best_result
    if best is None or not best.trial.measurements:
        return None
    measured = [
        (one.metric, format_value(one.value, one.unit), one.source)
        for one in best.trial.measurements
        if plain(one.metric) in UNITS
    ]
    sources = dict.fromkeys(one.source for one in best.trial.measurements)
    body = fill(
        "method.html",
        best=best,
        sources=[(one, SOURCES[one]) for one in sources],
        facts=list(_facts(found.report, best)),
        measured=measured,
    )
    return Section("method", "How this was measured", body)


def _facts(report: Report, best: TrialResult) -> Iterator[str]:
    cycles = best.cycles
    yield from words.cycles_text(best)
    if cycles is not None and best.measurement("latency_us") is not None:
        yield (
            f"{cycles.instructions:,} instructions an inference on {cycles.cpu}, of which the "
            f"model of the core makes {cycles.lower:,.0f} to {cycles.upper:,.0f} cycles; "
            f"{cycles.wait_states.flash} wait states of flash, {cycles.wait_states.ram} of RAM"
        )
    repeated = best.measurement("repetitions")
    if repeated is not None:
        yield f"the latency that is judged is of {repeated.value:,.0f} inferences in a row"
    if best.measurement("stack_bytes") is None and best.measurement("stack_reserved_bytes"):
        yield "RAM is static memory, the model's included, plus all stacks whole"
    else:
        yield "RAM is static memory, the model's included, plus the most that the stack held"
    if best.examples_run and not best.not_compared:
        yield (
            f"the outputs of {best.examples_run} test examples, computed on the target, are byte "
            "for byte those of TensorFlow Lite Micro's own interpreter"
        )
    if any(one.on_test for one in report.bounds):
        yield (
            "the goal's figures are of the whole validation and test split, computed on the host; "
            "the search reads the validation split alone"
        )
    if any(plain(one.metric) in UNITS and one.slack is not None for one in _clauses(best)):
        yield "a limit is shown with the contract's margin taken off"


def _clauses(best: TrialResult) -> tuple[Clause, ...]:
    return best.trial.verdict.clauses if best.trial.verdict is not None else ()
