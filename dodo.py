"""The doit entry point: `doit run contract=contracts/glucose.yaml [build=build]`."""

from mlforge_tasks.shell.dodo import *  # noqa: F403 - doit reads what is in here
