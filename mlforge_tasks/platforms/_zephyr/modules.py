"""Where a module of Zephyr's is: by its name in west's manifests, or as a folder of the project."""

from __future__ import annotations

import configparser
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mlforge_tasks.graph import product

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Where Zephyr's own manifest puts the modules that we use: no run has to read that for them. One
# without `zephyr/module.yml` would be dropped in silence by Zephyr's build system.
MODULE_PATHS: Mapping[str, str] = {
    "cmsis_6": "modules/hal/cmsis_6",
    "cmsis-dsp": "modules/lib/cmsis-dsp",
    "cmsis-nn": "modules/lib/cmsis-nn",
    "hal_ethos_u": "modules/hal/ethos_u",
    "hal_nordic": "modules/hal/nordic",
    "hal_stm32": "modules/hal/stm32",
    "tflite-micro": "optional/modules/lib/tflite-micro",
}


def place(name: str, topdir: Path, zephyr_base: Path) -> Path | None:
    """The folder that a module should be in; None where no manifest has its name.

    Args:
        name: As west's manifest has it, or a folder of the project (with a slash in it).
        topdir: The workspace.
        zephyr_base: Zephyr's own tree.
    """
    if "/" in name:
        return product.project() / name
    path = MODULE_PATHS.get(name)
    if path is None or not (topdir / path).is_dir():
        path = manifest_paths(topdir, zephyr_base).get(name, path)
    return None if path is None else topdir / path


@functools.cache
def manifest_paths(topdir: Path, zephyr_base: Path) -> Mapping[str, str]:
    """Where west puts each project: by Zephyr's own manifest, then by the workspace's."""
    found: dict[str, str] = {}
    for file in (zephyr_base / "west.yml", *_own_manifest(topdir)):
        found |= dict(_projects(file))
    return found


def _own_manifest(topdir: Path) -> Iterator[Path]:
    config = configparser.ConfigParser()
    config.read(topdir / ".west" / "config")
    if config.has_option("manifest", "path"):
        folder = topdir / config["manifest"]["path"]
        yield folder / config["manifest"].get("file", "west.yml")


def _projects(manifest: Path) -> Iterator[tuple[str, str]]:
    try:
        document: Any = yaml.load(manifest.read_bytes(), _Loader)  # noqa: S506 - a safe one
        projects = document["manifest"]["projects"]
        for project in projects:
            name = str(project["name"])
            yield name, str(project.get("path", name))
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        return  # west says what is wrong with it


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
