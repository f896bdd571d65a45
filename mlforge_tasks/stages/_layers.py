"""Holds an int8 model against its float network; `layers` runs this module in a process."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mlforge_tasks import windows
from mlforge_tasks.contract.data_card import EXAMPLES_CARD, DataCard
from mlforge_tasks.graph import shortage
from mlforge_tasks.int8 import given, given_in_float
from mlforge_tasks.quantisation import JoinedInputs, Quantisation
from mlforge_tasks.stages import main
from mlforge_tasks.stages._convert import error_line
from mlforge_tasks.stages._keras import start
from mlforge_tasks.stages._layer_network import NoFloatError, float_network
from mlforge_tasks.stages._layer_noise import Runner
from mlforge_tasks.stages._layer_table import table
from mlforge_tasks.stages._layer_tensors import NoTwinError
from mlforge_tasks.stages._layer_twins import Twins
from mlforge_tasks.stages._layer_weights import own_weights
from mlforge_tasks.stages.layers import STARTED
from mlforge_tasks.verdict.layer_noise import LAYERS, Layers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.stages._keras import Libraries
    from mlforge_tasks.verdict.layer_noise import Split

# Of each split.
EXAMPLES = 100
# Runs of the network in which one layer alone is in int8, and multiplications in them, which take a
# second or two: of many or large layers fewer examples.
MOST_ALONE, MOST_MACS = 6000, 20_000_000_000
LEAST_ALONE = 8
SPLITS: tuple[Split, ...] = ("calibration", "validation")


class _Known(NamedTuple):
    """A float network's own constants, and why they are not all there."""

    weights: Mapping[int, NDArray[np.float32]]
    why: str


class _Examples(NamedTuple):
    """Of each example, what the int8 model's inputs get, and what the float network's do."""

    given: list[tuple[NDArray[Any], ...]]
    real: list[tuple[NDArray[Any], ...]]


def _weights(twins: Twins, libraries: Libraries, inputs: Mapping[str, Path]) -> _Known:
    try:
        found = own_weights(twins, float_network(libraries, inputs))
    except NoFloatError as error:
        return _Known({}, str(error))
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - Keras' and the converter's, of many types
        shortage.refuse(error, "converting the float network")
        return _Known({}, f"the float network cannot be converted: {error_line(error)}")
    left = len(twins.constants) - len(found)
    return _Known(found, f"{left} of them are nowhere in the float network" if left else "")


def _examples(name: Split, dataset: Path, described: Quantisation) -> _Examples:
    """Some examples of a split, from all over it."""
    card = DataCard.read(dataset / EXAMPLES_CARD)
    every = windows.read(dataset, name, card.window_length)
    chosen = np.unique(np.linspace(0, len(every) - 1, EXAMPLES).astype(np.int64))
    end = described.input
    parts = end.parts if isinstance(end, JoinedInputs) else (end,)
    ends = np.cumsum([math.prod(one.shape) for one in parts])[:-1]

    def split(examples: NDArray[Any]) -> list[tuple[NDArray[Any], ...]]:
        return [
            tuple(
                np.ascontiguousarray(part.reshape(1, *one.shape))
                for part, one in zip(np.split(example.ravel(), ends), parts, strict=True)
            )
            for example in examples
        ]

    given_real = given_in_float(every, end)[chosen].astype(np.float32)
    return _Examples(split(given(every, end)[chosen]), split(given_real))


def compared(libraries: Libraries, inputs: Mapping[str, Path], config: Mapping[str, Any]) -> Layers:
    """What is known of the layers; see `layers.run`.

    Raises:
        NoTwinError: The model has no float form.
        Exception: Of many types: TensorFlow Lite cannot run that.
    """
    content = (inputs["quantise"] / "model.tflite").read_bytes()
    described = Quantisation.read(inputs["quantise"] / "quantisation.json")
    twins = Twins(content)
    known = _weights(twins, libraries, inputs)
    runner = Runner(libraries.tensorflow.lite, twins, content, known.weights)
    runs = min(MOST_ALONE, MOST_MACS // max(twins.macs, 1))
    alone = max(LEAST_ALONE, runs // (len(twins.layers) + 1))
    examples = {name: _examples(name, inputs["dataset"], described) for name in SPLITS}
    sums = {name: runner.measure(*one, alone) for name, one in examples.items()}
    layers = table(twins, sums, known.weights, described)
    return Layers(
        candidate=config["candidate"],
        dtype=described.output.dtype,
        weights_known=len(known.weights),
        weights=len(twins.constants),
        why_weights=known.why,
        calibration_examples=sums["calibration"].examples,
        validation_examples=sums["validation"].examples,
        calibration_db=sums["calibration"].output_db(),
        validation_db=sums["validation"].output_db(),
        layers=layers,
    )


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `layers.json` without its verdict; see `layers.run`."""
    found = Layers(candidate=config["candidate"])
    libraries = start(config["search.seed"])
    print(STARTED, flush=True)
    try:
        found = compared(libraries, inputs, config)
    except NoTwinError as error:
        found = found.for_reason(str(error))
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - TensorFlow Lite's, of many types: none ends a run
        shortage.refuse(error, "comparing layers")
        why = f"TensorFlow Lite cannot run its float form: {error_line(error)}"
        found = found.for_reason(why)
    found.write(out / LAYERS)


if __name__ == "__main__":
    main(run)
