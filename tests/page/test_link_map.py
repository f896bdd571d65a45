"""The linker's map: memories, and the object of each byte."""

from __future__ import annotations

import pytest

from mlforge_tasks.page.image import Part
from mlforge_tasks.page.image_groups import group_of
from mlforge_tasks.page.link_map import Memory, Piece, read_map

TEXT = """Discarded input sections

 .text          0x00000000      0x10 dead.o

Memory Configuration

Name             Origin             Length             Attributes
FLASH            0x00000000         0x00001000         xr
DTCM             0x20000000         0x00000200
*default*        0x00000000         0xffffffff

Linker script and memory map

LOAD app.o

.text           0x00000000       0x20
 *(.vectors)
 .vectors       0x00000000        0x8 app.o
                0x00000000                vectors
 .text.a_function_of_a_long_name
                0x00000008       0x14 lib/libx.a(one.c.obj)
                0x00000008                a_function_of_a_long_name
 *fill*         0x0000001c        0x4 
                0x00000020                . = ALIGN (0x8)
 .text.empty    0x00000020        0x0 app.o

.data           0x20000000        0x4 load address 0x00000020
 .data.x        0x20000000        0x4 app.o

.debug_info     0x00000000      0x100
 .debug_info    0x00000000      0x100 app.o
"""  # noqa: W291 - as the linker writes it


def test_pieces_are_found_by_section_and_address() -> None:
    """What was discarded, or lies in no memory, is never taken for what does."""
    known = read_map(TEXT)
    assert known.memories == (Memory("FLASH", 0, 4096), Memory("DTCM", 0x20000000, 512))
    assert known.memory(0x20000004) == known.memories[1]
    assert known.memory(0x30000000) is None
    vectors = Piece(0, 8, ".vectors", "app.o")
    long = Piece(8, 20, ".text.a_function_of_a_long_name", "lib/libx.a(one.c.obj)")
    assert list(known.pieces(".text", 0, 28)) == [vectors, long]
    assert list(known.pieces(".text", 8, 9)) == [long]
    assert list(known.pieces(".text", 28, 32)) == []
    assert next(known.pieces(".data", 0x20000000, 0x20000004)).file == "app.o"


@pytest.mark.parametrize("text", ["", "VMA LMA Size Align Out In Symbol\n0 0 1 1 .text\n"])
def test_another_linkers_map_says_nothing(text: str) -> None:
    """It is no error: parts are named by their symbols then."""
    known = read_map(text)
    assert known.memories == ()
    assert known.memory(0) is None
    assert list(known.pieces(".text", 0, 10)) == []


@pytest.mark.parametrize(
    ("name", "file", "group"),
    [
        ("z_main_stack", "zephyr/kernel/libkernel.a(init.c.obj)", "stacks"),
        ("kheap__system_heap", "zephyr/kernel/libkernel.a(mempool.c.obj)", "heap"),
        ("tensor_arena", "app/libapp.a(tflm_arena.c.obj)", "arena"),
        ("g_model", "app/libapp.a(tflm_arena.c.obj)", "weights"),
        ("aot_conv_s8", "app/libapp.a(part_00.c.obj)", "kernels"),
        ("weights", "app/libapp.a(part_03.c.obj)", "weights"),
        ("Eval", "modules/tflite-micro/libtflite.a(conv.cc.obj)", "kernels"),
        (
            "arm_convolve_s8",
            "modules/libmodules__cmsis-nn.a(arm_convolve_s8.c.obj)",
            "kernels",
        ),
        ("uart_init", "zephyr/drivers/serial/libdrivers__serial.a(uart.c.obj)", "drivers"),
        ("nrfx_init", "modules/hal_nordic/libmodules__hal_nordic.a(nrfx.c.obj)", "drivers"),
        ("k_sem_give", "zephyr/kernel/libkernel.a(sem.c.obj)", "os"),
        ("memcpy", "toolchain/lib/picolibc/libc.a(memcpy.c.o)", "library"),
        ("z_libc", "zephyr/lib/libc/common/liblib__libc__common.a(x.c.obj)", "library"),
        ("main", "app/libapp.a(app.c.obj)", "application"),
        ("start", "000_startup.o", "drivers"),
        ("main", "004_app.o", "application"),
        ("gather", "006_aot_conv_s8.o", "kernels"),
        ("anything", "elsewhere/foo.o", "other"),
        ("padding", "", "padding"),
    ],
)
def test_objects_and_symbols_tell_what_bytes_are_for(name: str, file: str, group: str) -> None:
    """As bare metal and Zephyr name them, for both engines."""
    variable = group in {"stacks", "heap", "arena"}
    part = Part(
        *(name, file, "any", 0, 4),
        runs=False,
        written=variable,
        loaded=not variable,
        symbol=bool(file),
    )
    assert group_of(part, frozenset({"app/libapp.a(part_03.c.obj)"})).key == group
