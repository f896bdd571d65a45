"""A board's calibration as it lies on disk, `boards/<board>.calibration.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mlforge_tasks.calibration.classes import KernelClass
from mlforge_tasks.calibration.pair import Conditions, Day, Digest
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake, Mistakes

# Fewer networks leave an interval that says nothing.
LEAST_NETWORKS = 4
Slope = Annotated[float, Field(gt=0)]
Cost = Annotated[float, Field(ge=0)]


class Costs(Record):
    """cycles on the board = per_cycle * emulated + per_byte * bytes of weights + per_layer.

    Attributes:
        per_cycle: Of each emulated cycle, by the lower bound.
        per_byte: Of each byte of weights, which are read from flash.
        per_layer: Of each layer.
    """

    per_cycle: Slope
    per_byte: Cost = 0.0
    per_layer: Cost = 0.0

    def cycles(self, emulated: float, weight_bytes: int) -> float:
        """What a layer takes on the board."""
        return self.per_cycle * emulated + self.per_byte * weight_bytes + self.per_layer


class ClassFit(Costs):
    """What layers of a class take.

    Attributes:
        per_instruction: Cycles of the board for each emulated instruction, over all layers.
        layers: How many it was fitted to.
        networks: Of how many networks.
        error: Median of how far off a layer of a network is that was left out, as a share.
    """

    per_instruction: Slope
    layers: int = Field(ge=1)
    networks: int = Field(ge=1)
    error: Cost


class Network(Record):
    """A network that was measured, and what the others say of it.

    Attributes:
        name: What it is called.
        model: sha256 of the `.tflite`.
        emulated_firmware: Id of the image that was emulated.
        measured_firmware: Id of the one on the board.
        emulated: sha256 of its emulated profile.
        measured: sha256 of its measured one.
        measured_cycles: What its layers took.
        foretold_cycles: What the fit without it says of them.
        without: That fit, by class.
    """

    name: str
    model: Digest
    emulated_firmware: Digest
    measured_firmware: Digest
    emulated: Digest
    measured: Digest
    measured_cycles: Slope
    foretold_cycles: Slope
    without: dict[KernelClass, Costs]

    @property
    def miss(self) -> float:
        """How far off it was foretold, as a share of that."""
        return abs(self.measured_cycles / self.foretold_cycles - 1.0)


class Calibration(Record):
    """What a board was found to take.

    Attributes:
        version: Of this format.
        conditions: What it holds for.
        probe: The very board that was measured.
        date: When.
        classes: What layers take, by class.
        networks: What it was fitted to.
    """

    version: Literal[1]
    conditions: Conditions
    probe: dict[str, str]
    date: Day
    classes: dict[KernelClass, ClassFit] = Field(min_length=1)
    networks: tuple[Network, ...] = Field(min_length=LEAST_NETWORKS)

    @model_validator(mode="after")
    def _each_network_has_all_classes(self) -> Self:
        mistakes = [
            Mistake(
                f"a fit without it of each of {', '.join(sorted(self.classes))}",
                at=("networks", index, "without"),
                found=", ".join(sorted(one.without)) or "none",
            )
            for index, one in enumerate(self.networks)
            if set(one.without) != set(self.classes)
        ]
        if mistakes:
            raise Mistakes(*mistakes)
        return self

    @property
    def level(self) -> float:
        """How sure an interval is at least, where a network is like those that were measured.

        The jackknife+ over n networks with its widest ends: 1 - 2 / (n + 1), theorem 1 of Barber,
        Candes, Ramdas, Tibshirani, "Predictive inference with the jackknife+", 2021.
        """
        count = len(self.networks)
        return (count - 1) / (count + 1)

    @property
    def error(self) -> float:
        """Median of how far off a whole network is that was left out, as a share."""
        misses = sorted(one.miss for one in self.networks)
        middle = len(misses) // 2
        return misses[middle] if len(misses) % 2 else (misses[middle - 1] + misses[middle]) / 2

    @property
    def probe_id(self) -> str:
        """What tells the board from others of its kind."""
        return self.probe.get("bench_probe_id") or self.probe.get("bench_id") or "unknown"
