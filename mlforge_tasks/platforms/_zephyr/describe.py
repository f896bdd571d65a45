"""What Zephyr knows of a board: its core, memories and clocks, as a build is configured with them.

The application is configured for it, and not compiled: Kconfig and the devicetree are then settled.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import MlforgeError, ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.platforms._zephyr import (
    build_folder,
    modules,
    needs,
    said,
    toolchain,
    west_config,
    workspace,
)
from mlforge_tasks.platforms._zephyr.compiler import helped
from mlforge_tasks.yaml_file import closest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlforge_tasks.platforms._zephyr.workspace import Workspace

CONFIGURE_TIMEOUT_S = 600.0
# What Zephyr's names of architectures are in a board's file.
ARCHES = {"arm": "arm", "arm64": "arm64", "riscv": "riscv", "x86": "x86", "xtensa": "xtensa"}
_OPTION = re.compile(r"^CONFIG_(\w+)=(.*)$", re.MULTILINE)
_IDENTIFIER = re.compile(r"^identifier:\s*(\S+)\s*$", re.MULTILINE)
_ARCH = re.compile(r"^arch:\s*(\S+)\s*$", re.MULTILINE)
_CLOCK = re.compile(r"\bcpu@\w+ \{[^{}]*?\bclock-frequency = < (0x\w+) >", re.DOTALL)
_SELECTS = re.compile(r"^-m(cpu|arch|abi|32)\b")
_DSP_ALWAYS = ("cortex-m4", "cortex-m7", "cortex-m55", "cortex-m85")
# Below it a tick is longer than many inferences.
_SLOWEST_HZ = 2_000_000


@dataclass(frozen=True)
class Description:
    """A board as Zephyr is configured for it.

    Attributes:
        name: As it was asked for.
        arch: As a board file writes it.
        cpu: Core, as GCC writes it.
        gcc_flags: What selects its code generation.
        fpu: It has a floating-point unit.
        dsp: It has the DSP extension.
        mve: It has vectors.
        flash: Where the image goes, origin and bytes; RAM where it runs from there.
        ram: The same.
        clock_hz: The core's clock; None where neither the devicetree nor SysTick tells it.
        tick_hz: The kernel's clock.
        cycle_counter: Whether inferences must be timed with the core's own counter.
        emulated: Whether Zephyr runs it in QEMU.
        modules: West's names of the modules that its image needs.
    """

    name: str
    arch: str
    cpu: str
    gcc_flags: tuple[str, ...]
    fpu: bool
    dsp: bool
    mve: bool
    flash: tuple[int, int]
    ram: tuple[int, int]
    clock_hz: int | None
    tick_hz: int
    cycle_counter: bool
    emulated: bool
    modules: tuple[str, ...]


def describe(name: str, board_root: Path | None, root: Path) -> Description:
    """Configures the application for a board and reads what that came to.

    Args:
        name: As Zephyr writes it.
        board_root: A tree of boards beside Zephyr's.
        root: Folder that a build may be configured below.

    Raises:
        MlforgeError: Zephyr knows no such board.
        ToolError: Something is missing, or it cannot be configured; with Zephyr's own line.
    """
    found = workspace.require()
    arch = _arch_of(name, [found.zephyr_base, *([board_root] if board_root else [])])
    # Without the flags that select the core, which are what is asked for: nothing is linked here.
    compiler = toolchain.require(arch)
    there = tuple(one for one in modules.MODULE_PATHS if found.module(one) is not None)
    needs.require(())
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix="describe-") as folder:
        build = Path(folder) / "build"
        argv = [*workspace.WEST, "build", "--cmake-only", "-b", name, "-d", str(build)]
        argv += [str(build_folder.APP), "--", *compiler.cmake_args, "-DBUILD_VERSION=mlforge"]
        argv += [f"-DBOARD_ROOT={board_root}"] if board_root else []
        variables = helped(compiler, Path(folder) / "compiler")
        habits = west_config.without_habits(found.topdir, Path(folder) / "west")
        environment = {**variables, **habits, "ZEPHYR_BASE": str(found.zephyr_base)}
        done = process.run(argv, timeout_s=CONFIGURE_TIMEOUT_S, cwd=found.topdir, env=environment)
        if done.timed_out or done.returncode != 0:
            told = said.reasons(done.output)
            if done.timed_out or not told:
                raise ToolError(done.ending(f"configuring Zephyr for {name}"))
            what = f"Zephyr cannot be configured for {name}"
            raise ToolError(f"{what}:\n{told}", hint=said.advice(told))
        return _read(name, build, arch, _used(build, found, there))


def _arch_of(name: str, roots: Iterable[Path]) -> str:
    """The architecture of a board, by the files that twister reads."""
    wanted = build_folder.without_revision(name)
    known: dict[str, str] = {}
    for root in roots:
        for path in (root / "boards").glob("*/*/*.yaml"):
            text = path.read_text(errors="replace")
            identifier, arch = _IDENTIFIER.search(text), _ARCH.search(text)
            if identifier and arch:
                known[identifier[1]] = arch[1]
    short = {one.partition("/")[0]: one for one in known}
    exact = known.get(wanted) or known.get(short.get(wanted, ""))
    if exact is None:
        near = closest(wanted, known)
        raise MlforgeError(
            f"Zephyr has no board '{name}'" + (f"; did you mean '{near}'?" if near else ""),
            hint="`west boards` lists them; `folder=` names a tree of your own, which has "
            "`boards/<vendor>/<board>/`",
        )
    if exact not in ARCHES:
        raise MlforgeError(f"'{name}' is for {exact}, which MLForge does not build for")
    return ARCHES[exact]


def _used(build: Path, found: Workspace, names: Iterable[str]) -> tuple[str, ...]:
    """The modules whose files a configured build compiles or includes."""
    text = (build / "compile_commands.json").read_text()
    places = ((name, found.module(name)) for name in names if name != "cmsis_6")
    return tuple(name for name, path in places if path is not None and f"{path}/" in text)


def _read(name: str, build: Path, arch: str, used: tuple[str, ...]) -> Description:
    options = dict(_OPTION.findall((build / "zephyr" / ".config").read_text()))
    flags = tuple(_flags(build))
    cpu = next((one.partition("=")[2] for one in flags if "=" in one and "abi" not in one), arch)
    ram = (_number(options, "SRAM_BASE_ADDRESS"), _number(options, "SRAM_SIZE") << 10)
    start = _number(options, "FLASH_BASE_ADDRESS") + _number(options, "FLASH_LOAD_OFFSET")
    size = (_number(options, "FLASH_LOAD_SIZE") or (_number(options, "FLASH_SIZE") << 10)) or 0
    in_flash = options.get("XIP") == "y"
    tick_hz = _number(options, "SYS_CLOCK_HW_CYCLES_PER_SEC")
    told = _CLOCK.search((build / "zephyr" / "zephyr.dts").read_text())
    systick = options.get("CORTEX_M_SYSTICK") == "y"
    return Description(
        name=name,
        arch=arch,
        cpu=cpu,
        gcc_flags=flags,
        fpu=options.get("CPU_HAS_FPU") == "y",
        dsp=cpu.startswith(_DSP_ALWAYS) or options.get("ARMV8_M_DSP") == "y",
        mve=options.get("ARMV8_1_M_MVEI") == "y",
        flash=(start, size) if in_flash else ram,
        ram=ram,
        clock_hz=int(told[1], 16) if told else tick_hz if systick else None,
        tick_hz=tick_hz,
        cycle_counter=tick_hz < _SLOWEST_HZ and options.get("CPU_CORTEX_M_HAS_DWT") == "y",
        emulated=options.get("QEMU_TARGET") == "y",
        modules=used,
    )


def _number(options: Mapping[str, str], name: str) -> int:
    return int(options.get(name) or "0", 0)


def _flags(build: Path) -> Iterator[str]:
    """What selects the core in the command of a C file."""
    commands = json.loads((build / "compile_commands.json").read_text())
    command: str = next(one["command"] for one in commands if one["file"].endswith(".c"))
    for word in dict.fromkeys(command.split()):
        if word == "-mthumb":
            yield word
        elif _SELECTS.match(word) and word != "-mabi=aapcs":
            yield word.split("_")[0] if word.startswith("-march") else word
