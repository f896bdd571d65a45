"""Several targets in one contract: `targets:` in place of `target:`, and what each has of its own.

A contract with several is as many contracts of one target each, which have all else in common. The
first one leads: what is said of a contract's target, mode, limits and margins is that one's.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, ValidationInfo
from pydantic.json_schema import SkipJsonSchema

from mlforge_tasks.contract.limits import Limits, Margins
from mlforge_tasks.contract.operation import Operation
from mlforge_tasks.contract.sections import Target
from mlforge_tasks.yaml_file import Mistake
from mlforge_tasks.yaml_file.units import typed_by_hand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.contract.contract import Contract

Mode = Literal["simulate", "hardware", "simulate-then-hardware", "static"]
Models = Literal["one", "each"]
# What a target may have for itself, and of the contract otherwise.
OWN = ("mode", "limits", "margins", "operation")


def _of_no_file(given: dict[str, str], info: ValidationInfo) -> dict[str, str]:
    if typed_by_hand(info):
        raise Mistake("no such key")
    return given


OwnKeys = Annotated[SkipJsonSchema[dict[str, str]], AfterValidator(_of_no_file)]


class Entry(Target):
    """One of several targets: what a single one has, and where need be its own limits.

    Attributes:
        mode: Its own; by default the contract's.
        limits: Its own, all of them; by default the contract's.
        margins: Its own, all of them; by default the contract's.
        operation: How it is used; by default as the contract says.
    """

    mode: Mode | None = None
    limits: Limits | None = None
    margins: Margins | None = None
    operation: Operation | None = None


def names(targets: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """What targets are called in names of stages, folders and figures.

    Args:
        targets: Each one's board and platform.

    Returns:
        The board's name as a C identifier would be; with the platform where a board comes twice.
        Equal ones where both are the same.
    """
    short = [_plain(board) for board, _ in targets]
    count = Counter(short)
    return tuple(
        name if count[name] == 1 else f"{name}_{_plain(platform)}"
        for name, (_, platform) in zip(short, targets, strict=True)
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def views(contract: Contract) -> dict[str, Contract]:
    """The contract of each target alone, by the target's name, the leading one's first.

    Args:
        contract: One with several targets; of one with a single one there are none.
    """
    called = names([(one.board, one.platform) for one in contract.targets])
    return {name: _view(contract, at) for at, name in enumerate(called)}


def _view(contract: Contract, at: int) -> Contract:
    entry = contract.targets[at]
    given = {name: getattr(entry, name) for name in OWN}
    own: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    plain = {name: getattr(entry, name) for name in Target.model_fields}
    alone: dict[str, Any] = {
        "target": Target.model_construct(**plain),
        "targets": (),
        "own_keys": {name: f"targets.{at}.{name}" for name in own},
    }
    return contract.model_copy(update={**alone, **own})
