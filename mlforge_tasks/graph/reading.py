"""What a stage reads: what its key says of it, and that it stays so while the stage works."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph.file_set import FileSet, source_digest
from mlforge_tasks.graph.files import own_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.graph.manifest import Manifest
    from mlforge_tasks.graph.stage import Stage


@dataclass(frozen=True)
class Reading:
    """The inputs of one stage.

    Attributes:
        stage: Its name, for messages.
        inputs: Upstream stages, or source files, by the name the action knows them by.
        unread: Files of an input stage that it does not read, by the input's name.
    """

    stage: str
    inputs: Mapping[str, Stage | Path | FileSet]
    unread: Mapping[str, tuple[str, ...]]

    def stages(self) -> dict[str, Stage]:
        """Those inputs that are stages."""
        sources = self.inputs.items()
        return {name: one for name, one in sources if not isinstance(one, Path | FileSet)}

    def any_failed(self) -> bool:
        """Whether the candidate of an input stage failed."""
        given = (one.outputs.manifest() for one in self.stages().values())
        return any(one is not None and one.status == "failed" for one in given)

    def says(self) -> dict[str, str]:
        """What the key says of each input.

        Raises:
            FileNotFoundError: An input has not been made yet.
        """
        return {name: self._says(name) for name in sorted(self.inputs)}

    def _says(self, name: str) -> str:
        """No more than the stage reads of it."""
        source, unread = self.inputs[name], self.unread.get(name)
        if isinstance(source, Path | FileSet):
            return source_digest(source)
        manifest = source.outputs.manifest() if unread else None
        return manifest.digest(unread) if manifest and unread else own_digest(source.manifest_path)

    def given(self, said: Mapping[str, str]) -> dict[str, Manifest]:
        """The manifests of the input stages, whose folders hold just what those say from now on.

        Args:
            said: What the key says of each input.

        Raises:
            ToolError: Another run or a person was faster, or an input is lost.
        """
        given = {}
        for name, source in self.stages().items():
            manifest = source.outputs.manifest()
            if manifest is None or self._says(name) != said[name]:
                raise self._changed(name)
            source.outputs.mend(manifest)
            given[name] = manifest
        return given

    @contextlib.contextmanager
    def unchanged(self, said: Mapping[str, str], given: Mapping[str, Manifest]) -> Iterator[None]:
        """Refuses what was made while an input changed: no key says what it was made of."""
        yield
        stages = self.stages()
        for name in self.inputs:
            if self._says(name) != said[name]:
                raise self._changed(name)
            if name in stages and not stages[name].outputs.holds(given[name]):
                raise self._changed(name)

    def _changed(self, name: str) -> ToolError:
        return ToolError(
            f"the input '{name}' of stage '{self.stage}' was changed while it ran",
            hint="run again",
        )

    def places(self) -> dict[str, Path]:
        """Where the action finds each."""
        return {name: _place(source) for name, source in self.inputs.items()}


def _place(source: Stage | Path | FileSet) -> Path:
    if isinstance(source, FileSet):
        return source.root
    return source if isinstance(source, Path) else source.folder
