"""The program `mlforge`: doit, in a folder that needs no `dodo.py` of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from doit.doit_cmd import DoitMain

from mlforge_tasks.graph import product

OWN = "dodo.py"


def program() -> str:
    """What a user of this project types: `doit`, or `mlforge`, which brings a `dodo.py`."""
    return "doit" if Path(OWN).is_file() else "mlforge"


def main() -> int:
    """Runs doit's command line; the folder that the user is in is the project."""
    here = Path.cwd()
    dodo = here / OWN if (here / OWN).is_file() else product.path(OWN)
    where = {"dodoFile": str(dodo), "cwdPath": str(here)}
    return int(DoitMain(extra_config={"GLOBAL": where}).run(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
