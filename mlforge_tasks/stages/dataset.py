"""Makes the data set: normalised rows, where each split's examples begin, and the data card."""

from __future__ import annotations

import functools
import zoneinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks import datasets
from mlforge_tasks.contract.data_card import CARD, EXAMPLES_CARD, ORIGIN_NAMES, ORIGIN_RUNS
from mlforge_tasks.contract.dataset import DatasetSpec
from mlforge_tasks.errors import DataError, MlforgeError, ToolError
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping

TOO_LARGE_HINT = "free some, or leave out rows, or columns that the model does not need"


def kind(spec: DatasetSpec) -> StageKind:
    """A data set's stage loads the plug-in of its source."""
    zone = spec.time.zone if spec.time else None
    return StageKind(
        __name__,
        (CARD, EXAMPLES_CARD, ORIGIN_NAMES, ORIGIN_RUNS),
        isolated=True,
        fields=("dataset", "task"),
        loads=(spec.source_module,),
        tools=functools.partial(zone_rules, zone) if zone else dict,
        heralds_tensorflow=True,
    )


def zone_rules(zone: str) -> dict[str, str]:
    """What this computer knows of a time zone: rules change, and steps across them with them.

    Without a file of it the package `tzdata` is read, which keys hold as all packages.
    """
    files = (Path(folder, zone) for folder in zoneinfo.TZPATH)
    found = (sha256_bytes(file.read_bytes()) for file in files if file.is_file())
    return {f"time zone {zone}": next(found, "of a package")}


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Reads `dataset` and `task`; see `DataCard` for what is written.

    Args:
        inputs: The project's root as `source`: its files are what the source says.
        out: Gets `rows.npy`, `{train,validation,test}_{starts,y}.npy`, `calibration_starts.npy`,
            `without_model_{rule}_{split}.npy` `data_card.json`, and the same without
            text as `examples.json`; `windows` reads the arrays, `origins` where rows are from.
        config: The contract's `dataset` and `task`; `in_streams` where examples go on with one
            another.

    Raises:
        DataError: The data is not as the contract says.
        ToolError: It could not be fetched, or does not fit into memory.
    """
    from mlforge_tasks.datasets._prepare import prepare  # noqa: PLC0415 - numpy

    spec = DatasetSpec.model_validate(config["dataset"], by_alias=True, by_name=True)
    if config["task"] != spec.task:
        raise MlforgeError(
            f"task: found '{config['task']}', wanted '{spec.task}', which dataset.target says"
        )
    try:
        loaded = datasets.load(spec, inputs["source"])
        prepare(spec, loaded, in_streams=config.get("in_streams", False)).write(out)
    except MemoryError as error:
        told = f" ({error})" if str(error) else ""
        raise ToolError(f"the data does not fit into memory{told}", hint=TOO_LARGE_HINT) from error
    except ToolError:
        raise
    except MlforgeError as error:
        raise DataError(error.message, hint=error.hint) from error


if __name__ == "__main__":
    main(run)
