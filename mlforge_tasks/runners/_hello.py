"""What a device says about itself when it has booted, and whenever it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.records import SelfTest, StackUse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROTOCOL_VERSION = 3
# What an image tells that has a periodic thread beside inference.
SCHEDULE = (
    *("start_up", "thread_hz", "thread_period", "thread_busy_us"),
    *("idle", "beside", "alone", "together"),
)


@dataclass(frozen=True)
class Hello:
    """What the device says about itself.

    Attributes:
        self_test: Its own measurements, with the ids of firmware and model.
        engine: The engine the model was made with.
        input_bytes: Size of the model's input.
        output_bytes: Size of the model's output.
        input_at: Address of the model's input; None where it is not the same at every boot.
        pieces: How often an inference asks for some of its input; 0 where that comes as a whole.
        marker: Whether it makes windows of inferences for a meter.
    """

    self_test: SelfTest
    engine: str
    input_bytes: int
    output_bytes: int
    input_at: int | None = None
    pieces: int = 0
    marker: bool = False

    @classmethod
    def parse(cls, payload: bytes) -> Hello:
        """Reads a hello frame's payload: `name=value` lines, numbers in hex.

        `stack=used/size name` comes once a thread, `ticks=value*times` once a value,
        ascending, and `layer=index*ticks` once a layer in a profile image. Those of `SCHEDULE` are
        lists of numbers.

        Raises:
            ToolError: It is of another protocol version, or not complete.
        """
        pairs = [line.partition("=") for line in payload.decode(errors="replace").splitlines()]
        fields = {name: value for name, _, value in pairs}
        try:
            stacks = tuple(_stack(value) for name, _, value in pairs if name == "stack")
            version = int(fields["protocol"], 16)
            if version != PROTOCOL_VERSION:
                raise ToolError(f"the device speaks protocol {version}, not {PROTOCOL_VERSION}")
            return cls(
                self_test=SelfTest(
                    ticks=_ticks(fields, [value for name, _, value in pairs if name == "ticks"]),
                    tick_hz=int(fields["tick_hz"], 16),
                    stacks=stacks,
                    arena_bytes=int(fields["arena_bytes"], 16),
                    peak_memory_bytes=int(fields.get("peak_memory", "0"), 16) or None,
                    model_digest=fields["model"],
                    firmware_id=fields["firmware"],
                    laps=_laps(fields, [value for name, _, value in pairs if name == "layer"]),
                    schedule=_schedule(fields),
                ),
                engine=fields["engine"],
                input_bytes=int(fields["input_bytes"], 16),
                output_bytes=int(fields["output_bytes"], 16),
                input_at=int(fields["input_at"], 16) if "input_at" in fields else None,
                pieces=int(fields.get("pieces", "0"), 16),
                marker="marker" in fields,
            )
        except (KeyError, ValueError) as error:
            raise ToolError(f"the device's hello is not complete: {error}") from error


@dataclass(frozen=True)
class Marked:
    """Windows of inferences that a device has made for a meter.

    Attributes:
        windows: How many.
        inferences: In each.
        least_ticks: Of the shortest.
        most_ticks: Of the longest.
    """

    windows: int
    inferences: int
    least_ticks: int
    most_ticks: int

    @classmethod
    def parse(cls, payload: bytes) -> Marked:
        """Reads the payload of the frame that tells them: `name=value` lines, numbers in hex.

        Raises:
            ToolError: It is not complete.
        """
        lines = payload.decode(errors="replace").splitlines()
        fields = {name: value for name, _, value in (line.partition("=") for line in lines)}
        names = ("windows", "inferences", "least_ticks", "most_ticks")
        try:
            return cls(*(int(fields[name], 16) for name in names))
        except (KeyError, ValueError) as error:
            raise ToolError(f"the device tells its windows unclearly: {error}") from error


@dataclass(frozen=True)
class Wanted:
    """A piece of its input that a device asks for.

    Attributes:
        first: Its first byte's place in the input.
        size_bytes: How much.
        at: Where it belongs in the device's memory.
    """

    first: int
    size_bytes: int
    at: int

    @classmethod
    def parse(cls, payload: bytes) -> Wanted:
        """Reads the payload of a frame that asks: `name=value` lines, numbers in hex.

        Raises:
            ToolError: It is not complete.
        """
        lines = payload.decode(errors="replace").splitlines()
        fields = {name: value for name, _, value in (line.partition("=") for line in lines)}
        try:
            first, size, at = (int(fields[name], 16) for name in ("first", "size", "at"))
        except (KeyError, ValueError) as error:
            raise ToolError(f"the device asks for rows of its input unclearly: {error}") from error
        return cls(first, size, at)


def _ticks(fields: Mapping[str, str], values: Iterable[str]) -> tuple[int, ...]:
    """Every inference's ticks; the least one is told apart, for it may be lost among others."""
    ticks: list[int] = []
    for value in values:
        each, _, times = value.partition("*")
        ticks += [int(each, 16)] * int(times, 16)
    if not ticks:
        raise ValueError("no ticks")
    return (int(fields["least_ticks"], 16), *ticks[1:])


def _schedule(fields: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """What an image with a periodic thread tells, by name."""
    given = {name: fields[name].replace("*", " ") for name in SCHEDULE if name in fields}
    return {name: tuple(int(one, 16) for one in text.split()) for name, text in given.items()}


def _laps(fields: Mapping[str, str], values: Iterable[str]) -> tuple[tuple[int, int], ...]:
    """Every layer's ticks, once for each turn, without what it takes to measure nothing."""
    empty = int(fields.get("no_layer", "0*0").partition("*")[2], 16)
    pairs = (value.partition("*") for value in values)
    return tuple((int(index, 16), max(int(ticks, 16) - empty, 0)) for index, _, ticks in pairs)


def _stack(value: str) -> StackUse:
    sizes, _, name = value.partition(" ")
    used, _, reserved = sizes.partition("/")
    return StackUse(name=name, used_bytes=int(used, 16), reserved_bytes=int(reserved, 16))
