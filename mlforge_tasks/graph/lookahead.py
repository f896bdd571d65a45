"""What a run would find made: the results of stages by their keys, without making or moving any.

A stage's key needs no files but those of its sources: an earlier stage's result says what its
manifest will be, wherever it lies now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph.stage import Stage, digest_of
from mlforge_tasks.graph.store import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlforge_tasks.graph.manifest import Manifest


class Lookahead:
    """Looks at stages in the order they may run."""

    def __init__(self) -> None:
        self._found: dict[Stage, Manifest] = {}

    def __contains__(self, stage: Stage) -> bool:
        return stage in self._found

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
        try:
            document = self._document(stage)
        except (OSError, MlforgeError):  # a source or a tool is not there
            return None
        if document is None:
            return None
        manifest = _made(stage, document)
        if manifest is not None:
            self._found[stage] = manifest
        return manifest

    def _document(self, stage: Stage) -> dict[str, object] | None:
        digests, failed = {}, False
        for name, source in stage.inputs.items():
            if not isinstance(source, Stage):
                digests[name] = digest_of(source)
            elif source in self._found:
                digests[name] = self._found[source].digest()
                failed = failed or self._found[source].status == "failed"
            else:
                return None
        return stage.document(digests, passed_over=failed and not stage.kind.runs_after_failure)


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
