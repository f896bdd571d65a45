"""doit's actions, with whatever breaks in them told in a way that says what to do."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from doit.exceptions import TaskError

from mlforge_tasks.errors import DataError, MlforgeError
from mlforge_tasks.graph import explanation, shortage
from mlforge_tasks.graph.files import own_digest, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlforge_tasks.graph.stage import Stage

BROKEN = 2
# What this process was told of broken tools, for whoever reads of a run when it has ended.
_broken: list[str] = []
# Which of it is of data that is not what the contract says.
_of_data: set[str] = set()


def broken_messages() -> tuple[str, ...]:
    """What tools said that broke, each once, as the console shows it."""
    return tuple(dict.fromkeys(_broken))


def of_data(messages: Iterable[str]) -> bool:
    """Whether all that broke is that the data is not what the contract says."""
    told = list(messages)
    return bool(told) and _of_data.issuperset(told)


def _task_error(message: str, error: Exception | None = None) -> TaskError:
    _broken.append(message if error is None else f"{message}: {error!r}")
    return TaskError(message, error)


class Cleaned(Protocol):
    """What has outputs that can be removed."""

    def clean(self) -> None:
        """Removes them."""


@dataclass(frozen=True)
class Removal:
    """What `doit clean` does: the outputs of some stages go, the store stays.

    Attributes:
        stages: Gives the stages, and whatever else is cleaned.
    """

    stages: Callable[[], Iterable[Cleaned]]

    def __call__(self) -> None:
        """Removes them; what cannot be removed ends the program, as doit would go on with 0."""
        try:
            for stage in self.stages():
                stage.clean()
        except OSError as error:
            print(f"ERROR: {refused(error, 'doit clean')}", file=sys.stderr)
            sys.exit(BROKEN)

    def __str__(self) -> str:
        """As doit shows it, without the first character."""
        return "<removal of outputs"


def told(action: Callable[..., Any]) -> Callable[..., Any]:
    """An action whose broken tools, full disks and own mistakes are told, never as results."""

    @functools.wraps(action)
    def act(*args: Any) -> Any:
        try:
            return action(*args)
        except MlforgeError as error:
            if isinstance(error, DataError):
                _of_data.add(str(error))
            return _task_error(str(error))
        except OSError as error:
            return _task_error(str(refused(error, "the build tree")))
        except Exception as error:  # noqa: BLE001 - told with its traceback, not swallowed
            if shortage.of(error) is not None:
                return _task_error(str(shortage.broken(error, "the run")))
            return _task_error("a mistake in MLForge: please report all that follows", error)

    return act


def run_stage(stage: Stage) -> dict[str, Any]:
    """The doit action for a stage: its values."""
    before = explanation.key_document(stage.folder)
    outcome = stage.run()
    after = explanation.key_document(stage.folder)
    return {
        "key": outcome.key,
        "manifest": own_digest(stage.manifest_path),
        "how": outcome.how,
        "status": outcome.manifest.status,
        "seconds": outcome.seconds,
        "changed": explanation.changes(before, after),
    }
