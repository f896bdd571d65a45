"""A session with a device that is there as long as we are, and never reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.runners import Beside
from mlforge_tasks.runners._frames import wire_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlforge_tasks.records import SelfTest
    from mlforge_tasks.runners import InferenceResult, Way
    from mlforge_tasks.runners._link import Link


class LinkSession:
    """See `runners.Session`.

    Args:
        link: The line to it.
        self_test: What it measured.
        seconds_for: How long an inference takes, with so many bytes to write into its memory and
            so many characters on the line.
    """

    def __init__(
        self, link: Link, self_test: SelfTest, seconds_for: Callable[[int, float], float]
    ) -> None:
        self._link = link
        self.self_test = self_test
        self._seconds_for = seconds_for

    @property
    def console(self) -> bytes:
        """Every byte that came."""
        return self._link.console

    def begin(self) -> None:
        """See `runners.Session.begin`."""
        self._link.begin()

    def infer(self, data: bytes) -> InferenceResult:
        """See `runners.Session.infer`."""
        return self._link.infer(data)

    @property
    def beside(self) -> Beside:
        """See `runners.Session.beside`: nothing."""
        return Beside()

    @property
    def inputs_through(self) -> Way:
        """See `runners.Session.inputs_through`."""
        return self._link.inputs.way

    def seconds_for(self, input_bytes: int, output_bytes: int) -> float:
        """See `runners.Session.seconds_for`."""
        exchanges = 1 + self._link.inputs.pieces
        if self.inputs_through == "memory":
            return self._seconds_for(input_bytes, wire_bytes(output_bytes, exchanges))
        return self._seconds_for(0, wire_bytes(input_bytes + output_bytes, exchanges))
