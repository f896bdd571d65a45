"""What can go wrong, in four classes that the pipeline never confuses.

* `ContractError`: the user's YAML is wrong; nothing was started (doit exit code 3).
* `ToolError`: a compiler, emulator or library broke; shown, never cached (exit code 2).
  So ends `DataError`, too: data that is not what the contract says.
* `CandidateFailure`: this architecture does not work out (too big, diverged, faulted on the
  device). A *result*: recorded, cached and fed back to the agent.
* `BusyError`: another run holds the build tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlforge_tasks.records import Reason


# How a stage that runs as a process of its own tells its parent what happened.
EXIT_TOOL_BROKEN = 2
EXIT_CANDIDATE_FAILED = 3
EXIT_DATA_WRONG = 4
FAILURE_FILE = "failure.json"
# What its last words begin with where a tool broke: libraries say much before that.
LAST_WORDS = "broken tool: "
# Code of the reason of a stage that has nothing to do: no failure, it is passed over in silence.
NOT_NEEDED = "not_needed"


# What turns the direction of all text after it: names in data are anybody's.
_TURNS = {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}

# Of the mistakes in a file; nobody reads thousands.
MOST_SHOWN = 50


def in_order(text: str) -> str:
    """Text with what would have the rest of it read otherwise written as escapes."""
    return text.translate(_TURNS)


class MlforgeError(Exception):
    """Base of every error MLForge raises on purpose.

    Args:
        message: What is wrong, in one sentence.
        hint: What the user can do about it; shown under "Things to try:".
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = in_order(message)
        self.hint = hint and in_order(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}\nThings to try: {self.hint}" if self.hint else self.message


@dataclass(frozen=True)
class Problem:
    """One mistake in a YAML file.

    Attributes:
        where: `file:line` of the mistake.
        field: Dotted path of the field, empty for the whole document.
        found: What the file holds.
        wanted: What would have been right.
        suggestion: A likely correction, or None.
    """

    where: str
    field: str
    found: str
    wanted: str
    suggestion: str | None = None

    def __str__(self) -> str:
        text = f"{self.where}: {self.field or '(document)'}: "
        text += f"found {self.found}, wanted {self.wanted}"
        return text + (f"; did you mean '{self.suggestion}'?" if self.suggestion else "")


class ContractError(MlforgeError):
    """A contract or board file is not valid; carries every mistake found, and shows the first."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        shown = [str(problem) for problem in problems[:MOST_SHOWN]]
        rest = len(problems) - len(shown)
        super().__init__("\n".join([*shown, *([f"and {rest} more"] if rest else [])]))
        self.problems = problems


class ToolError(MlforgeError):
    """A tool that should work is missing, broke, or ran out of time or memory.

    Args:
        message: As of every error.
        hint: Likewise.
        log: All that the tool said, of which the message has what matters.
    """

    def __init__(self, message: str, *, hint: str | None = None, log: str = "") -> None:
        super().__init__(message, hint=hint)
        self.log = log


class DataError(ToolError):
    """The data is not what the contract says: no tool broke, and a run ends as if one had."""


class BusyError(MlforgeError):
    """Another process holds the build tree's lock."""


class CandidateFailure(MlforgeError):  # noqa: N818 - a result, not an error
    """A candidate that does not work out; `reason` is what the agent reads."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"{reason.code}: {reason.message}")
        self.reason = reason
