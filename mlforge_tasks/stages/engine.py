"""engine: the int8 model as C sources that a platform can compile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks import engines, plugins
from mlforge_tasks.records import LayerProfile, Record
from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SOURCES = "src"


class EngineReport(Record):
    """What an engine made of a model.

    Attributes:
        engine: Its name.
        cpu: The core it generated for.
        arena_bytes: Working memory.
        layers: One entry per operator, in the order they run.
    """

    engine: str
    cpu: str
    arena_bytes: int
    layers: tuple[LayerProfile, ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulates per inference."""
        return sum(layer.macs for layer in self.layers)


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `src/*.c`, `src/*.h` and `engine.json`.

    Args:
        inputs: `quantise`.
        out: Output folder.
        config: `engine`, `cpu`.

    Raises:
        CandidateFailure: The engine cannot run the model.
    """
    engine = plugins.load(engines, config["engine"])
    tflite = (inputs["quantise"] / "model.tflite").read_bytes()
    model = engine.generate(tflite, config["cpu"])
    (out / SOURCES).mkdir()
    for name, content in model.files.items():
        (out / SOURCES / name).write_bytes(content)
    EngineReport(
        engine=config["engine"],
        cpu=config["cpu"],
        arena_bytes=model.arena_bytes,
        layers=model.layers,
    ).write(out / "engine.json")


if __name__ == "__main__":
    main(run)
