"""A contract that has a model for each of its targets: which one is meant, or a command for all.

`contract=contracts/x.yaml@mps2_an386` is that of one target, whose folder is `build/x@mps2_an386`.
Without a target a command is done for each of them, one after the other, in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from doit.exceptions import InvalidDodoFile

from mlforge_tasks.contract.targets import views
from mlforge_tasks.yaml_file import meant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlforge_tasks.contract.contract import Contract
    from mlforge_tasks.pipeline.plan import Plan

AT = "@"
YAML = (".yaml", ".yml")
# Commands that are about no contract, and those that are about one run alone.
_OF_NONE = ("new", "board", "doctor", "workspace", "compare")
_OF_ONE = ("view", "netron")
_ENDED = {0: "done", 1: "not met, or not made", 3: "nothing was started"}


class EachTargetError(InvalidDodoFile):  # type: ignore[misc]  # doit has no types
    """A contract has a model for each target, and none is named.

    Args:
        contract: Its path.
        names: The targets' names.
    """

    def __init__(self, contract: str, names: Sequence[str]) -> None:
        self.words = [f"{contract}{AT}{name}" for name in names]
        super().__init__(
            f"contract '{contract}' has a model for each of its targets\n"
            f"Things to try: contract={' or contract='.join(self.words)}"
        )


def is_contract(word: str) -> bool:
    """Whether a word of the command line is a contract's file."""
    return split(word)[0].endswith(YAML)


def split(word: str) -> tuple[str, str]:
    """A contract's path, and the target that is named behind it."""
    path, _, name = word.rpartition(AT)
    return (path, name) if path.endswith(YAML) and "/" not in name else (word, "")


def meant_by(contract: Contract, path: str, target: str) -> tuple[Contract, str]:
    """The contract that is searched for, and how its folder's name ends.

    Args:
        contract: As it was read.
        path: Where it is.
        target: The target that the command line names; empty where it names none.

    Raises:
        EachTargetError: It names none, and has to.
        InvalidDodoFile: There is no such target, or one model is for all.
    """
    if contract.models == "one":
        if target:
            raise InvalidDodoFile(
                f"found the target '{target}', but one model is for all that {path} has\n"
                f"Things to try: contract={path}"
            )
        return contract, ""
    known = views(contract)
    if not target:
        raise EachTargetError(path, list(known))
    if target not in known:
        told = f"found the target '{target}', wanted {' or '.join(known)}"
        raise InvalidDodoFile(f"{path}: {told}{meant(target, known)}")
    return known[target], f"{AT}{target}"


def plan_or_each(contract: str, load: Callable[[str], Plan], here: Path) -> Plan:
    """A contract's plan; of one with a model for each target, does the command for each, and ends.

    Args:
        contract: As the command line has it.
        load: A contract's plan.
        here: The folder that the user is in.

    Raises:
        InvalidDodoFile: The contract is broken, or the command is for one run alone.
        SystemExit: The command was done for each.
    """
    try:
        return load(contract)
    except EachTargetError as error:
        words = sys.argv[1:]
        if any(one in words for one in _OF_NONE):
            return load(error.words[0])
        if any(one in words for one in _OF_ONE):
            raise
        sys.exit(_each(contract, error.words, here))


def _each(contract: str, named: Sequence[str], here: Path) -> int:
    """The command for each target; the worst exit code, or that of an interrupt."""
    codes = []
    for one in named:
        print(f"{one}:", flush=True)
        words = [f"contract={one}" if word == f"contract={contract}" else word for word in _argv()]
        codes.append(_run(words, here))
        if codes[-1] > max(_ENDED):  # a signal ended it
            return codes[-1]
    print(f"\na model for each target of {contract}:")
    for one, code in zip(named, codes, strict=True):
        print(f"  {split(one)[1]}: {_ENDED.get(code, 'a tool broke')}")
    return max(codes)


def _argv() -> list[str]:
    """How this process was started."""
    return [sys.executable, *sys.orig_argv[1:]]


def _run(words: Sequence[str], here: Path) -> int:
    with subprocess.Popen(words, cwd=here) as child:
        try:
            code = child.wait()
        except BaseException:
            child.terminate()
            raise
    return code if code >= 0 else 128 - code
