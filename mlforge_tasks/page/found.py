"""What there is to make a page of: the report, and the folders of the stages that made it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.verdict.trials import Report, TrialResult

# A stage that ran on a board stands for the one that ran in an emulator before it.
ON_BOARD = "hardware_"
# What stages of an untrained network are called.
UNTRAINED = "probe_"
MODEL = "model.tflite"


class Written(Record):
    """A contract as it was written.

    Attributes:
        path: Its file, relative to the project; its name alone where it lies elsewhere.
        text: All of it.
    """

    path: str
    text: str


@dataclass(frozen=True)
class Found:
    """All that a section may look at.

    Attributes:
        report: Of the search, or of as much of it as there is.
        folders: Outputs of stages by name: `dataset`, `report`, `layers`, `propose01`, and
            `<iteration>.<candidate>.<stage>` of candidates. What is not made is not there.
        contract: The contract as it was written, where that is known.
        going: Whether the search goes on, so that nothing is said to have failed.
        asked: The contract's file as a command line has it, where one is being followed; a page
            that is a file has no paths of the computer that made it.
    """

    report: Report
    folders: Mapping[str, Path] = field(default_factory=dict)
    contract: Written | None = None
    going: bool = False
    asked: str = ""

    @property
    def best(self) -> str | None:
        """The id of the candidate that meets the contract, or comes closest."""
        return self.report.best

    @property
    def best_result(self) -> TrialResult | None:
        """That candidate."""
        return self.report.best_result()

    def folder(self, name: str) -> Path | None:
        """The outputs of a stage that is no candidate's, if there are any."""
        found = self.folders.get(name)
        return found if found is not None and found.is_dir() else None

    def untrained(self, candidate: str | None) -> bool:
        """Whether no model of a candidate is there but that of its untrained network."""
        folders = (self.folder(f"{candidate}.{one}quantise") for one in ("", UNTRAINED))
        trained, probed = (folder is not None and (folder / MODEL).is_file() for folder in folders)
        return probed and not trained

    def at(self, candidate: str | None, stage: str) -> Path | None:
        """The outputs of a candidate's stage; what a board measured, where one did.

        Of a candidate that was never trained it is what was made of its untrained network.

        Args:
            candidate: Its id; of none there is nothing.
            stage: Such as `quantise`.
        """
        names = [f"{ON_BOARD}{stage}", stage]
        if self.untrained(candidate):  # its stages from training onwards left empty folders
            choice = self.report.choice
            probed = f"{UNTRAINED}{stage}"
            names = [probed, *([f"{probed}_{choice.engine}"] if choice else []), *names]
        each = (self.folder(f"{candidate}.{name}") for name in names)
        found = (folder for folder in each if folder is not None)
        return next(found, None)

    def file(self, candidate: str | None, stage: str, name: str) -> Path | None:
        """A file that a candidate's stage made, if it is there.

        Args:
            candidate: As `at` has it.
            stage: As `at` has it.
            name: Relative to the stage's folder.
        """
        folder = self.at(candidate, stage)
        path = None if folder is None else folder / name
        return path if path is not None and path.is_file() else None
