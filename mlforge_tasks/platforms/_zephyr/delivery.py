"""Copies an image out of its warm build folder, without what tells which folder that was."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.platforms._zephyr import image
from mlforge_tasks.platforms._zephyr.compiler import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.platforms._zephyr.build_folder import BuildFolder

# The size of debug information depends on the length of the build folder's name.
_DEBUG_SECTION = re.compile(
    r"^ ?\.debug_\S+\s+0x\w+\s+0x\w+.*\n|^ +0x\w+ \(size before relaxing\)\n", re.MULTILINE
)
_DIGEST = re.compile(rb'^#define MODEL_DIGEST "(\w+)"$', re.MULTILINE)


def deliver(folder: BuildFolder, files: Mapping[str, bytes], firmware_id: str, out: Path) -> None:
    """Copies the image out: the same bytes from whatever folder it was built in.

    A process has no image to flash.

    Raises:
        ToolError: The image does not hold the model it should.
    """
    built = folder.elf.parent
    native = folder.configuration.toolchain.variant == HOST
    binary = (folder.elf if native else built / "zephyr.bin").read_bytes()
    digest = _DIGEST.search(files["model_data.h"])
    wanted = [firmware_id.encode(), *([digest[1]] if digest else [])]
    if any(text not in binary for text in wanted):
        raise ToolError(
            f"the image in {folder.path} was not made from the model that was placed there",
            hint="delete that folder; the next build makes it anew",
        )
    if not native:
        (out / "firmware.bin").write_bytes(binary)
    with tempfile.TemporaryDirectory() as name:
        stripped = Path(name) / "firmware.elf"
        # Debug information holds the build folder, and the linker's build id its digest.
        strip = [folder.configuration.toolchain.tool("objcopy"), "--strip-debug"]
        strip += ["--remove-section=.note.gnu.build-id"]
        process.check([*strip, str(folder.elf), str(stripped)], timeout_s=image.TOOL_TIMEOUT_S)
        (out / "firmware.elf").write_bytes(stripped.read_bytes())
    (out / "firmware.map").write_text(_without_paths((built / "zephyr.map").read_text(), folder))


def _without_paths(text: str, folder: BuildFolder) -> str:
    on = folder.configuration
    known = {
        str(folder.path): "build",
        str(on.workspace.topdir): "workspace",
        str(on.toolchain.gcc.parent.parent): "toolchain",
    }
    for path in sorted(known, key=len, reverse=True):
        text = text.replace(path, known[path])
    return _DEBUG_SECTION.sub("", text)
