"""The shipped glucose contract, designed by a model from what was measured, and its replay."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from mlforge_tasks.verdict.trials import Report
from tests.helpers.builds import Run, digests, doit, edited, other_checkout
from tests.helpers.messages_server import MessagesServer, Request, Step, call, message
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
GLUCOSE = ROOT / "contracts" / "glucose.yaml"
KEY = "sk-ant-test-a1b2c3d4e5f60718"
KERNELS = (5, 7, 3)
FIRST_WIDTH = 8
# A process in this has no network but a loopback that is down.
NO_NETWORK = ("unshare", "--map-root-user", "--net")
NOWHERE = "http://127.0.0.1:9"


def design(width: int, kernel: int) -> dict[str, Any]:
    """Two convolutions, the second of twice the width."""
    first = {"kind": "conv1d", "filters": width, "kernel": kernel, "stride": 2}
    second = {"kind": "conv1d", "filters": 2 * width, "kernel": kernel}
    return {"layers": [first, second, {"kind": "flatten"}, {"kind": "dropout", "rate": 0.2}]}


def history_of(request: Request) -> list[dict[str, Any]]:
    """What the question says was judged so far."""
    asked = request["messages"][0]["content"]
    if "<history>" not in asked:
        return []
    told: list[dict[str, Any]] = json.loads(asked.partition("<history>")[2].partition("</")[0])
    return told


def smaller(width: int, figures: list[tuple[float, float]]) -> int:
    """The width at which the worst of some (value, limit) pairs would about fit."""
    worst = max(value / limit for value, limit in figures)
    return max(1, min(width - 1, math.floor(width / math.sqrt(worst))))


def designer(request: Request) -> Step:
    """Narrows what breaks a limit as far as it was measured to, and probes before it proposes.

    It knows nothing of the board: every number that it goes by is a measured one. Where a design
    fits and misses the error it tries the same with other kernels.
    """
    width, kernel = FIRST_WIDTH, KERNELS[0]
    for trial in history_of(request):
        first = trial["architecture"]["layers"][0] if "architecture" in trial else None
        width = first["filters"] if first else width
        broken = [
            c
            for c in trial["clauses"]
            if c["status"] == "fail" and c["metric"].endswith(("_bytes", "_us"))
        ]
        if broken:
            width = smaller(width, [(c["value"], c["limit"]) for c in broken])
        else:
            kernel = KERNELS[(KERNELS.index(kernel) + 1) % len(KERNELS)]
    if not history_of(request):
        return message(call("propose", {"architectures": [design(width, kernel)]}))
    for said in request["messages"]:
        results = said["content"] if said["role"] == "user" else []
        for one in results if isinstance(results, list) else []:
            if one.get("is_error"):  # no probes are left
                return message(call("propose", {"architectures": [design(width, kernel)]}))
            found = json.loads(one["content"])["measured"].values()
            over = [(f["value"], f["limit"]) for f in found if not f["keeps"]]
            if not over:
                return message(call("propose", {"architectures": [design(width, kernel)]}))
            width = smaller(width, over)
    return message(call("probe", {"architecture": design(width, kernel)}))


@dataclass(frozen=True)
class Searched:
    """A finished search."""

    build: Path
    run: Run

    @property
    def delivered(self) -> Path:
        return self.build / "glucose" / "delivered"


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    """The contract as it is shipped but for the agent, run as a user does."""
    folder = tmp_path_factory.mktemp("searched")
    with MessagesServer(designer) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANTHROPIC_API_KEY", KEY)
        llm = f"{{model: test-model, base_url: '{server.url}', input_price: 3, output_price: 15}}"
        agent = f"agent: anthropic\n  llm: {llm}"
        contract = edited(GLUCOSE, folder, ("agent: optimizer", agent))
        run = doit(build=folder / "build", contract=contract)
    return Searched(folder / "build", run)


def test_measured_feedback_leads_to_a_pass(searched: Searched) -> None:
    """The first design is refused untrained; what was measured of it leads to one that passes."""
    assert searched.run.code == 0, searched.run.out + searched.run.err
    report = Report.read(searched.delivered / "report.json")
    first, *_, last = report.results
    assert first.trial.reason is not None
    assert first.trial.reason.code == "measured_limit"
    assert "train:1.0" not in searched.run.stages("built")
    assert last.trial.verdict is not None
    assert last.trial.verdict.met
    assert {one.source for one in last.trial.verdict.clauses} == {"emulated"}
    assert f"PASS: candidate {last.trial.id} meets glucose" in searched.run.out


def test_tokens_and_costs_are_told(searched: Searched) -> None:
    """In the report and in one line at the end; each answer of this model has 120 tokens."""
    use = Report.read(searched.delivered / "report.json").model_use
    assert use is not None
    assert use.usage.tokens == use.usage.requests * 120
    assert use.cost_usd == pytest.approx(use.usage.requests * (100 * 3 + 20 * 15) / 1e6)
    line = f"the model: {use.usage.requests} answers, {use.usage.tokens:,} tokens, 0.00"
    assert line in searched.run.out


def test_the_key_is_in_no_file(searched: Searched) -> None:
    """Neither in the tree with its store and doit's state, nor in what was shown."""
    for path in searched.build.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    assert KEY not in searched.run.out + searched.run.err


def _without_network() -> tuple[str, ...]:
    """How to start a program that has no network; nothing where this machine cannot."""
    try:
        done = subprocess.run([*NO_NETWORK, "true"], check=False, capture_output=True)
    except FileNotFoundError:
        return ()
    return NO_NETWORK if done.returncode == 0 else ()


def test_a_replay_without_key_and_network_gives_the_same_digests(
    searched: Searched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another checkout, into an empty tree: every artefact is the same to the byte.

    The model's server has stopped. Where the machine lets us, the whole run sits in a network
    namespace of its own; else every way out leads to a closed port.
    """
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, NOWHERE)
    wrap = _without_network()
    if wrap:
        connect = "import socket; socket.create_connection(('1.1.1.1', 443), 5)"
        tried = subprocess.run(
            [*wrap, sys.executable, "-c", connect], check=False, capture_output=True
        )
        assert tried.returncode != 0
    checkout = other_checkout(tmp_path / "checkout")
    shutil.copy(searched.delivered / "transcripts.json", checkout)
    agent = "agent: replay\n  file: transcripts.json"
    edited(GLUCOSE, checkout / "contracts", ("agent: optimizer", agent))
    contract, build = checkout / "contracts" / "glucose.yaml", tmp_path / "build"
    run = doit(build=build, contract=contract, checkout=checkout, wrap=wrap)
    assert run.code == 0, run.out + run.err
    assert [name for name in run.stages("built") if name.startswith("train:")]
    first, again = (digests(tree / "glucose") for tree in (searched.build, build))
    # The contract's own copy names another agent.
    assert first["delivered"].pop("contract.json") != again["delivered"].pop("contract.json")
    for each in (first, again):  # the report shows it
        pages = [name for name in each if name.endswith("/page")]
        assert len([each.pop(name) for name in pages]) == 1
        assert each["delivered"].pop("report.html")
    assert again == first
    assert {"model.tflite", "firmware.bin", "report.json"} <= again["delivered"].keys()
