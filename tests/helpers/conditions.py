"""What derived figures depend on, for stages that are run by themselves."""

from __future__ import annotations

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.contract.operation import Operation
from mlforge_tasks.verdict.derived import CONDITIONS, Conditions

_PLAIN = Conditions(board=load_board("mps2/an386"), operation=Operation())
PLAIN = {CONDITIONS: _PLAIN.model_dump(mode="json")}
"""Of a stage's configuration: a board, and nothing said of how it is used."""
