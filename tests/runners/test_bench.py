"""The hardware map: twister's file as twister writes it, and one board chosen from it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.errors import ContractError, ToolError
from mlforge_tasks.runners._bench import (
    MAP_VARIABLE,
    PROBE_VARIABLE,
    choose,
    find,
    read_map,
)
from mlforge_tasks.runners._bench_board import BenchBoard

if TYPE_CHECKING:
    from pathlib import Path

# As `twister --generate-hardware-map` (Zephyr 4.2) writes it, its 'unknown's filled in, and with
# every key of its schema that a person may add.
TWISTER = """\
- connected: true
  id: OSHW000032254e4500128002ab98002784d1000097969900
  platform: reel_board
  product: DAPLink CMSIS-DAP
  runner: pyocd
  serial: /dev/cu.usbmodem146114202
  baud: 9600
- connected: true
  id: '001050273141'
  platform:
  - nrf52840dk/nrf52840
  - nrf52840dk/nrf52811
  probe_id: '000683759358'
  product: J-Link
  runner: nrfutil
  serial: /dev/ttyACM1
  available: true
  fixtures:
  - gpio_loopback
  notes: An nrf52840dk with an external
    probe.
  flash_timeout: 90
  flash_with_test: false
  flash_before: true
  pre_script: ./power_on.sh
  post_flash_script: ./wait.sh
  post_script: ./power_off.sh
  script_param:
    pre_script_timeout: 5
    post_flash_timeout: 6
    post_script_timeout: 7
    pre_script_arg: ["--on"]
- connected: true
  id: None
  platform: intel_adsp/cavs25
  product: None
  runner: intel_adsp
  serial_pty: path/to/script.py
  runner_params:
  - --remote-host=remote_host_ip_addr
- connected: false
  id: 066AFF495451885087144332
  platform: nucleo_f446re nucleo_f446ze
  product: STM32 STLink
  runner: openocd
  serial: null
"""
ENTRY = {"connected": True, "id": "1", "platform": "b", "product": "P", "runner": "pyocd"}


def write(folder: Path, text: str) -> Path:
    """Writes a hardware map."""
    path = folder / "hardware-map.yaml"
    path.write_text(text)
    return path


def boards(folder: Path, *changes: dict[str, object]) -> tuple[BenchBoard, ...]:
    """A bench of boards that differ as told."""
    entries = [{**ENTRY, "serial": f"/dev/tty{i}", **change} for i, change in enumerate(changes)]
    return read_map(write(folder, json.dumps(entries)))


def problems(folder: Path, text: str) -> list[str]:
    """What is wrong with a map, without the folder."""
    with pytest.raises(ContractError) as caught:
        read_map(write(folder, text))
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_twisters_map_is_read_as_it_is(tmp_path: Path) -> None:
    """Every key that twister knows is taken, with twister's defaults for those that are not."""
    reel, nordic, intel, nucleo = read_map(write(tmp_path, TWISTER))
    assert (reel.platforms, reel.baud, reel.flash_timeout_s) == (("reel_board",), 9600, 60)
    assert reel.probe == "OSHW000032254e4500128002ab98002784d1000097969900"
    assert nordic.platforms == ("nrf52840dk/nrf52840", "nrf52840dk/nrf52811")
    assert (nordic.probe, nordic.id) == ("000683759358", "001050273141")
    assert (nordic.flash_before, nordic.flash_timeout_s, nordic.baud) == (True, 90, 115_200)
    assert nordic.script_param.pre_script_s == 5
    assert nordic.script_param.post_flash_s == 6
    assert nordic.script_param.post_script_s == 7
    assert nordic.script_param.pre_script_arg == ("--on",)
    assert (intel.serial_pty, intel.reachable) == ("path/to/script.py", True)
    assert intel.runner_params == ("--remote-host=remote_host_ip_addr",)
    assert (nucleo.platforms, nucleo.reachable) == (("nucleo_f446re", "nucleo_f446ze"), False)


@pytest.mark.parametrize(
    "text", [f"---\n{TWISTER}", f"# my bench\n\n--- \n{TWISTER}", f"\ufeff{TWISTER}", TWISTER]
)
def test_a_document_mark_is_allowed(tmp_path: Path, text: str) -> None:
    """YAML's start mark, a byte-order mark and comments before the list change nothing."""
    assert len(read_map(write(tmp_path, text))) == 4


PPK2 = "kind: ppk2, serial: /dev/ttyACM1"
CSV = "kind: csv, name: logger 7"
TIME, MARKER = "time: {column: t}", "marker: {column: m}"
CURRENT, POWER = "current: {column: i, unit: mA}", "power: {column: p, unit: mW}"
METERS = {
    f"{PPK2}, voltage: 3 V": "",
    "kind: joulescope, rate: 1000000, marker: 3": "",
    f"{CSV}, file: b, columns: {{{TIME}, {POWER}, {MARKER}}}": "",
    f"{PPK2}, voltage: 3": "voltage: found 3, wanted a voltage such as '3.3 V' (units: mV, V); "
    "the unit is missing",
    f"{PPK2}, voltage: 9 V": "voltage: found '9 V', wanted a number of at most 5",
    "kind: ppk2, voltage: 3 V": "serial: found nothing, wanted the key 'serial'",
    "kind: ppk3": "kind: found 'ppk3', wanted one of csv, joulescope, ppk2; did you mean 'ppk2'?",
    f"{PPK2}, voltage: 3 V, markr: 1": "markr: found the unknown key 'markr', wanted one of "
    "supplies, kind, serial, voltage, marker; did you mean 'marker'?",
    f"{CSV}, columns: {{{TIME}, {POWER}, {MARKER}}}": "file: found nothing, wanted a file, or "
    "{file} among the command's words",
    f"{CSV}, file: b, columns: {{{TIME}, {MARKER}}}": "columns.current: found nothing, wanted a "
    "column of current, or one of power",
    f"{CSV}, file: b, columns: {{{TIME}, {CURRENT}, {MARKER}}}": "voltage: found nothing, wanted "
    "the supply's voltage, or a column of it",
    f"{CSV}, command: ['{{fil}}'], file: c, columns: {{{TIME}, {POWER}, {MARKER}}}": "command.0: "
    "found '{fil}', wanted braces only as in {file}",
}


@pytest.mark.parametrize("meter", METERS)
def test_a_meter_beside_a_board(tmp_path: Path, meter: str) -> None:
    """Of every kind; results belong to it. What is wrong with it is told with its line."""
    entry = "- connected: true\n  platform: b\n  serial: x\n"
    text = f"{entry}  meter: {{{meter}}}\n"
    if METERS[meter]:
        assert problems(tmp_path, text) == [f"hardware-map.yaml:4: 0.meter.{METERS[meter]}"]
        return
    (board,) = read_map(write(tmp_path, text))
    (without,) = read_map(write(tmp_path, entry))
    assert board.meter is not None
    assert board.identity() == without.identity() | {"bench_meter": board.meter.identity()}


def test_every_mistake_has_its_line(tmp_path: Path) -> None:
    """A typing error is told with file, line and what would be right."""
    text = TWISTER.replace("flash_timeout: 90", "flash_tiemout: 90").replace("9600", "fast")
    baud, timeout = problems(tmp_path, text)
    assert baud == "hardware-map.yaml:7: 0.baud: found 'fast', wanted a whole number"
    assert timeout.startswith("hardware-map.yaml:22: 1.flash_tiemout: found the unknown key")
    assert timeout.endswith("did you mean 'flash_timeout'?")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\n", "1: (document): found a mapping, wanted a list"),
        ("", "1: (document): found nothing, wanted a list"),
        ("- just text\n", "1: 0: found 'just text', wanted a mapping"),
        ("- connected: yes please\n", "1: 0.connected: found 'yes please', wanted true or false"),
        ("- connected: true\n", "1: 0.platform: found nothing, wanted"),
        (
            "- {connected: true, platform: ''}",
            "1: 0.platform: found empty text, wanted a list of at least",
        ),
        (
            "- {connected: true, platform: a,\n   flash_command: ['x', '{elv}']}",
            "2: 0.flash_command.1: found '{elv}', wanted braces only as in {elf}, {hex}, {bin}",
        ),
    ],
)
def test_what_is_no_hardware_map_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    """Each mistake says what was found and what was wanted."""
    assert any(
        found.startswith(f"hardware-map.yaml:{problem}") for found in problems(tmp_path, text)
    )


def test_two_boards_with_one_id_are_refused(tmp_path: Path) -> None:
    """Nobody could say which of the two was measured."""
    (found,) = problems(tmp_path, TWISTER + TWISTER.partition("- connected: true\n  id: '0")[0])
    assert found.startswith("hardware-map.yaml:48: 4.id: found 'OSHW")
    assert "wanted another id than that of board 1 of the map" in found


def test_one_probe_may_be_several_kinds_of_board(tmp_path: Path) -> None:
    """Twister lists variants of one board as entries with one id; unplugged ones do not count."""
    bench = boards(tmp_path, {"platform": "a"}, {"platform": "b"}, {"connected": False})
    assert choose(bench, ["a"]).serial == "/dev/tty0"
    assert choose(bench, ["b"]).serial == "/dev/tty1"


def test_a_board_is_found_by_either_name(tmp_path: Path) -> None:
    """Zephyr's short and full names both do."""
    bench = boards(tmp_path, {"platform": "nucleo_f446re"}, {"id": "2", "platform": "other"})
    assert choose(bench, ["nucleo_f446re/stm32f446xx", "nucleo_f446re"]).probe == "1"


def test_a_board_is_chosen_by_probe_id(tmp_path: Path) -> None:
    """Where there are several of a kind, the id of the board or of its probe decides."""
    bench = boards(tmp_path, {"id": "1"}, {"id": "2", "probe_id": "22"})
    assert choose(bench, ["b"], "1").serial == "/dev/tty0"
    assert choose(bench, ["b"], "2").serial == choose(bench, ["b"], "22").serial == "/dev/tty1"


@pytest.mark.parametrize(
    ("changes", "probe", "message"),
    [
        ([], None, r"there is no b on the bench\n.*has no boards"),
        ([{"platform": "bb"}], None, r"there is no b on the bench\n.*did you mean 'bb'"),
        (
            [{"platform": "unknown"}],
            None,
            r"there is no b on the bench\n.*if it is the one, write b",
        ),
        ([{}], "7", r"there is no b with probe id '7' on the bench\n.*the bench has 1"),
        ([{"connected": False}], None, r"no b is connected: 1 in the hardware map\n.*plug it in"),
        ([{"serial": None}], None, r"no b is connected: 1"),
        ([{}, {"id": "2"}], None, r"several b are connected: 1, 2\n.*MLFORGE_PROBE_ID"),
        ([{}, {"id": None}], None, r"several b are connected: 1, one without an id"),
        ([{"runner": "unknown"}], None, r"does not say how to flash the b \(1\)\n.*runner"),
    ],
)
def test_each_way_to_have_no_board_is_told(
    tmp_path: Path, changes: list[dict[str, object]], probe: str | None, message: str
) -> None:
    """None, another one, none connected, several, none that can be flashed."""
    with pytest.raises(ToolError, match=message):
        choose(boards(tmp_path, *changes), ["b"], probe)


def test_the_map_is_found(tmp_path: Path) -> None:
    """In the project's folder, or where the variable says; relative scripts start from there."""
    with pytest.raises(ToolError, match=r"no hardware map at .*\n.*generate-hardware-map"):
        find(["b"], root=tmp_path, environ={})
    boards(tmp_path, {"id": "1"}, {"id": "2"})
    board, folder = find(["b"], root=tmp_path, environ={PROBE_VARIABLE: "2"})
    assert (board.probe, folder) == ("2", tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    boards(elsewhere, {"id": "3"})
    named = {MAP_VARIABLE: str(elsewhere / "hardware-map.yaml")}
    assert find(["b"], root=tmp_path, environ=named)[1] == elsewhere


def test_identity_is_the_boards_not_the_ports(tmp_path: Path) -> None:
    """Plugged into another port it is the same board; another probe is another board."""
    first, moved, other = boards(
        tmp_path, {}, {"connected": False, "notes": "moved"}, {"probe_id": "9"}
    )
    assert first.identity() == moved.identity()
    assert first.identity() != other.identity()


def test_a_machine_is_logged_in_to(tmp_path: Path) -> None:
    """An entry with `ssh` needs no port and nothing that flashes; its address is its identity."""
    text = "- {connected: true, platform: raspberry_pi_4, ssh: {host: pi.lan, port: 2222}}\n"
    (board,) = read_map(write(tmp_path, text))
    assert choose([board], ["raspberry_pi_4"]) is board
    assert board.identity()["bench_id"] == board.called == "pi.lan:2222"
    (named,) = read_map(write(tmp_path, text.replace("true,", "true, id: one,")))
    assert named.identity()["bench_id"] == "one"


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ("{host: pi, password: x}", "password"),
        ("{host: pi, port: 0}", "port"),
        ("{host: -oProxyCommand=x}", "host"),
        ("{port: 22}", "host"),
    ],
)
def test_a_login_that_cannot_be_is_told(entry: str, field: str, tmp_path: Path) -> None:
    """No password is taken from a file, and no option in place of a host."""
    path = write(tmp_path, f"- connected: true\n  platform: b\n  ssh: {entry}\n")
    with pytest.raises(ContractError, match=rf":3: \d*\.?ssh\.{field}|:3: .*{field}"):
        read_map(path)
