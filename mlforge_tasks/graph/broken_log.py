"""All that a tool said when it broke a stage, in a file beside the stage's folder.

It is there until the stage works out, or is cleaned; no key and no result has it.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from mlforge_tasks.errors import LAST_WORDS, ToolError
from mlforge_tasks.graph.redaction import Redaction, credentials

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.graph.files import Tree

SUFFIX = ".log"


def path_of(folder: Path) -> Path:
    """Where the log of a stage lies.

    Args:
        folder: The stage's.
    """
    return folder.with_name(folder.name + SUFFIX)


def kept(tree: Tree, folder: Path, error: ToolError) -> ToolError:
    """The error, which says where all of the log is; as it was where it has all of it.

    Args:
        tree: The build tree.
        folder: The stage's.
        error: What broke.
    """
    lines = (one.strip() for one in error.log.removeprefix("$ ").splitlines()[1:])
    if all(line.removeprefix(LAST_WORDS) in str(error) for line in lines):
        return error
    path = path_of(folder)
    # What a process with a secret says is without it already; a tool may have met another one.
    text = Redaction(credentials(os.environ)).text(error.log)
    try:
        tree.publish(text.encode(errors="replace"), path)
    except OSError:  # the message has what matters
        return error
    return type(error)(f"{error.message}\nthe whole log: {path}", hint=error.hint, log=error.log)


def remove(tree: Tree, folder: Path) -> None:
    """The stage has worked out, or is gone."""
    with contextlib.suppress(OSError):
        tree.remove(path_of(folder))
