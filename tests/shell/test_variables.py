"""The words of a command line: what is refused, and what only looks like it."""

from __future__ import annotations

import pytest
from doit.exceptions import InvalidDodoFile

from mlforge_tasks.shell.variables import check_variables


@pytest.mark.parametrize("words", [("x.yaml",), ("-a", "x.yml"), ("-o", "out.yaml", "x.yaml")])
def test_a_contract_alone_is_refused(words: tuple[str, ...]) -> None:
    """Doit would take it for a task."""
    with pytest.raises(InvalidDodoFile, match=r"found 'x\.ya?ml' alone, wanted contract=x"):
        check_variables(("run", *words))


@pytest.mark.parametrize("option", ["-o", "--output-file", "--db-file"])
def test_a_file_of_an_option_is_no_contract(option: str) -> None:
    """Whatever its name ends with."""
    check_variables(("run", option, "out.yaml", "contract=x.yaml"))
