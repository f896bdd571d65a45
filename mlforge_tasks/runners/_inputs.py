"""How a model's input comes to a device: with the request, when it asks, or into its memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mlforge_tasks.errors import ToolError
from mlforge_tasks.runners._frames import Frame, FrameType, placed
from mlforge_tasks.runners._hello import Hello, Wanted

if TYPE_CHECKING:
    from mlforge_tasks.runners import Way


class Memory(Protocol):
    """A device's memory, where a host can reach it beside the line."""

    def write(self, address: int, data: bytes) -> None:
        """Writes bytes.

        Raises:
            TransportClosedError: The device is gone.
            TransportStillError: It stands still.
            ToolError: It cannot be written.
        """


class Inputs:
    """The inputs of one device.

    Args:
        memory: The device's, if inputs are to be written there.
    """

    def __init__(self, memory: Memory | None) -> None:
        self._memory = memory
        self._hello: Hello | None = None
        self._data = b""
        self._asked: list[Wanted] = []

    def meet(self, hello: Hello) -> None:
        """Takes what a device says about itself."""
        self._hello = hello

    @property
    def pieces(self) -> int:
        """How often an inference asks for some of its input."""
        return self._hello.pieces if self._hello is not None else 0

    @property
    def way(self) -> Way:
        """How they come."""
        return "line" if self._place() is None else "memory"

    def _place(self) -> Memory | None:
        """The memory, where it is known where in it an input belongs, or will be told."""
        hello = self._hello
        if hello is None or (hello.input_at is None and not hello.pieces):
            return None
        return self._memory

    def request(self, seq: int, data: bytes) -> bytes:
        """What asks for an inference; the input is in it, or in its place, or is asked for.

        Args:
            seq: The request's number.
            data: The input.
        """
        self._data, self._asked = data, []
        if self.pieces:
            return Frame(seq, FrameType.INFER, b"").encode()
        memory, hello = self._place(), self._hello
        if memory is None or hello is None or hello.input_at is None:
            return Frame(seq, FrameType.INFER, data).encode()
        memory.write(hello.input_at, data)
        return placed(seq, data)

    def piece(self, payload: bytes) -> bytes | None:
        """What answers a device that asks for some of the input; None where it asks too often.

        Raises:
            ToolError: There is no such piece, or the device does not see what was written for it.
        """
        wanted = Wanted.parse(payload)
        data = self._data[wanted.first :][: wanted.size_bytes]
        if not 0 < len(data) == wanted.size_bytes:
            raise ToolError(
                f"the device asks for {wanted.size_bytes} bytes of its input from {wanted.first}, "
                f"which has {len(self._data)}"
            )
        memory = self._place()
        if memory is not None and wanted in self._asked[-1:]:
            raise self.other_input()
        self._asked.append(wanted)
        if len(self._asked) > len(self._data):
            return None
        if memory is None:
            return Frame(wanted.first, FrameType.ROWS, data).encode()
        memory.write(wanted.at, data)
        return placed(wanted.first, data)

    @staticmethod
    def other_input() -> ToolError:
        """Of a memory that is not what was written to it."""
        return ToolError("the device has another input than was written to its memory")
