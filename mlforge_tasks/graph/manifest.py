"""What lies beside a stage's outputs: which they are, and how they came to be."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, StringConstraints, model_validator

from mlforge_tasks.graph.files import CorruptError, read_own
from mlforge_tasks.graph.sealed import Sealed
from mlforge_tasks.records import Reason, Record, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

# Written last, as the commit point of a stage, and how it came to be.
MANIFEST = "manifest.json"
PROVENANCE = "provenance.json"
# What waits for a run that works out, see `broken_tries`.
BROKEN_TRIES = "broken_tries.json"
OWN_FILES = {MANIFEST, PROVENANCE, BROKEN_TRIES}


def output_name(name: str) -> str:
    """A name that an output may have: a plain relative path.

    Raises:
        ValueError: It would lead elsewhere, or to a file that is not the action's to write.
    """
    plain = all(part not in {"", ".", ".."} for part in name.split("/"))
    if not plain or "\\" in name or not name.isprintable() or name in OWN_FILES:
        raise ValueError(f"{name!r} is no name for an output")
    return name


OutputName = Annotated[str, AfterValidator(output_name)]
Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class Manifest(Record):
    """What a stage made. Holds digests only, so that equal results stop a rebuild downstream.

    Attributes:
        status: `failed` where the candidate did not work out.
        reason: Why it failed; None for `ok`.
        outputs: sha256 of each output file by name.
    """

    status: Literal["ok", "failed"]
    reason: Reason | None = None
    outputs: dict[OutputName, Digest]

    @model_validator(mode="after")
    def _no_file_is_a_folder(self) -> Self:
        if not self.folders().isdisjoint(self.outputs):
            raise ValueError("an output lies below another")
        return self

    def digest(self, unread: Collection[str] = ()) -> str:
        """What the key of a later stage says of it: the digest of its file.

        Args:
            unread: Outputs that the stage does not read; then of what the file would be without.
        """
        read = {name: digest for name, digest in self.outputs.items() if name not in unread}
        return sha256_bytes(self.model_copy(update={"outputs": read}).to_bytes() + b"\n")

    def folders(self) -> set[str]:
        """The folders that outputs lie in, below the stage's own."""
        parents = (PurePosixPath(name).parents for name in self.outputs if "/" in name)
        return {str(parent) for above in parents for parent in above} - {"."}

    @classmethod
    def read(cls, path: Path) -> Self:
        """Reads a manifest back.

        Raises:
            OSError: No regular file that can be read lies there.
            ValueError: The file is not what `write` makes of a manifest.
        """
        data = read_own(path)
        manifest = cls.model_validate_json(data, by_name=True)
        if manifest.to_bytes() + b"\n" != data:
            raise CorruptError(f"{path} was not written by us")
        return manifest


def outputs_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and place of what a stage made: what its manifest names, whatever else lies there."""
    for name in sorted(Manifest.read(folder / MANIFEST).outputs):
        yield name, folder / name


class Provenance(Sealed):
    """How an output folder came to be; beside the manifest, never part of a key.

    Attributes:
        key: Digest of the key document.
        how: Whether it was made or taken from the store.
        key_document: All that may change the result.
        manifest: The result.
        seconds: How long the action took.
        broken_tries: Digests of what earlier tries at it left in the store when they broke.
    """

    key: str
    how: str
    key_document: dict[str, object]
    manifest: Manifest
    seconds: float
    broken_tries: tuple[Digest, ...] = ()
