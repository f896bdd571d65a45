"""Runs a contract's graph stage by stage, without doit: `python -m tests.helpers.replayed FOLDER`.

In a process of its own: what tools are is asked once a process, and here they may be others than
those of the tests around it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mlforge_tasks.contract import loader
from mlforge_tasks.pipeline.plan import make_plan
from mlforge_tasks.verdict.trials import Trials


def run(root: Path) -> None:
    """Runs `tank.yaml` in a folder that is the project to it, into `build` there."""
    contract = loader.load(root / "tank.yaml", root)
    plan = make_plan(contract, "tank", root=root, build=root / "build")
    for stage in plan.preparation.stages:
        stage.run()
    for iteration in plan.iterations:
        last = iteration.stages.index(iteration.report)  # all that follows is of the end
        for stage in iteration.stages[:last]:
            stage.run()
        if Trials.read(iteration.judge.folder / "trials.json").met:
            for stage in iteration.stages[last:]:
                stage.run()
            return


if __name__ == "__main__":
    run(Path(sys.argv[1]))
