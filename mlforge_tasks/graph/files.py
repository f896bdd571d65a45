"""Files of a build tree, read and written without trust: whatever lies there may be anything.

What is read must be a regular file under its own name. A link, a folder, a FIFO or a device is
none, and none of them is waited for. What is written takes the place of whatever was there, what is
removed is never followed, and modes are set, not inherited from the caller's umask.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mlforge_tasks.errors import ToolError

if TYPE_CHECKING:
    from io import BufferedRandom

READ_ONLY = 0o444
WRITABLE = 0o644
FOLDER = 0o755
FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file, copied on write
# No record of ours comes near it; a larger file is none.
MAX_RECORD_BYTES = 64 << 20


# What helps wherever nothing better is known.
HINT = "see what lies there, and run again, or take another build tree (build=…)"


class CorruptError(ValueError):
    """A file does not hold what it should."""


def file_digest(path: Path) -> str:
    """Hex sha256 of a file of the user's, who may have a link there."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_own(path: Path) -> FileIO:
    """Opens a regular file of the build tree for reading.

    Raises:
        OSError: It is not there, cannot be read, or is something else.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return FileIO(handle)
    os.close(handle)
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def own_digest(path: Path) -> str:
    """Hex sha256 of a regular file of the build tree.

    Raises:
        OSError: See `open_own`.
    """
    with open_own(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_own(path: Path) -> bytes:
    """What a record's file holds.

    Raises:
        OSError: See `open_own`.
        CorruptError: It is larger than any record.
    """
    with open_own(path) as file:
        if os.fstat(file.fileno()).st_size > MAX_RECORD_BYTES:
            raise CorruptError(f"{path} is too large for a record")
        return file.readall()


def is_own_file(path: Path) -> bool:
    """Whether a regular file lies there under its own name."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def refused(error: OSError, doing: str) -> ToolError:
    """What the system refused, told as a broken tool.

    Args:
        error: What it said.
        doing: Who asked for it.
    """
    where = f": {error.filename}" if error.filename else ""
    hints = {
        errno.ENOSPC: "free some space, and run again: what was finished is kept",
        errno.EDQUOT: "free some of your quota, and run again: what was finished is kept",
        errno.EACCES: "make the build tree yours (chown, chmod), or take another (build=…)",
        errno.EPERM: "make the build tree yours (chown, chmod), or take another (build=…)",
        errno.ENOENT: "if the build tree was removed while a run used it: run again",
        errno.EROFS: "take a build tree that can be written to (build=…)",
    }
    return ToolError(
        f"{doing}: {error.strerror or error}{where}", hint=hints.get(error.errno or 0, HINT)
    )


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    try:
        fcntl.ioctl(target.fileno(), FICLONE, source.fileno())
    except OSError:
        shutil.copyfileobj(source, target)


def _write(data: bytes | Path, file: BufferedRandom, digest: str | None) -> None:
    """Fills a file and sees that it came to what it should."""
    if isinstance(data, bytes):
        file.write(data)
    else:
        with open_own(data) as source:
            _copy(source, file)
    file.flush()
    if digest is not None:
        file.seek(0)
        if hashlib.file_digest(file, "sha256").hexdigest() != digest:
            name = "what was to be written" if isinstance(data, bytes) else f"'{data}'"
            raise CorruptError(f"{name} is not what it was a moment ago")
    os.fsync(file.fileno())


def _make_one(folder: Path) -> None:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(FOLDER)
        folder.chmod(FOLDER)  # whatever the umask took away


@dataclass(frozen=True)
class Tree:
    """A build tree. Its root is the user's, and may be a link; below it all is ours.

    Attributes:
        root: The folder.
    """

    root: Path

    @property
    def scratch(self) -> Path:
        """Folder for what is half-written."""
        return self.root / ".scratch"

    def _from_root(self, path: Path) -> list[Path]:
        """The folders down to a path and the path; of one that is elsewhere, the path alone."""
        if not path.is_relative_to(self.root):
            return [path]
        parts = path.relative_to(self.root).parts
        return [self.root.joinpath(*parts[: end + 1]) for end in range(len(parts))]

    def make_folder(self, path: Path) -> None:
        """Makes a folder and those above it; a link or a file in its way is removed."""
        steps = self._from_root(path)
        above = steps[0].parent if steps else path
        missing = [one for one in (above, *above.parents) if not one.exists()]
        for folder in reversed(missing):
            _make_one(folder)
        for folder in steps:
            try:
                if stat.S_ISDIR(folder.lstat().st_mode):
                    continue
            except FileNotFoundError:
                pass
            else:
                with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                    folder.unlink()
            _make_one(folder)

    def workplace(self) -> tempfile.TemporaryDirectory[str]:
        """An empty folder for what is half-written; as a context it is removed at the end."""
        self.make_folder(self.scratch)
        return tempfile.TemporaryDirectory(dir=self.scratch)

    def remove(self, path: Path) -> None:
        """Removes whatever lies there, a folder with all that is in it.

        A link is removed, not followed; so is one, or a file, that stands for a folder on the way.
        """
        for step in self._from_root(path):
            try:
                is_folder = stat.S_ISDIR(step.lstat().st_mode)
            except (FileNotFoundError, NotADirectoryError):
                return
            if not is_folder:
                step.unlink(missing_ok=True)
                return
        shutil.rmtree(path)

    def publish(
        self, data: bytes | Path, target: Path, *, mode: int = WRITABLE, digest: str | None = None
    ) -> None:
        """Puts a file in place in one step: a reader sees the old one or the whole new one.

        Args:
            data: The content, or a file to copy.
            target: Where it goes; folders are made.
            mode: Permissions.
            digest: sha256 that it must have.

        Raises:
            CorruptError: It has not; nothing was put in place.
            OSError: The disk is full, or something cannot be read or written.
        """
        for folder in (self.scratch, target.parent):
            self.make_folder(folder)
        handle, name = tempfile.mkstemp(dir=self.scratch)
        try:
            with os.fdopen(handle, "w+b") as file:
                _write(data, file, digest)
                os.fchmod(file.fileno(), mode)
            self.move(Path(name), target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def move(self, source: Path, target: Path) -> None:
        """Puts a file in the place of whatever lies there."""
        try:
            source.replace(target)
        except IsADirectoryError:
            self.remove(target)
            source.replace(target)
