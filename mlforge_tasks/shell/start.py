"""Before anything else: is there room, where things are, how text is read, what is imported.

Imports nothing but the standard library, and what does the same.
"""

from __future__ import annotations

import codecs
import contextlib
import locale
import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.graph import product

if TYPE_CHECKING:
    from collections.abc import Mapping

# Below it Python and its libraries end in ways of their own before a message can be made.
LEAST_MEMORY_BYTES = 64 << 20
# What doit itself ends with where a `dodo.py` is no use.
NOTHING_STARTED = 3
# Variables that name a place, and that we or what we start read.
PLACES = {
    *("HOME", "TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "CCACHE_DIR"),
    *("ZEPHYR_BASE", "ZEPHYR_SDK_INSTALL_DIR", "GNUARMEMB_TOOLCHAIN_PATH", "MLFORGE_HARDWARE_MAP"),
    *("SSL_CERT_FILE", "PIP_CERT", "PIP_CLIENT_CERT", "PIP_CONFIG_FILE", "PIP_CACHE_DIR"),
    *("PIP_LOG", "MLFORGE_LITERT", "MLFORGE_PROJECT", "MLFORGE_TORCH_VENV"),
}
# Those that name several, apart by colons; an empty one is the folder that the user is in.
LISTS = {"PATH", "LD_LIBRARY_PATH", "SSL_CERT_DIR"}
# Those that name several, places and URLs, apart by spaces.
WORDS = {"PIP_FIND_LINKS", "PIP_CONSTRAINT", "PIP_REQUIREMENT"}


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


def _absolute(place: str, here: Path) -> str:
    return place if place.startswith("/") else str(here / place)


def _expanded(place: str, here: Path) -> str:
    with contextlib.suppress(RuntimeError):  # there is nobody of that name
        place = str(Path(place).expanduser()) if place.startswith("~") else place
    return _absolute(place, here)


def absolute_places(environ: Mapping[str, str], here: Path) -> dict[str, str]:
    """The variables that name places, so that they name the same wherever they are read.

    A stage's process and a tool have working folders of their own: a relative path would lead each
    of them elsewhere, or nowhere.

    Args:
        environ: The variables.
        here: The folder that the user is in.
    """
    made: dict[str, str] = {}
    for name, value in environ.items():
        if not value:
            continue
        if name in PLACES:
            made[name] = _expanded(value, here)
        elif name in LISTS:
            made[name] = ":".join(_absolute(one, here) for one in value.split(":"))
        elif name in WORDS:
            words = (one if ":" in one else _expanded(one, here) for one in value.split())
            made[name] = " ".join(words)
    return made


def settle(here: Path) -> None:
    """Has this process read files as UTF-8, and what is installed before what lies in the project.

    Variables that name places are made absolute. doit puts the project's folder first: a `yaml.py`
    that somebody left there would be taken for the package. Where the user's language has another
    encoding, Python starts anew.

    Args:
        here: The folder that the user is in, which doit may have left.
    """
    os.environ.update(absolute_places(os.environ, here))
    project = str(product.project())
    sys.path.sort(key=lambda folder: str(Path(folder).resolve()) == project)
    encoding = codecs.lookup(locale.getpreferredencoding(do_setlocale=False)).name
    if encoding != "utf-8":
        # What is shown keeps to the terminal's encoding.
        shown = {"PYTHONIOENCODING": f"{encoding}:replace"}
        environ = {**shown, **os.environ, "PYTHONUTF8": "1"}
        os.chdir(here)
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environ)  # noqa: S606
