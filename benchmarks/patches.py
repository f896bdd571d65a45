"""What running the first layers stripe by stripe takes and saves, on emulated cores.

    .venv/bin/python -m benchmarks.patches > benchmarks/patches.md
    .venv/bin/python -m benchmarks.patches [--models FOLDER] [model ...] [board ...]

Prints Markdown. Every network is built whole, and cut for two limits of its arena: three quarters
of what it takes whole, and none at all, for which the smallest arena is taken that there is. Images
are those of `benchmarks.engine`; their outputs are compared with the oracle's.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import _command_line
from benchmarks._engine_image import Result, keras_models, measure
from mlforge_tasks.contract.board import Board, load_board
from mlforge_tasks.engines.aot import PLUGIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlforge_tasks.engines import GeneratedModel

ROOT = Path(__file__).resolve().parent.parent
MODELS = ("visual_wake_words", "resnet_8", "keyword_spotting", "activity_200", "sequence")
BOARDS = ("mps2/an385", "mps2/an386", "mps3/an547")
SHARES = (None, 0.75, 0.0)
HEADER = (
    *("model", "core", "limit", "stripes", "up to", "arena", "of whole"),
    *("MACs", "more", "instructions", "more", "flash", "more"),
)
INTRODUCTION = """\
Made by `.venv/bin/python -m benchmarks.patches > benchmarks/patches.md`: bare metal images of one
model each, GCC `-O2`, instructions of one inference counted by QEMU, outputs equal to TFLM's
interpreter byte for byte (else it stops). `limit` is what the arena may take, as a share of what
the network takes whole; `up to` is the last layer in stripes. A network of which no cut within a
quarter more multiply-accumulates takes less memory stays whole.
"""


def _more(value: int, whole: int) -> str:
    return f"{(value - whole) / whole:+.1%}"


def _row(generated: GeneratedModel, result: Result, whole: tuple[int, Result]) -> tuple[str, ...]:
    macs = sum(layer.macs for layer in generated.layers)
    patches = generated.patches
    whole_macs, before = whole
    return (
        *(("", "whole") if patches is None else (str(patches.stripes), patches.last_layer)),
        *(f"{result.ram_bytes:,}", f"{result.ram_bytes / before.ram_bytes:.2f}"),
        *(f"{macs:,}", _more(macs, whole_macs)),
        *(f"{result.instructions:,}", _more(result.instructions, before.instructions)),
        *(f"{result.flash_bytes:,}", f"{result.flash_bytes - before.flash_bytes:+,}"),
    )


def _rows(name: str, tflite: bytes, board: Board) -> Iterator[tuple[str, ...]]:
    whole: tuple[int, Result] | None = None
    for share in SHARES:
        limit = None if share is None or whole is None else int(share * whole[1].ram_bytes)
        generated = PLUGIN.generate(tflite, board.cpu, arena_limit_bytes=limit)
        if limit is not None and generated.patches is None:
            continue
        with tempfile.TemporaryDirectory() as work:
            result = measure(tflite, board, Path(work), generated=generated.files)
        whole = whole or (sum(layer.macs for layer in generated.layers), result)
        told = "" if share is None else f"{share:.0%}" if share else "none"
        yield (name, board.cpu, told, *_row(generated, result, whole))


def print_table(models: Mapping[str, bytes], boards: Sequence[Board]) -> None:
    """Prints all figures."""
    rows = [r for name, tflite in models.items() for b in boards for r in _rows(name, tflite, b)]
    print(INTRODUCTION, end="")
    print(f"\n| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def main() -> None:
    """Prints the table."""
    parser = _command_line.parser(__doc__)
    known = (MODELS, map(load_board, BOARDS))
    options, names, boards = _command_line.networks(parser, *known)
    models = keras_models(names, options.models)
    print_table(models, boards)


if __name__ == "__main__":
    main()
