"""What an NPU is foretold to take: known fall-backs are vela's, and figures are learnt from."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.agents import DesignBrief
from mlforge_tasks.agents._cost import CostModel
from mlforge_tasks.agents._npu_costs import CYCLE_US, CYCLES, units
from mlforge_tasks.agents._sample import Wanted, sample
from mlforge_tasks.agents._space import space_for
from mlforge_tasks.architecture import Architecture, Conv1D, Dense, Flatten
from mlforge_tasks.architecture.geometry import Padding
from mlforge_tasks.contract.npu import Npu
from mlforge_tasks.engines.ethos_u import PLUGIN
from mlforge_tasks.records import Measurement
from mlforge_tasks.verdict.trial import Trial
from tests.helpers import small_models
from tests.helpers.aot_writer import Quant, Ref, Writer
from tests.helpers.made_up_device import figures_of, make_brief

STEPS, CHANNELS, FILTERS = 24, 2, 6
SYSTEMS = {
    "ethos-u55-128": "Ethos_U55_High_End_Embedded",
    "ethos-u65-256": "Ethos_U65_Embedded",
    "ethos-u85-256": "Ethos_U85_SYS_Flash_High",
}
SEVERAL = 12


def brief_for(accelerator: str) -> DesignBrief:
    """A made-up task for a board with an NPU."""
    brief = make_brief((STEPS, CHANNELS))
    board = brief.board.model_copy(update={"npu": accelerator})
    return brief.model_copy(update={"board": board, "engines": ("ethos_u",)})


def convolution(kernel: int, stride: int, padding: Padding) -> bytes:
    """A convolution along a series, as the converter writes it: an image one row high."""

    def add(writer: Writer, source: Ref) -> int:
        values = np.ones((FILTERS, 1, kernel, CHANNELS), np.int8)
        weights = writer.constant(values, [0.01], [0])
        scale = 0.01 * float(small_models.QUANT.scale)
        bias = writer.constant(np.zeros(FILTERS, np.int32), [scale], [0])
        valid = padding == "valid"
        steps = (STEPS - kernel) // stride + 1 if valid else -(-STEPS // stride)
        shape = (1, 1, steps, FILTERS)
        output = writer.activation(shape, Quant(np.float32(0.3), 0), 1.0)
        options = schema.Conv2DOptionsT(padding=int(valid), strideW=stride, strideH=1)
        writer.operator("CONV_2D", [source.index, weights, bias], [output.index], options)
        return output.index

    return small_models.model((1, 1, STEPS, CHANNELS), add)


@pytest.mark.skipif(importlib.util.find_spec("ethosu") is None, reason="ethos-u-vela is not here")
@pytest.mark.parametrize("accelerator", SYSTEMS)
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [(7, 3, "same"), (7, 4, "same"), (7, 4, "valid"), (3, 4, "same")],
)
def test_what_is_known_to_fall_back_does(
    accelerator: str, kernel: int, stride: int, padding: Padding
) -> None:
    """The rule for wide strides is what the compiler does with them."""
    layers = (Conv1D(filters=FILTERS, kernel=kernel, stride=stride, padding=padding), Flatten())
    figures = figures_of(brief_for(accelerator), Architecture(layers=layers))
    known = {"accelerator": accelerator, "system_config": SYSTEMS[accelerator]}
    npu = Npu.from_dump({**known, "memory_mode": "Shared_Sram"})
    tflite = convolution(kernel, stride, padding)
    told = PLUGIN.on(npu, None).generate(tflite, "cortex-m55").npu
    assert told is not None
    assert units(figures, accelerator)[-1] == len(told.on_cpu)


def test_what_falls_back_is_over_any_limit() -> None:
    """So the search keeps away from it; the same design on an NPU that runs it is not."""
    design = Architecture(layers=(Conv1D(filters=6, kernel=7, stride=4), Flatten(), Dense(units=4)))
    expected = {
        name: CostModel(brief_for(name), ()).foretell(figures_of(brief_for(name), design))
        for name in SYSTEMS
    }
    assert expected["ethos-u55-128"]["latency_us"] > 50_000
    assert expected["ethos-u85-256"]["latency_us"] < 100


def test_computed_latencies_are_learnt_from() -> None:
    """On an NPU whose clock is less than half of the guess, after a dozen designs."""
    brief = brief_for("ethos-u55-128")
    drawn = iter(sample(Wanted.of(brief), space_for(brief.input_shape, brief.task), brief.seed))
    figures = [next(drawn).figures for _ in range(2 * SEVERAL)]

    def takes(index: int) -> float:
        counted = zip(units(figures[index], "ethos-u55-128"), CYCLES, strict=True)
        return 2.5 * CYCLE_US * sum(count * cycles for count, cycles in counted)

    history = tuple(
        Trial(
            id=f"{index}.0",
            architecture=None,
            figures=figures[index],
            measurements=(
                Measurement(metric="latency_us", value=takes(index), unit="us", source="static"),
            ),
        )
        for index in range(SEVERAL)
    )
    costs = CostModel(brief, history)
    for index in range(SEVERAL, 2 * SEVERAL):
        assert costs.foretell(figures[index])["latency_us"] == pytest.approx(takes(index), rel=0.1)
