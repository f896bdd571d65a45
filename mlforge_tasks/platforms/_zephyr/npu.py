"""Arm's NPUs in a Zephyr image: the driver's module, and its Kconfig options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.contract.board import Board

MODULES = ("hal_ethos_u",)
# What engine `ethos_u` made of the model; its presence says that the driver is needed.
COMPILED = "model_compiled.h"
_WANTED = "CONFIG_MLFORGE_ETHOS_U=y"
# Zephyr's choice ETHOS_U_NPU_CONFIG (modules/hal_ethos_u/Kconfig) has all of vela's but this one.
_UNKNOWN = "ethos-u55-32"


def options(board: Board, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Kconfig options of an image with these model files; none where no NPU runs the model.

    Raises:
        ToolError: Zephyr's driver does not know the accelerator.
    """
    if COMPILED not in files or board.npu is None:
        return ()
    accelerator = board.npu.accelerator
    if accelerator == _UNKNOWN:
        raise ToolError(
            f"Zephyr's Ethos-U driver has no configuration '{accelerator}'",
            hint="platform: model_only",
        )
    return (_WANTED, f"CONFIG_{accelerator.upper().replace('-', '_')}=y")


def chosen(options: tuple[str, ...]) -> bool:
    """Whether an image of these options has the driver."""
    return _WANTED in options
