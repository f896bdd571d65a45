"""What the stages of one candidate left, each record read once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from mlforge_tasks.graph.manifest import MANIFEST, Manifest
from mlforge_tasks.records import Profile
from mlforge_tasks.stages.run import PROFILE, RunReport
from mlforge_tasks.stages.update import UPDATE, UpdateReport
from mlforge_tasks.verdict.evaluation import EVALUATION, Evaluation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.records import Reason


class Folders:
    """The stage folders of one candidate, and whether each stage worked out.

    Args:
        inputs: `<candidate>.<stage>`.
        candidate: Which one.
    """

    def __init__(self, inputs: Mapping[str, Path], candidate: str) -> None:
        prefix = f"{candidate}."
        self._folders = {
            name.removeprefix(prefix): folder
            for name, folder in inputs.items()
            if name.startswith(prefix)
        }
        self._manifests = {
            name: Manifest.read(folder / MANIFEST) for name, folder in self._folders.items()
        }

    def file(self, stage: str, name: str) -> Path | None:
        """A file of a stage that worked out; a model that was brought along has fewer stages."""
        known = self._manifests.get(stage)
        return self._folders[stage] / name if known and known.status == "ok" else None

    @cached_property
    def reason(self) -> Reason | None:
        """Why the candidate failed, from the first stage that did."""
        reasons = (manifest.reason for manifest in self._manifests.values())
        return next((reason for reason in reasons if reason is not None), None)

    @cached_property
    def probed(self) -> RunReport | None:
        """What the untrained network came to on the emulator."""
        return self._run("probe_run")

    @cached_property
    def emulated(self) -> RunReport | None:
        """What the trained one came to there."""
        return self._run("run")

    @cached_property
    def on_board(self) -> RunReport | None:
        """What it came to on a board."""
        return self._run("hardware_run")

    def trained_on(self, target: str) -> tuple[RunReport, ...]:
        """What the trained network came to on a further target: a board's last."""
        runs = (self._run(f"run_{target}"), self._run(f"hardware_run_{target}"))
        return tuple(ran for ran in runs if ran is not None)

    def probed_on(self, target: str) -> RunReport | None:
        """What the untrained one came to there."""
        return self._run(f"probe_run_{target}")

    def update(self, target: str = "") -> UpdateReport | None:
        """What an update of the model takes; of a further target, of the model that it has."""
        path = self.file(f"update_{target}" if target else "update", UPDATE)
        return None if path is None else UpdateReport.read(path)

    @cached_property
    def evaluation(self) -> Evaluation | None:
        """What the model reaches on whole splits."""
        path = self.file("evaluate", EVALUATION)
        return None if path is None else Evaluation.read(path)

    @cached_property
    def profile(self) -> Profile | None:
        """What each layer takes: as a board told it where one did, else as the emulator did."""
        paths = (self.file(stage, PROFILE) for stage in ("hardware_run", "run", "probe_run"))
        known = next((path for path in paths if path is not None and path.exists()), None)
        return None if known is None else Profile.read(known)

    def _run(self, stage: str) -> RunReport | None:
        path = self.file(stage, "measurements.json")
        return None if path is None else RunReport.read(path)
