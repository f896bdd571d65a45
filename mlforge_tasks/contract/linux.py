"""What a board file says of a board that runs Linux: its `linux` section."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlforge_tasks.records import Record


class Linux(Record):
    """What Linux runs on.

    Attributes:
        arch: As `uname -m` says it.
        triple: What the names of its compiler and binutils begin with (`aarch64-linux-gnu`).
    """

    arch: Literal["x86_64", "aarch64", "armv7l"]
    triple: str = Field(pattern=r"^[\w.-]+$")
