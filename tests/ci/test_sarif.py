"""SARIF of each way that a run can end: its schema, its places, and what its fixes do."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from mlforge_tasks.ci import badge
from mlforge_tasks.ci.rules import RULES
from mlforge_tasks.ci.sarif import ROOT as BASE
from mlforge_tasks.ci.sarif import sarif
from mlforge_tasks.ci.summary import summary
from mlforge_tasks.contract import loader
from mlforge_tasks.page import verdict
from mlforge_tasks.page.found import Found
from mlforge_tasks.records import Reason
from tests.helpers.builds import edited
from tests.helpers.outcomes import KEPT, every, judged, refused, report_of
from tests.helpers.paths import DATA, ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.ci.outcome import Outcome

RESULTS = {
    "met": [],
    "unmet": ["flash-limit", "goal-on-test"],
    "unknown": ["unmeasured"],
    "unmeasured": ["no-candidate"],
    "data": ["data-mistake"],
    "broken": [],
    "unstarted": [],
    "wrong": ["contract-mistake", "contract-mistake"],
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    return every(tmp_path_factory.mktemp("ends"))


def run_of(outcome: Outcome) -> dict[str, Any]:
    (run,) = json.loads(sarif(outcome))["runs"]
    assert isinstance(run, dict)
    return run


def located(result: dict[str, Any]) -> dict[str, Any]:
    (where,) = result["locations"]
    found = where["physicalLocation"]
    assert isinstance(found, dict)
    return found


def cut(text: str, region: dict[str, int]) -> str:
    """What a region of one line holds."""
    assert region["startLine"] == region["endLine"]
    line = text.split("\n")[region["startLine"] - 1]
    return line[region["startColumn"] - 1 : region["endColumn"] - 1]


def fixed(text: str, fix: dict[str, Any]) -> str:
    """A text with a fix's edits made, the last first."""
    (change,) = fix["artifactChanges"]
    lines = text.split("\n")
    edits = sorted(change["replacements"], key=lambda one: str(one["deletedRegion"]), reverse=True)
    for edit in edits:
        region = edit["deletedRegion"]
        line = lines[region["startLine"] - 1]
        lines[region["startLine"] - 1] = (
            line[: region["startColumn"] - 1]
            + edit["insertedContent"]["text"]
            + line[region["endColumn"] - 1 :]
        )
    return "\n".join(lines)


def test_every_end_keeps_the_schema(outcomes: dict[str, Outcome]) -> None:
    """That of SARIF 2.1.0, and what GitHub's code scanning wants beside it."""
    schema = json.loads((DATA / "schemas" / "sarif-2.1.0-rtm.5.json").read_text())
    checker = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    for end, outcome in outcomes.items():
        checker.validate(json.loads(sarif(replace(outcome, contract='a b/ü"%.yaml'))))
        run = run_of(outcome)
        rules = [one["id"] for one in run["tool"]["driver"]["rules"]]
        assert [one["ruleId"] for one in run["results"]] == RESULTS[end]
        for result in run["results"]:
            assert rules[result["ruleIndex"]] == result["ruleId"]
            place = located(result)
            assert place["artifactLocation"]["uriBaseId"] == BASE
            assert not place["artifactLocation"]["uri"].startswith(("/", ".", "file:"))
            assert place["region"]["startLine"] > 1
            assert result["message"]["text"]


def test_a_broken_clause_is_at_its_line(outcomes: dict[str, Outcome]) -> None:
    """To the character; in the message what would have to give."""
    run = run_of(outcomes["unmet"])
    flash, goal = run["results"]
    text = TANK.read_text()
    assert located(flash)["artifactLocation"]["uri"] == "tests/data/tank.yaml"
    assert cut(text, located(flash)["region"]) == "16 KiB"
    assert cut(text, located(goal)["region"]) == "0.05"
    assert flash["message"]["text"].startswith("flash_bytes 19.5 KiB, limit 16 KiB (emulated). To")
    assert "limits.flash: 20000 B" in flash["message"]["text"]


def test_a_fix_has_the_candidate_keep_the_contract(
    outcomes: dict[str, Outcome], tmp_path: Path
) -> None:
    """What it writes is a contract that MLForge reads, and that what was measured meets."""
    values = KEPT | {"flash_bytes": 20000.0, "mse_test": 0.5}
    assert not report_of(loader.load(TANK, ROOT), values).met
    for result in run_of(outcomes["unmet"])["results"]:
        (fix,) = result["fixes"]
        (tmp_path / "tank.yaml").write_text(fixed(TANK.read_text(), fix))
        assert report_of(loader.load(tmp_path / "tank.yaml", ROOT), values).met


def test_a_limit_that_no_model_can_keep_is_broken(tmp_path: Path) -> None:
    """By what is taken without one: at its line, with what it has to be above; nobody is best."""
    reason = Reason(
        code="impossible_limit",
        stage="feasible",
        message="flash_bytes is 3.3 KiB without any model, the contract allows 3 KiB",
        metric="flash_bytes",
        value=3380.0,
        limit=3072.0,
    )
    tight = edited(TANK, tmp_path, ("flash: 16 KiB", "flash: 3 KiB"))
    outcome, plan = judged(tmp_path, {}, tight, reason=reason)
    (flash,) = run_of(outcome)["results"]
    assert flash["ruleId"] == "flash-limit"
    assert cut(tight.read_text(), located(flash)["region"]) == "3 KiB"
    told = flash["message"]["text"]
    assert told.startswith("flash_bytes 3.3 KiB, limit ")
    assert "To give: limits.flash: more than 3.3 KiB, which the rest of" in told
    assert "fixes" not in flash
    assert badge.message(outcome) == "not met: flash"
    assert outcome.best is None
    page = summary(outcome)
    assert "(best)" not in page
    assert "❌ broken" in page
    report = report_of(plan.contract, {}, reason=reason)
    body = str(verdict.section(Found(report, {})).body)
    assert "No model can keep the contract" in body
    assert "Closest is" not in body
    assert '<li class="clause fail">' in body
    assert "limits.flash: more than 3.3 KiB" in body


def test_what_cannot_be_replaced_is_only_told(tmp_path: Path) -> None:
    """A board with more memory is no text that can be put in place of another."""
    values = KEPT | {"flash_bytes": 20000.0}
    outcome, _ = judged(tmp_path, values)
    (given,) = outcome.given
    relaxation, said = given
    (change,) = relaxation.changes
    board = change.model_copy(update={"key": "target.board", "written": "one with more"})
    other = relaxation.model_copy(update={"changes": (change, board)})
    (result,) = run_of(replace(outcome, given=((other, said),)))["results"]
    assert "fixes" not in result


def test_mistakes_have_their_lines_and_corrections(tmp_path: Path) -> None:
    """A misspelt key can be put right; a number without a unit only be told."""
    wrong = edited(TANK, tmp_path, ("flash: 16 KiB", "flash: 16"), ("epochs:", "epoch:"))
    text = wrong.read_text()
    flash, key = run_of(refused(wrong))["results"]
    assert cut(text, located(flash)["region"]) == "16"
    assert "fixes" not in flash
    assert key["message"]["text"].endswith("; did you mean 'epochs'?")
    assert cut(text, located(key)["region"]) == "epoch"
    assert "training: {epochs: 12," in fixed(text, key["fixes"][0])


def test_what_the_data_lacks_is_told_where_it_is_named(outcomes: dict[str, Outcome]) -> None:
    """At the name itself; what names nothing of the contract is at the whole section."""
    (result,) = run_of(outcomes["data"])["results"]
    assert cut(TANK.read_text(), located(result)["region"]) == "flow"
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == (
        "dataset.inputs.features.1.name"
    )
    assert run_of(outcomes["data"])["invocations"][0]["executionSuccessful"]


def test_a_broken_tool_is_no_finding_in_the_contract(outcomes: dict[str, Outcome]) -> None:
    """It is a notification of a run that did not succeed."""
    for end, code in (("broken", 2), ("unstarted", 3)):
        (invocation,) = run_of(outcomes[end])["invocations"]
        assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, code)
        (told,) = invocation["toolExecutionNotifications"]
        assert told["message"]["text"] == outcomes[end].broken[0]


def test_a_fingerprint_outlives_edits(tmp_path: Path) -> None:
    """Of lines above, and of the limit itself; another clause has another."""
    values = KEPT | {"flash_bytes": 20000.0, "mse": 0.5}
    moved = edited(
        TANK, tmp_path, ("version: 1", "\n\nversion: 1"), ("flash: 16 KiB", "flash: 15 KiB")
    )
    first = run_of(judged(tmp_path, values)[0])["results"]
    second = run_of(replace(judged(tmp_path, values, moved)[0], contract="tests/data/tank.yaml"))
    prints = [one["partialFingerprints"] for one in first]
    assert prints == [one["partialFingerprints"] for one in second["results"]]
    assert len({str(one) for one in prints}) == 2
    lines = (located(one)["region"]["startLine"] for one in (first[0], second["results"][0]))
    assert [*lines] == [17, 19]


def test_clauses_at_one_place_are_one_result(tmp_path: Path) -> None:
    """GitHub takes results of one rule at one line for the same, and would show the first alone."""
    outcome, _ = judged(tmp_path, KEPT | {"mse": 0.5})
    case = next(one for one in outcome.cases if one.name == "mse")
    twin = replace(case, name="mse(other)", told="mse(other) 7, limit 1")
    (result,) = run_of(replace(outcome, cases=(*outcome.cases, twin)))["results"]
    assert case.told in result["message"]["text"]
    assert twin.told in result["message"]["text"]


def test_every_rule_is_explained() -> None:
    """In a sentence; the page that it names is there."""
    for rule in RULES.values():
        descriptor = rule.descriptor()
        assert descriptor["shortDescription"]["text"].endswith(".")
        assert descriptor["name"].lower() != descriptor["id"]
        assert (ROOT / rule.docs.partition("#")[0]).is_file()
        assert len(descriptor["properties"]["tags"]) <= 10
    assert set().union(*RESULTS.values()) <= RULES.keys()
