"""Runs a module of the project as `python -m` does, with the project's folder last on the path.

`-m` would want it in PYTHONPATH, ahead of everything that is installed: a `numpy.py` that somebody
left there would be taken for numpy.
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    import mlforge_tasks  # noqa: F401 - this one, even where another is installed

    sys.path.append(sys.path.pop(0))
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
