"""The composite action, step by step as GitHub would run it, and the workflow that uses it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import junitparser
import pytest
import yaml

from tests.helpers.builds import Cold, edited
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

ACTION = ROOT / ".github" / "actions" / "mlforge"
FOUND = yaml.safe_load((ACTION / "action.yml").read_text())
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "contracts.yml").read_text())
EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
# What a runner sets for every step; nothing else of the environment is there, no TERM and no HOME.
RUNNER = {"RUNNER_OS": "Linux", "GITHUB_ACTIONS": "true", "CI": "true", "LANG": "C.UTF-8"}
# `uses:` steps that bring the store, which a test brings itself.
STORES = {"actions/cache/restore", "actions/cache/save"}


@dataclass
class Runner:
    """One use of the action.

    Attributes:
        folder: Where its files are.
        given: What is given of its inputs.
        outputs: Of each step that has an id.
    """

    folder: Path
    given: dict[str, str]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def value(self, expression: str) -> str:
        """What GitHub makes of `inputs.x` and `steps.id.outputs.x`."""
        known = {name: one.get("default", "") for name, one in FOUND["inputs"].items()}
        match expression.split("."):
            case ["inputs", name]:
                return str((known | self.given)[name])
            case ["steps", step, "outputs", name]:
                return self.outputs.get(step, {}).get(name, "")
        raise AssertionError(expression)

    def holds(self, condition: str) -> bool:
        """Whether a step's `if:` holds, of the form that the action has."""
        compared = re.fullmatch(r"(\S+) == '(\S*)'", condition)
        assert compared is not None, condition
        return self.value(compared[1]) == compared[2]

    def step(self, step: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        """Runs one `run:` step with bash, as GitHub does."""
        assert step["shell"] == "bash"
        output = self.folder / "output"
        output.write_text("")
        environ = {
            **RUNNER,
            "PATH": os.environ["PATH"],
            "GITHUB_ACTION_PATH": str(ACTION),
            "GITHUB_WORKSPACE": str(ROOT),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            **{
                name: EXPRESSION.sub(lambda found: self.value(found[1]), str(text))
                for name, text in step.get("env", {}).items()
            },
        }
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        argv = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
        done = subprocess.run(
            argv,
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        lines = (line.partition("=") for line in output.read_text().splitlines())
        self.outputs[step.get("id", "")] = {name: value for name, _, value in lines}
        return done

    def run(self) -> list[subprocess.CompletedProcess[str]]:
        """Every step until one fails; how the `run:` steps ended."""
        ended = []
        for step in FOUND["runs"]["steps"]:
            if "uses" in step:
                assert step["uses"].partition("@")[0] in STORES
            elif "if" not in step or self.holds(step["if"]):
                ended.append(self.step(step))
                if ended[-1].returncode:
                    break
        return ended


def test_an_edited_limit_is_judged_from_the_store(cold: Cold, tmp_path: Path) -> None:
    """What the action keeps of an earlier run is enough: nothing is trained, built or run."""
    build = tmp_path / "build"
    kept = next(one for one in FOUND["runs"]["steps"] if one.get("id") == "store")["with"]["path"]
    runner = Runner(
        tmp_path,
        {
            "contract": str(edited(TANK, tmp_path, ("flash: 16 KiB", "flash: 12 KiB"))),
            "build": str(build),
            "python": sys.executable,
        },
    )
    runner.outputs["place"] = {"tree": str(build), "name": "tank"}
    for line in kept.split("\n"):
        place = EXPRESSION.sub(lambda found: runner.value(found[1]), line)
        if place:
            shutil.copytree(cold.build / os.path.relpath(place, build), place)
    (build / "tank" / "ci").mkdir()
    (build / "tank" / "ci" / "junit.xml").write_text("of another run")

    ended = runner.run()
    assert [one.returncode for one in ended] == [0, 0, 0], [one.stderr for one in ended]
    assert runner.outputs["run"]["met"] == "true"
    assert runner.outputs["run"]["exit-code"] == "0"
    assert "deliver:0" in ended[1].stdout
    assert not re.search(r"(train|firmware|run)\S* +built", ended[1].stdout)
    assert "\x1b" not in ended[1].stdout
    assert (tmp_path / "summary").read_text().startswith("## ✅ tank: met\n")
    assert os.path.isfile(runner.outputs["run"]["report"])  # noqa: PTH113 - as it is written
    path = f"{runner.outputs['place']['ci']}/junit.xml"
    (suite,) = junitparser.JUnitXml.fromfile(path)
    assert (suite.tests, suite.failures) == (6, 0)


@pytest.mark.parametrize(("fail_on", "code"), [("not-met", 3), ("error", 3), ("never", 0)])
def test_a_wrong_contract_fails_as_is_asked(fail_on: str, code: int, tmp_path: Path) -> None:
    """With results for its lines in any case."""
    wrong = edited(TANK, tmp_path, ("flash: 16 KiB", "flash: 16"))
    given = {"contract": str(wrong), "build": str(tmp_path / "build"), "python": sys.executable}
    runner = Runner(tmp_path, given | {"fail-on": fail_on})
    ended = runner.run()
    assert [one.returncode for one in ended] == [0, 0, code]
    assert runner.outputs["run"] == {
        "met": "false",
        "exit-code": "3",
        "judged": "true",
        "report": "",
    }
    log = json.loads((tmp_path / "build" / "tank" / "ci" / "results.sarif").read_text())
    assert len(log["runs"][0]["results"]) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"contract": "none.yaml"},
        {"contract": "$(touch pwned).yaml"},
        {"contract": str(TANK), "build": "a;b"},
        {"contract": str(TANK), "fail-on": "often"},
    ],
    ids=str,
)
def test_what_cannot_be_run_is_told_first(given: dict[str, str], tmp_path: Path) -> None:
    """An input is data: none is run by a shell."""
    runner = Runner(tmp_path, given)
    (only,) = runner.run()
    assert only.returncode == 3
    assert only.stdout.startswith("::error::")
    assert not (ROOT / "pwned").exists()


def test_setting_up_again_is_quick(tmp_path: Path) -> None:
    """Where all is there, bootstrap says so and nothing is installed."""
    root = tmp_path / "root"
    root.mkdir()
    for name in ("bootstrap", *(path.name for path in ROOT.glob("requirements*.lock"))):
        shutil.copy(ROOT / name, root)
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    known = b"".join(
        (root / name).read_bytes()
        for name in ("requirements.lock", "requirements-oracle.lock", "bootstrap")
    )
    digest = subprocess.run(["sha256sum"], input=known, capture_output=True, check=True).stdout
    (root / ".venv" / ".bootstrap").write_bytes(digest)
    step = next(one for one in FOUND["runs"]["steps"] if one["name"] == "Set MLForge up")
    runner = Runner(tmp_path, {"contract": "x.yaml"})
    runner.outputs["place"] = {"root": str(root)}
    assert runner.holds(step["if"])
    # In a workspace that is MLForge's own, nothing of it is installed either.
    own = {**step, "run": f"cd '{root}'\n{step['run']}"}
    done = runner.step(own)
    assert (done.returncode, done.stdout) == (0, "bootstrap: up to date\n"), done.stderr


def test_nothing_of_a_pull_request_is_put_into_a_script() -> None:
    """Values reach scripts as variables; other people's actions are pinned to a commit."""
    steps = [*FOUND["runs"]["steps"], *WORKFLOW["jobs"]["contract"]["steps"]]
    assert all("${{" not in step.get("run", "") for step in steps)
    used = [step["uses"] for step in steps if "uses" in step]
    others = [one for one in used if not one.startswith("./")]
    assert len(others) >= 5
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one) for one in others), others
    assert WORKFLOW["permissions"] == {"contents": "read"}


def test_the_workflow_knows_every_contract_that_is_quick() -> None:
    """Those of README's table."""
    names = WORKFLOW["jobs"]["contract"]["strategy"]["matrix"]["contract"]
    assert all((ROOT / "contracts" / f"{name}.yaml").is_file() for name in names)
