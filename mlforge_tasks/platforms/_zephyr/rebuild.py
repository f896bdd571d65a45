"""What builds an image again with west alone, outside of MLForge: sources, options, a script."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.build_report import COMPILATION, Compilation
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import product
from mlforge_tasks.platforms._zephyr.build_folder import APP
from mlforge_tasks.platforms._zephyr.compiler import BEFORE, asks_in_vain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlforge_tasks.platforms._zephyr.build_folder import BuildFolder, Configuration

# Below the folder of an image.
FOLDER = "zephyr"
CONFIG = "firmware.config"
_EXTRAS = "extras"
_SCRIPT = """\
#!/bin/sh
# Builds the firmware again with west alone, and holds it against ../{image}.
# Zephyr and its modules have to be at the revisions in ../zephyr.json.
#     ZEPHYR_BASE=~/zephyrproject/zephyr ./rebuild.sh [build folder]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${{1:-$here/build}}
: "${{ZEPHYR_BASE:?wanted the folder of Zephyr}}"
export ZEPHYR_BASE
workspace=$(cd "$ZEPHYR_BASE" && west topdir)
{variables}
mkdir -p "$build"
build=$(cd "$build" && pwd)
{compiler}cd "$workspace"
west build -p always -d "$build" -b {target} "$here/app" -- \\
    {arguments}
cmp "$build/zephyr/{built}" "$here/../{image}" && echo "the same bytes as ../{image}"
"""
# Beside the build folder, which west empties first.
_COMPILER = f"""\
# Zephyr asks a GCC below 13.1 for a file that this one has elsewhere.
before=$build.compiler
{BEFORE}CROSS_COMPILE=$before
"""
_HOW = re.compile(r"-[OfmWgs-](?!diagnostics|color)")
# The application itself, and the first file of whatever runs the model.
_APPLICATION, _MODEL = re.compile(r"/src/app\.c$"), re.compile(r"/model/[^/]+\.c$")


def write(folder: BuildFolder, files: Mapping[str, bytes], out: Path) -> None:
    """Writes the folder `zephyr/`, Kconfig's answers and what compiled what.

    Args:
        folder: Where the image was built, just now.
        files: The model's sources.
        out: The image's folder.

    Raises:
        ToolError: The build folder does not tell.
    """
    on, again = folder.configuration, out / FOLDER
    shutil.copytree(APP, again / "app", ignore=shutil.ignore_patterns("__pycache__"))
    for name in on.own:
        (again / _EXTRAS / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(product.project() / name, again / _EXTRAS / name)
    (again / "model").mkdir()
    for name, content in files.items():
        (again / "model" / name).write_bytes(content)
    script = again / "rebuild.sh"
    script.write_text(_script(on, native=folder.elf.suffix == ".exe"))
    script.chmod(0o755)
    settings = (folder.build / "zephyr" / ".config").read_text()
    (out / CONFIG).write_text(settings.replace(str(on.workspace.topdir), "workspace"))
    compilation(folder).write(out / COMPILATION)


def _script(on: Configuration, *, native: bool) -> str:
    exported = (
        f'export {name}="${{{name}:-{value}}}"' for name, value in on.toolchain.environment.items()
    )
    # As the shell reads it, wherever workspace and delivery lie there.
    places = {str(on.workspace.topdir): '"$workspace"'}
    for name in {*on.files, *on.own}:
        places[str(product.project() / name)] = f'"$here"/{_EXTRAS}/{shlex.quote(name)}'
    arguments = [_quoted(one, places) for one in on.cmake_args()]
    arguments.append('-DMLFORGE_MODEL_DIR="$here/model"')
    return _SCRIPT.format(
        variables="\n".join(exported),
        compiler=_COMPILER if asks_in_vain(on.toolchain) else "",
        target=shlex.quote(on.target),
        arguments=" \\\n    ".join(arguments),
        built="zephyr.exe" if native else "zephyr.bin",
        image="firmware.elf" if native else "firmware.bin",
    )


def _quoted(argument: str, places: Mapping[str, str]) -> str:
    """With what `places` has instead of each path in it."""
    paths = "|".join(re.escape(path) for path in sorted(places, key=len, reverse=True))
    parts = re.split(rf"({paths})(?=[/;]|$)", argument)
    return "".join(places.get(part) or (shlex.quote(part) if part else "") for part in parts)


def compilation(folder: BuildFolder) -> Compilation:
    """What compiled the application and the model.

    Raises:
        ToolError: The build folder does not tell.
    """
    said = folder.build / "compile_commands.json"
    try:
        commands = {one["file"]: one["command"] for one in json.loads(said.read_bytes())}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ToolError(f"'{said}' cannot be read: {error}", hint="delete that folder") from None
    found = []
    for pattern in (_MODEL, _APPLICATION):
        names = sorted(name for name in commands if pattern.search(name))
        if not names:
            raise ToolError(f"'{said}' has no {pattern.pattern}", hint="delete that folder")
        found.append(_flags(shlex.split(commands[names[0]])))
    model, application = found
    return Compilation(
        compiler=folder.configuration.toolchain.version(),
        model_flags=model,
        application_flags=application,
    )


def _flags(command: Sequence[str]) -> tuple[str, ...]:
    """The options of a compiler that say how, not what or where."""
    return tuple(one for one in command if "/" not in one and _HOW.match(one))
