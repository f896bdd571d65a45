"""What Arm's compiler says of the networks of MLPerf Tiny on its NPUs.

    .venv/bin/python -m benchmarks.npu > benchmarks/npu.md
    .venv/bin/python -m benchmarks.npu [--models FOLDER]

Prints Markdown. Nothing is executed: figures are those of vela and sizes of the file it writes.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import _command_line
from benchmarks._engine_image import keras_models
from mlforge_tasks.contract.npu import Npu
from mlforge_tasks.engines._vela_version import version
from mlforge_tasks.engines.ethos_u import PLUGIN

MODELS = ("keyword_spotting", "resnet_8", "autoencoder")
NPUS = (
    ("ethos-u55-128", "Ethos_U55_High_End_Embedded", "Shared_Sram"),
    ("ethos-u55-128", "Ethos_U55_Deep_Embedded", "Shared_Sram"),
    ("ethos-u65-256", "Ethos_U65_Embedded", "Shared_Sram"),
    ("ethos-u65-256", "Ethos_U65_High_End", "Dedicated_Sram"),
    ("ethos-u85-256", "Ethos_U85_SYS_Flash_High", "Shared_Sram"),
    ("ethos-u85-256", "Ethos_U85_SYS_DRAM_Mid", "Dedicated_Sram_384KB"),
)
HEADER = (
    *("model", "NPU", "system, memory mode", "MHz", "cycles", "us", "multipliers used", "SRAM"),
    *("weights", "command stream", "compiled file", "on the CPU"),
)
INTRODUCTION = """\
Made by `.venv/bin/python -m benchmarks.npu > benchmarks/npu.md` with ethos-u-vela {version}.
**Nothing was executed**: cycles, SRAM and weights (encoded, with biases) are what the compiler
says, the rest is of the file that it writes. Times are of the NPU alone, at the clock of the system
configuration in Arm's `vela.ini`. Sizes are bytes. Weights are random.

What vela calls flash (in modes with DRAM, a part of what it calls DRAM) is the column of weights; a
device holds the compiled file.
"""


def row(name: str, tflite: bytes, npu: Npu) -> tuple[str, ...]:
    """A line of the table.

    Args:
        name: What the model is called.
        tflite: The int8 model.
        npu: What to compile it for.
    """
    told = PLUGIN.on(npu, None).generate(tflite, "cortex-m55").npu
    if told is None:
        raise AssertionError
    return (
        *(name, npu.accelerator, f"{npu.system_config}, {npu.memory_mode}"),
        *(f"{told.clock_hz / 1e6:,.0f}", f"{told.cycles:,}", f"{told.npu_us:,.0f}"),
        *(f"{told.utilisation:.1%}", f"{told.sram_bytes:,}", f"{told.constant_bytes:,}"),
        *(f"{told.command_stream_bytes:,}", f"{told.file_bytes:,}"),
        ", ".join(one.op for one in told.on_cpu) or "nothing",
    )


def main() -> None:
    """Prints the table."""
    parser = _command_line.parser(__doc__)
    parser.add_argument("--models", type=Path, help="folder of .tflite files made before")
    models = keras_models(MODELS, parser.parse_args().models)
    print(INTRODUCTION.format(version=version()))
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
    for name, tflite in models.items():
        for accelerator, system_config, memory_mode in NPUS:
            npu = Npu.from_dump(
                {
                    "accelerator": accelerator,
                    "system_config": system_config,
                    "memory_mode": memory_mode,
                }
            )
            print(f"| {' | '.join(row(name, tflite, npu))} |")


if __name__ == "__main__":
    main()
