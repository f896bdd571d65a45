"""A hand-written model for firmware tests: three int8 values in, their sum (wrapped) out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.platforms import BuildRequest
from mlforge_tasks.runners import Expected

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.board import Board

FIRMWARE_ID = "f1" * 32
MODEL_DIGEST = "d2" * 32
EXPECTED = Expected(firmware_id=FIRMWARE_ID, model_digest=MODEL_DIGEST)
ARENA_BYTES = 5

_HEADER = """\
#ifndef MODEL_DATA_H
#define MODEL_DATA_H
#define MODEL_DIGEST "{digest}"
#define MODEL_INPUT_BYTES {input_bytes}
#define MODEL_OUTPUT_BYTES 1
{decide}
#endif
"""
_MODEL = """\
#include <stdint.h>
#include <string.h>
#include "model.h"
#include "model_data.h"
static int8_t input[MODEL_INPUT_BYTES];
static int8_t output[1];
{globals}
int model_init(void) {{ return {init_status}; }}
int8_t *model_input(void) {{ return input; }}
const int8_t *model_output(void) {{ return output; }}
uint32_t model_arena_bytes(void) {{ return 5; }}
int model_invoke(void)
{{
    {invoke}
    output[0] = (int8_t)(uint8_t)(input[0] + input[1] + input[2]);
    return 0;
}}
"""


def add(data: bytes) -> bytes:
    """What the model makes of an input."""
    return bytes([sum(data[:3]) & 0xFF])


def write_model(
    folder: Path,
    *,
    invoke: str = "",
    globals_: str = "",
    init_status: int = 0,
    input_bytes: int = 3,
    decide: str = "",
) -> Path:
    """Writes `model_data.h`, with `decide` in it, and `model.c`; `invoke` starts each inference."""
    folder.mkdir(parents=True, exist_ok=True)
    header = _HEADER.format(digest=MODEL_DIGEST, input_bytes=input_bytes, decide=decide)
    (folder / "model_data.h").write_text(header)
    source = _MODEL.format(invoke=invoke, globals=globals_, init_status=init_status)
    (folder / "model.c").write_text(source)
    return folder


_ROWS_HEADER = """\
#ifndef MODEL_ROWS_H
#define MODEL_ROWS_H
#include <stdint.h>
#define MODEL_ROWS {rows}
#define MODEL_ROW_BYTES {row_bytes}
void model_read_rows(int8_t *rows, int32_t first, int32_t count);
#endif
"""


def write_streamed_model(
    folder: Path, rows: int, row_bytes: int, read: int, *, each: str = "", globals_: str = ""
) -> Path:
    """The same model, whose input comes by rows: of `row_bytes` the first `read`, one by one.

    `each` comes before each of them.
    """
    reading = f"{each} model_read_rows(input + i * {row_bytes}, i, 1);"
    invoke = f"for (int32_t i = 0; i < {read}; i++) {{ {reading} }}"
    write_model(folder, invoke=invoke, input_bytes=rows * row_bytes, globals_=globals_)
    header = _ROWS_HEADER.format(rows=rows, row_bytes=row_bytes)
    (folder / "model_rows.h").write_text(header)
    source = folder / "model.c"
    lines = source.read_text().splitlines()
    lines = [line for line in lines if not line.startswith("int8_t *model_input")]
    source.write_text("\n".join(['#include "model_rows.h"', *lines, ""]))
    return folder


def request(board: Board, folder: Path) -> BuildRequest:
    """A build of a folder that `write_model` made."""
    return BuildRequest(
        board=board, header=folder, engine=folder, engine_name="tiny", firmware_id=FIRMWARE_ID
    )
