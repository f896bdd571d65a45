"""The embedded default: a compiler, GNU's linker and picolibc alone, no operating system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.build_report import COMPILATION, FirmwareReport
from mlforge_tasks.contract.benchmark import input_of
from mlforge_tasks.platforms import _image
from mlforge_tasks.platforms._scheduler import scheduler_defines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.contract.sections import Toolchain
    from mlforge_tasks.platforms import BuildRequest


class BaremetalPlatform:
    """Links the application, the engine's sources and our start-up code."""

    name = "baremetal"
    engines = ("aot",)
    resources = ("zephyr_app/src", "templates/baremetal", "mlforge_tasks/platforms/_baremetal")
    stack_reserve_bytes = 600  # 292 to 584 in benchmarks/engine.md
    links = True

    def engines_for(self, board: Board) -> tuple[str, ...]:  # noqa: ARG002 - the same for every board
        """See `platforms.Platform.engines_for`."""
        return self.engines

    def build(self, request: BuildRequest, out: Path) -> FirmwareReport:
        """See `platforms.Platform.build`."""
        sources = [*_image.APPLICATION, *sorted(request.engine.glob("*.c"))]
        defines: dict[str, int | str] = {
            "MLFORGE_ENGINE": request.engine_name,
            "MLFORGE_FIRMWARE_ID": request.firmware_id,
        }
        if request.mlperf is not None:
            sources += [_image.APP / "mlperf.c", _image.APP / "mlperf_values.c"]
            kind = f"MLPERF_INPUT_{input_of(request.mlperf).upper()}"
            defines |= {"MLFORGE_MLPERF": 1, "MLPERF_MODEL": request.mlperf, kind: 1}
        if request.marker:
            pin = _image.marker_of(request.board)
            defines |= {"MLFORGE_MARKER": 1}
            defines |= {"HAL_MARKER_BASE": pin.base, "HAL_MARKER_PIN": pin.pin}
        if request.profile:
            sources.append(_image.APP / "profile.c")
            defines["MLFORGE_PROFILE"] = 1
        if request.scheduler:
            sources.append(_image.APP / "scheduler.c")
            defines |= scheduler_defines(request)
        image = _image.link_image(
            request.board,
            sources,
            out,
            include_dirs=[request.header, request.engine],
            defines=defines,
            toolchain=request.toolchain,
        )
        _image.compilation(request.board, request.toolchain).write(out / COMPILATION)
        return FirmwareReport(
            flash_bytes=image.flash_bytes,
            static_ram_bytes=image.static_ram_bytes,
            stack_reserved_bytes=image.stack_bytes,
            heap_bytes=image.heap_bytes,
            firmware_id=request.firmware_id,
        )

    def require(
        self,
        board: Board,
        engine: str,  # noqa: ARG002 - the same for every engine
        toolchain: Toolchain = "gcc",
    ) -> None:
        """See `platforms.Platform.require`."""
        _image.uart_of(board)
        _image.require(toolchain)

    def tool_versions(self, board: Board, toolchain: Toolchain = "gcc") -> Mapping[str, str]:
        """See `platforms.Platform.tool_versions`."""
        return _image.tool_versions(toolchain, *board.gcc_flags)


PLUGIN = BaremetalPlatform()
