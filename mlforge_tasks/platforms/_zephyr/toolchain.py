"""Finds a compiler for Zephyr: for 32-bit Arm the Zephyr SDK's or a GNU one such as Debian's.

What is not such an Arm is in `cross`.
"""

from __future__ import annotations

import functools
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.platforms._zephyr import cross
from mlforge_tasks.platforms._zephyr.compiler import (
    PICOLIBC_OPTION,
    SDK,
    Toolchain,
    file_name,
    sdk,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

GNU_ARM = "gnuarmemb"
GNU_ARM_GCC = "arm-none-eabi-gcc"
SDK_ARM = "arm-zephyr-eabi"
INSTALL_HINT = (
    "install the Zephyr SDK, or on Debian `sudo apt-get install gcc-arm-none-eabi "
    "picolibc-arm-none-eabi libstdc++-arm-none-eabi-picolibc`"
)


def _sdk(environ: Mapping[str, str]) -> Toolchain | None:
    return sdk(environ, SDK_ARM)


def _gnu_arm(environ: Mapping[str, str]) -> Toolchain | None:
    named = environ.get("GNUARMEMB_TOOLCHAIN_PATH")
    found = shutil.which(f"{named}/bin/{GNU_ARM_GCC}" if named else GNU_ARM_GCC)
    if found is None:
        return None
    gcc = Path(found)
    variables = {
        "ZEPHYR_TOOLCHAIN_VARIANT": GNU_ARM,
        "GNUARMEMB_TOOLCHAIN_PATH": str(gcc.parent.parent),
    }
    if file_name(gcc, "picolibc.specs") is None:
        return Toolchain(GNU_ARM, gcc, variables)
    # Debian's picolibc keeps errno in thread-local storage, and its newlib lacks the locks that
    # Zephyr asks for.
    variables["ZEPHYR_TOOLCHAIN_SUPPORTS_THREAD_LOCAL_STORAGE"] = "y"
    args = ("-DTOOLCHAIN_HAS_PICOLIBC=ON", PICOLIBC_OPTION)
    return Toolchain(GNU_ARM, gcc, variables, args)


def find(
    environ: Mapping[str, str] = os.environ, arch: str = "arm", flags: tuple[str, ...] = ()
) -> Toolchain | None:
    """The toolchain to use: the one that `ZEPHYR_TOOLCHAIN_VARIANT` names, else what is there.

    Args:
        environ: The environment.
        arch: As a board's `zephyr.arch`; the variable chooses among those for Arm.
        flags: What selects the code generation of a core that is no Arm.
    """
    if arch != "arm":
        return cross.find(arch, flags, environ)
    kinds = {SDK: _sdk, GNU_ARM: _gnu_arm}
    named = environ.get("ZEPHYR_TOOLCHAIN_VARIANT")
    tried = [kinds[named]] if named in kinds else list(kinds.values())
    found = (kind(environ) for kind in tried)
    return next((toolchain for toolchain in found if toolchain is not None), None)


@functools.cache
def require(arch: str = "arm", flags: tuple[str, ...] = ()) -> Toolchain:
    """The toolchain to use.

    Raises:
        ToolError: There is none.
    """
    toolchain = find(arch=arch, flags=flags)
    if toolchain is None and arch != "arm":
        gcc, hint = cross.wanted(arch)
        raise ToolError(f"no {gcc} was found on PATH", hint=hint)
    if toolchain is None:
        wanted = os.environ.get("ZEPHYR_TOOLCHAIN_VARIANT", f"{SDK} or {GNU_ARM}")
        raise ToolError(f"no toolchain for Zephyr was found (wanted: {wanted})", hint=INSTALL_HINT)
    return toolchain
