"""The content-addressed store: blobs by sha256 and action results by key.

`cas/<aa>/<sha256>` holds blobs, read-only; `ac/<aa>/<key>` says which blobs an action made. A blob
is checked whenever it is read: a corrupt one is dropped, and its action runs again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO, Literal

from pydantic import ValidationError

from mlforge_tasks.records import Reason, Record

# Written last, as the commit point of a stage, and how it came to be.
MANIFEST = "manifest.json"
PROVENANCE = "provenance.json"
READ_ONLY = 0o444
WRITABLE = 0o644
FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file, copied on write


def file_digest(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Manifest(Record):
    """What a stage made. Holds digests only, so that equal results stop a rebuild downstream.

    Attributes:
        status: `failed` where the candidate did not work out.
        reason: Why it failed; None for `ok`.
        outputs: sha256 of each output file by name.
    """

    status: Literal["ok", "failed"]
    reason: Reason | None = None
    outputs: dict[str, str]


class ActionResult(Record):
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
    broken_tries: tuple[str, ...] = ()


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    try:
        fcntl.ioctl(target.fileno(), FICLONE, source.fileno())
    except OSError:
        shutil.copyfileobj(source, target)


def publish(data: bytes | Path, target: Path, *, scratch: Path, mode: int = WRITABLE) -> None:
    """Puts a file in place in one step: a reader sees the old one or the whole new one.

    Args:
        data: The content, or a file to copy.
        target: Where it goes; folders are made.
        scratch: Folder on the same file system for the half-written file.
        mode: Permissions.
    """
    for folder in (scratch, target.parent):
        folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=scratch)
    try:
        with os.fdopen(handle, "wb") as file:
            if isinstance(data, bytes):
                file.write(data)
            else:
                with data.open("rb") as source:
                    _copy(source, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class Store:
    """Blobs and action results below one folder; safe for concurrent writers.

    Attributes:
        root: The folder.
        scratch: Folder below it for what is half-written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.scratch = root / ".scratch"

    def sweep(self) -> None:
        """Removes what a killed run left half-written; only while no other run uses the store."""
        shutil.rmtree(self.scratch, ignore_errors=True)

    def blob_path(self, digest: str) -> Path:
        """Where a blob lies, there or not."""
        return self.root / "cas" / digest[:2] / digest

    def _result_path(self, key: str) -> Path:
        return self.root / "ac" / key[:2] / key

    def put_blob(self, path: Path) -> str:
        """Stores a file's content and returns its sha256."""
        digest = file_digest(path)
        blob = self.blob_path(digest)
        if not self._intact(digest):
            publish(path, blob, scratch=self.scratch, mode=READ_ONLY)
        return digest

    def _intact(self, digest: str) -> bool:
        """Whether the blob is there and whole; a corrupt one is dropped."""
        blob = self.blob_path(digest)
        try:
            if file_digest(blob) == digest:
                return True
        except FileNotFoundError:
            return False
        blob.unlink(missing_ok=True)
        return False

    def get_blob(self, digest: str, target: Path) -> bool:
        """Copies a blob to `target`; False where it is not there or was corrupt."""
        if not self._intact(digest):
            return False
        publish(self.blob_path(digest), target, scratch=self.scratch)
        return True

    def put_result(self, key: str, result: ActionResult) -> None:
        """Records what an action made."""
        publish(result.to_bytes(), self._result_path(key), scratch=self.scratch, mode=READ_ONLY)

    def get_result(self, key: str) -> ActionResult | None:
        """What an action made; None where it is unknown or a blob of it is gone or corrupt."""
        path = self._result_path(key)
        try:
            result = ActionResult.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            path.unlink(missing_ok=True)
            return None
        whole = all(self._intact(digest) for digest in result.manifest.outputs.values())
        return result if whole else None
