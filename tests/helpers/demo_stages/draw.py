"""Draws a picture, and writes down what of its surroundings it could be told by."""

from __future__ import annotations

import json
import locale
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


# Where things are differs; the rest may not.
PLACES = {"HOME", "KERAS_HOME", "XDG_CONFIG_HOME", "PWD", "OLDPWD", "_"}


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `picture.png` and `facts.json`."""
    import numpy as np  # noqa: PLC0415 - as stages do
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure()
    FigureCanvasAgg(figure)
    figure.subplots().plot(np.arange(4))
    figure.savefig(out / "picture.png", metadata={"Software": None})
    told = {
        "path": [folder for folder in sys.path if folder],
        "flags": [sys.flags.optimize, sys.flags.safe_path, sys.flags.no_user_site],
        "encoding": locale.getpreferredencoding(),
        "zone": time.tzname,
        "hash": hash("mlforge"),
        "variables": {name: os.environ[name] for name in set(os.environ) - PLACES},
    }
    (out / "facts.json").write_text(json.dumps(told, indent=1, sort_keys=True))


if __name__ == "__main__":
    main(run)
