"""JUnit XML: a test case for each clause, in the shape that Jenkins' and GitLab's readers take.

The shape is `junit-10.xsd` of Jenkins' xUnit plug-in. A clause that is broken is a failure, one
that is not known is skipped, with why. Where a tool broke, that is an error of a case of its own,
and nothing is said of the clauses. There is no `time`: what a stage took depends on the machine,
and the same verdict has the same bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from mlforge_tasks.ci.outcome import WORDS
from mlforge_tasks.ci.rules import DATA_MISTAKE, MISTAKE
from mlforge_tasks.verdict.words import sure_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.ci.outcome import Case, Outcome
    from mlforge_tasks.records import Clause

# What XML 1.0 cannot hold, not even escaped: https://www.w3.org/TR/xml/#charsets
_UNFIT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
TOOLS = "tools"
LINE = "contract"
NOT_JUDGED = "not judged: see the case 'tools'"


def junit(outcome: Outcome) -> str:
    """The XML of an outcome."""
    suite = ET.Element("testsuite", name=_fit(f"mlforge.{outcome.name}"))
    properties = ET.SubElement(suite, "properties")
    for name, value in sorted(outcome.properties.items()):
        ET.SubElement(properties, "property", name=_fit(name), value=_fit(value))
    cases = list(_cases(outcome))
    suite.extend(cases)
    counts = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    for name, count in counts.items():
        suite.set(name, str(count))
    root = ET.Element("testsuites", name="mlforge")
    for name in ("tests", "failures", "errors"):
        root.set(name, str(counts[name]))
    root.append(suite)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _cases(outcome: Outcome) -> Iterator[ET.Element]:
    for message in outcome.broken:
        yield _ended(outcome, TOOLS, "error", message, WORDS[outcome.ending])
    for fault in outcome.faults:
        where = f"{fault.file}:{fault.line}"
        told = f"{where}: {fault.field or '(document)'}: {fault.message}"
        yield _ended(outcome, f"{LINE} {fault.field or where}", "error", told, _kind(outcome))
    if outcome.nobody is not None:
        yield _ended(outcome, "search", "failure", outcome.nobody[0], "no-candidate")
    for case in outcome.cases:
        yield _clause(outcome, case)


def _kind(outcome: Outcome) -> str:
    return DATA_MISTAKE if outcome.ending == "data" else MISTAKE


def _ended(outcome: Outcome, name: str, tag: str, message: str, kind: str) -> ET.Element:
    """A case that did not pass. The whole of a message is its text, the first line an attribute."""
    case = _case(outcome, name)
    first = message.partition("\n")[0]
    ET.SubElement(case, tag, type=_fit(kind), message=_fit(first)).text = _fit(message)
    return case


def _clause(outcome: Outcome, case: Case) -> ET.Element:
    told = "\n".join((case.told, *_figures(case)))
    if case.status == "fail":
        return _ended(outcome, case.name, "failure", told, "broken-clause")
    if case.status == "unknown":
        return _ended(outcome, case.name, "skipped", case.why, "unknown")
    made = _case(outcome, case.name)
    ET.SubElement(made, "system-out").text = _fit(told)
    return made


def _figures(case: Case) -> Iterator[str]:
    """A clause's numbers, unrounded, and how far it is from its limit, on which side of it."""
    clause = case.clause
    if clause.value is not None:
        yield f"value: {_exact(clause.value, clause)}"
    if clause.interval is not None:
        low, high = (_exact(one, clause) for one in (clause.interval.low, clause.interval.high))
        yield f"interval: {low} to {high}{sure_text(clause.interval)}"
    yield f"limit: at {'least' if case.at_least else 'most'} {_exact(clause.limit, clause)}"
    if clause.slack is not None:
        missed = "short" if case.at_least else "over"
        word = missed if clause.status == "fail" else "left"
        yield f"{word}: {_exact(abs(clause.slack), clause)}"
    yield f"source: {clause.source}"


def _exact(value: float, clause: Clause) -> str:
    unit = "" if clause.unit == "1" else f" {clause.unit}"
    return f"{value:.15g}{unit}"  # what a double holds of a decimal number


def _case(outcome: Outcome, name: str) -> ET.Element:
    return ET.Element("testcase", classname=_fit(f"mlforge.{outcome.name}"), name=_fit(name))


def _fit(text: str) -> str:
    return _UNFIT.sub("\ufffd", text)
