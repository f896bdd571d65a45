"""Platforms: how generated C becomes a firmware image.

To add one: write `platforms/<name>.py` with a class that has `Platform`'s members and ends with
`PLUGIN = ThatClass()`; let it compile `zephyr_app/src` with the engine's sources and its own
implementation of `hal.h`; add it to the conformance test in `tests/platforms/test_baremetal.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.build_report import BuildReport
    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.contract.periodic_thread import PeriodicThread
    from mlforge_tasks.contract.sections import Toolchain


@dataclass(frozen=True)
class BuildRequest:
    """What an image is built from.

    Attributes:
        board: What it is for.
        header: Folder with the generated `model_data.h`.
        engine: Folder with the engine's C sources, all of which are compiled.
        engine_name: The engine, for the hello frame.
        firmware_id: Digest of everything that goes into the build; the image carries it and shows
            it in its hello frame.
        toolchain: Whose compiler makes it.
        mlperf: Name that the image answers the MLPerf Tiny benchmark's runner with; None where it
            does not answer it.
        marker: Whether it makes windows of inferences for a meter, and marks them with a pin.
        profile: Whether the image tells what each layer takes, which disturbs what it takes.
        periodic: The thread that has to run beside inference; the kernel has to be able to wake it.
        scheduler: Whether that thread is in the image, which tells how both get on together.
    """

    board: Board
    header: Path
    engine: Path
    engine_name: str
    firmware_id: str
    toolchain: Toolchain = "gcc"
    mlperf: str | None = None
    marker: bool = False
    profile: bool = False
    periodic: PeriodicThread | None = None
    scheduler: bool = False


class Platform(Protocol):
    """A way to build firmware.

    Attributes:
        name: As contracts write it.
        engines: The engines whose sources it can build; `auto` takes the first of equals.
        resources: Data files that decide the image's bytes, relative to the project's root.
        stack_reserve_bytes: What an image's stacks come to, as far as is known before it runs.
        links: Whether there is an image at all.
    """

    name: str
    engines: tuple[str, ...]
    resources: tuple[str, ...]
    stack_reserve_bytes: int
    links: bool

    def engines_for(self, board: Board) -> tuple[str, ...]:
        """Those of its engines whose sources it can build for a board."""

    def build(self, request: BuildRequest, out: Path) -> BuildReport:
        """Writes `firmware.elf`, `.bin` and `.map` into a folder: the same bytes everywhere.

        A process of this computer is `firmware.elf` alone.

        Raises:
            CandidateFailure: It does not fit the board's memory (`does_not_fit`).
            ToolError: A tool is missing, or a source does not compile.
        """

    def require(self, board: Board, engine: str, toolchain: Toolchain = "gcc") -> None:
        """Looks for everything that a build calls, before anything is started.

        Raises:
            ToolError: Something is missing; the hint says what to run.
        """

    def tool_versions(self, board: Board, toolchain: Toolchain = "gcc") -> Mapping[str, str]:
        """Versions of the tools that decide the image's bytes, for its key.

        Raises:
            ToolError: One of them is not installed.
        """
