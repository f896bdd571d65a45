"""Runs Arm's compiler vela (`ethos-u-vela`, Apache-2.0) in a process of its own."""

from __future__ import annotations

import configparser
import importlib.util
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.engines._vela_version import version
from mlforge_tasks.errors import CandidateFailure, MlforgeError
from mlforge_tasks.graph import process
from mlforge_tasks.records import Reason
from mlforge_tasks.yaml_file import meant

if TYPE_CHECKING:
    from mlforge_tasks.contract.npu import Npu
    from mlforge_tasks.errors import ToolError

ARM_INI = "Arm/vela.ini"
# A network takes a second or less.
TIMEOUT_S = 600.0
_MODULE, _FILES = "ethosu", "config_files"
_SECTIONS = {"system_config": "System_Config", "memory_mode": "Memory_Mode"}


@dataclass(frozen=True)
class Compiled:
    """What vela made.

    Attributes:
        tflite: The compiled model.
        summary: Its table of the whole network, one row.
        said: All that it printed.
    """

    tflite: bytes
    summary: str
    said: str


def check(npu: Npu, own: bytes | None) -> None:
    """Looks for the names of a configuration.

    Args:
        npu: What names them.
        own: The project's own configuration file, if it has one.

    Raises:
        ToolError: Vela is not installed.
        MlforgeError: No configuration has one of the names, or the project's own cannot be read.
    """
    version()
    known = _sections(own)
    for field, kind in _SECTIONS.items():
        name = getattr(npu, field)
        names = [one.partition(".")[2] for one in known if one.partition(".")[0] == kind]
        if name not in names:
            raise MlforgeError(
                f"npu.{field}: found '{name}', which no configuration of vela has"
                f"{meant(name, names)}",
                hint=f"one of {', '.join(names)}; or name a file of your own that has it: "
                "`target: {npu: {vela_ini: …}}`",
            )


def _sections(own: bytes | None) -> list[str]:
    found = importlib.util.find_spec(_MODULE)
    folders = [] if found is None else list(found.submodule_search_locations or ())
    parser = configparser.ConfigParser()
    parser.read([Path(folder) / _FILES / ARM_INI for folder in folders])
    if own is not None:
        try:
            parser.read_string(own.decode())
        except (configparser.Error, UnicodeDecodeError) as error:
            said = str(error).splitlines()[0]
            raise MlforgeError(
                f"npu.vela_ini: vela's configuration cannot be read: {said}",
                hint="`vela --list-configs Arm/vela.ini` and that file show what one looks like",
            ) from None
    return parser.sections()


def run(tflite: bytes, npu: Npu, own: bytes | None) -> Compiled:
    """Compiles a model.

    Args:
        tflite: The int8 model.
        npu: What for.
        own: The project's own configuration file, if it has one.

    Raises:
        CandidateFailure: Vela refuses the model, or ends by a crash of its own on it.
        ToolError: Vela is not installed, or ended from outside.
    """
    check(npu, own)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.tflite").write_bytes(tflite)
        configs = ["--config", ARM_INI]
        if own is not None:
            (folder / "own.ini").write_bytes(own)
            configs += ["--config", str(folder / "own.ini")]
        done = process.run(
            [
                *(sys.executable, "-P", "-m", "ethosu.vela", "model.tflite"),
                *("--accelerator-config", npu.accelerator),
                *("--system-config", npu.system_config, "--memory-mode", npu.memory_mode),
                *configs,
                *("--optimise", npu.optimise, "--output-dir", "out", "--show-cpu-operations"),
            ],
            timeout_s=TIMEOUT_S,
            cwd=folder,
        )
        made, tables = folder / "out" / "model_vela.tflite", list(folder.glob("out/*_summary_*"))
        if done.returncode != 0 or not made.is_file() or len(tables) != 1:
            raise _failure(done)
        return Compiled(made.read_bytes(), tables[0].read_text(), done.output)


def _failure(done: process.Completed) -> CandidateFailure | ToolError:
    """A model that vela cannot compile is a result; a vela that was ended is none."""
    if done.timed_out or (done.returncode < 0 and -done.returncode not in process.CRASHES):
        return done.broken("vela")
    lines = [line for line in done.output.splitlines() if line.strip()]
    told = lines[-1] if done.returncode >= 0 and lines else done.how()
    message = f"vela cannot compile the model: {told}"
    return CandidateFailure(Reason(code="unsupported_operator", stage="engine", message=message))
