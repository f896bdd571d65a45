"""What a program that we start sees of the user's environment: spelled out, name by name.

What says where things are is passed on. What says how things behave is fixed here, or not there at
all: `KERAS_BACKEND`, `CPATH`, `TF_XLA_FLAGS`, a language or a time zone would change results behind
the back of every key. The few that can change results and yet have to be passed on are in the key.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Where things are. Nothing of it decides what a result is: programs that are found through PATH
# are known by their content, and what is downloaded by its digest.
PASSED_ON = {
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("ZEPHYR_BASE", "ZEPHYR_SDK_INSTALL_DIR", "ZEPHYR_TOOLCHAIN_VARIANT"),
    *("GNUARMEMB_TOOLCHAIN_PATH", "CCACHE_DIR", "MLFORGE_HARDWARE_MAP", "MLFORGE_PROBE_ID"),
    *("MLFORGE_LITERT", "MLFORGE_PROJECT", "MLFORGE_TORCH_VENV"),
}
PASSED_ON_PREFIXES = ("SSL_", "PIP_")
# What some machines need, and what can change results. OPENBLAS_CORETYPE: numpy is wrong on some
# without it. LD_LIBRARY_PATH: some Pythons do not start without it.
IN_KEY = {"LD_LIBRARY_PATH"}
IN_KEY_PREFIXES = ("OPENBLAS_",)
# For every program. GCC's and binutils' messages are read, so they have to be in English.
FIXED: Mapping[str, str] = {
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "TERM": "dumb",
    # Sums have an order of their own for each number of threads.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
# For a stage's Python on top of that, fixed so that weights are reproducible. oneDNN trains small
# convolutions three times as fast. Where bytecode is not kept, importing TensorFlow compiles 2,700
# modules every time: 8 s instead of 2 (all measured).
STAGE: Mapping[str, str] = {
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "MPLBACKEND": "agg",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "1",
}
LAUNCHER = Path(__file__).with_name("_launch.py")


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program that we start, made of the user's.

    Credentials are not passed on: `StageKind.secrets` names the one stage that gets one.
    """
    passed_on = {
        name: value
        for name, value in environ.items()
        if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES)
    }
    return {**passed_on, **_in_key(environ), **FIXED}


def _in_key(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in sorted(environ.items())
        if (name in IN_KEY or name.startswith(IN_KEY_PREFIXES)) and name not in FIXED
    }


def variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Those variables that may change what a stage makes, for its key."""
    return {**_in_key(environ), **FIXED, **STAGE}


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where MLForge keeps what it could make again, for all build trees of a user."""
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mlforge"


def stage_command(module: str, request: Path, python: str | None = None) -> list[str]:
    """How a module that ends with `main(run)` is run as a process.

    Nothing is imported from the folder that the user is in, from `PYTHONPATH`, or from the user's
    own site-packages; and from the project what no installed package has.

    Args:
        module: Its dotted name.
        request: What `stages.main` reads.
        python: What runs it; None for the Python that runs this.
    """
    return [python or sys.executable, "-P", "-s", str(LAUNCHER), module, str(request.resolve())]


def stage_environment(empty: Path) -> dict[str, str]:
    """What its process gets on top of `clean_environment`.

    Args:
        empty: A folder that holds no settings, in place of ~/.keras.
    """
    # Matplotlib keeps a list of fonts there, which can take it half a minute to make.
    return {
        **STAGE,
        "KERAS_HOME": str(empty.resolve()),
        "MPLCONFIGDIR": str(cache_folder() / "matplotlib"),
    }
