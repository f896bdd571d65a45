"""Runs generated C in programs that check themselves: on emulated boards, and sanitized."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlforge_tasks.graph import process
from mlforge_tasks.platforms._image import APP, link_image
from mlforge_tasks.runners.qemu import run_to_end
from tests.helpers.aot_host import compile_objects, gathered, write_sources

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.contract.sections import Toolchain
    from tests.helpers.aot_host import Case

RUN_LIMIT_S = 300.0
SANITIZERS = ("-std=c11", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

_HOST_HAL = """\
#include <stdio.h>
#include "hal.h"
void hal_put(uint8_t byte) { putchar(byte); }
uint64_t hal_ticks(void) { return 0; }
"""

# Boards have no sanitizer: an arena between canaries shows stores that leave it.
_ARENA = "static _Alignas(16) int8_t arena[ARENA_BYTES];"
_GUARDED_ARENA = """\
static struct {
    uint8_t before[32];
    _Alignas(16) int8_t bytes[ARENA_BYTES];
    uint8_t after[32];
} guarded;
#define arena guarded.bytes
uint32_t PREFIX_spoilt(int set);
uint32_t PREFIX_spoilt(int set)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < sizeof guarded.before; i++) {
        if (set) {
            guarded.before[i] = guarded.after[i] = (uint8_t)(0xA5 ^ i);
        }
        count += guarded.before[i] == (0xA5 ^ i) ? 0u : 1u;
        count += guarded.after[i] == (0xA5 ^ i) ? 0u : 1u;
    }
    return count;
}
"""

_FUNCTIONS = ("init", "input", "output", "invoke", "spoilt")
_MAIN = """\
#include <stdint.h>
#include <string.h>
#include "hal.h"

typedef struct {
    const char *name;
    int (*init)(void);
    void *(*input)(void);
    const void *(*output)(void);
    int (*invoke)(void);
    uint32_t (*spoilt)(int set);
    const int8_t *inputs, *outputs;
    uint32_t samples, input_bytes, output_bytes;
} model_case_t;

#include "cases.h"

static void print_text(const char *text)
{
    while (*text != 0) {
        hal_put((uint8_t)*text++);
    }
}

static void print_hex(uint32_t value)
{
    for (int shift = 28; shift >= 0; shift -= 4) {
        hal_put((uint8_t)"0123456789abcdef"[(value >> shift) & 15]);
    }
}

int main(void)
{
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const model_case_t *model = &cases[i];
        uint32_t bad = (uint32_t)model->init() + model->spoilt(1);
        uint64_t start = 0, ticks = 0;
        for (uint32_t s = 0; s < model->samples; s++) {
            memcpy(model->input(), model->inputs + s * model->input_bytes, model->input_bytes);
            start = hal_ticks();
            bad += (uint32_t)model->invoke();
            ticks = hal_ticks() - start;
            for (uint32_t b = 0; b < model->output_bytes; b++) {
                const int8_t *output = model->output();
                bad += output[b] != model->outputs[s * model->output_bytes + b];
            }
        }
        bad += model->spoilt(0);
        print_text(model->name);
        print_text(" ");
        print_hex(bad);
        print_text(" ");
        print_hex((uint32_t)ticks);
        print_text("\\n");
    }
    return 0;
}
"""


def _array(name: str, values: bytes) -> str:
    signed = (str(byte - 256 if byte > 127 else byte) for byte in values)
    return f"static const int8_t {name}[] = {{{','.join(signed)}}};"


def _cases_header(cases: Sequence[Case]) -> str:
    lines = [f'#include "{case.prefix}_aot.h"' for case in cases]
    for case in cases:
        lines.append(f"uint32_t {case.prefix}_spoilt(int set);")
        lines.append(_array(f"{case.prefix}_x", case.inputs.tobytes()))
        lines.append(_array(f"{case.prefix}_y", case.outputs.tobytes()))
    lines.append("static const model_case_t cases[] = {")
    for case in cases:
        name = case.prefix
        casts = {"input": "(void *(*)(void))", "output": "(const void *(*)(void))"}
        functions = ", ".join(f"{casts.get(each, '')}{name}_{each}" for each in _FUNCTIONS)
        count = len(case.inputs)
        sizes = f"{count}, {case.inputs.nbytes // count}, {case.outputs.nbytes // count}"
        lines.append(f'    {{"{name}", {functions}, {name}_x, {name}_y, {sizes}}},')
    return "\n".join([*lines, "};", ""])


def write_program(cases: Sequence[Case], folder: Path) -> list[Path]:
    """Writes a program that checks itself; returns its C files."""
    sources = write_sources(cases, folder)
    for case in cases:
        model = folder / f"{case.prefix}_aot.c"
        text = model.read_text()
        assert _ARENA in text
        guarded = _GUARDED_ARENA.replace("PREFIX", case.prefix)
        model.write_text(text.replace(_ARENA, guarded))
    (folder / "cases.h").write_text(_cases_header(cases))
    main = folder / "main.c"
    main.write_text(_MAIN)
    return [main, *gathered(sources)]


def results(cases: Sequence[Case], console: str) -> Mapping[str, tuple[int, int]]:
    found = re.findall(r"^(\w+) ([0-9a-f]+) ([0-9a-f]+)$", console, re.MULTILINE)
    assert [name for name, _, _ in found] == [case.prefix for case in cases], console
    return {name: (int(bad, 16), int(ticks, 16)) for name, bad, ticks in found}


def run_on_board(
    cases: Sequence[Case],
    board: Board,
    folder: Path,
    optimisation: str = "-O2",
    toolchain: Toolchain = "gcc",
) -> Mapping[str, tuple[int, int]]:
    """Differing output bytes and spoilt canaries, and ticks of the last inference, by prefix."""
    sources = write_program(cases, folder)
    image = link_image(
        board,
        sources,
        folder,
        include_dirs=[folder],
        optimisation=optimisation,
        toolchain=toolchain,
    )
    return results(cases, run_to_end(board, image.elf, limit_s=RUN_LIMIT_S).decode())


def run_sanitized(cases: Sequence[Case], folder: Path) -> Mapping[str, tuple[int, int]]:
    """The same program on the host, under the address and undefined behaviour sanitizers.

    Raises:
        ToolError: A sanitizer found something; its report is in the message.
    """
    sources = write_program(cases, folder)
    (folder / "hal.h").write_text((APP / "hal.h").read_text())
    (folder / "hal.c").write_text(_HOST_HAL)
    sources.append(folder / "hal.c")
    objects = compile_objects(["gcc"], sources, SANITIZERS)
    program = folder / "check"
    argv = ["gcc", *SANITIZERS, "-o", str(program), *map(str, objects)]
    process.check(argv, timeout_s=RUN_LIMIT_S)
    return results(cases, process.check([str(program)], timeout_s=RUN_LIMIT_S))
