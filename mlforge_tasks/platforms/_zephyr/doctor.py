"""What is there for the Zephyr platform, and what to do about what is missing."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.platforms._zephyr import cross, modules, toolchain, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

# Import names and distributions of what Zephyr's build scripts use.
PYTHON_NEEDS = {
    "elftools": "pyelftools",
    "jsonschema": "jsonschema",
    "packaging": "packaging",
    "pykwalify": "pykwalify",
    "west": "west",
    "yaml": "pyyaml",
}
# Programs and the Debian packages that have them; of the optional ones, also what they are for.
PROGRAMS = {"cmake": "cmake", "ninja": "ninja-build"}
OPTIONAL_PROGRAMS = {
    "ccache": ("ccache", "makes a cold build in a second folder fast"),
    "dtc": ("device-tree-compiler", "lets Zephyr look for more mistakes in device trees"),
}


@dataclass(frozen=True)
class Fact:
    """One thing that was looked for.

    Attributes:
        name: What it is.
        found: What was found; None where it is missing.
        advice: What to do about it where it is missing; empty where nothing must be done.
    """

    name: str
    found: str | None
    advice: str = ""


def facts() -> tuple[Fact, ...]:
    """Everything the Zephyr platform depends on."""
    return (*_workspace(), _toolchain(), _host(), *_python(), *_programs())


def _workspace() -> Iterator[Fact]:
    hint = "doit workspace folder=~/zephyrproject"
    try:
        found = workspace.find()
    except ToolError as error:
        yield Fact("Zephyr workspace", None, str(error))
        return
    if found is None:
        yield Fact("Zephyr workspace", None, hint)
        return
    if not (found.topdir / ".west").is_dir():
        told = f"'{found.zephyr_base}' (found by {found.found_by}) is a Zephyr tree in no workspace"
        yield Fact("Zephyr workspace", None, f"{told}: `west init -l zephyr` in '{found.topdir}'")
        return
    where = f"{found.topdir} (Zephyr {found.version}, found by {found.found_by})"
    yield Fact("Zephyr workspace", where)
    for name in modules.MODULE_PATHS:
        path = found.module(name)
        yield Fact(f"module {name}", str(path) if path else None, "" if path else hint)


def _toolchain() -> Fact:
    found = toolchain.find()
    if found is None:
        return Fact("Zephyr toolchain", None, toolchain.INSTALL_HINT)
    return Fact("Zephyr toolchain", f"{found.variant}: {found.version()}")


def _host() -> Fact:
    name = "compiler for native_sim"
    found = toolchain.find(arch="host")
    return Fact(name, found.version()) if found else Fact(name, None, cross.HOST_HINT)


def _python() -> Iterator[Fact]:
    for module, distribution in PYTHON_NEEDS.items():
        if importlib.util.find_spec(module) is None:
            yield Fact(f"Python package {distribution}", None, workspace.PYTHON_HINT)
        else:
            yield Fact(f"Python package {distribution}", metadata.version(distribution))


def _programs() -> Iterator[Fact]:
    needed = {name: (package, "") for name, package in PROGRAMS.items()}
    for name, (package, use) in (needed | OPTIONAL_PROGRAMS).items():
        path = shutil.which(name)
        advice = f"sudo apt-get install {package}"
        if use:
            advice += f" (not needed, but {use})"
        yield Fact(name, path, "" if path else advice)
