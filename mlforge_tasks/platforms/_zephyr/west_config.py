"""West without the user's habits: `west config build.cmake-args` and its like are in no key."""

from __future__ import annotations

import configparser
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# What says where things are; everything else says how they are built.
_PLACES = ("manifest", "zephyr")


def without_habits(topdir: Path, file: Path) -> Mapping[str, str]:
    """Variables that have west read a configuration of ours.

    Its `build.cmake-args` would come behind our own arguments, and win.

    Args:
        topdir: The workspace.
        file: Where to write it.
    """
    config = configparser.ConfigParser(interpolation=None)
    config.read(topdir / ".west" / "config")
    for section in config.sections():
        if section not in _PLACES:
            config.remove_section(section)
    with file.open("w") as stream:
        config.write(stream)
    nothing = {f"WEST_CONFIG_{level}": os.devnull for level in ("GLOBAL", "SYSTEM")}
    return {**nothing, "WEST_CONFIG_LOCAL": str(file)}
