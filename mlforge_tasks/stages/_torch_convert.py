"""Exports a user's PyTorch network and quantises it.

`quantise_torch` runs this module in PyTorch's environment, as a process that may crash.

Converter: https://github.com/google-ai-edge/litert-torch, quantiser:
https://github.com/google-ai-edge/ai-edge-quantizer
"""

from __future__ import annotations

import importlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks import windows
from mlforge_tasks.contract.data_card import EXAMPLES_CARD, DataCard
from mlforge_tasks.contract.ends import Ends
from mlforge_tasks.graph import shortage
from mlforge_tasks.quantisation import ACTIVATIONS, LAYOUT, OUTPUT_RANGE
from mlforge_tasks.stages import main
from mlforge_tasks.stages._bring import fitting, reaching, tensors
from mlforge_tasks.stages._convert import (
    check_difference,
    error_line,
    save_float_outputs,
)
from mlforge_tasks.stages._describe import failure
from mlforge_tasks.stages._export import COMPARED_EXAMPLES, share_of_range
from mlforge_tasks.stages._several import Wanted
from mlforge_tasks.stages._torch_fit import TORCH
from mlforge_tasks.stages._torch_module import Taken, Users, headed, start
from mlforge_tasks.stages._torch_trainer import load_weights, predictor
from mlforge_tasks.stages.quantise import STARTED
from mlforge_tasks.tflite_file.channels import with_channels_last
from mlforge_tasks.tflite_file.mended import converted
from mlforge_tasks.tflite_file.names import names_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.quantisation import EndType
    from mlforge_tasks.windows import Windows

_ACTIVATION_BITS: Mapping[EndType, int] = {"int8": 8, "int16": 16}
_DENSE = "FULLY_CONNECTED"
_QUANTISER = ("calibrator", "quantizer", "recipe_manager", "qtyping", "utils.qsv_utils")


def disturb(torch: Any, model: Any, seed: int) -> None:
    """Makes an untrained network's constants as different from one another as a trained one's.

    See `_convert.disturb`.
    """
    random = np.random.default_rng(seed)
    with torch.no_grad():
        for one in model.state_dict().values():
            if one.is_floating_point():
                more = random.uniform(0.01, 0.05, tuple(one.shape)).astype("f4")
                one.add_(torch.from_numpy(more))


def folded(model: Any) -> Any:
    """The network with batch normalisations in the convolutions before them, where that can be.

    The converter leaves one behind a Conv1d as MUL and ADD between transpositions, unless it is as
    fresh as an untrained one.
    """
    optimisation = importlib.import_module("torch.fx.experimental.optimization")
    try:
        return optimisation.fuse(model.eval())
    except Exception as error:  # noqa: BLE001 - control flow that cannot be traced: of many types
        shortage.refuse(error, "folding batch normalisations")
        return model


def exported(torch: Any, model: Any, form: tuple[int, ...], path: Path) -> None:
    """Writes the float network for one example.

    Raises:
        CandidateFailure: The converter refuses it.
    """
    converter = importlib.import_module("litert_torch")
    model.eval()
    try:
        converter.convert(model, (torch.zeros((1, *form)),)).export(str(path))
    except OSError:
        raise
    except Exception as error:
        shortage.refuse(error, "exporting the network")
        raise failure(f"litert-torch cannot convert it: {error_line(error)}") from error


class Float:
    """A float `.tflite` file, run by LiteRT's interpreter.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        runtime = importlib.import_module("ai_edge_litert.interpreter")
        interpreter = runtime.Interpreter(str(path), num_threads=1)
        self.signature, ends = next(iter(interpreter.get_signature_list().items()))
        (self.input,) = ends["inputs"]
        self._runner = interpreter.get_signature_runner(self.signature)
        self._interpreter = interpreter  # which its runner does not hold

    def __call__(self, examples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Outputs of examples, [N, outputs]."""
        found = [self._runner(**{self.input: one[None]}) for one in examples]
        return np.concatenate([next(iter(one.values())).reshape(1, -1) for one in found])


def quantised(path: Path, network: Float, calibration: Windows, activations: EndType) -> bytes:
    """The file in int8 throughout, or with activations of int16.

    Raises:
        CandidateFailure: The quantiser refuses it.
    """
    calibrator, quantizer, recipes, types, updates = (
        importlib.import_module(f"ai_edge_quantizer.{name}") for name in _QUANTISER
    )
    bits = _ACTIVATION_BITS[activations]
    recipe = recipes.RecipeManager()
    recipe.add_static_config(".*", types.TFLOperationName.ALL_SUPPORTED, bits, 8)
    # One scale for a whole dense layer: per-channel, Zephyr's TFLite Micro refuses it.
    one = types.QuantGranularity.TENSORWISE
    recipe.add_static_config(".*", types.TFLOperationName(_DENSE), bits, 8, one)
    samples = [{network.input: example} for example in calibration.batches(1)]
    try:
        # Its own default is a moving average of each example's range, which cuts most of them.
        ranges = calibrator.Calibrator(
            str(path), num_threads=1, qsv_update_func=updates.min_max_update
        )
        ranges.calibrate({network.signature: samples}, recipe)
        quantiser = quantizer.Quantizer(str(path))
        quantiser.load_quantization_recipe(recipe.get_quantization_recipe())
        return bytes(quantiser.quantize(ranges.get_model_qsvs()).quantized_model)
    except OSError:
        raise
    except Exception as error:
        shortage.refuse(error, "the quantiser")
        raise failure(f"LiteRT's quantiser refuses it: {error_line(error)}") from error


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `model.tflite`, `quantisation.json` and float outputs; see `quantise_torch.run`."""
    seed, dataset = config["search.seed"], inputs["dataset"]
    torch = start(seed)
    print(STARTED, flush=True)
    card = DataCard.read(dataset / EXAMPLES_CARD)
    taken = Taken.of(card, config[LAYOUT])
    users = Users(inputs["network"], config[TORCH], "quantise")
    users.watch()
    model = users.build(torch, taken.form, card.output_count, seed)
    calibration = taken.given(windows.read(dataset, "calibration", card.window_length))
    users.check(torch, model, calibration[:8], card)
    whole = headed(torch, model, card)
    predict = predictor(torch, whole)
    if "train" in inputs:
        load_weights(torch, model, inputs["train"] / "weights.npz")
        save_float_outputs(predict, dataset, card, out, taken.given)
    else:
        disturb(torch, model, seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.tflite"
        exported(torch, folded(whole), taken.form, path)
        network = Float(path)
        some = calibration[:COMPARED_EXAMPLES]
        wanted = predict(windows.Windows.each(some))
        check_difference(share_of_range(network(some), wanted))
        content = quantised(path, network, calibration, config[ACTIVATIONS])
    inner, changed = converted(content)
    layout = config[LAYOUT]
    if layout == "nchw" and card.task != "anomaly":  # whose outputs are in its input's order
        last = with_channels_last(inner)
        inner, layout = (inner, layout) if last is None else (last, "nhwc")
    fits = Wanted(card, layout, Ends.from_dump({}), config[ACTIVATIONS])
    found = fitting(inner, fits, tensors(inner), names_in(inner)).told(changed)
    if config[OUTPUT_RANGE] == "targets" and card.task == "regression":
        found = reaching(found, card).told(found.described.changed)
    (out / "model.tflite").write_bytes(found.content)
    found.described.write(out / "quantisation.json")


if __name__ == "__main__":
    main(run)
