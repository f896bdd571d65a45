"""Which stages of a plan lie made in the build tree, while a run may be making others.

A folder may be from an earlier contract, or of inputs that were made anew since. A stage counts
where its manifest is there, and it was made with today's configuration, of what lies there now.
Code and tools are not looked at: that takes a run's time, and what differs is made anew by one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.graph.manifest import MANIFEST, PROVENANCE, Manifest, Provenance
from mlforge_tasks.graph.stage import Stage
from mlforge_tasks.records import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mlforge_tasks.pipeline.iteration import Iteration
    from mlforge_tasks.pipeline.plan import Plan


@dataclass(frozen=True)
class Stood:
    """What was found.

    Attributes:
        rounds: The rounds that a run has begun.
        made: What each stage made that counts.
        outdated: Names of stages whose folder is from something else.
    """

    rounds: tuple[Iteration, ...]
    made: Mapping[Stage, Manifest]
    outdated: tuple[str, ...]

    def worked(self, stage: Stage | None) -> bool:
        """Whether a stage was made, and is no failure of its candidate."""
        return stage is not None and stage in self.made and self.made[stage].status == "ok"

    def folders(self, named: Iterable[tuple[str, object]]) -> dict[str, Path]:
        """The folders of those stages that were made, whether or not their candidate failed.

        Args:
            named: A stage's inputs by their names; files among them are left out.
        """
        return {
            name: one.folder for name, one in named if isinstance(one, Stage) and one in self.made
        }


@dataclass(frozen=True)
class _Folder:
    """A stage's folder: its manifest, and what it was made of."""

    manifest: Manifest
    config: Mapping[str, object]
    inputs: Mapping[str, object]


class Standing:
    """Looks at a build tree again and again; what has not changed is not read again."""

    def __init__(self) -> None:
        self._folders: dict[Path, tuple[tuple[int, ...], _Folder | None]] = {}
        self._configs: dict[Stage, object] = {}

    def look(self, plan: Plan) -> Stood:
        """What lies there now.

        Args:
            plan: The plan; another one than before where the contract was edited.
        """
        made: dict[Stage, Manifest] = {}
        outdated = []
        rounds = tuple(plan.begun())
        for stage in plan.stages(rounds):
            folder = self._folder(stage.folder)
            if folder is None:
                continue
            if self._counts(stage, folder, made):
                made[stage] = folder.manifest
            elif not stage.name.startswith("deliver:"):  # they share a folder
                outdated.append(stage.name)
        return Stood(rounds, made, tuple(outdated))

    def _counts(self, stage: Stage, folder: _Folder, made: Mapping[Stage, Manifest]) -> bool:
        if stage not in self._configs:
            self._configs[stage] = json.loads(canonical_json(dict(stage.config)))
        if folder.config != self._configs[stage]:
            return False
        for name, given in stage.inputs.items():
            if not isinstance(given, Stage):
                continue
            if given not in made:
                return False
            digest = made[given].digest(stage.kind.unread.get(name, ()))
            if folder.inputs.get(name) != digest:
                return False
        return True

    def _folder(self, path: Path) -> _Folder | None:
        try:
            stats = [(path / name).lstat() for name in (MANIFEST, PROVENANCE)]
        except OSError:
            self._folders.pop(path, None)
            return None
        mark = tuple(n for one in stats for n in (one.st_ino, one.st_size, one.st_mtime_ns))
        known = self._folders.get(path)
        if known is None or known[0] != mark:
            known = self._folders[path] = (mark, _read(path))
        return known[1]


def _read(path: Path) -> _Folder | None:
    """A stage's folder; None while it is being written, and where it is none of ours."""
    try:
        manifest, told = Manifest.read(path / MANIFEST), Provenance.read(path / PROVENANCE)
    except (OSError, ValueError):
        return None
    config, inputs = (told.key_document.get(name) for name in ("config", "inputs"))
    if told.manifest != manifest or not isinstance(config, dict) or not isinstance(inputs, dict):
        return None
    return _Folder(manifest, config, inputs)
