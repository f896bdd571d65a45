"""What pyproject.toml cannot say: a wheel has within the package what lies beside it here."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

BESIDE = ("templates", "zephyr_app", "contracts", "dodo.py", "LICENSE")


class BuildWithFiles(build_py):
    """Also copies the templates, the application, the sample contracts and the licence."""

    def run(self) -> None:
        """See `mlforge_tasks.graph.product`, which finds them."""
        super().run()
        shipped = Path(self.build_lib, "mlforge_tasks", "_shipped")
        shutil.rmtree(shipped, ignore_errors=True)
        shipped.mkdir(parents=True)
        for name in BESIDE:
            copy = shutil.copytree if Path(name).is_dir() else shutil.copyfile
            copy(name, shipped / name)


# Apart from the tree of artefacts, `build/`, and from what an earlier build has left.
options = {"build": {"build_base": "dist/build"}}
setup(cmdclass={"build_py": BuildWithFiles}, options=options)
