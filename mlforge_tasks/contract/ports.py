"""Where the bare-metal platform finds a board's port and pins."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mlforge_tasks.records import Record

Address = Annotated[int, Field(ge=0, lt=1 << 64)]


class Uart(Record):
    """The serial port to the host; `kind` names the driver of the bare-metal platform."""

    kind: Literal["cmsdk"]
    base: Address


class Pin(Record):
    """A pin of a port, for the bare-metal platform; `kind` names its driver there."""

    kind: Literal["cmsdk"]
    base: Address
    pin: int = Field(ge=0, le=15)
