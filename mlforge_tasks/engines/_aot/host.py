"""Runs the engine's C on the host: what computes a device's outputs where there is no oracle."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

COMPILE_TIMEOUT_S = 300.0
FLAGS = ("-std=c11", "-O2", "-fPIC", "-shared")


class HostModel:
    """A model compiled with the host's compiler.

    Args:
        tflite: An int8 model.
        output_shape: Of one example, without the batch axis.
        folder: Where the sources and the library go.

    Raises:
        CandidateFailure: The engine cannot run the model.
        ToolError: There is no `gcc`, or it refuses the sources.
    """

    def __init__(self, tflite: bytes, output_shape: tuple[int, ...], folder: Path) -> None:
        self._output_shape = output_shape
        files = PLUGIN.generate(tflite, "host").files
        for name, content in files.items():
            (folder / name).write_bytes(content)
        sources = [str(folder / name) for name in sorted(files) if name.endswith(".c")]
        gcc = process.which("gcc", hint="sudo apt-get install gcc")
        library = folder / "model.so"
        process.check([gcc, *FLAGS, *sources, "-o", str(library)], timeout_s=COMPILE_TIMEOUT_S)
        self._library = ctypes.CDLL(str(library))
        for name in ("model_input", "model_output"):
            getattr(self._library, name).restype = ctypes.c_void_p

    def run(self, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
        """Runs every input through the model.

        Args:
            inputs: int8 [N, *shape].

        Returns:
            int8 [N, *output_shape].
        """
        self._call("model_init")
        outputs = np.empty((len(inputs), *self._output_shape), np.int8)
        for index, sample in enumerate(inputs):
            ctypes.memmove(self._library.model_input(), sample.tobytes(), sample.size)
            self._call("model_invoke")
            data = ctypes.string_at(self._library.model_output(), outputs[index].size)
            outputs[index] = np.frombuffer(data, np.int8).reshape(self._output_shape)
        return outputs

    def _call(self, name: str) -> None:
        function: Any = getattr(self._library, name)
        status = function()
        if status != 0:
            raise ToolError(f"{name} of the model's C gave status {status} on the host")
