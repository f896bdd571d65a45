"""The reference for every int8 output: TensorFlow Lite Micro's own interpreter.

The `tflite-micro` wheel runs TFLM's reference kernels on the host. A device output that differs
from it by one bit is wrong. LiteRT (`tf.lite.Interpreter`) is no reference: its default, reference
and optimised modes differ from one another.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.errors import ToolError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Pages of the arena that are never touched cost nothing; one far too small crashes the interpreter.
_MIN_ARENA_BYTES = 1 << 23
_MAX_ARENA_BYTES = 1 << 30


def available() -> bool:
    """Whether the `tflite-micro` wheel is installed; there is one for Linux on x86-64 only."""
    return importlib.util.find_spec("tflite_micro") is not None


class Oracle:
    """TFLM's interpreter for one model.

    Args:
        tflite: An int8 model with one input and one output; the batch dimension is 1.

    Raises:
        ToolError: There is no `tflite-micro` wheel here, or it refuses the model.
    """

    def __init__(self, tflite: bytes) -> None:
        self._interpreter = _open(tflite)
        self.input_shape = tuple(int(n) for n in self._detail("get_input_details"))
        self.output_shape = tuple(int(n) for n in self._detail("get_output_details"))

    def _detail(self, which: str) -> Any:
        detail = getattr(self._interpreter, which)(0)
        if detail["dtype"] is not np.int8:
            raise ToolError(
                f"the model's {which.split('_')[1]} is {detail['dtype'].__name__}, not int8",
                hint="convert it with inference_input_type and inference_output_type int8",
            )
        return detail["shape"]

    def run(self, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
        """Runs every input through the model.

        Args:
            inputs: int8 [N, *shape], where the model's input is [1, *shape].

        Returns:
            int8 [N, *out_shape], where the model's output is [1, *out_shape].

        Raises:
            ToolError: The inputs have another type or shape.
        """
        if inputs.dtype != np.int8 or inputs.shape[1:] != self.input_shape[1:]:
            raise ToolError(
                f"found inputs {inputs.dtype}{list(inputs.shape)}, "
                f"wanted int8 [N, {', '.join(map(str, self.input_shape[1:]))}]"
            )
        outputs = np.empty((len(inputs), *self.output_shape[1:]), np.int8)
        for index, sample in enumerate(inputs):
            self._interpreter.set_input(np.ascontiguousarray(sample[np.newaxis]), 0)
            self._interpreter.invoke()
            outputs[index] = self._interpreter.get_output(0)[0]
        return outputs


def _open(tflite: bytes) -> Any:
    if not available():
        raise ToolError(
            "the oracle needs the `tflite-micro` wheel, which is not installed",
            hint="`./bootstrap` installs it (Linux on x86-64); elsewhere use a run on Linux",
        )
    from tflite_micro import runtime  # noqa: PLC0415 - heavy, and not there on every platform

    arena_bytes = max(_MIN_ARENA_BYTES, len(tflite) * 10)
    while True:
        try:
            return runtime.Interpreter.from_bytes(tflite, arena_size=arena_bytes)
        except (RuntimeError, ValueError) as error:
            arena_bytes *= 8
            if arena_bytes > _MAX_ARENA_BYTES:
                raise ToolError(f"TFLite Micro refuses the model: {error}") from error
