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

    from mlforge_tasks.int8 import Quantised
    from mlforge_tasks.quantisation import Joined, TensorQuantisation

COMPILE_TIMEOUT_S = 300.0
FLAGS = ("-std=c11", "-O2", "-fPIC", "-shared")


class HostModel:
    """A model compiled with the host's compiler.

    Args:
        tflite: An int8 model.
        output: What it gives for one example.
        folder: Where the sources and the library go.
        keeps_state: Whether what it keeps is there for the next example.

    Raises:
        CandidateFailure: The engine cannot run the model.
        ToolError: There is no `gcc`, or it refuses the sources.
    """

    def __init__(
        self,
        tflite: bytes,
        output: TensorQuantisation | Joined,
        folder: Path,
        *,
        keeps_state: bool = False,
    ) -> None:
        self._output = output
        files = PLUGIN.generate(tflite, "host", keeps_state=keeps_state).files
        for name, content in files.items():
            (folder / name).write_bytes(content)
        sources = [str(folder / name) for name in sorted(files) if name.endswith(".c")]
        gcc = process.which("gcc", hint="sudo apt-get install gcc")
        library = folder / "model.so"
        process.check([gcc, *FLAGS, *sources, "-o", str(library)], timeout_s=COMPILE_TIMEOUT_S)
        self._library = ctypes.CDLL(str(library))
        for name in ("model_input", "model_output"):
            getattr(self._library, name).restype = ctypes.c_void_p

    def run(
        self, inputs: NDArray[Quantised], anew: NDArray[np.bool_] | None = None
    ) -> NDArray[Quantised]:
        """Runs every input through the model.

        Args:
            inputs: int8 or int16 [N, *shape].
            anew: See `Windows`.

        Returns:
            [N, *shape of the output].
        """
        outputs = np.empty((len(inputs), *self._output.shape), self._output.dtype)
        for index, sample in enumerate(inputs):
            if anew is None or anew[index]:
                self._call("model_init")
            ctypes.memmove(self._library.model_input(), sample.tobytes(), sample.nbytes)
            self._call("model_invoke")
            data = ctypes.string_at(self._library.model_output(), outputs[index].nbytes)
            outputs[index] = np.frombuffer(data, outputs.dtype).reshape(self._output.shape)
        return outputs

    def _call(self, name: str) -> None:
        function: Any = getattr(self._library, name)
        status = function()
        if status != 0:
            raise ToolError(f"{name} of the model's C gave status {status} on the host")
