"""One entry of the hardware map: a board, how it is flashed and where it is talked to.

Three keys are ours: `flash_command`, for a board that west cannot flash, `ssh`, for a machine that
runs Linux, and `meter`, for what measures a board's power. The keys `available`, `fixtures`,
`notes` and `flash_with_test` say nothing to us.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from mlforge_tasks.meters._settings import MeterSettings
from mlforge_tasks.records import Record
from mlforge_tasks.runners._ssh_host import SshHost
from mlforge_tasks.yaml_file import Mistake

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What twister writes for what it cannot find out.
UNKNOWN = "unknown"
# What `flash_command` may hold in braces.
PLACEHOLDERS = ("elf", "hex", "bin", "serial", "probe_id")

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class ScriptTimes(Record):
    """How long the scripts of a board may take, and what newer versions of twister give them.

    The keys `…_arg` are of twister's schema from 2025 on: words for the script's command line.
    """

    pre_script_s: float = Field(default=30, alias="pre_script_timeout", gt=0)
    post_script_s: float = Field(default=30, alias="post_script_timeout", gt=0)
    post_flash_s: float = Field(default=30, alias="post_flash_timeout", gt=0)
    pre_script_arg: tuple[str, ...] = ()
    post_script_arg: tuple[str, ...] = ()
    post_flash_script_arg: tuple[str, ...] = ()


class BenchBoard(Record):
    """One entry of the hardware map.

    Attributes:
        platforms: The boards, as Zephyr writes them, that it can be used as.
        id: Serial number that its USB device shows.
        probe_id: Serial number of its debug probe, where that is another one.
        product: What its USB device calls itself.
        runner: West runner that flashes it.
        runner_params: More arguments for that runner.
        connected: Whether it is plugged in.
        serial: Its port, or a URL that pyserial opens.
        serial_pty: A program that carries its console, in place of a port.
        baud: Speed of the port.
        flash_timeout_s: Time limit of flashing.
        flash_before: Flash before the port is opened, for a port that is only there afterwards.
        pre_script: A program to run before flashing.
        post_flash_script: A program to run after flashing.
        post_script: A program to run when everything is over.
        script_param: Time limits and arguments of these.
        flash_command: What to run instead of west; the words may hold `PLACEHOLDERS` in braces.
        ssh: Where it is logged in to, in place of a port.
        meter: What measures the power that it takes.
        available: Twister's own.
        fixtures: Twister's own.
        flash_with_test: Twister's own.
        notes: For people.
    """

    platforms: tuple[str, ...] = Field(alias="platform", min_length=1)
    id: str | None = None
    probe_id: str | None = None
    product: str = UNKNOWN
    runner: str | None = None
    runner_params: tuple[str, ...] = ()
    connected: bool
    serial: str | None = None
    serial_pty: str | None = None
    baud: int = Field(default=115_200, gt=0)
    flash_timeout_s: float = Field(default=60, alias="flash_timeout", gt=0)
    flash_before: bool = False
    pre_script: str | None = None
    post_flash_script: str | None = None
    post_script: str | None = None
    script_param: ScriptTimes = ScriptTimes()
    flash_command: tuple[str, ...] | None = Field(default=None, min_length=1)
    ssh: SshHost | None = None
    meter: MeterSettings | None = None
    available: bool = True
    fixtures: tuple[str, ...] = ()
    flash_with_test: bool = False
    notes: str | None = None

    @field_validator("platforms", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        """Twister takes a list, or names with spaces between."""
        if isinstance(value, str):
            return tuple(value.split())
        return tuple(value) if isinstance(value, list) else value

    @field_validator("flash_command")
    @classmethod
    def _known_placeholders(cls, command: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for index, word in enumerate(command or ()):
            for name in _PLACEHOLDER.findall(word):
                if name not in PLACEHOLDERS:
                    known = ", ".join(f"{{{one}}}" for one in PLACEHOLDERS)
                    raise Mistake(f"braces only as in {known}", at=(index,))
        return command

    @property
    def probe(self) -> str | None:
        """What tells this board from others of its kind; `probe_id` goes before `id`."""
        return self.probe_id or self.id

    @property
    def called(self) -> str:
        """What tells it from others, for people."""
        return self.probe or (self.ssh.address if self.ssh else "one without an id")

    @property
    def reachable(self) -> bool:
        """Whether there is something to talk to, by the map."""
        return self.connected and (self.serial or self.serial_pty or self.ssh) is not None

    def identity(self) -> dict[str, str]:
        """What a measurement on this board belongs to.

        Where it is plugged in and how it is flashed may change without another result; a machine
        without an id is known by its address. A meter is part of it: it may supply the board.
        """
        address = self.ssh.address if self.ssh and self.id is None else ""
        return {
            "bench_platform": " ".join(self.platforms),
            "bench_product": self.product,
            "bench_id": self.id or address,
            "bench_probe_id": self.probe_id or "",
            **({"bench_meter": self.meter.identity()} if self.meter else {}),
        }


def fill(command: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """A `flash_command` with its placeholders filled in; other braces stay."""
    return [
        _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), word) for word in command
    ]
