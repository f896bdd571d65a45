"""Flashing: the exact command for each west runner, and the image as Intel HEX."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.elf import flat_origin
from mlforge_tasks.errors import ToolError
from mlforge_tasks.platforms.baremetal import PLUGIN as BAREMETAL
from mlforge_tasks.runners import _flash
from mlforge_tasks.runners._bench_board import BenchBoard
from mlforge_tasks.runners._flash import Files, build_folder, custom_argv, west_argv
from mlforge_tasks.runners._hex import intel_hex
from tests.helpers import tiny_model

FILES = Files(elf=Path("/o/f.elf"), hex=Path("/t/f.hex"), bin=Path("/o/f.bin"))
EACH_FORMAT = ["--elf-file", "/o/f.elf", "--hex-file", "/t/f.hex", "--bin-file", "/o/f.bin"]
NRF = load_board("nrf52840dk/nrf52840")


def entry(**fields: object) -> BenchBoard:
    """A board of the hardware map."""
    return BenchBoard.from_dump(
        {"connected": True, "platforms": ("x",), "id": "77", "serial": "/dev/ttyACM0", **fields}
    )


@pytest.mark.parametrize(
    ("runner", "product", "arguments"),
    [
        ("nrfjprog", "J-Link", ["--dev-id", "77", *EACH_FORMAT]),
        ("nrfutil", "J-Link", ["--dev-id", "77", *EACH_FORMAT]),
        ("pyocd", "DAPLink CMSIS-DAP", ["--dev-id", "77", *EACH_FORMAT]),
        ("jlink", "J-Link", ["--dev-id", "77", "--file", "/t/f.hex"]),
        ("probe-rs", "any", ["--dev-id", "77", "--file", "/t/f.hex"]),
        ("linkserver", "any", ["--probe=77", "--file", "/t/f.hex"]),
        ("openocd", "STM32 STLink", ["--cmd-pre-init", "hla_serial 77", *EACH_FORMAT]),
        ("openocd", "STLINK-V3", ["--cmd-pre-init", "hla_serial 77", *EACH_FORMAT]),
        ("openocd", "EDBG CMSIS-DAP", ["--cmd-pre-init", "cmsis_dap_serial 77", *EACH_FORMAT]),
        ("openocd", "LPC-LINK2 CMSIS-DAP", ["--cmd-pre-init", "adapter serial 77", *EACH_FORMAT]),
        ("stm32cubeprogrammer", "STM32 STLink", ["--tool-opt=sn=77", *EACH_FORMAT]),
        ("stm32cubeprogrammer", "BOOT-SERIAL", EACH_FORMAT),
        ("esp32", "any", ["--esp-device", "77", *EACH_FORMAT]),
        ("uf2", "any", EACH_FORMAT),
    ],
)
def test_each_west_runner_is_told_the_probe(
    runner: str, product: str, arguments: list[str]
) -> None:
    """The probe is named as twister names it, and the files are the ones that were measured for."""
    argv = west_argv(entry(runner=runner, product=product), FILES, Path("/b"))
    west = [sys.executable, "-P", "-m", "west", "flash", "--skip-rebuild"]
    west += ["-d", "/b", "--runner", runner]
    assert argv == [*west, "--", *arguments]


def test_probe_id_goes_before_id_and_parameters_are_passed_on() -> None:
    """As twister has it; a board without an id is flashed by whatever probe there is."""
    argv = west_argv(
        entry(runner="jlink", probe_id="88", runner_params=("--speed=100",)), FILES, Path("/b")
    )
    assert argv[10:] == ["--", "--dev-id", "88", "--speed=100", "--file", "/t/f.hex"]
    assert west_argv(entry(runner="pyocd", id=None), FILES, Path("/b"))[11:] == EACH_FORMAT


def test_a_flash_command_has_its_places_filled() -> None:
    """Only whole known words in braces are places; there is no shell."""
    words = ("prog", "-s={serial}", "{probe_id}", "{elf}", "{hex}", "{bin}", "$HOME; {}")
    assert custom_argv(entry(flash_command=words), FILES) == [
        "prog",
        "-s=/dev/ttyACM0",
        "77",
        "/o/f.elf",
        "/t/f.hex",
        "/o/f.bin",
        "$HOME; {}",
    ]


def test_west_is_given_a_build_folder_of_the_board(tmp_path: Path) -> None:
    """The one without a model where there is one; without any, the error says what makes one."""
    with pytest.raises(ToolError, match=r"needs a Zephyr build folder for nrf52840dk.*\n.*zephyr"):
        build_folder(NRF, tmp_path)
    for name in ("nrf52840dk_nrf52840-c-1", "nrf52840dk_nrf52840-none-2", "nucleo_f446re-none-3"):
        (tmp_path / name / "build" / "zephyr").mkdir(parents=True)
        (tmp_path / name / "build" / "zephyr" / "runners.yaml").touch()
    assert build_folder(NRF, tmp_path) == tmp_path / "nrf52840dk_nrf52840-none-2" / "build"


def test_zephyr_is_found_through_the_build_folder(tmp_path: Path) -> None:
    """West runs in the workspace that the folder was configured with."""
    cache = tmp_path / "CMakeCache.txt"
    cache.write_text("A:BOOL=ON\nZEPHYR_BASE:PATH=/w s/zephyr\nB:INTERNAL=\n")
    assert _flash._zephyr_base(tmp_path) == Path("/w s/zephyr")
    cache.write_text("A:BOOL=ON\n")
    with pytest.raises(ToolError, match="does not say where Zephyr is"):
        _flash._zephyr_base(tmp_path)


def read_hex(text: bytes) -> dict[int, int]:
    """Address to byte, checked line by line: an independent reader."""
    memory: dict[int, int] = {}
    upper, ended = 0, False
    for line in text.decode("ascii").splitlines():
        assert not ended
        assert line[0] == ":"
        record = bytes.fromhex(line[1:])
        assert sum(record) % 256 == 0
        assert record[0] == len(record) - 5
        kind, data = record[3], record[4:-1]
        if kind == 0:
            start = upper + int.from_bytes(record[1:3], "big")
            memory |= dict(enumerate(data, start))
        elif kind == 4:
            upper = int.from_bytes(data, "big") << 16
        else:
            assert kind == 1
            ended = True
    assert ended
    return memory


@given(data=st.binary(max_size=200), page=st.integers(0, 0xFFFF), line=st.integers(0, 0xFFF))
def test_hex_holds_every_byte(data: bytes, page: int, line: int) -> None:
    """Whatever the address, across 64 KiB pages too."""
    origin = min(page << 16 | line << 4, 2**32 - 256)
    assert read_hex(intel_hex(data, origin)) == dict(enumerate(data, origin))


@pytest.mark.slow
def test_hex_of_a_real_image(tmp_path: Path) -> None:
    """The cross tools read it back as the image; files of different builds are not mixed."""
    model = tiny_model.write_model(tmp_path / "model")
    BAREMETAL.build(tiny_model.request(load_board("mps2/an385"), model), tmp_path)
    elf, flat = ((tmp_path / f"firmware.{kind}").read_bytes() for kind in ("elf", "bin"))
    (tmp_path / "a.hex").write_bytes(intel_hex(flat, flat_origin(elf, flat)))
    copy = ["arm-none-eabi-objcopy", "-I", "ihex", "-O", "binary", "a.hex", "b.bin"]
    subprocess.run(copy, cwd=tmp_path, check=True)
    assert (tmp_path / "b.bin").read_bytes() == flat
    with pytest.raises(ToolError, match="do not belong together"):
        flat_origin(elf, flat + bytes(4))
    with pytest.raises(ToolError, match="not a 32-bit little-endian ELF"):
        flat_origin(flat, flat)
