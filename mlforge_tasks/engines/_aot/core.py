"""Which kernels a core gets."""

from __future__ import annotations

from typing import Literal

Kernels = Literal["portable", "dsp", "mve"]

# Cores as GCC's -mcpu names them. A suffix that takes the extension away counts.
_DSP = ("cortex-m4", "cortex-m7", "cortex-m33", "cortex-m35p")
_MVE = ("cortex-m52", "cortex-m55", "cortex-m85")


def kernels_for(cpu: str) -> Kernels:
    """The fastest kernels that a core can run.

    Args:
        cpu: The core as GCC's `-mcpu` names it (`cortex-m33+nodsp`), or `host`.
    """
    name, *suffixes = cpu.split("+")
    if name in _MVE and not {"nomve", "nodsp"} & {*suffixes}:
        return "mve"
    if name in (*_DSP, *_MVE) and "nodsp" not in suffixes:
        return "dsp"
    return "portable"
