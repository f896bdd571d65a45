"""A language model's search through the whole pipeline, and its replay without key or network."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlforge_tasks.agents import Limits, Workbench
from mlforge_tasks.agents._situation import situation
from mlforge_tasks.agents.replay import PLUGIN
from mlforge_tasks.contract.search import Search
from mlforge_tasks.errors import CandidateFailure, ToolError
from mlforge_tasks.graph.redaction import HIDDEN
from mlforge_tasks.records import Reason
from mlforge_tasks.verdict.transcript import Transcript, Transcripts, Usage
from mlforge_tasks.verdict.trial import Trial
from mlforge_tasks.verdict.trials import Report, Trials
from tests.helpers.builds import Run, digests, doit, edited
from tests.helpers.disguise import shows
from tests.helpers.made_up_device import make_brief
from tests.helpers.messages_server import Block, MessagesServer, Request, Step, call, message
from tests.helpers.paths import ROOT, TANK

KEY = "sk-ant-test-fedcba9876543210"
GOOD = {"layers": [{"kind": "flatten"}, {"kind": "dense", "units": 6}]}
BAD = {"layers": [{"kind": "dense", "units": 6}]}
SEARCH = "search: {agent: random_search, max_iterations: 3, seed: 4}"


# Stands before a tool and notes whether a credential reached it.
SHIM = """#!/bin/sh
env | grep -c ^ANTHROPIC_ >> '{seen}'
exec {real} "$@"
"""
STARTED = ("arm-none-eabi-gcc", "qemu-system-arm")


def watch_tools(folder: Path) -> Path:
    """Puts a shim before compiler and emulator; returns the file with what they saw."""
    seen = folder / "seen.txt"
    for name in STARTED:
        path = folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(SHIM.format(seen=seen, real=shutil.which(name)))
        path.chmod(0o755)
    return seen


def leaky(*content: Block) -> Step:
    """An answer with the key in JSON escapes, in base64, and in halves in two blocks."""
    packed = base64.b64encode(f"key={KEY}".encode()).decode()
    said = (f"plain {KEY}", f"packed {packed}", KEY[:9], KEY[9:])
    answer = message(*({"type": "text", "text": text} for text in said), *content)
    escaped = "".join(f"\\u{ord(one):04x}" for one in KEY)
    return Step(json.dumps(answer.body).replace(KEY, escaped))


def model(request: Request) -> Step:
    """Gets nothing right in the first round; estimates, probes and proposes in the second."""
    asked, said = request["messages"][0]["content"], len(request["messages"])
    if "no_proposal" not in asked:
        return leaky(call("propose", {"architectures": [BAD]}))
    if said == 1:
        return message(call("estimate", {"architecture": GOOD}, "toolu_1"))
    if said == 3:
        return message(call("probe", {"architecture": GOOD}, "toolu_2"))
    return leaky(call("propose", {"architectures": [GOOD]}, "toolu_3"))


@dataclass(frozen=True)
class Asked:
    """A finished search by a model."""

    build: Path
    contract: Path
    run: Run
    requests: list[Request]
    seen: Path
    path: str  # a compiler behind a shim is another compiler


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """The tank contract with the agent `anthropic`, against the local server."""
    folder = tmp_path_factory.mktemp("asked")
    with MessagesServer(model) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_API_KEY", KEY)
        patch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")  # the contract's goes first
        seen = watch_tools(folder)
        path = f"{folder / 'bin'}:{os.environ['PATH']}"
        patch.setenv("PATH", path)
        llm = f"{{model: test-model, base_url: '{server.url}', attempts: 1, temperature: 0.5}}"
        search = f"search: {{agent: anthropic, max_iterations: 3, seed: 4, llm: {llm}}}"
        contract = edited(TANK, folder, (SEARCH, search))
        run = doit(build=folder / "build", contract=contract)
    return Asked(folder / "build", contract, run, server.requests, seen, path)


def delivered(asked: Asked) -> Path:
    return asked.build / "tank" / "delivered"


@pytest.mark.slow
def test_a_search_by_a_model_converges(asked: Asked) -> None:
    """A lost round is recorded and told to the model; the next one is measured and passes."""
    assert asked.run.code == 0, asked.run.out + asked.run.err
    assert "PASS: candidate 2.0 meets tank" in asked.run.out
    assert asked.run.stages("failed") == ["propose:1"]
    first, second = Report.read(delivered(asked) / "report.json").results
    assert first.brief == "no proposal"
    assert first.trial.reason is not None
    assert first.trial.reason.code == "no_proposal"
    # Two answers of the first round were not valid, three of the second were.
    assert len(asked.requests) == 5
    probed = json.loads(asked.requests[-1]["messages"][-1]["content"][0]["content"])["measured"]
    final = {one.metric: one.value for one in second.trial.measurements}
    assert probed["latency_us"]["value"] == pytest.approx(final["latency_us"], rel=1e-3)
    assert probed["flash_bytes"]["source"] == "emulated"


@pytest.mark.slow
def test_transcripts_are_artefacts(asked: Asked) -> None:
    """Each round's transcript is an output of its stage, by digest in store and provenance."""
    for number in ("01", "02"):
        folder = asked.build / "tank" / "iterations" / number / "propose"
        provenance = json.loads((folder / "provenance.json").read_bytes())
        digest = provenance["manifest"]["outputs"]["transcript.json"]
        assert (asked.build / "cas" / digest[:2] / digest).exists()
    rounds = Transcripts.read(delivered(asked) / "transcripts.json").rounds
    assert sorted(rounds) == [1, 2]
    assert rounds[2].usage.requests == 3
    assert rounds[1].reason is not None


@pytest.mark.slow
def test_what_the_model_used_is_in_report_and_on_the_console(asked: Asked) -> None:
    """All rounds count, the lost one too; without prices there is no cost."""
    report = Report.read(delivered(asked) / "report.json")
    assert report.model_use is not None
    assert (report.model_use.rounds, report.model_use.usage.requests) == (2, 5)
    assert report.model_use.cost_usd is None
    assert "the model: 5 answers, 600 tokens\n" in asked.run.out


@pytest.mark.slow
def test_later_rounds_know_what_was_probed(asked: Asked) -> None:
    """The judged round holds the probe with its figures against the limits."""
    judged = Trials.read(asked.build / "tank" / "iterations" / "02" / "judge" / "trials.json")
    (probe,) = judged.probes
    assert (probe.id, judged.tokens) == ("2.probe0", 360)
    assert probe.verdict is not None
    clauses = {one.metric: one.status for one in probe.verdict.clauses}
    assert (clauses["flash_bytes"], clauses["mse"]) == ("pass", "unknown")


@pytest.mark.slow
def test_the_key_is_nowhere(asked: Asked) -> None:
    """Neither in a file of the build tree, the store included, nor in what was shown.

    The model sent it back in every answer.
    """
    for path in [asked.contract, *asked.build.rglob("*")]:
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    assert KEY not in asked.run.out + asked.run.err
    for round_ in Transcripts.read(delivered(asked) / "transcripts.json").rounds.values():
        said = [json.dumps(one.response) for one in round_.exchanges]
        assert all(text.count(HIDDEN) == 4 for text in said if "packed" in text)
        assert any("packed" in text for text in said)
        assert not shows(json.dumps([*said, round_.messages]), KEY)


@pytest.mark.slow
def test_no_tool_gets_the_key(asked: Asked) -> None:
    """Compilers and emulators, those of a probe included, start without any credential."""
    seen = asked.seen.read_text().split()
    assert len(seen) > 20
    assert set(seen) == {"0"}


@pytest.mark.slow
def test_a_second_run_asks_nothing(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a model said is kept: no key is needed to look at the result again."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.setenv("PATH", asked.path)
    run = doit(build=asked.build, contract=asked.contract)
    assert (run.code, run.executed) == (0, 0)


@pytest.mark.slow
def test_without_a_key_the_run_ends_with_2(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the variable, and the agent that needs none."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    build = tmp_path / "build"
    for part in ("ac", "cas"):
        shutil.copytree(asked.build / part, build / part)
    contract = edited(asked.contract, tmp_path, ("temperature: 0.5", "temperature: 0.6"))
    run = doit(build=build, contract=contract)
    assert run.code == 2
    assert "ANTHROPIC_API_KEY" in run.err
    assert "agent: optimizer" in run.err
    assert "Traceback" not in run.err


@pytest.mark.slow
def test_a_replay_gives_the_same_digests(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the transcripts alone: every artefact is the same to the byte.

    The store has what they lead to. tests/product/test_model_converges.py replays in an empty tree.
    """
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    (tmp_path / "tests" / "data").mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "data" / "tank.csv", tmp_path / "tests" / "data")
    shutil.copy(delivered(asked) / "transcripts.json", tmp_path)
    search = "search: {agent: replay, file: transcripts.json, max_iterations: 3, seed: 4}"
    monkeypatch.setenv("PATH", asked.path)
    for part in ("ac", "cas"):
        shutil.copytree(asked.build / part, tmp_path / "build" / part)
    assert edited(TANK, tmp_path, (SEARCH, search)) == tmp_path / "tank.yaml"
    replay = [sys.executable, "-m", "tests.helpers.replayed", str(tmp_path)]
    subprocess.run(replay, cwd=ROOT, check=True)
    first, again = (digests(tree / "tank") for tree in (asked.build, tmp_path / "build"))
    # The contract itself is another one: it names another agent.
    assert first["delivered"].pop("contract.json") != again["delivered"].pop("contract.json")
    for each in (first, again):  # the report shows it, and tells of its agent
        pages = {name: each.pop(name) for name in tuple(each) if name.endswith("/page")}
        assert [set(files) for files in pages.values()] == [{"report.html"}]
        assert each["delivered"].pop("report.html")
    assert again == first
    assert {"model.tflite", "firmware.bin", "transcripts.json"} <= again["delivered"].keys()


# --- The agent on its own -----------------------------------------------------------------------


SITUATION = situation(make_brief(), (), Workbench(Search(agent="optimizer", max_iterations=1)))


def transcript(reason: Reason | None = None) -> Transcript:
    return Transcript.model_validate(
        {
            "situation": SITUATION,
            "request": {"model": "test-model"},
            "probes": (),
            "messages": (),
            "exchanges": (),
            "usage": Usage(),
            "cost_usd": None,
            "candidates": () if reason else (GOOD,),
            "reason": reason,
        }
    )


REASON = Reason(code="no_proposal", stage="propose", message="gave up")
ROUNDS = Transcripts(rounds={1: transcript(), 2: transcript(REASON)})


def replay(content: bytes, iteration: int, count: int = 1) -> tuple[Any, dict[str, bytes]]:
    kept: dict[str, bytes] = {}
    search = Search(agent="replay", max_iterations=3, file="transcripts.json")
    bench = Workbench(search, content, iteration, keep=kept.__setitem__)
    return PLUGIN.propose(make_brief(), (), count, bench), kept


def test_it_proposes_what_was_proposed() -> None:
    """The same designs, and the same transcript beside them."""
    proposed, kept = replay(ROUNDS.to_bytes(), 1)
    assert proposed == ROUNDS.rounds[1].candidates
    assert kept == {"transcript.json": ROUNDS.rounds[1].to_bytes() + b"\n"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"limits": Limits(flash_bytes=1)}, "the limits, the goal"),
        ({"seed": 99}, "the seed"),
    ],
    ids=["limit", "seed"],
)
def test_another_contract_is_told(change: dict[str, Any], words: str) -> None:
    """What the model was asked about has to be what the contract says now."""
    search = Search(agent="replay", max_iterations=3, file="transcripts.json")
    bench = Workbench(search, ROUNDS.to_bytes())
    brief = make_brief().model_copy(update=change)
    with pytest.raises(ToolError, match="asked about something else") as caught:
        PLUGIN.propose(brief, (), 1, bench)
    assert words in str(caught.value)
    assert "measured" not in str(caught.value).partition("Things")[0]


def test_other_measurements_are_told() -> None:
    """Another compiler, other figures: then it is not the search that was done."""
    search = Search(agent="replay", max_iterations=3, file="transcripts.json")
    trial = Trial(id="1.0", architecture=None)
    with pytest.raises(ToolError, match="what was measured of earlier candidates"):
        PLUGIN.propose(make_brief(), (trial,), 1, Workbench(search, ROUNDS.to_bytes()))


def test_it_gives_up_where_it_was_given_up() -> None:
    """A lost round is lost again, for the same reason."""
    with pytest.raises(CandidateFailure) as caught:
        replay(ROUNDS.to_bytes(), 2)
    assert caught.value.reason == REASON


@pytest.mark.parametrize(
    ("content", "iteration", "count", "words"),
    [
        (ROUNDS.to_bytes(), 3, 1, "end with round 2, this is round 3"),
        (ROUNDS.to_bytes(), 1, 2, "hold 1 candidates a round, the contract wants 2"),
        (b"{}", 1, 1, "cannot be read"),
        (b"", 1, 1, "cannot be read"),
    ],
    ids=["too-short", "another-count", "other-json", "empty"],
)
def test_what_cannot_be_repeated_is_told(
    content: bytes, iteration: int, count: int, words: str
) -> None:
    """A transcript that does not fit the contract is an error, not a search of another kind."""
    with pytest.raises(ToolError, match=words):
        replay(content, iteration, count)
