"""What a board's calibration makes of a candidate that was emulated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.calibration.foretell import Calibrated, foretell, refused
from mlforge_tasks.calibration.record import Calibration
from mlforge_tasks.quantisation import Quantisation
from mlforge_tasks.records import Measurement, Profile
from mlforge_tasks.stages.run import PROFILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.stages._folders import Folders

METRIC = "latency_calibrated_us"


def calibrated(folders: Folders, config: Mapping[str, Any]) -> Calibrated | None:
    """What is foretold of a candidate on its board.

    Args:
        folders: What its stages made.
        config: `calibration` with its `record`, and why it is `unused`; nothing where the board
            has none.

    Returns:
        None where the board has none, and where the candidate never ran in the emulator.
    """
    if "calibration" not in config:
        return None
    stage = "run" if folders.emulated is not None else "probe_run"
    ran, path = folders.emulated or folders.probed, folders.file(stage, PROFILE)
    if ran is None or ran.source != "emulated":
        return None
    known = Calibration.from_dump(config["calibration"]["record"])
    if config["calibration"]["unused"]:
        return refused(known, config["calibration"]["unused"])
    if path is None or not path.exists():
        return refused(known, "what each layer takes is not known of this candidate")
    model = folders.file("quantise" if stage == "run" else "probe_quantise", "quantisation.json")
    if model is not None and Quantisation.read(model).output.dtype != "int8":
        return refused(known, "it is of int8 layers")
    profile = Profile.read(path)
    whole = next((one.value for one in ran.measurements if one.metric == "cycles_lower"), 0.0)
    layers = sum(one.cycles_lower or 0.0 for one in profile.layers)
    return foretell(known, profile, max(whole - layers, 0.0))


def as_measurement(found: Calibrated | None) -> tuple[Measurement, ...]:
    """The same as a figure that no clause binds."""
    if found is None or found.latency_us is None:
        return ()
    return (
        Measurement(
            metric=METRIC,
            value=found.latency_us,
            unit="us",
            source="emulated",
            interval=found.interval,
        ),
    )
