"""The platform `model_only`: no firmware is built, so nothing is known of a whole image.

For an NPU whose compiler tells what the model takes, where there is no Zephyr with its driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.build_report import ProcessReport

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.build_report import BuildReport
    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.contract.sections import Toolchain
    from mlforge_tasks.platforms import BuildRequest


class ModelOnly:
    """See `mlforge_tasks.platforms.Platform`."""

    name = "model_only"
    engines = ("ethos_u",)
    resources = ()
    stack_reserve_bytes = 0
    links = False

    def engines_for(self, board: Board) -> tuple[str, ...]:  # noqa: ARG002 - no board matters
        """See `Platform.engines_for`."""
        return self.engines

    def build(self, request: BuildRequest, out: Path) -> BuildReport:  # noqa: ARG002 - no image
        """Says what would have been built, without any sizes."""
        return ProcessReport(firmware_id=request.firmware_id)

    def require(self, board: Board, engine: str, toolchain: Toolchain = "gcc") -> None:
        """See `Platform.require`: nothing."""

    def tool_versions(
        self,
        board: Board,  # noqa: ARG002 - nothing is compiled
        toolchain: Toolchain = "gcc",  # noqa: ARG002
    ) -> Mapping[str, str]:
        """See `Platform.tool_versions`: none."""
        return {}


PLUGIN = ModelOnly()
