"""update: what an update of the model takes to send, as a patch to the one that is out there.

The patch is made by detools, whose C library applies it on a device. Another training leaves little
to share, so that a patch to its model is about what the compression makes of that.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.records import Record
from mlforge_tasks.stages import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

UPDATE = "update.json"
COMPRESSION = "compression"


class UpdateReport(Record):
    """What an update takes; `update.json`.

    Attributes:
        update_bytes: The patch.
        model_bytes: The new model, whole.
        before_bytes: The model that is out there.
        compression: How the patch is compressed.
    """

    update_bytes: int
    model_bytes: int
    before_bytes: int
    compression: str


def tools() -> Mapping[str, str]:
    """What makes patches.

    Raises:
        ToolError: It is not installed.
    """
    if importlib.util.find_spec("detools") is None:
        raise ToolError(
            "`limits.update_size` needs the extra 'update'",
            hint="run `pip install 'mlforge[update]'`",
        )
    return {"detools": importlib.metadata.version("detools")}


KIND = StageKind(__name__, (UPDATE,), tools=tools)


def patch_bytes(before: bytes, after: bytes, compression: str) -> int:
    """Size of the patch that makes one file of another.

    Args:
        before: The file that is there.
        after: What it is to become.
        compression: As detools calls it.
    """
    import detools  # noqa: PLC0415 - an extra

    patch = io.BytesIO()
    detools.create_patch(io.BytesIO(before), io.BytesIO(after), patch, compression=compression)
    return len(patch.getvalue())


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `update.json`.

    Args:
        inputs: `quantise`; `before`, the model that is out there.
        out: Output folder.
        config: `compression`.
    """
    before = inputs["before"].read_bytes()
    after = (inputs["quantise"] / "model.tflite").read_bytes()
    UpdateReport(
        update_bytes=patch_bytes(before, after, config[COMPRESSION]),
        model_bytes=len(after),
        before_bytes=len(before),
        compression=config[COMPRESSION],
    ).write(out / UPDATE)


if __name__ == "__main__":
    main(run)
