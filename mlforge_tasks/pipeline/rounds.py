"""The rounds of a search, each declared when somebody asks for it.

A contract may allow a hundred rounds of many candidates, and most searches end after a few: what is
never visited costs nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from mlforge_tasks.pipeline.iteration import Iteration, Iterations


class Rounds(Sequence["Iteration"]):
    """All rounds that a contract allows, in their order.

    To ask for one declares it and those before it.

    Args:
        iterations: What declares them.
        count: How many there are.
    """

    def __init__(self, iterations: Iterations, count: int) -> None:
        self._iterations = iterations
        self._count = count
        self._known: list[Iteration] = []
        self._one_at_a_time = threading.Lock()  # stages run in threads, and gates ask

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Iteration: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Iteration, ...]: ...
    def __getitem__(self, index: int | slice) -> Iteration | tuple[Iteration, ...]:
        if isinstance(index, slice):
            return tuple(self[one] for one in range(self._count)[index])
        place = range(self._count)[index]
        with self._one_at_a_time:
            while len(self._known) <= place:
                self._known.append(self._iterations.next(self._known))
        return self._known[place]

    @property
    def declared(self) -> tuple[Iteration, ...]:
        """Those that somebody asked for."""
        return tuple(self._known)
