"""feasible: refuses limits that the firmware breaks without any model in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.constraints import IMPOSSIBLE, Bound
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.records import FirmwareReport, Reason
from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:  # noqa: ARG001
    """Passes, or fails whatever would be proposed.

    Args:
        inputs: `floor`.
        out: Stays empty: an edited limit changes nothing as long as it is possible.
        config: `bounds`.

    Raises:
        CandidateFailure: With code `impossible_limit`.
    """
    floor = FirmwareReport.read(inputs["floor"] / "firmware.json")
    least = {"flash_bytes": floor.flash_bytes, "ram_bytes": floor.static_ram_bytes}
    for bound in (Bound.from_dump(one) for one in config["bounds"]):
        value = least.get(bound.metric)
        if value is not None and value > bound.limit:
            raise CandidateFailure(
                Reason(
                    code=IMPOSSIBLE,
                    stage="feasible",
                    message=f"{bound.metric} is {value} without any model, "
                    f"the contract allows {bound.limit:g}",
                    metric=bound.metric,
                    value=value,
                    limit=bound.limit,
                )
            )


if __name__ == "__main__":
    main(run)
