"""Model files that no engine runs, which are told at once as what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.tflite_file.kind import not_int8
from mlforge_tasks.tflite_file.model import read
from mlforge_tasks.tflite_file.origin import origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.tflite_file.origin import Tool

_NPU = (
    "the file is Vela's output for an Ethos-U NPU (custom operator 'ethos-u'), which alone runs "
    "it; give the .tflite file that Vela was given"
)
_IN_FULL: Mapping[Tool, str] = {
    "Keras": "give the .keras file, which is quantised with the contract's data; or convert it "
    "with Optimize.DEFAULT, a representative_dataset and supported_ops [TFLITE_BUILTINS_INT8]",
    "PyTorch": "quantise weights and activations before litert_torch.convert, statically with "
    "representative data (torchao's PT2E with litert_torch's PT2EQuantizer)",
    "ONNX": "convert with `onnx2tf -oiqt`, and take the file …_full_integer_quant.tflite",
}
_ANYHOW = "quantise weights and activations to int8, with representative data"


def refusal(content: bytes) -> str:
    """What a `.tflite` file is that no engine runs, and what to do; empty where it is none.

    Raises:
        DamagedError: It is no model, or not a whole one.
    """
    model = read(content)
    origin = origin_of(model)
    if origin.tool == "Vela":
        return _NPU
    why = not_int8(model.main)
    return f"the model is not int8, {why}: {_IN_FULL.get(origin.tool, _ANYHOW)}" if why else ""
