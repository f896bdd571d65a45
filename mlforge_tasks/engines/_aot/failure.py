"""How the engine says that it cannot run a model: a result for the agent, never an error."""

from __future__ import annotations

from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.records import Reason


def unsupported(what: str, instead: str) -> CandidateFailure:
    """A model that uses something the engine does not have.

    Args:
        what: The operator and what about it is not supported.
        instead: What to use instead.
    """
    message = f"{what} is not supported by the aot engine; {instead}"
    return CandidateFailure(Reason(code="unsupported_operator", stage="engine", message=message))
