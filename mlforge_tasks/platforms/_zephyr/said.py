"""What Zephyr's build says of a mistake: its own line, out of pages of CMake's and ninja's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST_LINES = 8
# Kconfig, the devicetree compiler and its parser, C, the linker, each with a file where they know.
_TOLD = re.compile(
    r"^(devicetree error: .*|.*: warning: (attempt to assign|ignoring malformed|the value).*"
    r"|.*: warning: '.*' is not a valid value .*|warning: the value .*"
    r"|.*: (fatal )?error: .*|.*: undefined reference to .*|No shield named .*"
    r"|warning: \w+ has direct dependencies .*)$"
)
# CMake's messages are indented, below the place in a CMake file that they come from.
_CMAKE = re.compile(r"^CMake Error at .* \(message\):\n((?:(?:  .*)?\n)+)", re.MULTILINE)
# Where Kconfig knows a symbol from, which may be forty places.
_DEFINED = re.compile(r" \(defined at [^()]*\)")
# Its last word may have another program's first behind it, on the same line.
_ENDS = re.compile(r"( Assignment ignored\.).*")
_NO_HEADER = re.compile(r"fatal error: .*: No such file or directory$", re.MULTILINE)
_STEP = re.compile(r"\[(\d+)/(\d+)\] (.+)")
_UNLIKE_ZEPHYRS = ("command failed with return code", "execute_process failed")
# Kconfig wraps it over many lines.
_UNMET = re.compile(
    r"^warning: (\w+) \(defined at [^()]*?\)\s+was\s+assigned\s+the\s+value\s+'([^']*)'\s+but\s+got"
    r"\s+the\s+value\s+'([^']*)'\.",
    re.MULTILINE,
)
_OPTION = re.compile(r"^\s*CONFIG_(\w+)\s*=", re.MULTILINE)


def reasons(output: str) -> str:
    """The lines that say what is wrong; empty where none does.

    Args:
        output: All that a build said.
    """
    lines = (_ENDS.sub(r"\1", _DEFINED.sub("", one.strip())) for one in output.splitlines())
    own = [line for line in lines if _TOLD.match(line)]
    cmake = [] if own else list(_messages(output))
    return "\n".join(list(dict.fromkeys([*own, *cmake]))[:MOST_LINES])


def _messages(output: str) -> Iterator[str]:
    for block in _CMAKE.findall(output):
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        if not lines[0].startswith(_UNLIKE_ZEPHYRS):
            yield " ".join(lines)


def advice(told: str) -> str | None:
    """What to do about some of these lines."""
    if _NO_HEADER.search(told):
        return (
            "is it of a module that the board's file does not name (`zephyr: {modules: [hal_…]}`), "
            "or one of another revision than this Zephyr's: `west update`"
        )
    return None


def step(line: str) -> tuple[int, int, str] | None:
    """What ninja says of a step, `[57/140] Building C object …`; None of another line."""
    found = _STEP.search(line)
    return None if found is None else (int(found[1]), int(found[2]), found[3])


def unmet(output: str, options: Iterable[str]) -> str:
    """Of options that were asked for, one that Kconfig passed over; empty where it took all.

    Kconfig warns of it and goes on.

    Args:
        output: All that configuring said.
        options: Their names, without `CONFIG_`.
    """
    wanted = set(options)
    for name, asked, got in _UNMET.findall(output):
        if name in wanted:
            is_ = f"is '{got}'" if got else "has no value"
            return (
                f"Kconfig: {name} was asked to be '{asked}' and {is_} on this board: something "
                "that it depends on is not there"
            )
    return ""


def options_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The names of the options that Kconfig files assign."""
    return tuple(name for text in texts for name in _OPTION.findall(text))
