"""Every way to break a contract is one clear error: where, what was found, what was wanted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlforge_tasks.contract.loader import load
from mlforge_tasks.errors import ContractError, Problem
from tests.helpers.contract_cases import GOOD, Case, cases, project


def _problems(root: Path, content: str | bytes) -> tuple[Problem, ...]:
    path = project(root, content)
    with pytest.raises(ContractError) as caught:
        load(path, root)
    for problem in caught.value.problems:
        assert problem.where.startswith(f"{path}:")
    return caught.value.problems


def _line(problem: Problem) -> int:
    return int(problem.where.rpartition(":")[2])


def test_the_good_contract_is_good(tmp_path: Path) -> None:
    """The table starts from a contract that loads."""
    assert load(project(tmp_path, GOOD), tmp_path).task == "classification"


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_one_mistake(tmp_path: Path, case: Case) -> None:
    """The error names line and field, says what was found and wanted, and nothing else."""
    assert GOOD.count(case.old) == 1
    problems = _problems(tmp_path, GOOD.replace(case.old, case.new))
    first = problems[0]
    assert (_line(first), first.field) == (case.line, case.field)
    for word in case.words:
        assert word in str(first)
    assert len(problems) == case.count


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"- version: 1\n", "a list"),
        (GOOD.encode() + b"---\n" + GOOD.encode(), "a second document"),
        (GOOD.encode("utf-16"), "not UTF-8"),
        (GOOD.replace("walk", "caf\u00e9").encode("latin-1"), "not UTF-8"),
        (GOOD.encode() + b"#" * 10_000_000, "more than 256 KiB"),
        (b"a: &a [x, x]\n" * 9, "the anchor '&a'"),
        (b"version: " + b"[" * 100_000, "too deep nesting"),
    ],
    ids=["empty", "list", "documents", "utf-16", "latin-1", "10 MB", "laughs", "deep"],
)
def test_a_file_that_is_no_contract(tmp_path: Path, content: bytes, words: str) -> None:
    """What cannot be read at all is one error."""
    (problem,) = _problems(tmp_path, content)
    assert words in problem.found


def test_a_missing_contract(tmp_path: Path) -> None:
    """The error is the same kind as for a broken one."""
    with pytest.raises(ContractError, match="no such file"):
        load(tmp_path / "nothing.yaml", tmp_path)


def test_many_mistakes_are_reported_together(tmp_path: Path) -> None:
    """One run shows every field that is wrong, in the order of the file."""
    wrong = {
        "task: classification": "task: classify",
        "{name: y, unit: g}": "{name: y}",
        "mps2/an385": "mps2/an358",
        "ram: 16 KiB": "ram: 16",
        "latency: 2 ms": "latncy: -2 ms",
        "72 %": "172 %",
        "epochs: 40": "epochs: forty",
        "agent: optimizer": "agent: optimiser",
    }
    content = GOOD
    for old, new in wrong.items():
        content = content.replace(old, new)
    problems = _problems(tmp_path, content)
    assert [(_line(problem), problem.field) for problem in problems] == [
        (2, "task"),
        (9, "dataset.inputs.features.1.unit"),
        (15, "target.board"),
        (20, "limits.ram"),
        (22, "limits.latncy"),
        (25, "goal.target"),
        (27, "training.epochs"),
        (34, "search.agent"),
    ]


def test_a_detector_of_one_among_several_labels_names_it(tmp_path: Path) -> None:
    """Of two labels the second is detected, of more there is none to be meant."""
    content = GOOD.replace("[rest, walk]", "[rest, walk, run]").replace("accuracy", "f1")
    (problem,) = _problems(tmp_path, content)
    assert (_line(problem), problem.field) == (25, "goal")
    assert problem.wanted == "the key 'positive', the label to detect: rest, walk, run"


_LINES = GOOD.splitlines(keepends=True)
_PIECES = st.sampled_from(
    [*"\t:-{}[]#&*!|>'\"%,\n 0.", "  ", "-1", ".nan", "\x00", "\u00e9", "yes"]
)


@st.composite
def _edited_text(draw: st.DrawFn) -> str:
    """The good contract with lines removed, repeated or moved, and odd characters put in."""
    lines = list(_LINES)
    for _ in range(draw(st.integers(1, 4))):
        index = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(("remove", "repeat", "move", "insert", "cut"))):
            case "remove" if len(lines) > 1:
                lines.pop(index)
            case "repeat":
                lines.insert(index, lines[index])
            case "move":
                lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(index))
            case "insert":
                at = draw(st.integers(0, len(lines[index])))
                lines[index] = lines[index][:at] + draw(_PIECES) + lines[index][at:]
            case _:
                lines[index] = lines[index][: draw(st.integers(0, len(lines[index])))]
    return "".join(lines)


_ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=4,
)


@st.composite
def _edited_values(draw: st.DrawFn) -> str:
    """The good contract with some values, at any depth, replaced by anything."""
    document = yaml.safe_load(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        place: Any = document
        while True:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            key = draw(st.sampled_from(list(keys)))
            inner = place[key]
            if not isinstance(inner, dict | list) or not inner or draw(st.integers(0, 3)) == 0:
                break
            place = inner
        place[key] = draw(_ANY_VALUE)
    return str(yaml.safe_dump(document, allow_unicode=True))


@settings(max_examples=150)
@given(_edited_text() | _edited_values())
def test_random_edits_give_a_contract_or_a_clear_error(
    tmp_path_factory: pytest.TempPathFactory, content: str
) -> None:
    """No edit makes loading raise anything but `ContractError`, and each problem is complete."""
    root = tmp_path_factory.getbasetemp() / "fuzz" / "project"
    root.mkdir(parents=True, exist_ok=True)
    problems: tuple[Problem, ...] = ()
    try:
        load(project(root, content), root)
    except ContractError as error:
        problems = error.problems
    lines = [_line(problem) for problem in problems]
    assert lines == sorted(lines)
    assert all(problem.found and problem.wanted for problem in problems)


def test_loading_writes_nothing(tmp_path: Path) -> None:
    """A broken contract leaves the project as it was."""
    path = project(tmp_path, GOOD.replace("72 %", "72"))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ContractError):
        load(path, tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("labels: [", "labels: [" + "aa, " * 20_000, "aa again"),
        (
            "version: 1",
            "version: 1\n" + "\n".join(f"k{i}: 1" for i in range(3000)),
            "and 2950 more",
        ),
        ("version: 1", "version: 1\nx: " + "[" * 90_000, "too deep nesting"),
        ("version: 1", "version: 1\nx: " + "{a: " * 40_000, "too deep nesting"),
        ("version: 1", "version: 1\nx: &a [1]\ny: [*a, *a]", "the anchor '&a'"),
        ("version: 1", "version: " + "9" * 200_000, "the number '999"),
    ],
    ids=["twice", "unknown", "lists", "mappings", "alias", "number"],
)
def test_a_contract_made_to_take_long_is_one_short_error(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    """No input takes the square of its length, and no message is longer than one reads."""
    with pytest.raises(ContractError) as error:
        load(project(tmp_path, GOOD.replace(old, new, 1)), tmp_path)
    assert told in str(error.value)
    assert len(str(error.value)) < 20_000
