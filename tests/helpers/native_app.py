"""The firmware's own code as a program of this machine, its line stdin and stdout."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from mlforge_tasks.graph import process
from mlforge_tasks.platforms import _image
from mlforge_tasks.runners._frames import BadFrame, Frame, FrameReader, FrameType, Log
from tests.helpers import tiny_model
from tests.helpers.paths import DATA

if TYPE_CHECKING:
    from pathlib import Path

HOST_HAL = DATA / "hal_host.c"
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def build(folder: Path) -> Path:
    """The application with a model that `tiny_model` wrote, with sanitizers."""
    sources = [*_image.APPLICATION, _image.APP / "protocol.c", HOST_HAL, folder / "model.c"]
    argv = ["gcc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", *SANITIZERS]
    argv += [f"-I{_image.APP}", f"-I{folder}", '-DMLFORGE_ENGINE="tiny"']
    argv += [f'-DMLFORGE_FIRMWARE_ID="{tiny_model.FIRMWARE_ID}"', *map(str, sources)]
    process.check([*argv, "-o", str(folder / "app")], timeout_s=60)
    return folder / "app"


def answers(firmware: Path, wire: bytes) -> list[Frame | BadFrame | Log]:
    """What the firmware says to some bytes, after its boot hello."""
    done = subprocess.run([firmware], input=wire, capture_output=True, check=True, timeout=60)
    hello, *rest = FrameReader().feed(done.stdout)
    assert isinstance(hello, Frame)
    assert (hello.seq, hello.type) == (0, FrameType.HELLO)
    return rest
