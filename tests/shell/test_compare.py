"""`doit compare`: two runs by their contracts or folders; what is not there is told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

import pytest
from doit.exceptions import InvalidDodoFile

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.page.template import visible
from mlforge_tasks.shell import compare
from mlforge_tasks.shell.tasks import load_plan
from tests.helpers import page_reports
from tests.helpers.builds import doit
from tests.helpers.page_reports import HOSTILE, Parsed
from tests.helpers.paths import TANK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.pipeline.plan import Plan
    from mlforge_tasks.verdict.trials import Report


def _no_contract(path: str) -> NoReturn:
    raise InvalidDodoFile(f"{path}: no such file")


def _run(folder: Path, report: Report, contract: Mapping[str, object] | None = None) -> Path:
    """The tree of a run, as far as it is looked at."""
    place = folder / "delivered"
    place.mkdir(parents=True)
    report.write(place / "report.json")
    if contract is not None:
        (place / "contract.json").write_text(json.dumps(contract))
    return folder


def test_equal_runs_are_told_to_be_equal(tmp_path: Path) -> None:
    """Nothing is better, and no contract's field differs; both have a name of their own."""
    contract = {"limits": {"ram_bytes": 1024}}
    one, other = (_run(tmp_path / name, page_reports.real(), contract) for name in ("x", "y"))
    a, b = compare.read({"a": str(one), "b": str(other)}, _no_contract)
    assert (a.label, b.label) == (str(one), str(other))
    text = compare.told(a, b)
    assert text.count("same") >= 6
    assert "better" not in text
    assert "worse" not in text
    assert "contracts: the same" in text
    assert "tools: not known of one of them" in text


def test_what_was_asked_otherwise_is_named(tmp_path: Path) -> None:
    """As a contract has it, with units."""
    real = page_reports.real()
    one = _run(tmp_path / "x", real, {"limits": {"flash_bytes": 11264}, "mode": "simulate"})
    other = _run(tmp_path / "y", real, {"limits": {"flash_bytes": 12288}, "mode": "simulate"})
    text = compare.told(*compare.read({"a": str(one), "b": str(other)}, _no_contract))
    assert "  limits.flash: 11 KiB → 12 KiB" in text
    assert "mode:" not in text


def test_a_folder_of_what_was_delivered_is_a_run(tmp_path: Path) -> None:
    """It may have been copied out of its tree."""
    one = _run(tmp_path / "x", page_reports.real())
    a, b = compare.read({"a": str(one), "b": str(one / "delivered")}, _no_contract)
    assert a.report == b.report
    assert "not kept beside one of the reports" in compare.told(a, b)


@pytest.mark.parametrize("name", HOSTILE)
def test_the_page_shows_names_as_text(name: str, tmp_path: Path) -> None:
    """Whatever a contract calls things; and it needs no network."""
    one = _run(tmp_path / "x", page_reports.renamed(page_reports.real(), name), {"board": name})
    other = _run(tmp_path / "y", page_reports.nothing(page_reports.real()), {"board": "b"})
    made = compare.page(*compare.read({"a": str(one), "b": str(other)}, _no_contract))
    parsed = Parsed(made)
    assert not parsed.all("script")
    assert not any("src" in known for _, known in parsed.tags)
    assert not any(key.startswith("on") for _, known in parsed.tags for key in known)
    assert visible(name[:40]) in parsed.text


def test_equal_runs_give_equal_pages(tmp_path: Path) -> None:
    """To the byte."""
    one = _run(tmp_path / "x", page_reports.many(page_reports.real(), 8))
    words = {"a": str(one), "b": str(one / "delivered")}
    first, second = (compare.page(*compare.read(words, _no_contract)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({}, "found no a=, or no b="),
        ({"a": "x"}, "found no a=, or no b="),
        ({"a": "nowhere", "b": "x"}, "a=nowhere: there is no such folder"),
        ({"a": "c.yaml", "b": "x"}, "a=c.yaml: c.yaml: no such file"),
        ({"a": "empty", "b": "x"}, "a=empty: no run has delivered"),
        ({"a": "broken", "b": "x"}, "was not written by this MLForge"),
        ({"a": "x", "b": "x", "html": "out.txt"}, "html=out.txt: wanted the name of a file"),
    ],
    ids=str,
)
def test_what_is_not_there_is_told(
    words: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With which of the two it is, and what to do."""
    monkeypatch.chdir(tmp_path)
    _run(tmp_path / "x", page_reports.real())
    (tmp_path / "empty").mkdir()
    _run(tmp_path / "broken", page_reports.real())
    (tmp_path / "broken" / "delivered" / "report.json").write_text('{"name": 1}\n')
    with pytest.raises(MlforgeError) as caught:
        compare.read(words, _no_contract)
    assert said in str(caught.value)


def test_a_contract_that_never_ran_starts_nothing(tmp_path: Path) -> None:
    """The command to run it is named, and the exit code is 3."""
    words = (f"a={TANK}", f"b={TANK}")
    done = doit(*words, build=tmp_path / "build", command="compare")
    assert (done.code, done.out) == (3, "")
    assert f"Things to try: doit run contract={TANK}" in done.err
    assert not (tmp_path / "build").exists()


def _tank(tmp_path: Path, contract: Path) -> Path:
    """The tree of a run of a contract as it is now."""
    plan = load_plan(str(contract), str(tmp_path / "build"))
    return _run(plan.folder, page_reports.real(), plan.contract.model_dump(mode="json"))


def test_a_contract_that_was_edited_since_its_run_is_told(tmp_path: Path) -> None:
    """Its figures are of the contract as it was; two names of one run are no two runs."""
    contract = tmp_path / "tank.yaml"
    contract.write_text(TANK.read_text())
    tree = _tank(tmp_path, contract)
    words = {"a": str(contract), "b": str(TANK)}

    def load(path: str) -> Plan:
        return load_plan(path, str(tmp_path / "build"))

    a, b = compare.read(words, load)
    assert compare.notes(a, b) == [
        f"Both are the same run, that in '{tree / 'delivered'}': there is nothing to compare."
    ]
    contract.write_text(TANK.read_text().replace("latency: 1.2 ms", "latency: 1.25 ms"))
    a, b = compare.read(words, load)
    text, page = compare.told(a, b), Parsed(compare.page(a, b)).text
    edited = "the contract was edited since its run, whose figures these are: limits.latency"
    for said in (text, page):
        assert f"{contract}: {edited} 1200.0 us → 1250.0 us" in said
        assert f"{TANK}: {edited}" not in said
        assert "Both are the same run" in said


def test_other_runs_have_pages_of_their_own(tmp_path: Path) -> None:
    """Runs of one name from elsewhere, and names that read alike when they are joined."""
    build = tmp_path / "build"
    report = page_reports.real()
    named = {one: report.model_copy(update={"name": one}) for one in ("a", "a-b", "b-c", "c")}
    trees = [_run(build / name, one) for name, one in named.items()]
    trees += [_run(tmp_path / "copy" / "a", named["a"]), _run(tmp_path / "a", named["a"])]
    pairs = [(str(a), str(b)) for a in trees for b in trees]
    places = [
        compare.place({"build": str(build)}, *compare.read({"a": a, "b": b}, _no_contract))
        for a, b in pairs
    ]
    assert len({one.name for one in places}) == len(pairs)
    assert build / "compare" / "a-b+c.html" in places
    assert {one.parent for one in places} == {build / "compare"}


def test_a_page_lies_in_its_folder_whatever_a_report_says(tmp_path: Path) -> None:
    """A folder may be of somebody else's."""
    report = page_reports.real().model_copy(update={"name": "../../x/" + "y" * 300})
    one = _run(tmp_path / "x", report)
    a, b = compare.read({"a": str(one), "b": str(one)}, _no_contract)
    found = compare.place({"build": str(tmp_path / "build")}, a, b)
    assert found.parent == tmp_path / "build" / "compare"
    compare.write("page", found)
    assert found.read_text() == "page"


@pytest.mark.parametrize("name", ["ac", "cas", "compare"])
def test_a_folder_that_is_no_contracts_is_not_a_contracts_name(name: str, tmp_path: Path) -> None:
    """Nothing is written into what others look after."""
    contract = tmp_path / f"{name}.yaml"
    contract.write_text(TANK.read_text())
    with pytest.raises(
        InvalidDodoFile, match=f"a contract cannot be called '{name}': build/{name}"
    ):
        load_plan(str(contract), str(tmp_path / "build"))


def test_a_contract_is_the_run_of_its_tree(tmp_path: Path) -> None:
    """In the build tree that the command line names."""
    _run(tmp_path / "tank", page_reports.real())
    one = _run(tmp_path / "other", page_reports.real())
    words = {"a": str(TANK), "b": str(one)}
    a, _ = compare.read(words, lambda path: load_plan(path, str(tmp_path)))
    assert a.folder == tmp_path / "tank" / "delivered"
