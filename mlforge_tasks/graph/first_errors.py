"""What a compiler, a linker or another tool says is wrong, out of all that it says.

What follows a first mistake are mostly its consequences, and the end of a log those of a build.
"""

from __future__ import annotations

import re

MOST_LINES = 8
# Of a compiler, the source below its first message: the line, and the place in it.
_EXCERPT = re.compile(r"^\s*(\d+ )?\|")
_ERROR = re.compile(
    r"^(?!FAILED)(.*: (fatal )?error: .+|error: .+|.*: undefined reference to .+|CMake Error.*"
    r"|.*region `\w+' overflowed by \d+ bytes.*|.*: multiple definition of .+"
    r"|\S*\bld(\.\w+)?: (?!warning: |.*: warning: ).+)"
)
# The compiler that called the linker: that it failed, and nothing of why.
_CALLER = re.compile(r"^(collect2|clang(-\d+)?|gcc): error: (ld returned|linker command failed)")
_TRACE = "Traceback (most recent call last)"


def told(output: str) -> str:
    """The lines that say what is wrong, the first with its excerpt; empty where none does.

    What ended with an exception of Python's tells that at its end.
    """
    if _TRACE in output:
        return ""
    lines = output.splitlines()
    found = [at for at, line in enumerate(lines) if _ERROR.match(line) and not _CALLER.match(line)]
    if not found:
        return ""
    shown = [lines[found[0]]]
    for line in lines[found[0] + 1 :]:
        if not _EXCERPT.match(line) or len(shown) > 3:
            break
        shown.append(line)
    rest = dict.fromkeys(lines[at] for at in found[1:])
    return "\n".join([*shown, *(line for line in rest if line not in shown)][:MOST_LINES])
