"""`operation.load` and `operation.memory_max`: what a program for Linux runs beside and within."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.contract.limits import Limits
    from mlforge_tasks.contract.operation import Operation
    from mlforge_tasks.contract.sections import Target


class Load(Record):
    """What else the machine does while the program is measured.

    Attributes:
        cpus: Threads that compute all the time; `stress-ng` where it is installed.
    """

    cpus: int = Field(ge=1, le=1024)


def off_linux(operation: Operation, target: Target) -> Iterator[Mistake]:
    """What only a program for Linux can have, relative to `operation`.

    Args:
        operation: What is said.
        target: The contract's.
    """
    if target.on_board.linux is not None:
        return
    for key, value in (("load", operation.load), ("memory_max", operation.memory_max_bytes)):
        if value is not None:
            wanted = "no such key: it is for `platform: linux`, whose programs run beside others"
            yield Mistake(wanted, at=(key,))


def limits_misfits(limits: Limits, target: Target) -> Iterator[Mistake]:
    """Limits that only Linux has, or has not, and those that are missing, relative to `limits`.

    Args:
        limits: The contract's.
        target: Likewise.
    """
    linux = target.on_board.linux is not None
    if linux and limits.stack_bytes is not None:
        yield Mistake("no such limit: a stack on Linux is part of `ram`", at=("stack",))
    if not linux and limits.pss_bytes is not None:
        yield Mistake("no such limit: it is for `platform: linux`", at=("pss",))
    if not linux or target.patches != "off":
        yield from limits.missing()
