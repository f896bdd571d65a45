"""What counts as made while a run goes on: today's, of what lies there now."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from mlforge_tasks.graph.manifest import MANIFEST, PROVENANCE
from mlforge_tasks.pipeline.standing import Standing
from mlforge_tasks.shell.tasks import load_plan
from tests.helpers.builds import edited
from tests.helpers.paths import TANK

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.pipeline.plan import Plan
    from tests.helpers.builds import Cold


def _plan(build: Path, contract: Path = TANK) -> Plan:
    return load_plan(str(contract), str(build))


def _names(plan: Plan) -> set[str]:
    return {one.name for one in Standing().look(plan).made}


def test_all_that_a_run_made_counts(cold: Cold) -> None:
    """The rounds that it began, up to the delivery."""
    plan = _plan(cold.build)
    stood = Standing().look(plan)
    last = stood.rounds[-1]
    begun = {one.name for one in plan.stages(stood.rounds) if (one.folder / MANIFEST).exists()}
    assert {one.name for one in stood.made} == begun - {
        one.deliver.name for one in stood.rounds[:-1]
    }
    assert stood.worked(last.deliver)
    assert not stood.outdated


def test_an_edited_contract_leaves_what_does_not_read_it(cold: Cold, tmp_path: Path) -> None:
    """A limit is read by who judges, and by the agent: what comes of its proposals too."""
    looser = edited(TANK, tmp_path, ("latency: 1.2 ms", "latency: 1.3 ms"))
    plan = _plan(cold.build, looser)
    stood = Standing().look(plan)
    names = {one.name for one in stood.made}
    assert "dataset" in names
    assert "judge:1" not in names
    assert "judge:1" in stood.outdated
    assert not any(name.startswith("deliver") for name in names)


def test_what_is_of_something_else_does_not_count(build: Path) -> None:
    """A stage that is to be made, and all that comes of it."""
    plan = _plan(build)
    before = _names(plan)
    shutil.rmtree(plan.iterations[0].candidates[0]["probe_quantise"].folder)
    gone = before - _names(plan)
    assert {"probe_quantise:1.0", "probe_run:1.0", "judge:1"} <= gone
    assert not {"dataset", "propose:1", "render:1.0"} & gone


def test_what_is_half_written_is_not_there(build: Path) -> None:
    """Whatever is found in the place of a record; it is looked at again once it is whole."""
    plan, standing = _plan(build), Standing()
    stage = plan.preparation.dataset
    before = standing.look(plan)
    for name in (MANIFEST, PROVENANCE):
        whole = (stage.folder / name).read_bytes()
        (stage.folder / name).chmod(0o644)
        for text in ("", "{", "{}", "[1]\n", "\0" * 100):
            (stage.folder / name).write_text(text)
            assert stage not in standing.look(plan).made, (name, text)
        (stage.folder / name).write_bytes(whole)
        assert standing.look(plan).made == before.made
