"""What a build folder's `model/` holds: an engine's C sources as the application takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.contract.benchmark import input_of
from mlforge_tasks.errors import ToolError
from mlforge_tasks.platforms._scheduler import scheduler_defines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.platforms import BuildRequest

TFLM_SOURCE = "tflm_operators.c"
TICKS_PER_S = 10_000  # Zephyr's own default for boards that are not emulated
MAX_PARTS = 32  # MLFORGE_MODEL_PARTS in zephyr_app/Kconfig


def model_files(request: BuildRequest) -> dict[str, bytes]:
    """The content of a build folder's `model/`."""
    sources = {path.name: path.read_bytes() for path in sorted(request.engine.iterdir())}
    identity = {"MLFORGE_FIRMWARE_ID": request.firmware_id, "MLFORGE_ENGINE": request.engine_name}
    lines = [f'#define {name} "{value}"\n' for name, value in identity.items()]
    profile = "#define MLFORGE_PROFILE\n" if request.profile else ""
    lines += [f"#define {name} {value}u\n" for name, value in scheduler_defines(request).items()]
    files = {
        **sources,
        "model_data.h": (request.header / "model_data.h").read_bytes(),
        "build_id.h": "".join([*lines, profile]).encode(),
    }
    return files if TFLM_SOURCE in sources else files | _parts(sources, profile)


def _parts(sources: Mapping[str, bytes], head: str) -> dict[str, bytes]:
    names = [name for name in sources if name.endswith(".c")]
    if len(names) > MAX_PARTS:
        raise ToolError(
            f"the engine made {len(names)} C sources, wanted at most {MAX_PARTS}",
            hint="raise MLFORGE_MODEL_PARTS in zephyr_app/Kconfig, and MAX_PARTS here",
        )
    parts = [f'{head}#include "{name}"\n' for name in names] + [""] * (MAX_PARTS - len(names))
    return {f"part_{index:02}.c": text.encode() for index, text in enumerate(parts)}


def options(request: BuildRequest) -> tuple[str, ...]:
    """Kconfig options that switch on what not every image has."""
    marker = ("CONFIG_MLFORGE_MARKER=y",) if request.marker else ()
    return (*marker, *_mlperf_options(request), *_clock_options(request))


def _clock_options(request: BuildRequest) -> tuple[str, ...]:
    """A clock that wakes a periodic thread in time: emulated boards' have 100 ticks a second."""
    if request.periodic is None or request.board.qemu is None:
        return ()
    return (f"CONFIG_SYS_CLOCK_TICKS_PER_SEC={TICKS_PER_S}",)


def _mlperf_options(request: BuildRequest) -> tuple[str, ...]:
    if request.mlperf is None:
        return ()
    return (
        "CONFIG_MLFORGE_MLPERF=y",
        f'CONFIG_MLFORGE_MLPERF_MODEL="{request.mlperf}"',
        f"CONFIG_MLFORGE_MLPERF_{input_of(request.mlperf).upper()}=y",
    )
