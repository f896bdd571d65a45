"""A stage's folder: it holds the files of one result, to the byte, and nothing else."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph.files import WRITABLE, own_digest
from mlforge_tasks.graph.manifest import (
    MANIFEST,
    OWN_FILES,
    PROVENANCE,
    Manifest,
    Provenance,
    output_name,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from mlforge_tasks.graph.store import Store


def files_below(folder: Path) -> list[str]:
    """Names of the files in an action's sandbox, in order.

    Raises:
        ToolError: Something there is neither file nor folder, or cannot be an output's name.
    """
    names = []
    todo = [""]
    while todo:
        at = todo.pop()
        with os.scandir(folder / at) as entries:
            for entry in entries:
                name = at + entry.name
                if entry.is_dir(follow_symlinks=False):
                    todo.append(f"{name}/")
                elif entry.is_file(follow_symlinks=False):
                    names.append(_checked(name))
                else:
                    raise ToolError(f"the output {name!r} is no file")
    return sorted(names)


def _checked(name: str) -> str:
    try:
        return output_name(name)
    except ValueError as error:
        raise ToolError(str(error)) from None


@dataclass(frozen=True)
class OutputFolder:
    """Where a stage's outputs go.

    Attributes:
        path: The folder.
        store: What they come back from.
    """

    path: Path
    store: Store

    def manifest(self) -> Manifest | None:
        """The manifest in place; None where there is none, or what lies there is none of ours."""
        try:
            return Manifest.read(self.path / MANIFEST)
        except (OSError, ValueError):
            return None

    def holds(self, manifest: Manifest) -> bool:
        """Whether every output lies in place as the manifest says, and nothing beside them."""
        try:
            if not stat.S_ISDIR(self.path.lstat().st_mode):
                return False
            return next(self._strays(manifest, OWN_FILES), None) is None and all(
                own_digest(self.path / name) == digest for name, digest in manifest.outputs.items()
            )
        except OSError:
            return False

    def explained(self, key: str, manifest: Manifest) -> bool:
        """Whether the provenance in place is whole, and that of a result."""
        try:
            found = Provenance.read(self.path / PROVENANCE)
        except (OSError, ValueError):
            return False
        return (found.key, found.manifest) == (key, manifest)

    def _strays(self, manifest: Manifest, own: Collection[str]) -> Iterator[Path]:
        """What lies here and is neither an output nor one of our own files."""
        folders = manifest.folders()
        todo = [""]
        while todo:
            at = todo.pop()
            with os.scandir(self.path / at) as entries:
                for entry in entries:
                    name = at + entry.name
                    if name in folders and entry.is_dir(follow_symlinks=False):
                        todo.append(f"{name}/")
                    elif not (
                        entry.is_file(follow_symlinks=False)
                        and (name in manifest.outputs or name in own)
                    ):
                        yield self.path / name

    def take(self, made: Path, names: Collection[str]) -> dict[str, str]:
        """Stores what an action made and moves it here; the digests by name."""
        outputs = {name: self.store.put_blob(made / name) for name in names}
        self._open_for_change()
        for name in names:
            self.store.tree.make_folder((self.path / name).parent)
            (made / name).chmod(WRITABLE)
            self.store.tree.move(made / name, self.path / name)
        return outputs

    def restore(self, manifest: Manifest) -> None:
        """Takes the outputs from the store.

        Raises:
            ToolError: It lost one of them meanwhile.
        """
        self._open_for_change()
        self._fill(manifest)

    def mend(self, manifest: Manifest) -> None:
        """Makes the folder hold what its manifest says, where it no longer does.

        Raises:
            ToolError: The store has not got it.
        """
        if not self.holds(manifest):
            self._clear(manifest, OWN_FILES)
            self._fill(manifest)

    def _open_for_change(self) -> None:
        self.store.tree.make_folder(self.path)
        self.store.tree.remove(self.path / MANIFEST)

    def _fill(self, manifest: Manifest) -> None:
        for name, digest in manifest.outputs.items():
            if not self.store.get_blob(digest, self.path / name):
                raise ToolError(
                    f"{self.path / name} is not what was made, and the store has lost it",
                    hint="run again: it is made anew",
                )

    def _clear(self, manifest: Manifest, own: Collection[str]) -> None:
        self.store.tree.make_folder(self.path)
        for path in list(self._strays(manifest, own)):
            self.store.tree.remove(path)

    def commit(self, manifest: Manifest, provenance: Provenance) -> None:
        """Removes what is of no or of an earlier result, then writes the manifest, last."""
        self._clear(manifest, {MANIFEST})
        for record, name in ((provenance, PROVENANCE), (manifest, MANIFEST)):
            self.store.tree.publish(record.to_bytes() + b"\n", self.path / name)

    def clean(self) -> None:
        """Removes it; the store keeps the blobs."""
        self.store.tree.remove(self.path)
