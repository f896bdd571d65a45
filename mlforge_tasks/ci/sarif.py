"""SARIF 2.1.0: each broken clause, or mistake, at its line of the contract.

The format is that of OASIS; what GitHub's code scanning wants beyond it is kept too: paths from the
root of the repository, a rule for each result, lines from 1, at most 5,000 results shown
(https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support).
Clauses with one rule at one place are one result, since they would be taken for the same.
`primaryLocationLineHash` is left to who uploads: GitHub's action warns of any other than its own.
A broken tool is no result, it is a notification: with one GitHub would show it as the contract's.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlforge_tasks.ci.outcome import WORDS
from mlforge_tasks.ci.rules import (
    BROKEN_TOOL,
    DATA_MISTAKE,
    MISTAKE,
    NOBODY,
    RULES,
    UNMEASURED,
    rule_of,
)
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.verdict.relaxation import BOARD_KEY
from mlforge_tasks.yaml_file.places import Place, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.ci.outcome import Case, Fault, Outcome
    from mlforge_tasks.ci.rules import Rule
    from mlforge_tasks.verdict.relaxation import Relaxation

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
ROOT = "%SRCROOT%"
# What GitHub shows of one run; a contract has never so many.
MOST_RESULTS = 5000
FINGERPRINT = "mlforgeClause/v1"


def sarif(outcome: Outcome) -> str:
    """The JSON of an outcome."""
    results = [*_results(outcome)][:MOST_RESULTS]
    order = list(RULES)
    for result in results:
        result["ruleIndex"] = order.index(result["ruleId"])
    run = {
        "tool": {
            "driver": {
                "name": "MLForge",
                "semanticVersion": outcome.version,
                "rules": [rule.descriptor() for rule in RULES.values()],
                "notifications": [RULES[BROKEN_TOOL].descriptor()],
            }
        },
        "automationDetails": {"id": f"mlforge/{outcome.name}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
        "invocations": [_invocation(outcome)],
        "results": results,
        "properties": dict(outcome.properties),
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _invocation(outcome: Outcome) -> dict[str, Any]:
    told: dict[str, Any] = {
        "executionSuccessful": not outcome.broken,
        "exitCode": outcome.code,
        "exitCodeDescription": WORDS[outcome.ending],
    }
    if outcome.broken:
        told["toolExecutionNotifications"] = [
            {
                "level": "error",
                "message": {"text": message},
                "descriptor": {"id": BROKEN_TOOL, "index": 0},
            }
            for message in outcome.broken
        ]
    return told


def _results(outcome: Outcome) -> Iterator[dict[str, Any]]:
    yield from (_mistake(outcome, fault) for fault in outcome.faults)
    yield from (_broken(outcome, group) for group in _groups(outcome))
    if outcome.nobody is not None:
        message, key = outcome.nobody
        yield _of_contract(outcome, RULES[NOBODY], key, message)
    if outcome.ending == "unknown":
        unknown = (one for one in outcome.cases if one.status == "unknown")
        names = ", ".join(one.name for one in unknown)
        message = f"Not measured: {names}; {outcome.headline.partition(': ')[2]}."
        yield _of_contract(outcome, RULES[UNMEASURED], BOARD_KEY, message)


def _groups(outcome: Outcome) -> list[list[Case]]:
    found: dict[tuple[str, str], list[Case]] = {}
    for case in outcome.failing():
        found.setdefault((rule_of(case).id, case.key), []).append(case)
    return list(found.values())


def _broken(outcome: Outcome, cases: list[Case]) -> dict[str, Any]:
    """What breaks one limit, with what would have to give."""
    key = cases[0].key
    told = "; ".join(one.told for one in cases)
    giving = ((one, said) for one, said in outcome.given if key in {c.key for c in one.changes})
    relaxation, said = next(giving, (None, outcome.least or ""))
    message = f"{told}. To give: {said}." if said else f"{told}."
    result = _of_contract(outcome, rule_of(cases[0]), key, message)
    fix = None if relaxation is None else _loosened(outcome, relaxation, said)
    if fix is not None:
        result["fixes"] = [fix]
    return result


def _of_contract(outcome: Outcome, rule: Rule, key: str, message: str) -> dict[str, Any]:
    _, place = nearest(outcome.places, key)
    return _result(rule, message, outcome.contract, key, place or Place(1, 1, 1, 1))


def _mistake(outcome: Outcome, fault: Fault) -> dict[str, Any]:
    rule = RULES[DATA_MISTAKE if outcome.ending == "data" else MISTAKE]
    told = f"{fault.field or 'The document'}: {fault.message}"
    told += "" if told.endswith("?") else "."
    place = fault.place or Place(fault.line, 1, fault.line, 1)
    result = _result(rule, told, fault.file, fault.field, place)
    if fault.replaced is not None and fault.place is not None:
        change = _replacement(fault.place, fault.replaced)
        result["fixes"] = [_fix(f"Write {fault.replaced}.", fault.file, [change])]
    return result


def _result(rule: Rule, message: str, file: str, key: str, place: Place) -> dict[str, Any]:
    """One result. An edit elsewhere in the file, or of the limit itself, leaves its fingerprint."""
    same = sha256_bytes(f"{rule.id}\0{file}\0{key}".encode())
    where: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": _artifact(file), "region": _region(place)}
    }
    if key:
        where["logicalLocations"] = [{"fullyQualifiedName": key, "kind": "member"}]
    return {
        "ruleId": rule.id,
        "level": rule.level,
        "message": {"text": message},
        "locations": [where],
        "partialFingerprints": {FINGERPRINT: same[:32]},
    }


def _artifact(file: str) -> dict[str, Any]:
    return {"uri": quote(file, safe="/"), "uriBaseId": ROOT}


def _region(place: Place) -> dict[str, int]:
    """Of a place whose characters are not known, the whole line."""
    if (place.line, place.column) == (place.end_line, place.end_column):
        return {"startLine": place.line}
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }


def _loosened(outcome: Outcome, relaxation: Relaxation, said: str) -> dict[str, Any] | None:
    """The edits of a relaxation; None where one of them is no text that can be put in place."""
    edits = []
    for change in relaxation.changes:
        place = outcome.places.get(change.key)
        if change.key == BOARD_KEY or place is None or not place.scalar:
            return None
        edits.append(_replacement(place, change.written))
    return _fix(f"{said}.", outcome.contract, edits)


def _replacement(place: Place, text: str) -> dict[str, Any]:
    return {"deletedRegion": _region(place), "insertedContent": {"text": text}}


def _fix(told: str, file: str, edits: list[dict[str, Any]]) -> dict[str, Any]:
    change: Mapping[str, Any] = {"artifactLocation": _artifact(file), "replacements": edits}
    return {"description": {"text": told}, "artifactChanges": [change]}
