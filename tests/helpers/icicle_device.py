"""Runs a bare-metal image in Icicle, an emulator that shares nothing with QEMU.

Its instructions are those of Ghidra's processor descriptions, compiled by Cranelift. Version 0.0.11
has no SMLAWB and SMLAWT, which are computed here, and saturates by SSAT to a bit less than asked
(findings/icicle_ssat.sh), so that it is asked for one more. It has no devices: what `hal_put` is
given is the console, the clock stands still, and `main` is called with what the linker laid out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import icicle
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from mlforge_tasks.graph import process
from mlforge_tasks.platforms import _gnu

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PAGE_BYTES = 0x1000
RETURNED = 0x0FFF0000  # where nothing of a board is
_LINE = re.compile(r"^ *([0-9a-f]+):\t[0-9a-f ]+\t(ssat|smlaw[bt])\t(.*)$", re.MULTILINE)


def _signed(value: int, bits: int = 32) -> int:
    half = 1 << (bits - 1)
    return (value & ((1 << bits) - 1) ^ half) - half


class Device:
    """An image's `main`, called once."""

    def __init__(self, elf: Path) -> None:
        self._machine: Any = icicle.Icicle("thumbv7m")
        self._mapped: set[int] = set()
        self._computed: dict[int, tuple[str, list[str]]] = {}
        with elf.open("rb") as file:
            image = ELFFile(file)
            table: Any = image.get_section_by_name(".symtab")
            self._at = {one.name: one["st_value"] & ~1 for one in table.iter_symbols()}
            for section in image.iter_sections():
                if section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section["sh_size"]:
                    self._load(section)
        self._map(RETURNED, PAGE_BYTES)
        for address, name, operands in _special(elf):
            if name == "ssat":
                self._ask_for_one_more(address)
            else:
                self._computed[address] = name, operands
                self._machine.add_breakpoint(address)

    def _map(self, address: int, size: int) -> None:
        for page in range(address // PAGE_BYTES, -(-(address + size) // PAGE_BYTES)):
            if page not in self._mapped:
                self._mapped.add(page)
                anything = icicle.MemoryProtection.ExecuteReadWrite
                self._machine.mem_map(page * PAGE_BYTES, PAGE_BYTES, anything)
                self._machine.mem_write(page * PAGE_BYTES, bytes(PAGE_BYTES))

    def _load(self, section: Any) -> None:
        self._map(section["sh_addr"], section["sh_size"])
        if section["sh_type"] == "SHT_PROGBITS":
            self._machine.mem_write(section["sh_addr"], section.data())

    def _ask_for_one_more(self, address: int) -> None:
        """SSAT's second half ends with the number of bits, less one."""
        code = bytearray(self._machine.mem_read(address, 4))
        code[2] += 1
        self._machine.mem_write(address, bytes(code))

    def run(self) -> bytes:
        """What `main` says until it returns."""
        machine, said = self._machine, bytearray()
        for address in (RETURNED, self._at["hal_put"], self._at["hal_ticks"]):
            machine.add_breakpoint(address)
        start = {"sp": self._at["__stack_top"], "lr": RETURNED | 1, "TB": 1}
        for name, value in start.items():
            machine.reg_write(name, value)
        machine.pc = self._at["main"]
        while machine.run() == icicle.RunStatus.Breakpoint and machine.pc != RETURNED:
            if machine.pc in self._computed:
                self._compute(*self._computed[machine.pc])
                continue
            if machine.pc == self._at["hal_put"]:
                said.append(machine.reg_read("r0") & 0xFF)
            else:
                machine.reg_write("r0", 0)
                machine.reg_write("r1", 0)
            machine.pc = machine.reg_read("lr") & ~1
        assert machine.pc == RETURNED, (hex(machine.pc), machine.exception_code)
        return bytes(said)

    def _compute(self, name: str, operands: list[str]) -> None:
        """SMLAWB, SMLAWT: the upper 32 of 48 bits of a product, added."""
        target, *sources = operands
        word, halves, added = (self._machine.reg_read(_ALIASES.get(one, one)) for one in sources)
        half = _signed(halves >> 16 if name.endswith("t") else halves, 16)
        total = (_signed(word) * half >> 16) + _signed(added)
        self._machine.reg_write(_ALIASES.get(target, target), total & 0xFFFFFFFF)
        self._machine.pc += 4


_ALIASES: Mapping[str, str] = {"sl": "r10", "fp": "r11", "ip": "r12"}


def _special(elf: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Address, name and operands of the instructions that Icicle does not do, or not right."""
    code = process.check([_gnu.tool("objdump"), "-d", str(elf)], timeout_s=60)
    for address, name, operands in _LINE.findall(code):
        yield int(address, 16), name, [one.strip() for one in operands.split("@")[0].split(",")]
