"""Files of the user's that a stage reads together: one input, however many they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlforge_tasks.graph.file_digests import digest_together
from mlforge_tasks.graph.files import file_digest


@dataclass(frozen=True)
class FileSet:
    """Files below one folder. The action gets the folder, and looks for them as was done here.

    Attributes:
        root: The folder.
        listed: Finds them, relative to it, in an order that is always the same.
    """

    root: Path
    listed: Callable[[Path], tuple[Path, ...]]

    def digest(self) -> str:
        """What a key says of them: a digest of their names and what they hold, as it is now.

        Raises:
            MlforgeError: They cannot be found.
            ToolError: One cannot be read.
        """
        return digest_together(self.root, self.listed(self.root))


def source_digest(source: Path | FileSet) -> str:
    """What a key says of the user's files; raises what reading them raises."""
    return source.digest() if isinstance(source, FileSet) else file_digest(source)
