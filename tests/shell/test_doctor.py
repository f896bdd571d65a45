"""`doit doctor` tells what is there and what is missing, from what is really on PATH."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph.process import which
from mlforge_tasks.runners._bench import MAP_VARIABLE
from tests.helpers.builds import DOIT
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_S = 120
MAP = """
- {connected: true, id: "77", platform: nucleo_f446re, product: STM32 STLink, runner: openocd,
   serial: /dev/ttyACM0}
"""


def doctor(cwd: Path, path: str, **environment: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Exit code, and (mark, what was found) by what was looked for.

    No Zephyr workspace is found, wherever this machine has one.
    """
    command = [str(DOIT), "-f", str(ROOT / "dodo.py"), "-d", str(ROOT), "doctor"]
    known = {"PATH": path, "HOME": str(cwd), "ZEPHYR_BASE": str(cwd), **environment}
    done = subprocess.run(
        command, env=known, cwd=cwd, capture_output=True, text=True, check=False, timeout=LIMIT_S
    )
    lines = re.findall(r"^(ok|--|!!)  ( {0,2}\S.*?)  +(.*)$", done.stdout, re.MULTILINE)
    assert lines, done.stdout + done.stderr
    return done.returncode, {name.strip(): (mark, found) for mark, name, found in lines}


def test_what_is_installed_is_told_with_its_version(tmp_path: Path) -> None:
    """A machine that ./bootstrap set up is complete; boards come from the hardware map."""
    bench = tmp_path / "map.yaml"
    bench.write_text(MAP)
    code, found = doctor(tmp_path, os.environ["PATH"], **{MAP_VARIABLE: str(bench)})
    assert code == 0
    assert found["arm-none-eabi-gcc"][0] == "ok"
    assert re.search(r"\d+\.\d+", found["arm-none-eabi-gcc"][1])
    assert found["binutils-arm-none-eabi"][0] == "ok"
    assert re.search(r"\d+\.\d+", found["binutils-arm-none-eabi"][1])
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?", found["picolibc"][1])
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?", found["LLVM"][1])
    assert "QEMU emulator version" in found["qemu-system-arm"][1]
    assert found["tensorflow-cpu"][0] == "ok"
    assert found["Zephyr workspace"] == ("--", "not found")
    assert found["board 77"] == ("ok", "nucleo_f446re on /dev/ttyACM0, connected")
    assert "flasher openocd" in found
    assert "qemu-system-riscv64" in found


def test_what_is_missing_is_told_with_what_to_do(tmp_path: Path) -> None:
    """Without QEMU nothing runs: it ends with a failure; without RISC-V only a test is skipped."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "arm-none-eabi-gcc", "arm-none-eabi-ld", "arm-none-eabi-size"):
        try:
            (tools / name).symlink_to(which(name, hint=""))
        except ToolError as missing:
            pytest.skip(missing.message)
    code, found = doctor(tmp_path, str(tools))
    assert code != 0
    assert found["arm-none-eabi-gcc"][0] == "ok"
    lost = "'arm-none-eabi-objcopy' was not found on PATH"
    assert found["binutils-arm-none-eabi"] == ("!!", lost)
    assert found["picolibc"][0] == "ok"
    assert found["qemu-system-arm"] == ("!!", "not found")
    assert found["riscv64-unknown-elf-gcc"] == ("--", "not found")
    assert found["cmake"] == ("--", "not found")
    assert found["qemu-system-i386"] == ("--", "not found")
    code, found = doctor(tmp_path, str(tmp_path))
    assert code != 0
    assert found["picolibc"][0] == "!!"
    assert "arm-none-eabi-gcc" in found["picolibc"][1]


def test_a_tree_that_is_no_workspace_is_told(tmp_path: Path) -> None:
    """West builds nothing in Zephyr's sources alone."""
    version = "VERSION_MAJOR = 4\nVERSION_MINOR = 3\nPATCHLEVEL = 0\n"
    (tmp_path / "zephyr").mkdir()
    (tmp_path / "zephyr" / "VERSION").write_text(version)
    base = str(tmp_path / "zephyr")
    _, found = doctor(tmp_path, os.environ["PATH"], ZEPHYR_BASE=base)
    assert found["Zephyr workspace"] == ("--", "not found")
