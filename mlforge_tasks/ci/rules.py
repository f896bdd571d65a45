"""The rules of SARIF results: what each is, why it matters, what to do, and where that is told.

An id stays what it is: whoever tracks results knows them by it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from mlforge_tasks.ci.outcome import Case

Level = Literal["error", "warning", "note"]
MISTAKE = "contract-mistake"
DATA_MISTAKE = "data-mistake"
NOBODY = "no-candidate"
UNMEASURED = "unmeasured"
BROKEN_TOOL = "broken-tool"
_LIMITS = {
    "limits.ram": "ram-limit",
    "limits.flash": "flash-limit",
    "limits.latency": "latency-limit",
    "limits.stack": "stack-limit",
}
_LOOSEN = "Loosen the limit, or give the search more rounds (`search.max_iterations`)."


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        id: Stable.
        name: Another in one word, which SARIF wants to be more than the id.
        short: What a result says, in a sentence.
        why: What it is about.
        mend: What to do.
        docs: The page that tells more, in the repository.
        level: How bad it is.
    """

    id: str
    name: str
    short: str
    why: str
    mend: str
    docs: str
    level: Level = "error"

    def descriptor(self) -> dict[str, Any]:
        """SARIF's `reportingDescriptor`."""
        told = f"{self.why} {self.mend}"
        return {
            "id": self.id,
            "name": self.name,
            "shortDescription": {"text": self.short},
            "fullDescription": {"text": self.why},
            "help": {
                "text": f"{told} See {self.docs}.",
                "markdown": f"{told} See `{self.docs}`.",
            },
            "defaultConfiguration": {"level": self.level},
            "properties": {"tags": ["embedded", "machine-learning"]},
        }


def _limit(key: str, name: str, what: str, more: str) -> Rule:
    return Rule(
        _LIMITS[key],
        f"{name}Limit",
        f"The best candidate breaks {key}.",
        f"`{key}` bounds {what}, its margin (`margins`) taken off.{more}",
        _LOOSEN,
        "docs/contract.md#limits",
    )


RULES = {
    rule.id: rule
    for rule in (
        _limit("limits.ram", "Ram", "static memory and the stack of the whole firmware", ""),
        _limit("limits.flash", "Flash", "code and constants of the whole firmware", ""),
        _limit(
            "limits.latency",
            "Latency",
            "one inference",
            " An emulated one is counted instructions, priced by a model of the core.",
        ),
        _limit("limits.stack", "Stack", "the most of the stack that was ever in use", ""),
        Rule(
            "goal",
            "GoalMissed",
            "The best candidate misses the goal on the validation split.",
            "`goal` says what the int8 model must reach; the search reads the validation split.",
            "Ask for less, loosen what keeps the model small, or let the search go on for longer.",
            "docs/contract.md#goal",
        ),
        Rule(
            "goal-on-test",
            "GoalMissedOnTest",
            "The best candidate misses the goal on the test split.",
            "The goal must hold on the test split too, which the search never sees.",
            "Look whether both splits are alike, ask for less, or bring more data.",
            "docs/contract.md#goal",
        ),
        Rule(
            "baseline",
            "NoBetterThanBaseline",
            "The best candidate is no better than what needs no network.",
            "A model has to be better than the last reading, a mean, the most frequent class or "
            "a linear model.",
            "See whether the task needs a network; `goal.baseline: ignore` does not ask for it.",
            "docs/contract.md#goal",
        ),
        Rule(
            NOBODY,
            "NoCandidate",
            "No candidate could be measured.",
            "The search ended without a candidate of which enough is known to say what it breaks.",
            "Read why in the message, and loosen that.",
            "docs/contract.md#search",
        ),
        Rule(
            UNMEASURED,
            "NotMeasured",
            "The board cannot tell what the limits are for.",
            "A process of this computer has no RAM, flash and latency of a device.",
            "Take a board that QEMU emulates, or hardware, for a verdict.",
            "docs/contract.md#target",
            "note",
        ),
        Rule(
            MISTAKE,
            "ContractMistake",
            "The contract is not valid; nothing was started.",
            "Every mistake that can be found before a run is told with its line.",
            "Write what the message wants.",
            "docs/contract.md",
        ),
        Rule(
            DATA_MISTAKE,
            "DataMistake",
            "The data is not what the contract says.",
            "A column, a label or a file is not there, or a value is not of the kind that is said.",
            "Read the message; write what the data has, or mend the data.",
            "docs/ci.md",
        ),
        Rule(
            BROKEN_TOOL,
            "BrokenTool",
            "A tool broke or is missing; nothing is said of the contract.",
            "A compiler, an emulator, a board or a library did not do what it should.",
            "Read the message; `doit doctor` says what is installed and what is missing.",
            "docs/ci.md",
        ),
    )
}


def rule_of(case: Case) -> Rule:
    """The rule that a broken clause is a result of."""
    if case.clause.against:
        return RULES["baseline"]
    limit = _LIMITS.get(re.sub(r"^targets\.\d+\.", "", case.key))  # those of one of several
    if limit is not None:
        return RULES[limit]
    return RULES["goal-on-test" if case.name.endswith("_test") else "goal"]
