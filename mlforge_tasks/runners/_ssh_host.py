"""A machine of the hardware map that is logged in to by ssh."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mlforge_tasks.records import Record

SSH_PORT = 22
Word = Annotated[str, Field(pattern=r"^[^\s\x00-\x1f-][^\s\x00-\x1f]*$")]


class SshHost(Record):
    """How to log in to a machine; with a key or an agent, never with a password.

    Paths may begin with `~`; relative ones start from the map's folder.

    Attributes:
        host: Its name or address, or a `Host` of ssh's own configuration.
        port: Where its ssh server listens; what ssh's configuration says, or 22, without.
        user: Who to log in as; likewise.
        key: File of the private key; without one the agent's and the usual files are tried.
        known_hosts: File of the keys of hosts that are trusted, as `ssh` writes it.
        folder: Where on the machine programs may be put and run, in a folder of their own.
    """

    host: Word
    port: int | None = Field(default=None, ge=1, le=65535)
    user: Word | None = None
    key: str | None = None
    known_hosts: str = "~/.ssh/known_hosts"
    folder: Word = "/tmp"  # noqa: S108 - a fresh folder below it, which is ours alone

    @property
    def address(self) -> str:
        """Host and port, for people."""
        return self.host if self.port in (None, SSH_PORT) else f"{self.host}:{self.port}"
