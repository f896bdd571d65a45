"""Runs a module of the project as `python -m` does, with the project's folder last on the path.

`-m` would want it in PYTHONPATH, ahead of everything that is installed: a `numpy.py` that somebody
left there would be taken for numpy.
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
