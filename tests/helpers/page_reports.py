"""Reports to make pages of: a real one, of `glucose`, and what becomes of it when edited."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from mlforge_tasks.records import Reason
from mlforge_tasks.verdict.trials import Report
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from mlforge_tasks.verdict.trials import TrialResult

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onfocus='alert(1)' autofocus='",
    "{{ 7 * 7 }}{% raw %}",
    "\u202eright to left \u05d0\u05d1\u05d2 \u0627\u0644\u0639\u0631\u0628\u064a\u0629",
    "$\\frac{1}{0}$ & ]]> <!--",
    "x" * 300,
)


def real() -> Report:
    """A contract that was met by the second of two candidates."""
    return Report.read(ROOT / "tests" / "data" / "page" / "report.json")


def unmet(report: Report) -> Report:
    """The same, as if its best had missed the first clause."""
    results = tuple(one.model_copy(update={"trial": _missed(one)}) for one in report.results)
    return report.model_copy(update={"met": False, "results": results})


def _missed(result: TrialResult) -> Any:
    verdict = result.trial.verdict
    if verdict is None:
        return result.trial
    first, *others = verdict.clauses
    broken = first.model_copy(
        update={"value": first.limit + 1, "slack": 1.0, "status": "fail", "source": "emulated"}
    )
    judged = verdict.model_copy(update={"met": False, "clauses": (broken, *others)})
    return result.trial.model_copy(update={"verdict": judged})


def nothing(report: Report) -> Report:
    """The same, as if nothing could be built."""
    reason = Reason(code="does_not_fit", stage="firmware", message="region RAM overflowed")
    results = tuple(
        one.model_copy(
            update={
                "trial": one.trial.model_copy(
                    update={
                        "reason": reason,
                        "measurements": (),
                        "verdict": None,
                        "profile": None,
                    }
                ),
                "cycles": None,
                "float_metrics": {},
            }
        )
        for one in report.results
    )
    bare = {"best": None, "met": False, "outputs": (), "layers": (), "quantisation": ()}
    return report.model_copy(update={**bare, "results": results, "without_model": ()})


def brought(report: Report) -> Report:
    """The same, as if its best were a model file: no architecture, no float figures."""
    best = report.best_result()
    assert best is not None
    trial = best.trial.model_copy(update={"id": "1.0", "architecture": None, "figures": None})
    alone = best.model_copy(update={"trial": trial, "brief": "own.tflite", "float_metrics": {}})
    edits = {"best": "1.0", "results": (alone,), "quantisation": (), "forecast_errors": None}
    return report.model_copy(update=edits)


def many(report: Report, count: int) -> Report:
    """The same with so many candidates: the first again and again, each larger, a third refused."""
    first, last = report.results[0], report.results[-1]
    copies = [_copy(first, at) for at in range(count - 1)]
    number = f"{(count + 7) // 8}.{(count - 1) % 8}"
    final = last.model_copy(update={"trial": last.trial.model_copy(update={"id": number})})
    return report.model_copy(update={"results": (*copies, final), "best": number})


def _copy(result: TrialResult, at: int) -> TrialResult:
    trial = result.trial
    grown = tuple(
        one.model_copy(update={"value": one.value * (1 + at / 100)}) for one in trial.measurements
    )
    refused = Reason(code="static_limit", stage="screen", message="too large", metric="flash_bytes")
    edits: dict[str, Any] = {"id": f"{at // 8 + 1}.{at % 8}", "measurements": grown}
    if at % 3 == 0:
        edits |= {"reason": refused, "measurements": grown[:2], "verdict": None}
    return result.model_copy(update={"trial": trial.model_copy(update=edits)})


def renamed(report: Report, name: str) -> Report:
    """The same with a name in the place of every text that a user or a data set may choose."""
    dump = report.model_dump(mode="json")
    dump["name"] = dump["board"] = name
    for result in dump["results"]:
        result["brief"] = name
        result["changed"] = [name]
        if result["trial"]["reason"]:
            result["trial"]["reason"]["message"] = name
    for output in dump["outputs"]:
        output["name"] = output["unit"] = name
    for layer in dump["layers"]:
        layer["name"] = f"l1_{name}"
    text = Report.from_dump(dump).to_bytes().decode()
    return Report.model_validate_json(_with_metric(text, name), by_name=True)


def _with_metric(text: str, name: str) -> str:
    """A goal that an output's name is part of: `mse.<output>`, wherever the figure is named."""

    def new(found: re.Match[str]) -> str:
        inner, suffix = found[1] or "", found[2]
        told = f"mse[{name}]{suffix}"
        return json.dumps(f"baseline({told.removesuffix('_test')}){suffix}" if inner else told)

    return re.sub(r'"(baseline\()?mse\)?((?:_test)?)"', new, text)


class Parsed(HTMLParser):
    """What a page is made of.

    Attributes:
        tags: Every element: its name and attributes.
        ids: All ids.
        text: What is not within an element's brackets.
    """

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keeps it."""
        self.text += " "
        known = dict(attrs)
        self.tags.append((tag, known))
        if known.get("id"):
            self.ids.append(str(known["id"]))

    def handle_data(self, data: str) -> None:
        """Keeps it."""
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of each element of a name."""
        return [attributes for name, attributes in self.tags if name == tag]
