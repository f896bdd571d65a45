"""What a build says of its image, as records."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from pathlib import Path


# Where a `Compilation` lies, beside the image.
COMPILATION = "build.json"


class FirmwareReport(Record):
    """Sizes of a linked image.

    Attributes:
        flash_bytes: Everything that occupies non-volatile memory, initialisers included.
        static_ram_bytes: `.data` plus `.bss`, the arena included, the stack not.
        stack_reserved_bytes: What the linker set aside for the stack.
        heap_bytes: What it set aside for a heap.
        arena_reserved_bytes: The model's arena; None where it is what the model says it uses.
        firmware_id: Digest that the image carries and shows in its hello frame.
    """

    flash_bytes: int
    static_ram_bytes: int
    stack_reserved_bytes: int
    heap_bytes: int
    arena_reserved_bytes: int | None = None
    firmware_id: str


class ProcessReport(Record):
    """An image without sizes: a process of this computer, or none that anything was linked to.

    Attributes:
        firmware_id: As in a `FirmwareReport`.
    """

    firmware_id: str


class ProgramReport(Record):
    """A program of Linux.

    Attributes:
        flash_bytes: What it takes on disk: its file as it is installed, without symbols, and a
            library that comes with it.
        static_ram_bytes: `.data` plus `.bss`, the arena included.
        firmware_id: As in a `FirmwareReport`.
    """

    flash_bytes: int
    static_ram_bytes: int
    firmware_id: str


class Compilation(Record):
    """What compiled an image, for whoever builds it elsewhere.

    Attributes:
        compiler: What it says of itself.
        model_flags: How the model and its kernels were compiled.
        application_flags: How everything around them was.
    """

    compiler: str
    model_flags: tuple[str, ...]
    application_flags: tuple[str, ...]


BuildReport: TypeAlias = FirmwareReport | ProgramReport | ProcessReport


def read_build_report(path: Path) -> BuildReport:
    """Reads back what a build wrote.

    Raises:
        pydantic.ValidationError: The file is none of these reports.
    """
    from pydantic import TypeAdapter  # noqa: PLC0415 - JSON schemas come with it

    adapter: TypeAdapter[BuildReport] = TypeAdapter(BuildReport)
    return adapter.validate_json(path.read_bytes())
