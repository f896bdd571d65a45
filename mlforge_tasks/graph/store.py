"""The content-addressed store: blobs by sha256 and action results by key.

`cas/<aa>/<sha256>` holds blobs, read-only; `ac/<aa>/<key>` says which blobs an action made. The
store does not believe itself: a blob is checked whenever it is read, an entry must hold its own
checksum and be the answer to what is asked. What fails is dropped, and its action runs again.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from mlforge_tasks.graph.files import READ_ONLY, CorruptError, Tree, own_digest
from mlforge_tasks.graph.manifest import Digest, Manifest
from mlforge_tasks.graph.sealed import Sealed
from mlforge_tasks.records import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def key_of(document: Mapping[str, object]) -> str:
    """The key of all that may change a result."""
    return sha256_bytes(canonical_json(document))


class ActionResult(Sealed):
    """An action cache entry.

    Attributes:
        manifest: What the action made.
        key_document: Everything the key was made from, for the auditor.
        seconds: How long the action took when it really ran.
        broken_tries: Digests of what tries before it left in the store when they broke.
    """

    manifest: Manifest
    key_document: dict[str, object]
    seconds: float
    broken_tries: tuple[Digest, ...] = ()


class Store:
    """Blobs and action results below one folder; safe for concurrent writers.

    Attributes:
        tree: The build tree it is part of.
    """

    def __init__(self, root: Path) -> None:
        self.tree = Tree(root)

    @property
    def root(self) -> Path:
        """Folder of the build tree."""
        return self.tree.root

    def sweep(self) -> None:
        """Removes what a killed run left half-written; only while no other run uses the store."""
        with contextlib.suppress(OSError):
            self.tree.remove(self.tree.scratch)

    def blob_path(self, digest: str) -> Path:
        """Where a blob lies, there or not."""
        return self.root / "cas" / digest[:2] / digest

    def result_path(self, key: str) -> Path:
        """Where an entry lies, there or not."""
        return self.root / "ac" / key[:2] / key

    def put_blob(self, path: Path) -> str:
        """Stores a file's content and returns its sha256.

        Raises:
            OSError: It is no regular file, or the store cannot be written to.
            CorruptError: It changed meanwhile.
        """
        digest = own_digest(path)
        if not self._intact(digest):
            self.tree.publish(path, self.blob_path(digest), mode=READ_ONLY, digest=digest)
        return digest

    def _intact(self, digest: str) -> bool:
        """Whether the blob is there and whole; what is not is dropped."""
        blob = self.blob_path(digest)
        try:
            if own_digest(blob) == digest:
                return True
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # a folder, a link, a FIFO, unreadable: no blob
            pass
        self.tree.remove(blob)
        return False

    def get_blob(self, digest: str, target: Path) -> bool:
        """Copies a blob to `target`; False where it is not there or was corrupt."""
        try:
            self.tree.publish(self.blob_path(digest), target, digest=digest)
        except (CorruptError, OSError):
            if self._intact(digest):  # then it is the target that cannot be written
                raise
            return False
        return True

    def put_result(self, result: ActionResult) -> None:
        """Records what an action made, under the key of its document."""
        path = self.result_path(key_of(result.key_document))
        self.tree.publish(result.to_bytes() + b"\n", path, mode=READ_ONLY)

    def get_result(self, document: Mapping[str, object]) -> ActionResult | None:
        """What an action made.

        Args:
            document: Everything that may change the result.

        Returns:
            None where it is unknown, its entry is not what was once written for this very document,
            or a blob of it is gone or corrupt.
        """
        wanted = canonical_json(document)
        path = self.result_path(sha256_bytes(wanted))
        try:
            result = ActionResult.read(path)
            if canonical_json(result.key_document) != wanted:
                raise CorruptError(f"{path} is the answer to something else")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, RecursionError):
            self.tree.remove(path)
            return None
        whole = all(self._intact(digest) for digest in result.manifest.outputs.values())
        return result if whole else None
