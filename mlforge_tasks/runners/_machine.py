"""What a machine that runs Linux says of itself, and what of it a measurement has to know.

Read through a POSIX shell from the kernel's own files: proc(5), Documentation/ABI/testing/sysfs-*
of the kernel for thermal zones and cpufreq, and the Raspberry Pi firmware's `get_throttled`, whose
bits are those that `vcgencmd get_throttled` documents.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.runners._ssh_connection import plain

if TYPE_CHECKING:
    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.runners._ssh_connection import Machine

# `$0` is where the kernel shows its devices: /sys.
_FACTS = r"""
say() { printf '%s=%s\n' "$1" "$(printf %s "$2" | tr '\n\000' '  ' | cut -c1-100)"; }
say arch "$(uname -m)"
say kernel "$(uname -sr)"
say machine_id "$(cat /etc/machine-id 2>/dev/null)"
say model "$(tr '\000' ' ' </proc/device-tree/model 2>/dev/null ||
    cat "$0/class/dmi/id/product_name" 2>/dev/null)"
say cpu "$(sed -n -e 's/^model name[^:]*: *//p' -e 's/^CPU part[^:]*: */part /p' /proc/cpuinfo |
    head -n 1)"
say cpus "$(grep -c ^processor /proc/cpuinfo)"
say governor "$(cat "$0/devices/system/cpu/cpu0/cpufreq/scaling_governor" 2>/dev/null)"
say throttled "$(cat "$0/devices/platform/soc/soc:firmware/get_throttled" 2>/dev/null)"
say running "$(cut -d' ' -f4 /proc/loadavg | cut -d/ -f1)"
"""
# Told as a hash, which tells machines apart and no more: machine-id(5) asks for that.
_PRIVATE = b"mlforge machine-id: "
# The bits of `get_throttled` that are of now, not of some time since the machine started.
_THROTTLED_NOW = {
    0: "under-voltage",
    1: "frequency capped",
    2: "throttled",
    3: "soft temperature limit",
}
# 32-bit kernels of 64-bit processors, and 32-bit programs on 64-bit kernels.
_RUNS = {
    "x86_64": ("x86_64",),
    "aarch64": ("aarch64", "arm64"),
    "armv7l": ("armv7l", "armv8l", "aarch64"),
}


@dataclass(frozen=True)
class Facts:
    """What a machine is, and how it is now.

    Attributes:
        told: Each fact by its name; those that it does not tell are not there.
    """

    told: tuple[tuple[str, str], ...]

    @property
    def arch(self) -> str:
        """As `uname -m` says it."""
        return dict(self.told).get("arch", "")

    def where(self) -> tuple[tuple[str, str], ...]:
        """What a measurement is told with."""
        return tuple((f"machine_{name}", value) for name, value in self.told)


def look(machine: Machine, sysfs: str) -> Facts:
    """Asks a machine what it is.

    Args:
        machine: Which.
        sysfs: Where it shows its devices.

    Raises:
        ToolError: It does not say, or the connection is lost.
    """
    doing = "it does not say what it is"
    text = plain(machine.check(["sh", "-c", _FACTS, sysfs], doing=doing), most=4096)
    pairs = (line.partition("=") for line in text.splitlines())
    found = {name: value.strip() for name, _, value in pairs if value.strip()}
    number = found.pop("machine_id", "")
    if number:
        found["id_hash"] = hashlib.sha256(_PRIVATE + number.encode()).hexdigest()[:16]
    found["throttled"] = _throttled(found.get("throttled", ""))
    found["others_running"] = _others(found.pop("running", ""))
    return Facts(tuple((name, value) for name, value in sorted(found.items()) if value))


def _throttled(bits: str) -> str:
    """What the firmware of a Raspberry Pi says of now; empty where there is none."""
    try:
        value = int(bits, 16)
    except ValueError:
        return ""
    return ", ".join(name for bit, name in _THROTTLED_NOW.items() if value >> bit & 1) or "no"


def _others(running: str) -> str:
    """How many threads want a processor, without the shell that asked."""
    return str(max(int(running) - 1, 0)) if running.isdigit() else ""


def check_fits(board: Board, facts: Facts, name: str) -> None:
    """Sees whether a machine runs a board's programs.

    Raises:
        ToolError: It is another kind of processor.
    """
    arch = board.linux.arch if board.linux else ""
    if facts.arch not in _RUNS.get(arch, ()):
        raise ToolError(
            f"{name} is a machine of kind '{facts.arch or 'unknown'}', which runs no programs of "
            f"{board.name} ({arch})",
            hint="see whether `ssh` in the hardware map is that of the right machine, and its "
            "operating system of 64 or 32 bits as the board is",
        )
