"""The reference for every int8 output: TensorFlow Lite Micro's own interpreter.

The `tflite-micro` wheel runs TFLM's reference kernels on the host. A device output that differs
from it by one bit is wrong. LiteRT (`tf.lite.Interpreter`) is no reference: its default, reference
and optimised modes differ from one another.
"""

from __future__ import annotations

import functools
import importlib.util
import math
import re
import sys
import tempfile
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks import windows
from mlforge_tasks.errors import EXIT_TOOL_BROKEN, MlforgeError, ToolError
from mlforge_tasks.graph import process, progress, room, shortage, surroundings
from mlforge_tasks.tflite_file.kept import is_set_once, keeping
from mlforge_tasks.tflite_file.model import read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.windows import Windows

# Pages of the arena that are never touched cost nothing; one far too small crashes the interpreter.
_MIN_ARENA_BYTES = 1 << 23
_MAX_ARENA_BYTES = 1 << 30
# A whole split of a large model takes minutes.
TIMEOUT_S = 6 * 3600.0
NO_WHEEL = "there is no tflite-micro wheel here"
MOST_SAID = 200
_MODEL, _INPUTS, _OUTPUTS = "model.tflite", "inputs", "outputs.npy"
# What the interpreter writes of an operator that it has no kernel for.
_NO_KERNEL = re.compile(r"Didn't find op for builtin opcode '(\w+)'")
# And of one whose kernel does not take it so, behind the condition that does not hold.
_UNPREPARED = re.compile(r"(.*)\s?Node (\w+) \(number \d+\) failed to prepare")


class ReferenceCrashedError(MlforgeError):
    """The reference cannot run a model, so nothing is compared.

    Its interpreter ended itself, has no kernel for an operator, or that does not take it.
    """


def available() -> bool:
    """Whether the `tflite-micro` wheel is installed; there is one for Linux on x86-64 only."""
    return importlib.util.find_spec("tflite_micro") is not None


class Oracle:
    """TFLM's interpreter for one model.

    Args:
        tflite: An int8 model; the batch dimension is 1. Several inputs are given as one of shape
            [1, bytes], one behind the other in the file's order; several outputs likewise.
        keeps_all: Whether what is computed on the way can be read too; that takes more memory.

    Raises:
        ToolError: There is no `tflite-micro` wheel here, or it refuses the model.
    """

    def __init__(self, tflite: bytes, *, keeps_all: bool = False) -> None:
        self._open = functools.partial(_open, tflite, keeps_all=keeps_all)
        self._interpreter = self._open()
        graph = read(tflite).main
        self._keeps, self._is_set_once = bool(keeping(graph)), is_set_once(graph)
        self._inputs = [self._shape("input", at) for at in range(len(graph.inputs))]
        self._outputs = [self._shape("output", at) for at in range(len(graph.outputs))]
        self.input_shape = _joined(self._inputs)
        self.output_shape = _joined(self._outputs)
        self.input_type = self._type("input", len(self._inputs))
        self.output_type = self._type("output", len(self._outputs))

    def _type(self, which: str, count: int) -> np.dtype[Any]:
        details = getattr(self._interpreter, f"get_{which}_details")
        types = {np.dtype(details(at)["dtype"]) for at in range(count)}
        if len(types) > 1 or not types <= {np.dtype(np.int8), np.dtype(np.int16)}:
            found = " and ".join(sorted(map(str, types)))
            raise ToolError(
                f"the model's {which} is {found}, not int8",
                hint="convert it with inference_input_type and inference_output_type int8",
            )
        found_type: np.dtype[Any] = types.pop()
        return found_type

    def _shape(self, which: str, at: int) -> tuple[int, ...]:
        detail = getattr(self._interpreter, f"get_{which}_details")(at)
        return tuple(int(size) for size in detail["shape"])

    def run(
        self, inputs: NDArray[np.signedinteger[Any]], anew: NDArray[np.bool_] | None = None
    ) -> NDArray[np.signedinteger[Any]]:
        """Runs every input through the model.

        Args:
            inputs: int8 or int16, as the model's are, [N, *shape], where its input is [1, *shape].
            anew: Which inputs find the model as it begins, [N]; all without it. The others find
                what those before have left in it, which matters where it keeps a state.

        Returns:
            int8 or int16 [N, *out_shape], where the model's output is [1, *out_shape].

        Raises:
            ToolError: The inputs have another type or shape.
        """
        if inputs.dtype != self.input_type or inputs.shape[1:] != self.input_shape[1:]:
            raise ToolError(
                f"found inputs {inputs.dtype}{list(inputs.shape)}, "
                f"wanted {self.input_type} [N, {', '.join(map(str, self.input_shape[1:]))}]"
            )
        outputs = np.empty((len(inputs), *self.output_shape[1:]), self.output_type)
        for index, sample in enumerate(inputs):
            self._invoke(sample, anew=anew is None or bool(anew[index]))
            parts = [self._interpreter.get_output(at).ravel() for at in range(len(self._outputs))]
            outputs[index] = np.concatenate(parts).reshape(outputs.shape[1:])
        return outputs

    def _invoke(self, sample: NDArray[np.signedinteger[Any]], *, anew: bool) -> None:
        """One example; begun anew, what the one before has left of a state is gone."""
        if anew and self._is_set_once:
            self._interpreter = self._open()
        elif anew and self._keeps:
            self._interpreter.reset()
        ends = accumulate(math.prod(shape) for shape in self._inputs)
        parts = np.split(sample.ravel(), list(ends)[:-1])
        for at, (part, shape) in enumerate(zip(parts, self._inputs, strict=True)):
            self._interpreter.set_input(np.ascontiguousarray(part.reshape(shape)), at)
        self._interpreter.invoke()

    def at_ends(
        self,
        inputs: NDArray[np.signedinteger[Any]],
        tensors: Sequence[int],
        anew: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.int64]:
        """How many values of some tensors are the least of their type, and the most: [-128, 127].

        Args:
            inputs: As for `run`.
            tensors: Indices of int8 or int16 tensors of the model's graph, which `keeps_all` keeps.
            anew: As for `run`.

        Returns:
            [tensors, 2].
        """
        counts: NDArray[np.int64] = np.zeros((len(tensors), 2), np.int64)
        for index, sample in enumerate(inputs):
            self._invoke(sample, anew=anew is None or bool(anew[index]))
            for at, tensor in enumerate(tensors):
                values = self._interpreter.GetTensor(tensor, 0)["tensor_data"]
                ends = np.iinfo(values.dtype)
                counts[at] += np.sum(values == ends.min), np.sum(values == ends.max)
        return counts


def _joined(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape of inputs or outputs that lie one behind the other; of one, its own."""
    return shapes[0] if len(shapes) == 1 else (1, sum(map(math.prod, shapes)))


def outputs_of(tflite: bytes, inputs: Windows) -> NDArray[np.signedinteger[Any]]:
    """What `Oracle.run` returns, computed in a process of its own.

    Kernels of the reference check some of what they are given with an abort, values included, so
    a model that is fine in every other way can end its interpreter.

    Args:
        tflite: As for `Oracle`.
        inputs: Examples, int8 or int16, as for `Oracle.run`.

    Raises:
        ReferenceCrashedError: The interpreter ended itself, or no kernel of it takes an operator.
        ToolError: There is no wheel, it refuses the model for another reason, or the process was
            ended from outside or ran short of something.
    """
    return _in_a_process(tflite, inputs, ())


def ends_of(tflite: bytes, inputs: Windows, tensors: Sequence[int]) -> NDArray[np.int64]:
    """What `Oracle.at_ends` returns, in the same way; see `outputs_of` for errors."""
    return _in_a_process(tflite, inputs, tensors)


def _in_a_process(tflite: bytes, inputs: Windows, tensors: Sequence[int]) -> NDArray[Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / _MODEL).write_bytes(tflite)
        inputs.write(folder, _INPUTS)
        words = [str(each) for each in (inputs.length or 0, *tensors)]
        crash = _attempt(folder, words)
        if crash:  # what a shortage could look like has to come twice, with room
            crash = _attempt(folder, words)
        short = room.shortage([folder]) if crash else None
        if short:
            raise ToolError(f"{crash}, where {short}", hint=shortage.HINT)
        if crash:
            raise ReferenceCrashedError(crash)
        found: NDArray[Any] = np.load(folder / _OUTPUTS)
    return found


def _attempt(folder: Path, words: Sequence[str]) -> str:
    """Runs the process; why its interpreter cannot run the model, or nothing where it did.

    Raises:
        ToolError: Something else ended it.
    """
    done = process.run(
        [*surroundings.stage_command(__name__, folder), *words],
        timeout_s=TIMEOUT_S,
        cwd=folder,
        env=surroundings.stage_environment(folder),
        on_line=progress.pass_on,
    )
    if done.returncode == 0 and not done.timed_out:
        return ""
    refused = _refused(done.output)
    if refused and done.returncode > 0 and not done.timed_out:
        return refused
    if done.timed_out or done.returncode > 0:
        took = f"took more than {TIMEOUT_S:g} s" if done.timed_out else "could not run the model"
        raise ToolError(f"the oracle, TFLite Micro's interpreter, {took}\n{done.tail()}")
    name = process.signal_name(done.returncode)
    said = (done.output.strip().splitlines() or ["without a word"])[-1]
    short = shortage.told(done.output)
    if -done.returncode not in process.CRASHES or short is not None:
        raise ToolError(
            f"the oracle, TFLite Micro's interpreter, was ended by {name}: "
            f"{short or said[:MOST_SAID]}",
            hint=shortage.HINT,
        )
    return f"TFLite Micro's interpreter ended itself with {name} on this model: {said[:MOST_SAID]}"


def _refused(output: str) -> str:
    """Which operator the interpreter says that it does not run; empty where none."""
    if missing := _NO_KERNEL.search(output):
        return f"TFLite Micro's interpreter has no kernel for {missing[1]}"
    if unprepared := _UNPREPARED.search(output):
        why, operator = unprepared.groups()
        return f"TFLite Micro's interpreter does not take {operator}: {why[:MOST_SAID]}"
    return ""


def main() -> None:
    """The process of `outputs_of`, or of `ends_of` where tensors are named."""
    folder, length = Path(sys.argv[1]), int(sys.argv[2]) or None
    tensors = [int(each) for each in sys.argv[3:]]
    try:
        reference = Oracle((folder / _MODEL).read_bytes(), keeps_all=bool(tensors))
        inputs = windows.read(folder, _INPUTS, length)
        given = replace(inputs, form=reference.input_shape[1:])
        each = zip(given.batches(), given.begun(), strict=True)
        parts = progress.over(each, lambda one: len(one[0]), len(given), "examples", "on the host")
        with progress.printed():
            if tensors:
                found = sum(reference.at_ends(batch, tensors, anew) for batch, anew in parts)
            else:
                found = np.concatenate([reference.run(batch, anew) for batch, anew in parts])
        np.save(folder / _OUTPUTS, found)
    except (MlforgeError, RuntimeError) as error:  # the latter is the interpreter's own
        print(error, file=sys.stderr)
        sys.exit(EXIT_TOOL_BROKEN)


def _open(tflite: bytes, *, keeps_all: bool) -> Any:
    if not available():
        raise ToolError(
            "the oracle needs the `tflite-micro` wheel, which is not installed",
            hint="`./bootstrap` installs it (Linux on x86-64); elsewhere use a run on Linux",
        )
    from tflite_micro import runtime  # noqa: PLC0415 - heavy, and not there on every platform

    keeping: dict[str, Any] = {}
    if keeps_all:  # the keyword is the library's
        keeping["intrepreter_config"] = runtime.InterpreterConfig.kPreserveAllTensors
    arena_bytes = max(_MIN_ARENA_BYTES, len(tflite) * 10)
    while True:
        try:
            return runtime.Interpreter.from_bytes(tflite, arena_size=arena_bytes, **keeping)
        except (RuntimeError, ValueError) as error:
            arena_bytes *= 8
            if arena_bytes > _MAX_ARENA_BYTES:
                raise ToolError(f"TFLite Micro refuses the model: {error}") from error


if __name__ == "__main__":
    main()
