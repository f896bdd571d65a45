"""What is delivered is what was measured, to the byte."""

from __future__ import annotations

from pathlib import Path

import intelhex
import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.stages.deliver import check, write_hex
from mlforge_tasks.stages.run import RunReport
from tests.helpers.elf_file import elf_file

CODE, OTHER = elf_file((0, b"code")), elf_file((0, b"cope"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A delivery of a firmware, its profile image and its model, all measured."""
    for name in ("firmware", "profile"):
        (tmp_path / f"{name}.elf").write_bytes(CODE)
        (tmp_path / f"{name}.bin").write_bytes(b"code")
    (tmp_path / "model.tflite").write_bytes(b"model")
    names = ("firmware.elf", "profile.elf", "model.tflite")
    RunReport(
        source="emulated",
        measurements=(),
        stacks=(),
        ran={name: file_digest(tmp_path / name) for name in names},
        macs=1,
        golden_vectors=1,
        checked_against_oracle=True,
        device_metrics={},
    ).write(tmp_path / "measurements.json")
    return tmp_path


def test_what_was_measured_is_delivered(out: Path) -> None:
    """Of a process, which has nothing to flash, too."""
    check(out)
    (out / "firmware.bin").unlink()
    check(out)


def test_the_image_is_there_for_flashers_too(out: Path) -> None:
    """As Intel HEX, at the address where the ELF file has it."""
    at = 0x08004000
    (out / "firmware.elf").write_bytes(elf_file((at, bytes(range(100)))))
    (out / "firmware.bin").write_bytes(bytes(range(100)))
    write_hex(out)
    read = intelhex.IntelHex(str(out / "firmware.hex"))
    assert (read.minaddr(), read.tobinstr()) == (at, bytes(range(100)))
    (out / "firmware.bin").unlink()  # of a process
    (out / "firmware.hex").unlink()
    write_hex(out)
    assert not (out / "firmware.hex").exists()


@pytest.mark.parametrize("name", ["firmware.bin", "profile.bin"])
@pytest.mark.parametrize("data", [b"cope", b"", b"codecode"])
def test_a_flat_image_of_other_bytes_is_refused(out: Path, name: str, data: bytes) -> None:
    """Whoever measured the ELF file has not measured those."""
    (out / name).write_bytes(data)
    with pytest.raises(ToolError, match=f"{name}: the image's files do not belong together"):
        check(out)


@pytest.mark.parametrize("name", ["firmware.elf", "profile.elf", "model.tflite", "more.elf"])
def test_another_image_or_model_is_refused(out: Path, name: str) -> None:
    """Also one that nobody measured."""
    (out / name).write_bytes(OTHER)
    with pytest.raises(ToolError, match="not the one that was measured"):
        check(out)


@pytest.mark.parametrize("name", ["firmware.elf", "model.tflite"])
def test_a_missing_image_or_model_is_told(out: Path, name: str) -> None:
    """A delivery is whole."""
    (out / name).unlink()
    with pytest.raises(ToolError, match="not the one that was measured"):
        check(out)
