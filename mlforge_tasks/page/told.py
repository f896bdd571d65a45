"""The agent: what it proposed and foretold, what it was told of that, and what it said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlforge_tasks.page.candidates import heading
from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill
from mlforge_tasks.verdict import notes, words
from mlforge_tasks.verdict.forecast import FORECAST, Forecast
from mlforge_tasks.verdict.transcript import TRANSCRIPT, Transcript
from mlforge_tasks.verdict.trials import as_agents_see_it
from mlforge_tasks.yaml_file.units import format_against, format_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlforge_tasks.page.found import Found
    from mlforge_tasks.records import Measurement
    from mlforge_tasks.verdict.trials import TrialResult

# What a model said is told whole in `transcripts.json`; the page has the beginning of each turn.
LONGEST_TURN, MOST_TURNS = 6000, 400


@dataclass(frozen=True)
class Told:
    """A candidate as its agent saw it.

    Attributes:
        id: Its name.
        brief: Its architecture in one line.
        foretold: Of each figure what was expected and what was measured.
        verdict: What the agent was told of it, the test split left out.
        reason: Why it failed, as the agent was told.
    """

    id: str
    brief: str
    foretold: tuple[str, ...]
    verdict: str
    reason: str


@dataclass(frozen=True)
class Turn:
    """A part of a talk with a language model.

    Attributes:
        who: `told` or `model`.
        kind: What it is, in a word.
        text: What was said.
        left_out: Characters of it that the page leaves out.
    """

    who: str
    kind: str
    text: str
    left_out: int


@dataclass(frozen=True)
class Round:
    """A talk.

    Attributes:
        number: Of the round, from 1.
        turns: What was said, oldest first.
        left_out: Turns that the page leaves out.
        used: Requests and tokens.
        reason: Why nothing was proposed, if so.
    """

    number: int
    turns: list[Turn]
    left_out: int
    used: str
    reason: str


def section(found: Found) -> Section | None:
    """Its proposals in a table, and where it is a language model, every round's talk."""
    report = found.report
    forecasts = dict(_forecasts(found.folders))
    talks = list(_talks(found.folders))
    rounds = [_round(number, one) for number, one in talks]
    if not report.results or not any(at.startswith("propose") for at in found.folders):
        return None  # a model that was brought along: nobody proposed it
    metrics = list(dict.fromkeys(metric for one in forecasts.values() for metric in one))
    body = fill(
        "told.html",
        metrics=[heading(one) for one in metrics],
        rows=[_told(one, forecasts.get(one.trial.id, {}), metrics) for one in report.results],
        errors=notes.forecast_text(report.forecast_errors) if report.forecast_errors else "",
        rounds=rounds,
        system=_text(talks[0][1].request.get("system", "")) if talks else "",
        use=notes.model_use(report.model_use) if report.model_use else "",
    )
    return Section("agent", "The agent", body)


def _forecasts(folders: Mapping[str, Path]) -> Iterator[tuple[str, dict[str, float]]]:
    """What was expected of each candidate, by its id."""
    for number, folder in _rounds(folders):
        if (folder / FORECAST).is_file():
            for index, one in enumerate(Forecast.read(folder / FORECAST).candidates):
                yield f"{number}.{index}", one


def _talks(folders: Mapping[str, Path]) -> Iterator[tuple[int, Transcript]]:
    for number, folder in _rounds(folders):
        if (folder / TRANSCRIPT).is_file():
            yield number, Transcript.read(folder / TRANSCRIPT)


def _rounds(folders: Mapping[str, Path]) -> Iterator[tuple[int, Path]]:
    names = sorted(name for name in folders if name.startswith("propose"))
    yield from ((int(name.removeprefix("propose")), folders[name]) for name in names)


def _told(result: TrialResult, expected: Mapping[str, float], metrics: list[str]) -> Told:
    seen = as_agents_see_it(result.trial)
    measured = {one.metric: one for one in seen.of_its_shapes}
    reason = seen.reason
    return Told(
        id=seen.id,
        brief=result.brief,
        foretold=tuple(_against(expected.get(one), measured.get(one)) for one in metrics),
        verdict=words.verdict_text(result.model_copy(update={"trial": seen})),
        reason=reason.message if reason is not None else "",
    )


def _against(expected: float | None, found: Measurement | None) -> str:
    """A forecast and what came of it."""
    if expected is None:
        return "" if found is None else format_value(found.value, found.unit)
    if found is None:
        return f"{expected:.4g} → not measured"
    if found.unit == "B":
        expected = round(expected)
    told, value = format_against(expected, found.value, found.unit)
    return f"{told} → {value}"


def _round(number: int, talk: Transcript) -> Round:
    turns = [turn for message in talk.messages for turn in _turns(message)]
    usage = talk.usage
    used = f"{usage.requests} answer{'' if usage.requests == 1 else 's'}, {usage.tokens:,} tokens"
    reason = talk.reason.message if talk.reason is not None else talk.broken or ""
    return Round(number, turns[:MOST_TURNS], max(0, len(turns) - MOST_TURNS), used, reason)


def _turns(message: Mapping[str, Any]) -> Iterator[Turn]:
    """The blocks of a message; what has no text of its own is shown as it was sent."""
    who = "model" if message.get("role") == "assistant" else "told"
    content = message.get("content", "")
    for block in content if isinstance(content, list) else [{"type": "text", "text": content}]:
        kind = str(block.get("type", "")) if isinstance(block, dict) else "text"
        text = _text(block)
        yield Turn(
            who, kind.replace("_", " "), text[:LONGEST_TURN], max(0, len(text) - LONGEST_TURN)
        )


def _text(block: object) -> str:
    """What a block says."""
    if isinstance(block, str):
        return block
    if isinstance(block, list):
        return "\n\n".join(_text(one) for one in block)
    if not isinstance(block, dict):
        return json.dumps(block)
    for name in ("text", "thinking", "input", "content"):
        if name in block:
            inner = block[name]
            return inner if isinstance(inner, str) else _written(inner)
    return _written(block)


def _written(data: object) -> str:
    """A list of texts as text, all else as JSON that people can read."""
    if isinstance(data, list) and all(isinstance(one, dict) and "text" in one for one in data):
        return "\n\n".join(str(one["text"]) for one in data)
    return json.dumps(data, indent=1, ensure_ascii=False)
