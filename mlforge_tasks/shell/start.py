"""Before anything else: how this process reads text, and from where it imports.

Imports the standard library alone.
"""

from __future__ import annotations

import codecs
import locale
import os
import sys
from pathlib import Path


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
