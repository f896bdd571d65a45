"""What an inference takes on each core: by the factor of old, and counted, at least and at most.

    .venv/bin/python -m benchmarks.cycles > benchmarks/cycles.md
    .venv/bin/python -m benchmarks.cycles [--coremark folder] [model ...] [board ...]

Prints Markdown. The images are those of benchmarks/engine.py. `--coremark` takes a checkout of
github.com/eembc/coremark and counts one iteration of it, to be held against published scores.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import _command_line
from benchmarks._engine_image import keras_models, measure
from mlforge_tasks.contract.board import Board, load_board
from mlforge_tasks.cycles import llvm
from mlforge_tasks.cycles.cores import known_core
from mlforge_tasks.cycles.price import Price, prices
from mlforge_tasks.platforms._image import link_image
from mlforge_tasks.runners._cycles import first_executed
from mlforge_tasks.runners.qemu import command

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MODELS = ("keyword_spotting", "resnet_8", "autoencoder", "activity_200", "sequence", "mixed")
# What an instruction was taken to be before blocks were counted.
FACTORS = {
    "mps2/an385": 1.7,
    "mps2/an386": 1.2,
    "mps2/an500": 0.8,
    "mps2/an505": 1.1,
    "mps3/an547": 1.1,
}
# CoreMark/MHz measured with GCC: github.com/PaulStoffregen/CoreMark, its table's scores by its
# clocks (Teensy 3.2, 3.6 and Metro M4 with its fastest options; Teensy 4.0).
MEASURED = {
    "cortex-m4": (168.62 / 72, 440.72 / 180, 536.35 / 200),
    "cortex-m7": (2313.57 / 600,),
}
# CoreMark/MHz as Arm gives it for its own compiler, developer.arm.com's pages of the processors.
PUBLISHED = {
    "cortex-m3": 3.34,
    "cortex-m4": 3.42,
    "cortex-m7": 5.01,
    "cortex-m33": 4.02,
    "cortex-m55": 4.2,
}
HEADER = (
    *("network", "core", "instructions", "by the old factor", "at least", "at most"),
    *("per instruction", "at most / old", "not in the model"),
)
INTRODUCTION = """\
# Cycles of an inference
Made by `.venv/bin/python -m benchmarks.cycles{options} > benchmarks/cycles.md`, LLVM {version}:
bare metal images, GCC `-O2`, zero wait states. Instructions are counted by QEMU, block by block;
the sum is held against the clock, to the tick.
"""
COREMARK_HEADER = (
    *("core", "by cycles at most", "by cycles at least", "measured, GCC", "off by"),
    *("Arm, its compiler", "off by"),
)
COREMARK_NOTE = """
## Held against published measurements
CoreMark/MHz of one iteration, GCC 12 `-O3`, zero wait states, by the cycles at most and at least.
`measured` are boards with other versions of GCC and caches or wait states
(github.com/PaulStoffregen/CoreMark: Teensy 3.2, 3.6, Metro M4; Teensy 4.0); `Arm` is what the
processors' pages say, with Arm's compiler, which is the faster one on this program (a textbook has
3.32, 3.40 and 5.01 of the M3, M4 and M7; those of the M33 and M55 are cited, not looked up again).
`off by` is the
model's score against that, from the slowest to the fastest. A score by the cycles at most that is
above a measured one would say that the model flatters.
"""
_PORT_HEADER = """\
#ifndef CORE_PORTME_H
#define CORE_PORTME_H
#include <stddef.h>
#include <stdint.h>
#define HAS_FLOAT 0
#define HAS_TIME_H 0
#define USE_CLOCK 0
#define HAS_STDIO 0
#define HAS_PRINTF 0
#define MULTITHREAD 1
#define MAIN_HAS_NOARGC 1
#define MAIN_HAS_NORETURN 0
#define SEED_METHOD SEED_VOLATILE
#define MEM_METHOD MEM_STATIC
#define COMPILER_VERSION ""
#define COMPILER_FLAGS ""
#define MEM_LOCATION ""
typedef int16_t ee_s16;
typedef uint16_t ee_u16;
typedef int32_t ee_s32;
typedef double ee_f32;
typedef uint8_t ee_u8;
typedef uint32_t ee_u32;
typedef uintptr_t ee_ptr_int;
typedef size_t ee_size_t;
typedef uint32_t CORE_TICKS;
typedef uint32_t secs_ret;
#define align_mem(x) (void *)(4 + (((ee_ptr_int)(x)-1) & ~3))
typedef struct { ee_u8 portable_id; } core_portable;
extern ee_u32 default_num_contexts;
void portable_init(core_portable *p, int *argc, char *argv[]);
void portable_fini(core_portable *p);
int ee_printf(const char *format, ...);
#endif
"""
_PORT = """\
#include "coremark.h"
#include "hal.h"
volatile ee_s32 seed1_volatile = 0, seed2_volatile = 0, seed3_volatile = 0x66;
volatile ee_s32 seed4_volatile = 1, seed5_volatile = 0;
ee_u32 default_num_contexts = 1;
static CORE_TICKS taken;
void start_time(void) { taken = (CORE_TICKS)hal_ticks(); }
void stop_time(void) { taken = (CORE_TICKS)hal_ticks() - taken; }
CORE_TICKS get_time(void) { return taken; }
secs_ret time_in_secs(CORE_TICKS ticks) { return ticks; }
int ee_printf(const char *format, ...) { (void)format; return 0; }
void portable_fini(core_portable *p) { p->portable_id = 0; }
void portable_init(core_portable *p, int *argc, char *argv[])
{
    (void)argc;
    (void)argv;
    p->portable_id = 1;
    start_time();
    stop_time();
}
"""


def _row(cells: Iterable[str]) -> None:
    print(f"| {' | '.join(cells)} |")


def _table(header: Sequence[str]) -> None:
    print()
    _row(header)
    _row("---" for _ in header)


def price(board: Board, elf: Path) -> Price:
    """Cycles of the first inference of an image."""
    executed = first_executed(command(board, elf))
    (found,) = prices([executed], board.cpu, board.wait_states)
    return found


def _network(tflite: bytes, board: Board) -> Price:
    """Cycles of one inference, whose instructions are those that its ticks tell."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ticked = measure(tflite, board, folder).instructions
        found = price(board, folder / "firmware.elf")
    if abs(found.instructions - ticked) > 2:
        raise AssertionError(f"{found.instructions} were counted, the ticks are {ticked}")
    return found


def print_networks(models: Mapping[str, bytes], boards: Sequence[Board]) -> None:
    """Prints the networks' table."""
    _table(HEADER)
    for name, tflite in models.items():
        for board in boards:
            found = _network(tflite, board)
            old = found.instructions * FACTORS[board.name]
            each = (bound / found.instructions for bound in (found.lower, found.upper))
            cells = (
                *(f"{value:,.0f}" for value in (found.instructions, old, found.lower, found.upper)),
                " to ".join(f"{value:.2f}" for value in each),
                f"{found.upper / old:.2f}",
                f"{found.left_out / found.instructions:.1%}",
            )
            _row((name, board.cpu, *cells))


def _coremark(board: Board, checkout: Path) -> Price:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "core_portme.h").write_text(_PORT_HEADER)
        (folder / "core_portme.c").write_text(_PORT)
        sources = []
        for source in ("list_join", "main", "matrix", "state", "util"):
            sources.append(folder / f"core_{source}.c")
            text = (checkout / f"core_{source}.c").read_text()
            sources[-1].write_text(f'#pragma GCC diagnostic ignored "-Wall"\n{text}')
        (folder / "coremark.h").write_text((checkout / "coremark.h").read_text())
        sources.append(folder / "core_portme.c")
        defines: dict[str, int | str] = {"PERFORMANCE_RUN": 1, "ITERATIONS": 1}
        link_image(
            board, sources, folder, include_dirs=[folder], defines=defines, optimisation="-O3"
        )
        return price(board, folder / "firmware.elf")


def print_coremark(checkout: Path, boards: Sequence[Board]) -> None:
    """Prints the scores' table."""
    print(COREMARK_NOTE, end="")
    _table(COREMARK_HEADER)
    for board in boards:
        found = _coremark(board, checkout)
        worst, best = (1e6 / bound for bound in (found.upper, found.lower))
        measured, published = MEASURED.get(board.cpu, ()), (PUBLISHED[board.cpu],)
        cells = [_off(worst, best, each) for each in (measured, published)]
        _row((board.cpu, f"{worst:.2f}", f"{best:.2f}", *cells[0], *cells[1]))


def _off(worst: float, best: float, scores: Sequence[float]) -> tuple[str, str]:
    """Some scores, and how far off the model's are, from the worst to the best case."""
    if not scores:
        return "", ""
    off = f"{worst / max(scores) - 1:+.0%} to {best / min(scores) - 1:+.0%}"
    return ", ".join(f"{score:.2f}" for score in scores), off


def main() -> None:
    """Prints the tables."""
    parser = _command_line.parser(__doc__)
    parser.add_argument("--coremark", type=Path, help="a checkout of github.com/eembc/coremark")
    known = (MODELS, map(load_board, FACTORS))
    options, chosen, boards = _command_line.networks(parser, *known)
    print(
        INTRODUCTION.format(
            options=" --coremark …" * bool(options.coremark), version=llvm.version()
        )
    )
    for board in boards:
        core = known_core(board.cpu)
        print(f"* {board.cpu}: {core.source}; a refill {core.refill[0]:g} to {core.refill[1]:g}")
    print_networks(keras_models(chosen, options.models), boards)
    if options.coremark:
        print_coremark(options.coremark, boards)


if __name__ == "__main__":
    main()
