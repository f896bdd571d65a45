"""What the page of a search is made of, while a run may be at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlforge_tasks.graph import live
from mlforge_tasks.graph.manifest import MANIFEST, PROVENANCE, Manifest, Provenance
from mlforge_tasks.graph.stage import Stage
from mlforge_tasks.page.found import Found, Written
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.stages import report as report_stage
from mlforge_tasks.verdict.trials import Report

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.graph.live import Live
    from mlforge_tasks.pipeline.iteration import Iteration
    from mlforge_tasks.pipeline.plan import Plan
    from mlforge_tasks.pipeline.standing import Stood

REPORT = "report.json"


@dataclass(frozen=True)
class Delivered:
    """What lies in `delivered/`.

    Attributes:
        folder: Where.
        manifest: What it is.
        contract: The contract that it is of, as JSON.
        dataset: Digest of the data set that it was made with.
    """

    folder: Path
    manifest: Manifest
    contract: dict[str, Any]
    dataset: object

    @classmethod
    def read(cls, folder: Path) -> Delivered | None:
        """None where there is none, or it is being written."""
        try:
            manifest = Manifest.read(folder / MANIFEST)
            told = Provenance.read(folder / PROVENANCE)
        except (OSError, ValueError):
            return None
        config, inputs = (told.key_document.get(name) for name in ("config", "inputs"))
        contract = config.get("contract") if isinstance(config, dict) else None
        if told.manifest != manifest or not isinstance(contract, dict):
            return None
        dataset = inputs.get("dataset") if isinstance(inputs, dict) else None
        return cls(folder, manifest, contract, dataset)


@dataclass(frozen=True)
class Contents:
    """What is shown.

    Attributes:
        plan: Today's.
        stood: What lies made.
        running: What a run is doing; None where none runs.
        delivered: What lies in `delivered/`.
        ended: Whether that is what is shown.
    """

    plan: Plan
    stood: Stood
    running: Live | None
    delivered: Delivered | None
    ended: bool

    @property
    def version(self) -> str:
        """Another one where the page is another: candidates are on it once they are judged."""
        made = sorted(
            (one.name, found.digest())
            for one, found in self.stood.made.items()
            if "." not in one.name
        )
        there = self.delivered and self.delivered.manifest.digest()
        told = [made, there, self.ended, self.plan.name, bool(self.stood.outdated)]
        return sha256_bytes(repr(told).encode())[:16]

    def found(self) -> Found:
        """What the page is made of: what stage `page` would be given, as far as it is there.

        Raises:
            OSError: Something went meanwhile.
            ValueError: Likewise.
        """
        page = self._latest().deliver.inputs["page"]
        assert isinstance(page, Stage)  # noqa: S101 - as pipeline.delivery declares it
        inputs = page.inputs.items()
        if self.ended and not self.stood.made:  # of an earlier contract, which is told
            folders = {name: one.folder for name, one in inputs if isinstance(one, Stage)}
        else:
            folders = self.stood.folders(inputs)
        if self.ended and self.delivered is not None:  # what was carried over has its own
            folders.setdefault("layers", self.delivered.folder)
        return Found(self._report(), folders, self._written(page), going=not self.ended)

    def _written(self, page: Stage) -> Written | None:
        """The contract as it was written; None where what is shown is of an earlier one."""
        written = page.config["contract"]
        current = self.delivered is None or self.delivered.contract == _document(self.plan)
        return Written.from_dump(written) if written and (current or not self.ended) else None

    def _report(self) -> Report:
        if self.delivered is not None and self.ended:
            return Report.read(self.delivered.folder / REPORT)
        stage = self._latest().report
        inputs = self.stood.folders(stage.inputs.items())
        return report_stage.so_far(inputs, stage.config, ended=False)

    def _latest(self) -> Iteration:
        """The last round that was begun; the first where none was."""
        return self.stood.rounds[-1] if self.stood.rounds else self.plan.iterations[0]


def _document(plan: Plan) -> dict[str, Any]:
    return plan.contract.model_dump(mode="json")


def what_runs(plan: Plan) -> Live | None:
    """What a run of a contract is doing; None where none runs."""
    return live.now(plan.folder, plan.workspace.store.tree.root / ".lock")


def look(plan: Plan, stood: Stood, running: Live | None) -> Contents:
    """What is to be shown of a tree: what was delivered, or what a search has come to.

    Args:
        plan: Today's.
        stood: What lies made of it.
        running: What runs.
    """
    delivered = Delivered.read(plan.folder / "delivered")
    ended = delivered is not None and _is_shown(plan, stood, delivered, running)
    return Contents(plan, stood, running, delivered, ended)


def _is_shown(plan: Plan, stood: Stood, delivered: Delivered, running: Live | None) -> bool:
    """Whether what was delivered is the last that is known."""
    if running is not None:
        return any(stood.worked(one.deliver) for one in stood.rounds)
    if delivered.contract == _document(plan):
        data = stood.made.get(plan.preparation.dataset)
        if data is not None and data.digest() == delivered.dataset:
            return True
    return not any(stood.worked(one.judge) for one in stood.rounds)
