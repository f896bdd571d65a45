"""Before anything else: whether there is room, how text is read, and from where is imported.

Imports the standard library alone.
"""

from __future__ import annotations

import codecs
import locale
import os
import resource
import sys
from pathlib import Path

# Below it Python and its libraries end in ways of their own before a message can be made.
LEAST_MEMORY_BYTES = 64 << 20
# What doit itself ends with where a `dodo.py` is no use.
NOTHING_STARTED = 3


def check_memory() -> None:
    """Ends where the user's memory limit would have an import abort, with 50 MB for instance."""
    limit_bytes, _ = resource.getrlimit(resource.RLIMIT_AS)
    if 0 <= limit_bytes < LEAST_MEMORY_BYTES:
        print(
            f"ERROR: memory is limited to {limit_bytes >> 20} MiB, too little to read a contract\n"
            "Things to try: `ulimit -v unlimited`, or start it where more is allowed",
            file=sys.stderr,
        )
        sys.exit(NOTHING_STARTED)


def settle() -> None:
    """Has this process read files as UTF-8, and what is installed before what lies in the project.

    doit puts the project's folder first: a `yaml.py` that somebody left there would be taken for
    the package. Where the user's language has another encoding, Python starts anew.
    """
    project = str(Path(__file__).resolve().parents[2])
    sys.path.sort(key=lambda folder: str(Path(folder).resolve()) == project)
    encoding = codecs.lookup(locale.getpreferredencoding(do_setlocale=False)).name
    if encoding != "utf-8":
        # What is shown keeps to the terminal's encoding.
        shown = {"PYTHONIOENCODING": f"{encoding}:replace"}
        environ = {**shown, **os.environ, "PYTHONUTF8": "1"}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environ)  # noqa: S606
