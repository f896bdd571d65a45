"""Whatever is wrong in a user's file is told in our words, never in pydantic's."""

from __future__ import annotations

import copy
import functools
import json
import re
from typing import TYPE_CHECKING, Any

import yaml
from pydantic_core._pydantic_core import list_all_errors

from mlforge_tasks.architecture import parse_architecture
from mlforge_tasks.contract.board import BOARDS, Board
from mlforge_tasks.contract.loader import load
from mlforge_tasks.errors import CandidateFailure, ContractError
from mlforge_tasks.runners._bench import read_map
from mlforge_tasks.yaml_file import read_model
from tests.helpers.contract_cases import GOOD, project
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DESIGN = """
- {kind: conv1d, filters: 8, kernel: 5}
- {kind: residual, layers: [{kind: conv1d, filters: 8, kernel: 3}, {kind: dropout, rate: 0.1}]}
- {kind: conv2d, filters: 8, kernel: [3, 3], padding: same}
- {kind: flatten}
- {kind: dense, units: 4, activation: relu}
"""
MAP = """
- {connected: true, id: "77", platform: nucleo_f446re, product: STM32 STLink, runner: openocd,
   serial: /dev/ttyACM0, baud: 9600, script_param: {pre_script_timeout: 3}}
- {connected: false, id: "78", platform: [a, b], serial: null, flash_command: [run, "{elf}"]}
"""
LLM = {"model": "m", "temperature": 0.5, "timeout": "2 min", "base_url": "https://x.org"}
# Words that every kind of value is replaced by.
WRONG: tuple[Any, ...] = (
    None, True, -7, 0.25, ".inf", "kernal", [], ["x", {}], {"kind": "x"},
)  # fmt: skip
_BLANK = re.compile(r"\\\{\w+\\\}")
# What a message is made of that is only another's words, or ours.
_PASSED_ON = {"value_error", "assertion_error", "finite_number"}


def foreign() -> re.Pattern[str]:
    """Every message of pydantic, with anything in its gaps."""
    texts = {
        one["message_template_python"].removeprefix("Input should be ")
        for one in list_all_errors()
        if one["type"] not in _PASSED_ON
    }
    # Where little but the gaps is left, everything would be pydantic's.
    ways = [_BLANK.sub(".*", re.escape(text)) for text in texts]
    return re.compile("|".join(way for way in ways if len(way.replace(".*", "")) > 8))


FOREIGN = foreign()


def broken(*documents: Any) -> Iterator[Any]:
    """Documents with one mistake: a value replaced, a key left out, misspelt or added.

    Each field is broken once, in the first document that has it.
    """
    seen: set[tuple[Any, ...]] = set()
    for document in documents:
        for path in places(document):
            field = kinds(document, path)
            if field in seen:
                continue
            seen.add(field)
            for wrong in WRONG:
                yield changed(document, path, functools.partial(replace, wrong))
            yield changed(document, path, remove)
            if isinstance(path[-1], str):
                yield changed(document, path, misspell)


def kinds(document: Any, path: tuple[Any, ...]) -> tuple[Any, ...]:
    """A path whose indices are gone, but which says what kind of record each value is in."""
    found: list[Any] = []
    for key in path:
        told = document if isinstance(document, dict) else {}
        found += [told.get("kind", told.get("rule")), key if isinstance(key, str) else None]
        document = document[key]
    return tuple(found)


def replace(wrong: Any, inside: Any, key: Any) -> None:
    inside[key] = wrong


def remove(inside: Any, key: Any) -> None:
    del inside[key]


def misspell(inside: Any, key: str) -> None:
    inside[f"{key[1:]}{key[:1]}"] = inside.pop(key)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in inside if isinstance(value, dict | list) else ():
        yield (*at, key)
        if isinstance(one, dict | list):
            yield from places(one, (*at, key))


def changed(document: Any, path: tuple[Any, ...], change: Callable[[Any, Any], object]) -> Any:
    result = copy.deepcopy(document)
    inside = result
    for key in path[:-1]:
        inside = inside[key]
    change(inside, path[-1])
    return result


def contracts() -> list[Any]:
    """Contracts that together hold every kind of section."""
    good = yaml.safe_load(GOOD)
    fixed = {"agent": "fixed", "architecture": yaml.safe_load(DESIGN)}
    llm = {"agent": "anthropic", "max_iterations": 2, "llm": LLM}
    paths = sorted((ROOT / "contracts").glob("*.yaml"))
    real = [yaml.safe_load(path.read_text()) for path in paths]
    data = [{**good, "dataset": one["dataset"], "task": one["task"]} for one in real]
    return [good, {**good, "search": fixed}, {**good, "search": llm}, *data]


def flow(document: Any) -> str:
    """As YAML, which is read faster on one line."""
    return json.dumps(document).replace('".inf"', ".inf")


def check(told: list[str], at_least: int) -> None:
    assert len(told) >= at_least
    assert not {wanted for wanted in told if FOREIGN.match(wanted)}


def wanted_by(read: Callable[[], object]) -> Iterator[str]:
    try:
        read()
    except ContractError as error:
        yield from (problem.wanted for problem in error.problems)
    except CandidateFailure as failure:
        yield from failure.reason.message.split(", wanted ")[1:]


def test_of_a_contract(tmp_path: Path) -> None:
    """Every place of every kind of section, with every kind of mistake."""
    told: list[str] = []
    path = project(tmp_path, GOOD)
    for document in broken(*contracts()):
        path.write_text(flow(document))
        told += wanted_by(functools.partial(load, path, tmp_path))
    check(told, 300)


def test_of_a_board(tmp_path: Path) -> None:
    """All boards together have every field."""
    told: list[str] = []
    path = tmp_path / "board.yaml"
    boards = [yaml.safe_load(board.read_text()) for board in sorted(BOARDS.glob("*.yaml"))]
    for document in broken(*boards):
        path.write_text(flow(document))
        told += wanted_by(lambda: read_model(path, Board))
    check(told, 300)


def test_of_a_hardware_map(tmp_path: Path) -> None:
    """It is a list of boards."""
    told: list[str] = []
    path = tmp_path / "map.yaml"
    for document in broken(yaml.safe_load(MAP)):
        path.write_text(flow(document))
        told += wanted_by(lambda: read_map(path))
    check(told, 100)


def test_of_a_design() -> None:
    """A file that `fixed` is given, and what a language model proposes."""
    told: list[str] = []
    for document in broken({"layers": yaml.safe_load(DESIGN)}):
        told += wanted_by(functools.partial(parse_architecture, document))
    check(told, 100)


def test_the_words_are_known() -> None:
    """What is looked for is found where it is said."""
    assert FOREIGN.match("Field required")
    assert FOREIGN.match("a valid integer")
    assert FOREIGN.match("greater than or equal to 1")
    assert not FOREIGN.match("the key 'kernel'")
    assert not FOREIGN.match("a number of at least 1")
