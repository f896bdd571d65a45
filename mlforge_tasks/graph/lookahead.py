"""What a run would find made: the results of stages by their keys, without making or moving any.

A stage's key needs no files but those of its sources: an earlier stage's result says what its
manifest will be, wherever it lies now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph.file_set import source_digest
from mlforge_tasks.graph.manifest import Manifest
from mlforge_tasks.graph.stage import Stage
from mlforge_tasks.graph.store import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Lookahead:
    """Looks at stages in the order they may run."""

    def __init__(self) -> None:
        self._found: dict[Stage, Manifest] = {}

    def __contains__(self, stage: Stage) -> bool:
        return stage in self._found

    def __getitem__(self, stage: Stage) -> Manifest:
        return self._found[stage]

    def worked(self, stage: Stage) -> bool:
        """Whether a stage was made, and is no failure of its candidate."""
        return stage in self._found and self._found[stage].status == "ok"

    def look(self, stage: Stage) -> Manifest | None:
        """What a stage made, now or earlier, of just what it would be made of now.

        Args:
            stage: The stage; those that it reads were looked at before.

        Returns:
            None where it would have to be made, or cannot be.
        """
        if any(isinstance(one, Stage) and one not in self._found for one in stage.inputs.values()):
            return None
        try:
            manifest = self._skipped(stage) or _made(stage, self._document(stage))
        except (OSError, MlforgeError):  # a source or a tool is not there
            return None
        if manifest is not None:
            self._found[stage] = manifest
        return manifest

    def _skipped(self, stage: Stage) -> Manifest | None:
        """What a stage comes to that has nothing to do, as an input's candidate failed."""
        given = (self._found.get(one) for one in stage.inputs.values() if isinstance(one, Stage))
        failed = next((one for one in given if one is not None and one.status == "failed"), None)
        if failed is None or stage.kind.runs_after_failure:
            return None
        return Manifest(status="failed", reason=failed.reason, outputs={})

    def _document(self, stage: Stage) -> dict[str, object]:
        digests = {
            name: self._found[one].digest(stage.kind.unread.get(name, ()))
            if isinstance(one, Stage)
            else source_digest(one)
            for name, one in stage.inputs.items()
        }
        return stage.document(digests, passed_over=False)


def in_place(stage: Stage, document: Mapping[str, object]) -> Manifest | None:
    """What lies in a stage's folder, where it is whole and was made of a key document."""
    manifest = stage.outputs.manifest()
    if manifest is None or not stage.outputs.explained(key_of(document), manifest):
        return None
    return manifest if stage.outputs.holds(manifest) else None


def _made(stage: Stage, document: Mapping[str, object]) -> Manifest | None:
    """What lies in the stage's folder, or else in the store, where it was made of just that."""
    manifest = in_place(stage, document)
    if manifest is None:
        known = stage.workspace.store.get_result(document)
        return known.manifest if known else None
    return manifest


def cone(stages: Iterable[Stage], ends: Iterable[Stage]) -> list[Stage]:
    """Those stages, in their order, that some of them come from; these included.

    Args:
        stages: In the order they may run.
        ends: What is wanted.
    """
    wanted = set(ends)
    kept = []
    for stage in reversed(list(stages)):
        if stage in wanted:
            kept.append(stage)
            wanted.update(one for one in stage.inputs.values() if isinstance(one, Stage))
    return kept[::-1]
