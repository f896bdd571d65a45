"""Runs generated C on cores that no emulated board has: static programs without a C library.

QEMU's user mode gives them Linux' system calls, of which they use two. What the generated C needs
beside the compiler's own headers is what `string.h` here declares.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.graph import process
from mlforge_tasks.platforms._image import APP
from tests.helpers.aot_device import RUN_LIMIT_S, results, write_program
from tests.helpers.aot_host import WARNINGS, compile_objects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.helpers.aot_host import Case

# Loops that copy must not become calls of memcpy within memcpy.
FLAGS = ("-O2", "-ffreestanding", "-fno-tree-loop-distribute-patterns", *WARNINGS)
_GCC_ALONE = ("-fno-tree-loop-distribute-patterns",)

_STRING = """\
#include <stddef.h>
void *memcpy(void *to, const void *from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
"""

_HAL = """\
#include <string.h>
#include "hal.h"

enum { WRITE = 64, EXIT = 93 };
int main(void);

#if defined(__riscv)
static long call(long number, long a, long b, long c)
{
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
    return a0;
}
__asm__(".globl _start\\n_start:\\n.option push\\n.option norelax\\nla gp, __global_pointer$\\n"
        ".option pop\\nandi sp, sp, -16\\ncall begin\\n");
#else
static long call(long number, long a, long b, long c)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x8) : "memory");
    return x0;
}
__asm__(".globl _start\\n_start:\\nbl begin\\n");
#endif

void begin(void);
void begin(void) { (void)call(EXIT, main(), 0, 0); }
void hal_put(uint8_t byte) { (void)call(WRITE, 1, (long)&byte, 1); }
uint64_t hal_ticks(void) { return 0; }

void *memmove(void *to, const void *from, size_t size)
{
    const char *source = from;
    char *target = to;
    if (target <= source) {
        for (size_t i = 0; i < size; i++) {
            target[i] = source[i];
        }
        return to;
    }
    while (size--) {
        target[size] = source[size];
    }
    return to;
}

void *memcpy(void *to, const void *from, size_t size) { return memmove(to, from, size); }

void *memset(void *to, int value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        ((char *)to)[i] = (char)value;
    }
    return to;
}
"""


@dataclass(frozen=True)
class Core:
    """A core, its compiler and its emulator.

    Attributes:
        gcc: The cross compiler, which links in any case.
        flags: What selects the core.
        qemu: The program that runs its executables, and what it is told.
        clang: What Clang is told of the core, where it compiles.
        linking: What GCC is told instead of `flags`, where it does not know the core.
    """

    gcc: str
    flags: tuple[str, ...]
    qemu: tuple[str, ...]
    clang: tuple[str, ...] = ()
    linking: tuple[str, ...] = ()

    def missing(self) -> list[str]:
        """What of it is not installed."""
        wanted = [self.gcc, self.qemu[0], *(["clang-22"] if self.clang else [])]
        return [name for name in wanted if shutil.which(name) is None]


_RISCV_GCC = "riscv64-unknown-elf-gcc"
CORES = {
    "rv32imc": Core(_RISCV_GCC, ("-march=rv32imc", "-mabi=ilp32"), ("qemu-riscv32",)),
    # Clang makes vector instructions of the portable kernels' loops, GCC 12 does not.
    "rv32imcv": Core(
        _RISCV_GCC,
        ("-march=rv32imcv", "-mabi=ilp32"),
        ("qemu-riscv32", "-cpu", "rv32,v=true,vext_spec=v1.0"),
        clang=("--target=riscv32-unknown-elf",),
        linking=("-march=rv32imc", "-mabi=ilp32"),
    ),
    "rv64gc": Core(
        _RISCV_GCC, ("-march=rv64gc", "-mabi=lp64d", "-mcmodel=medany"), ("qemu-riscv64",)
    ),
    "cortex-a53": Core("aarch64-linux-gnu-gcc", ("-mcpu=cortex-a53",), ("qemu-aarch64",)),
}


def run_on_core(cases: Sequence[Case], core: Core, folder: Path) -> Mapping[str, int]:
    """Output bytes that differ from the oracle's, by prefix."""
    sources = write_program(cases, folder)
    (folder / "hal.h").write_text((APP / "hal.h").read_text())
    (folder / "string.h").write_text(_STRING)
    (folder / "hal.c").write_text(_HAL)
    flags = [*core.flags, *FLAGS, "-isystem", "."]
    compiler = [core.gcc]
    if core.clang:
        compiler = ["clang-22", *core.clang]
        flags = [one for one in flags if one not in _GCC_ALONE]
    objects = compile_objects(compiler, [*sources, folder / "hal.c"], flags)
    program = folder / "check"
    link = [core.gcc, *(core.linking or core.flags), "-nostdlib", "-static", "-o", str(program)]
    process.check([*link, *map(str, objects), "-lgcc"], timeout_s=RUN_LIMIT_S)
    console = process.check([*core.qemu, str(program)], timeout_s=RUN_LIMIT_S)
    return {name: bad for name, (bad, _) in results(cases, console).items()}
