"""The section `operation:`: how the device is used, which is no limit but decides some figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationInfo, field_validator

from mlforge_tasks.contract import periodic_thread
from mlforge_tasks.contract.fields import ProjectPath
from mlforge_tasks.contract.linux_process import Load
from mlforge_tasks.contract.periodic_thread import PeriodicThread
from mlforge_tasks.contract.power import ROOM_C, NamedBattery
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake
from mlforge_tasks.yaml_file.electrical import Celsius
from mlforge_tasks.yaml_file.units import Bytes, Seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.contract.limits import Limits


# Behind the offset of its root, a flatbuffer has what it is: `file_identifier` of TFLite's schema.
TFLITE = b"TFL3"
Compression = Literal["heatshrink", "crle", "lz4", "zstd", "bz2", "lzma"]


class Update(Record):
    """The model that devices have, and how a patch to it is sent.

    Attributes:
        model: Its `.tflite`, relative to the project; the `model.tflite` of a delivery, say.
        compression: What the patch is compressed by, as detools calls it; the first two need
            little RAM on a device.
    """

    model: ProjectPath

    @field_validator("model")
    @classmethod
    def _is_a_model(cls, model: str, info: ValidationInfo) -> str:
        root = (info.context or {}).get("project_root")
        if root is not None and Path(root, model).read_bytes()[4:8] != TFLITE:
            raise Mistake("a TFLite model, whose fifth to eighth bytes are TFL3")
        return model

    compression: Compression = "heatshrink"


class Operation(Record):
    """How the device is used.

    Attributes:
        inference_period_s: Time from one inference to the next.
        update: What `limits.update_size` is held against.
        ambient_c: The highest temperature around the device; currents are taken for 25 °C without.
        battery: What feeds it, by its figures or a name.
        sleep: The board's mode between inferences, by its file; its first one without.
        load: What else the machine does that a program for Linux is measured on.
        memory_max_bytes: Memory that such a program may take before the kernel ends it, as
            `MemoryMax` of a systemd unit.
        periodic_thread: What must run on time beside the model.
    """

    inference_period_s: Seconds | None = Field(default=None, alias="inference_period")
    update: Update | None = None
    ambient_c: Celsius | None = Field(default=None, alias="ambient")
    battery: NamedBattery | None = None
    sleep: str | None = None
    load: Load | None = None
    memory_max_bytes: Bytes | None = Field(default=None, alias="memory_max")
    periodic_thread: PeriodicThread | None = None

    @property
    def around_c(self) -> float:
        """The highest temperature around the device; a room's where the contract says none."""
        return ROOM_C if self.ambient_c is None else self.ambient_c


def misfits(operation: Operation, limits: Limits) -> Iterator[Mistake]:
    """What limits need that is not said, relative to `operation`.

    Args:
        operation: What is said.
        limits: The contract's.
    """
    if limits.update_bytes is not None and operation.update is None:
        wanted = "the model that devices have, as `update: {model: models/old.tflite}`, for "
        yield Mistake(f"{wanted}limits.update_size", at=("update",), found="nothing")
    yield from periodic_thread.misfits(operation, limits)
