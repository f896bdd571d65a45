"""Which shared libraries a program is linked with: a part of what it is."""

from __future__ import annotations

import re

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process

TIMEOUT_S = 60.0
# What glibc's and musl's ldd say of a program that is linked statically, and end with 1.
_STATIC = re.compile(r"not a (dynamic executable|valid dynamic program)", re.IGNORECASE)


def linked(program: str, library: str) -> list[str]:
    """The files of a library that a program is linked with; none where that is statically.

    Args:
        program: Its path.
        library: What the library's name begins with.

    Raises:
        ToolError: `ldd` does not work: a key without the library would name half of the program.
    """
    done = process.run(["ldd", program], timeout_s=TIMEOUT_S)
    if done.returncode != 0 or done.timed_out:
        if done.returncode > 0 and _STATIC.search(done.output):
            return []
        raise ToolError(done.ending(f"`ldd {program}`"))
    return re.findall(rf"{re.escape(library)}\S* => (/\S+)", done.output)
