"""`doit new`: a contract to start from, written by what is in a file or folder."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract import loader
from mlforge_tasks.contract.schema import SCHEMA
from mlforge_tasks.datasets._look import look
from mlforge_tasks.errors import ContractError, MlforgeError
from mlforge_tasks.graph import product
from mlforge_tasks.render import render
from mlforge_tasks.shell.roles import roles_of
from mlforge_tasks.yaml_file.units import format_bytes

if TYPE_CHECKING:
    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.datasets._column import Column
    from mlforge_tasks.datasets._look import Look
    from mlforge_tasks.shell.request import Request

# Text that YAML takes for nothing else.
_PLAIN, _WORDS = re.compile(r"[A-Za-z][\w./-]*"), {"true", "false", "null"}
# Of names of columns; what else stands in brackets may be anything.
_UNIT = re.compile(r"[(\[]([^()\[\]]+)[)\]]$")
UNITS = (
    *("s", "ms", "us", "min", "h", "Hz", "kHz", "m", "mm", "cm", "km", "m/s", "rad", "deg", "°"),
    *("rad/s", "deg/s", "°/s", "dps", "rpm", "g", "mg", "kg", "m/s2", "m/s^2", "m/s²", "N", "Nm"),
    *("V", "mV", "uV", "µV", "A", "mA", "W", "kW", "Wh", "kWh", "uT", "µT", "Pa", "hPa", "kPa"),
    *("bar", "mbar", "psi", "C", "°C", "K", "F", "°F", "%", "ppm", "ppb", "lux", "lx", "dB"),
    *("l/s", "l/min", "l/h", "m3/h"),
)
# A model for a microcontroller, even where a board that is emulated has much more.
MOST_FLASH_BYTES, MOST_RAM_BYTES = 64 << 10, 32 << 10


def write(asked: Request) -> None:
    """Writes the contract.

    Raises:
        MlforgeError: The data cannot be read, or no contract could be made of it.
    """
    found = look(asked.data, product.project())
    asked.path.parent.mkdir(parents=True, exist_ok=True)
    if not (asked.path.parent / SCHEMA).exists():  # what an editor knows of contracts
        shutil.copyfile(product.path(f"contracts/{SCHEMA}"), asked.path.parent / SCHEMA)
    asked.path.write_text(contract_text(asked.path.stem, found, asked.board))
    try:
        loader.load(asked.path, product.project())
    except ContractError as error:
        asked.path.unlink()
        raise MlforgeError(f"{asked.data}: no contract could be made of it: {error}") from None


def contract_text(name: str, found: Look, board: Board) -> str:
    """A commented contract for what was found in data."""
    roles = roles_of(found)
    label = roles.label
    return render(
        "contract.yaml.jinja",
        name=name,
        schema=SCHEMA,
        flow=_flow,
        found=found,
        labels=_in_order(label.values) if label else (),
        unit=lambda name: found.quantities.get(name) or _unit(name),
        **{one.name: getattr(roles, one.name) for one in fields(roles)},
        target_share=round(50 + 50 / len(label.values)) if label else 0,
        half=f"{roles.target.deviation / 2:.4g}",
        **_clock(roles.time),
        **_limits(board),
    )


def _in_order(values: tuple[str, ...]) -> list[str]:
    """Classes that are numbers by their size."""
    return sorted(values, key=int) if all(map(str.isdecimal, values)) else list(values)


def _unit(name: str) -> str:
    """The unit that a column's name ends with, as in `x-axis (g)`; else 1."""
    ends = _UNIT.search(name)
    return ends[1] if ends and ends[1] in UNITS else "1"


def _clock(time: Column | None) -> dict[str, str | None]:
    """The interval, and how far a step may be off."""
    step_s = time.interval_s if time else None
    if step_s is None:
        return {"interval": None, "tolerance": None}
    return {"interval": _duration(step_s), "tolerance": _duration(step_s / 5)}


def _limits(board: Board) -> dict[str, Any]:
    """What may be asked of a board: no more than half of it."""
    bare = board.uart is not None and board.qemu is not None
    common = {
        "board": board,
        "platform": "baremetal" if bare else "zephyr",
        "latency": "20 ms",
    }
    if board.linux is not None:
        has = "disk and memory enough; a program takes some 0.5 MB of each"
        return {**common, "platform": "linux", "flash": "2 MiB", "ram": "8 MiB", "has": has}
    if board.flash is None or board.ram is None:
        has = "no memories of its own"
        return {**common, "flash": "64 KiB", "ram": "32 KiB", "has": has}
    flash, ram = board.flash.length_bytes, board.ram.length_bytes
    return {
        **common,
        "flash": format_bytes(min(flash // 2, MOST_FLASH_BYTES)),
        "ram": format_bytes(min(ram // 2, MOST_RAM_BYTES)),
        "has": f"{format_bytes(flash)} of flash, {format_bytes(ram)} of RAM",
    }


def _duration(seconds: float) -> str:
    for length_s, unit in ((3600, "h"), (60, "min")):
        if seconds >= length_s and not seconds % length_s:
            return f"{seconds / length_s:.6g} {unit}"
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1:
            return f"{seconds * factor:.6g} {unit}"
    return f"{seconds * 1e9:.6g} ns"


def _flow(value: Any) -> str:
    """A value as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
