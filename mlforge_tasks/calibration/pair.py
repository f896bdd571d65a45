"""One network that was emulated and measured: what a calibration is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mlforge_tasks.records import Profile, Record

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
PAIR = "pair.json"


class Conditions(Record):
    """What a calibration holds for, and for nothing else.

    Attributes:
        board: The board.
        cpu: Its core.
        clock_hz: Its clock.
        engine: What made the C.
        platform: What built the firmware.
        toolchain: Whose compiler.
        versions: Of the tools that built the board's image, as far as they say any.
        tools: sha256 of all that is known of these tools.
        kernels: sha256 of the engine's kernels.
        emulated_on: The board that stood for it.
        cycles_by: What told the emulated cycles, with its version.
    """

    board: str
    cpu: str
    clock_hz: int = Field(gt=0)
    engine: str
    platform: str
    toolchain: str
    versions: str
    tools: Digest
    kernels: Digest
    emulated_on: str
    cycles_by: str


class Pair(Record):
    """A network's profiles, `pair.json`.

    Attributes:
        network: Its name.
        model: sha256 of the `.tflite`.
        conditions: How both came to be.
        probe: The very board, as the runner identifies it.
        date: When it was measured there.
        tick_hz: The board's clock for that.
        emulated_firmware: Id of the image that was emulated.
        measured_firmware: Id of the one on the board.
        emulated: By the emulator.
        measured: By the board.
    """

    network: str
    model: Digest
    conditions: Conditions
    probe: dict[str, str]
    date: Day
    tick_hz: int = Field(gt=0)
    emulated_firmware: Digest
    measured_firmware: Digest
    emulated: Profile
    measured: Profile
