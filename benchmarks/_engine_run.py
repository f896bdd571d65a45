"""Runs an image that says what it took and what it computed, on one fixed input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.oracle import Oracle
from mlforge_tasks.runners.qemu import run_to_end

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.contract.board import Board

LIMIT_S = 600.0
INPUT_STEP = 7
PRINT_HEX = """\
#include "hal.h"

static void print_hex(uint64_t value)
{
    for (int shift = 28; shift >= 0; shift -= 4) {
        hal_put((uint8_t)"0123456789abcdef"[(value >> shift) & 15]);
    }
    hal_put(' ');
}
"""


def defines(tflite: bytes) -> Mapping[str, int | str]:
    """Macros by which an image makes the input and tells the output of a model."""
    oracle = Oracle(tflite)
    return {
        "INPUT_BYTES": int(np.prod(oracle.input_shape)),
        "OUTPUT_BYTES": int(np.prod(oracle.output_shape)),
        "INPUT_STEP": INPUT_STEP,
    }


def told(tflite: bytes, board: Board, elf: Path) -> list[int]:
    """The numbers in the first line of what an image says.

    Args:
        tflite: The model that it has, whose output is the second line.
        board: Where it runs.
        elf: The image.

    Raises:
        AssertionError: The output differs from the oracle's.
    """
    oracle = Oracle(tflite)
    shape = oracle.input_shape
    values = (np.arange(np.prod(shape)) * INPUT_STEP).astype(np.uint8).view(np.int8).reshape(shape)
    expected = oracle.run(values).view(np.uint8).ravel()
    numbers, outputs = run_to_end(board, elf, limit_s=LIMIT_S).decode().split("\n")
    if [int(each, 16) for each in outputs.split()] != expected.tolist():
        raise AssertionError("the outputs differ from the oracle's")
    return [int(each, 16) for each in numbers.split()]


def instructions(board: Board, ticks: int) -> int:
    """How many were executed in that many ticks of the board's clock."""
    if board.qemu is None:
        raise AssertionError("the board is not emulated")
    return round(ticks * 1e9 / board.systick_hz / (1 << board.qemu.icount_shift))
