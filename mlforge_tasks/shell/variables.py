"""The `name=value` words of a command line."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import TYPE_CHECKING

from doit import doit_cmd
from doit.exceptions import InvalidDodoFile

from mlforge_tasks.shell import each_target
from mlforge_tasks.yaml_file import meant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VARIABLES = (
    *("contract", "build", "folder", "name", "data", "board"),
    *("port", "browser", "a", "b", "html", "profiles"),
)
# What doit takes the next word for a file or folder of.
_BEFORE_A_FILE = ("-o", "--output-file", "--db-file", "-f", "--file", "-d", "--dir")
_BEFORE_A_VALUE = (
    *_BEFORE_A_FILE,
    *("-n", "--process", "-P", "--parallel-type", "-r", "--reporter", "-v", "--verbosity"),
    *("--failure-verbosity", "--backend", "--check_file_uptodate"),
)


def given() -> Mapping[str, str]:
    """Those of this process's command line."""
    return doit_cmd._CMDLINE_VARS or {}  # noqa: SLF001 - doit has no other way


def whole_run(words: Sequence[str] | None = None) -> bool:
    """Whether a command line runs a contract to its end, and not some tasks or another command.

    Args:
        words: The command line; that of this process, where it is one of doit's, if None.
    """
    if words is None:
        if doit_cmd._CMDLINE_VARS is None:  # noqa: SLF001 - doit has no other way
            return False
        words = sys.argv[1:]
    named = [
        word
        for before, word in pairwise(("", *words))
        if before not in _BEFORE_A_VALUE and not word.startswith("-") and "=" not in word
    ]
    return set(named) <= {"run", "converge"}


def check_variables(words: Sequence[str] | None = None) -> None:
    """Refuses what doit would take and nobody would read: a misspelt variable, one given twice.

    So is a contract without `contract=`, which doit would take for a task's name.

    Args:
        words: The command line; that of this process where it is None.

    Raises:
        InvalidDodoFile: A variable is unknown, empty or given twice, or a contract has none.
    """
    for name, value in given().items():
        if name not in VARIABLES:
            known = ", ".join(f"{one}=" for one in VARIABLES) + meant(name, VARIABLES)
            raise InvalidDodoFile(f"found the unknown variable '{name}=', wanted {known}")
        if not value:
            raise InvalidDodoFile(f"found nothing after '{name}='")
    words = words or sys.argv[1:]
    for before, word in pairwise(("", *words)):
        named = before in _BEFORE_A_FILE or word.startswith("-") or "=" in word
        if each_target.is_contract(word) and not named:
            raise InvalidDodoFile(f"found '{word}' alone, wanted contract={word}")
    for name in VARIABLES:
        found = [word for word in words if word.startswith(f"{name}=")]
        if len(found) > 1:
            raise InvalidDodoFile(
                f"found '{name}=' {len(found)} times ({', '.join(found)}), wanted one"
            )
