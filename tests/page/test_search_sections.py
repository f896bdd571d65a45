"""Sections of the page about the search: verdict, plots, agent, how to repeat it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.contract.operation import Operation
from mlforge_tasks.graph.manifest import MANIFEST, Manifest
from mlforge_tasks.page import (
    candidates,
    convergence,
    energy,
    method,
    reproduce,
    told,
    tradeoff,
    verdict,
)
from mlforge_tasks.page.found import Found, Written
from mlforge_tasks.page.page import make
from mlforge_tasks.page.scales import scale
from mlforge_tasks.page.template import coded
from mlforge_tasks.records import Measurement
from mlforge_tasks.verdict import energy_notes
from mlforge_tasks.verdict.constraints import Bound
from mlforge_tasks.verdict.derived import Conditions
from mlforge_tasks.verdict.forecast import FORECAST, Forecast
from mlforge_tasks.verdict.transcript import TRANSCRIPT, Transcript, Usage
from tests.helpers import page_reports
from tests.helpers.page_reports import Parsed, real

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.page.section import Section


def text(section: Section | None) -> str:
    assert section is not None
    return " ".join(Parsed(str(section.body)).text.split())


def test_clauses_stand_against_their_limits() -> None:
    """Each with value, source and room; the mark of a limit is where the value would break it."""
    body = str(verdict.section(Found(real())).body)
    bars = re.findall(
        r'fill" style="width:([0-9.]+)%"></span><span class="limit" style="left:([0-9.]+)', body
    )
    best = real().best_result()
    assert best is not None
    assert best.trial.verdict is not None
    clauses = best.trial.verdict.clauses
    assert len(bars) == len(clauses)
    for (fill, limit), clause in zip(bars, clauses, strict=True):
        assert float(fill) / float(limit) == pytest.approx(
            (clause.value or 0) / clause.limit, abs=2e-3
        )
    said = text(verdict.section(Found(real())))
    assert "RAM kept 736 B emulated at most 1 KiB · 28.1 % left" in said
    assert "mse, against a linear model kept 364.6 (mg/dL)² emulated better than 411.5" in said


def test_a_contract_that_is_not_met_says_why() -> None:
    """Whether a clause is in the way or nothing could be built."""
    assert "not met" in text(verdict.section(Found(page_reports.unmet(real()))))
    assert "ram_bytes 1025 B, limit 1024 B" in text(
        verdict.section(Found(page_reports.unmet(real())))
    )
    nothing = text(verdict.section(Found(page_reports.nothing(real()))))
    assert "No candidate of glucose could be built" in nothing


def test_every_candidate_has_a_row_and_what_breaks_a_limit_is_told() -> None:
    """Also to who does not see colours."""
    found = Found(page_reports.many(real(), 200))
    section = candidates.section(found)
    assert section is not None
    assert str(section.body).count('<th scope="row"') == 201
    assert "544.9 (mg/dL)² breaks its limit" in text(candidates.section(Found(real())))
    assert "candidate verdict flash" in text(section)  # what is judged is on screen


def test_figures_are_written_one_way_and_code_as_code(tmp_path: Path) -> None:
    """No fraction of a byte, no backtick, no `^2`; what a note quotes is never markup."""
    folder = tmp_path / "propose01"
    folder.mkdir()
    foretold = {"ram_bytes": 710.1}
    Forecast(candidates=(foretold,), so_far={}).write(folder / FORECAST)
    assert "710 B → 464 B" in text(told.section(Found(real(), {"propose01": folder})))
    assert "^2" not in Parsed(make(Found(real()))).text
    assert coded("set `a: <b>` or ` as it is") == "set <code>a: &lt;b&gt;</code> or ` as it is"


def test_figures_are_shown_in_a_unit_that_fits() -> None:
    """Far apart on a logarithmic axis; a limit is in the same unit."""
    flash, latency = (scale(real(), one) for one in ("flash_bytes", "latency_us"))
    assert (flash.label, flash.limit) == ("flash, KiB", 10137 / 1024)
    assert [dot.value for dot in flash.dots] == [5120 / 1024, 9368 / 1024]
    assert (flash.logarithmic, latency.logarithmic, latency.label) == (
        False,
        True,
        "latency, ms, log scale",
    )
    assert scale(real(), "mse").baseline == pytest.approx(411.45, abs=0.01)


@pytest.mark.parametrize("count", [1, 8, 200])
def test_plots_of_few_and_of_many(count: int) -> None:
    """One for each limited figure and each goal; each has words for who does not see it."""
    found = Found(page_reports.many(real(), count))
    drawn = convergence.section(found), tradeoff.section(found)
    assert all(one is not None for one in drawn)
    for one, plots in zip(drawn, (4, 4), strict=True):
        parsed = Parsed(str(one and one.body))
        assert [tag["role"] for tag in parsed.all("svg")] == ["img"] * plots
        assert len(parsed.all("desc")) == plots
        assert len(set(parsed.ids)) == len(parsed.ids)


def test_nothing_is_plotted_of_nothing() -> None:
    """No empty axes."""
    found = Found(page_reports.nothing(real()))
    assert convergence.section(found) is tradeoff.section(found) is method.section(found) is None


def proposals(folder: Path) -> dict[str, Path]:
    """Two rounds, the second of a language model."""
    folders = {f"propose{number:02d}": folder / str(number) for number in (1, 2)}
    for one in folders.values():
        one.mkdir()
    expected = {"flash_bytes": 5000.0, "latency_us": 20.0}
    Forecast(candidates=(expected,), so_far={}).write(folders["propose01"] / FORECAST)
    content = [{"type": "tool_use", "name": "propose", "input": {"why": "<b>less</b>"}}]
    Transcript(
        situation={},
        request={"system": [{"type": "text", "text": "You design networks."}]},
        messages=(
            {"role": "user", "content": "q" * 9000},
            {"role": "assistant", "content": content},
        ),
        exchanges=(),
        probes=(),
        usage=Usage(requests=1, input_tokens=7, output_tokens=2),
        cost_usd=None,
        candidates=(),
        reason=None,
    ).write(folders["propose02"] / TRANSCRIPT)
    return folders


def test_the_agent_is_shown_with_what_it_was_told(tmp_path: Path) -> None:
    """Forecasts beside measurements, a model's words; never a figure of the test split."""
    section = told.section(Found(real(), proposals(tmp_path)))
    said = text(section)
    assert "4.9 KiB → 5 KiB" in said
    assert "You design networks." in said
    assert "Round 2: 1 answer, 9 tokens" in said
    assert '"why": "<b>less</b>"' in said
    assert "3000 more characters are in transcripts.json" in said
    for result in real().results:
        test = result.measurement("mse_test")
        assert test is not None
        assert f"{test.value:.4g}" not in said


def test_a_model_that_was_brought_has_no_agent() -> None:
    """Nobody proposed it."""
    assert told.section(Found(page_reports.brought(real()))) is None


def test_it_can_be_made_again(tmp_path: Path) -> None:
    """The contract letter by letter, its command, and the digests of what is delivered."""
    firmware = tmp_path / "firmware"
    firmware.mkdir()
    Manifest(status="ok", outputs={"firmware.elf": "ab" * 32}).write(firmware / MANIFEST)
    (firmware / "build.json").write_text('{"compiler": "gcc 12.2"}')
    written = Written(path="contracts/my pump.yaml", text="goal: {metric: mse}  # <b> & 'x'\n")
    found = Found(real(), {"2.0.firmware": firmware}, written)
    body = str(reproduce.section(found).body)
    said = text(reproduce.section(found))
    assert "goal: {metric: mse} # <b> & 'x'" in said
    assert ".venv/bin/doit run 'contract=contracts/my pump.yaml'" in said
    assert f"{'ab' * 32}  firmware.elf\n" in Parsed(body).text
    assert "compiler gcc 12.2" in said


def test_where_figures_are_from_is_told() -> None:
    """Sources by name, and what an emulated latency was computed from."""
    said = text(method.section(Found(real())))
    assert "emulated of the firmware as an emulator ran it, which is no measurement" in said
    assert "8,653 instructions an inference on cortex-m3" in said
    assert "ram_bytes 736 B emulated" in said


def test_energy_and_heat_are_told_with_where_they_are_from() -> None:
    """At least and at most, the limit, data sheets; what is not known says what it needs."""
    report = real()
    assert energy.section(Found(report)) is None  # neither the board nor the contract says any
    board, used = load_board("nucleo_f446re"), Operation()
    best = report.best_result()
    assert best is not None
    cycles = {"cycles_lower": 1e5, "cycles_upper": 2e5}
    measured = tuple(
        Measurement(metric=name, value=value, unit="1", source="emulated")
        for name, value in cycles.items()
    )
    found = Conditions(board=board, operation=used).derived(measured)
    trial = best.trial.model_copy(update={"measurements": found})
    limit = Bound(metric="energy_per_inference_uj", limit=500.0, unit="uJ")
    known = report.model_copy(
        update={
            "results": tuple(
                one.model_copy(update={"trial": trial}) if one is best else one
                for one in report.results
            ),
            "bounds": (*report.bounds, limit),
            "energy": energy_notes.notes(board, used),
        }
    )
    told = text(energy.section(Found(known)))
    assert "energy of an inference 48.1 uJ 331.4 uJ 500 uJ static" in told
    assert "battery life \u2013 \u2013 \u2013 unknown: it needs operation.inference_period" in told
    assert "DS10693 Rev 9, Tables 23 and 24" in told
    assert "nothing of it was measured" in told
