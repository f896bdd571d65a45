"""A contract's file with `targets:`, as the files with one target each that it stands for.

So each of them is checked as a contract of its own, with its board against its limits, and a
mistake is told at the line and key that it has in the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from mlforge_tasks.contract.sections import Target
from mlforge_tasks.contract.targets import OWN, Entry, Models, names
from mlforge_tasks.errors import ContractError, Problem
from mlforge_tasks.yaml_file import View, closest
from mlforge_tasks.yaml_file.tree import Node, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mlforge_tasks.contract.contract import Contract

TARGETS, MODELS = "targets", "models"
LEAST = 2
_KEYS = tuple(one.alias or name for name, one in Entry.model_fields.items() if name != "own_board")


class Apart:
    """One contract's file.

    Args:
        path: Where it is, for the messages.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: list[Node] = []
        self._models: Models = "one"

    def views(self, root: Node) -> tuple[View, ...]:
        """The view of each target; of a file with one, the file.

        Raises:
            ContractError: It cannot be told which targets there are.
        """
        given = _inside(root)
        if TARGETS not in given and MODELS not in given:
            return (View(root),)
        problems = tuple(self._problem(*one) for one in _mistakes(given))
        if problems:
            raise ContractError(problems)
        common = {name: one for name, one in given.items() if name not in (TARGETS, MODELS)}
        listed = given[TARGETS].value
        self._entries = listed if isinstance(listed, list) else []
        self._models = "each" if MODELS in given and given[MODELS].value == "each" else "one"
        return tuple(_view(root, common, at, one) for at, one in enumerate(self._entries))

    def together(self, found: Sequence[Contract]) -> Contract:
        """The contract of all of them: the first one's, with every target.

        Raises:
            ContractError: Two targets are the same.
        """
        if not self._entries:
            return found[0]
        self._tell_apart(found)
        # What the first has for itself is the contract's from here on, so the others say theirs.
        first = _inside(self._entries[0])
        entries = []
        for contract, node in zip(found, self._entries, strict=True):
            own = {
                name: getattr(contract, name)
                for name in OWN
                if name in _inside(node) or name in first
            }
            target = {name: getattr(contract.target, name) for name in Target.model_fields}
            entries.append(Entry.model_construct(**target, **own))
        return found[0].model_copy(update={"targets": tuple(entries), "models": self._models})

    def _tell_apart(self, found: Sequence[Contract]) -> None:
        known: dict[str, int] = {}
        called = names([(one.target.board, one.target.platform) for one in found])
        for at, name in enumerate(called):
            if name in known:
                wanted = f"another board or platform than targets.{known[name]} has"
                board = f"{found[at].target.board} on {found[at].target.platform}"
                field = f"{TARGETS}.{at}.board"
                line = _inside(self._entries[at])["board"].line
                raise ContractError((self._problem(line, field, board, wanted, None),))
            known[name] = at

    def _problem(
        self, line: int, field: str, found: str, wanted: str, suggestion: str | None
    ) -> Problem:
        return Problem(f"{self._path}:{line}", field, found, wanted, suggestion)


def _inside(node: Node) -> Mapping[str, Node]:
    return node.value if isinstance(node.value, dict) else {}


def _view(root: Node, common: Mapping[str, Node], at: int, entry: Node) -> View:
    own = {name: one for name, one in _inside(entry).items() if name in OWN}
    rest: Any = {name: one for name, one in _inside(entry).items() if name not in OWN}
    target = Node(entry.line, rest, entry.text)
    places = {name: f"{TARGETS}.{at}.{name}" for name in own}
    whole = Node(root.line, {**common, "target": target, **own})
    return View(whole, {"target": f"{TARGETS}.{at}", **places})


def _mistakes(given: Mapping[str, Node]) -> Iterator[tuple[int, str, str, str, str | None]]:
    """Line, field, what is there, what is wanted and what is likely meant."""
    chosen, listed = given.get(MODELS), given.get(TARGETS)
    if listed is None:
        line = chosen.line if chosen else 1
        yield line, MODELS, "the key alone", "the key 'targets' beside it", None
        return
    if chosen is not None and chosen.value not in get_args(Models):
        near = closest(str(chosen.value), get_args(Models))
        yield chosen.line, MODELS, shorten(chosen.text or str(chosen.value)), "one or each", near
    if "target" in given:
        wanted = "either it or 'target'; one target alone is no list"
        yield listed.line, TARGETS, "both 'target' and 'targets'", wanted, None
    entries = listed.value
    if not isinstance(entries, list) or len(entries) < LEAST:
        found = f"a list of {len(entries)}" if isinstance(entries, list) else "no list"
        wanted = f"a list of at least {LEAST} targets; one alone stands at 'target'"
        yield listed.line, TARGETS, found, wanted, None
        return
    for at, entry in enumerate(entries):
        yield from _entry_mistakes(f"{TARGETS}.{at}", entry)


def _entry_mistakes(field: str, entry: Node) -> Iterator[tuple[int, str, str, str, str | None]]:
    if not isinstance(entry.value, dict):
        yield (
            entry.line,
            field,
            shorten(entry.text or "a list"),
            "a mapping such as {board: …}",
            None,
        )
        return
    for name, one in entry.value.items():
        if name not in _KEYS:
            unused = [key for key in _KEYS if key not in entry.value]
            wanted = f"one of {', '.join(_KEYS)}"
            found = f"the unknown key {shorten(name)}"
            yield one.line, f"{field}.{name}", found, wanted, closest(name, unused)
