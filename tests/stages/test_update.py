"""What an update of a model takes to send."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING

import detools
import pytest

from mlforge_tasks.contract.limits import Limits
from mlforge_tasks.contract.operation import Operation, Update, misfits
from mlforge_tasks.stages import update
from mlforge_tasks.stages.update import UPDATE, UpdateReport

if TYPE_CHECKING:
    from pathlib import Path

OLD = random.Random(1).randbytes(4000)  # noqa: S311 - no secret


@pytest.mark.parametrize("compression", ["heatshrink", "crle", "lz4", "zstd", "bz2", "lzma"])
def test_a_patch_of_what_a_contract_may_name(compression: str) -> None:
    """A few other bytes make a small patch, with which a device has the new model."""
    new = OLD[:2000] + b"other" + OLD[2005:]
    patch = io.BytesIO()
    detools.create_patch(io.BytesIO(OLD), io.BytesIO(new), patch, compression=compression)
    assert update.patch_bytes(OLD, new, compression) == len(patch.getvalue()) < 1000
    patch.seek(0)
    made = io.BytesIO()
    detools.apply_patch(io.BytesIO(OLD), patch, made)
    assert made.getvalue() == new


def test_the_stage_tells_all_sizes(tmp_path: Path) -> None:
    """Of a model that has nothing of the old one, the patch is about the model."""
    (tmp_path / "model.tflite").write_bytes(random.Random(2).randbytes(3000))  # noqa: S311
    (tmp_path / "old.tflite").write_bytes(OLD)
    inputs = {"quantise": tmp_path, "before": tmp_path / "old.tflite"}
    update.run(inputs, tmp_path, {"compression": "crle"})
    found = UpdateReport.read(tmp_path / UPDATE)
    assert (found.model_bytes, found.before_bytes) == (3000, 4000)
    assert 2900 < found.update_bytes < 3300


def test_a_limit_needs_to_know_what_devices_have() -> None:
    """Without the old model there is nothing to hold it against."""
    limits = Limits.from_dump(
        {"ram_bytes": 1, "flash_bytes": 1, "latency_us": 1, "update_bytes": 1}
    )
    (mistake,) = misfits(Operation(), limits)
    assert mistake.at == ("update",)


def test_what_devices_have_is_a_model(tmp_path: Path) -> None:
    """Any other file would give a figure too."""
    context = {"project_root": tmp_path}
    (tmp_path / "old.tflite").write_bytes(b"\x1c\0\0\0TFL3\0")
    (tmp_path / "notes.md").write_bytes(b"# What devices have")
    assert Update.model_validate({"model": "old.tflite"}, context=context).model == "old.tflite"
    with pytest.raises(ValueError, match="TFL3"):
        Update.model_validate({"model": "notes.md"}, context=context)
