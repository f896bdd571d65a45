"""All files of a library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.graph import product
from mlforge_tasks.library import pack, yocto
from mlforge_tasks.render import render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlforge_tasks.engines import LibrarySources
    from mlforge_tasks.library.facts import Facts

SOURCES = "src"
LICENCE = product.path("LICENSE")
# Template to path; `{}` is the prefix.
_ALWAYS: Mapping[str, str] = {
    "api.h": "src/{}.h",
    "engine.h": "src/{}/{}_engine.h",
    "task.c": "src/{}/{}_task.c",
    "self_test.c": "src/{}/{}_self_test.c",
    "CMakeLists.txt": "CMakeLists.txt",
    "README.md": "README.md",
    "main.c": "samples/main.c",
    "arduino/library.properties": "library.properties",
    "arduino/example.ino": "examples/{}_example/{}_example.ino",
    "zephyr/module.yml": "zephyr/module.yml",
    "zephyr/Kconfig": "zephyr/Kconfig",
    "zephyr/CMakeLists.txt": "zephyr/CMakeLists.txt",
    "zephyr/prj.conf": "samples/zephyr/prj.conf",
    "zephyr/sample.yaml": "samples/zephyr/sample.yaml",
    "zephyr/sample_CMakeLists.txt": "samples/zephyr/CMakeLists.txt",
    "LicenseRef-data.txt": "LICENSES/LicenseRef-data.txt",
    "LicenseRef-model.txt": "LICENSES/LicenseRef-model.txt",
}
_OF_WINDOWS: Mapping[str, str] = {"push.c": "src/{}/{}_push.c"}
_OF_TFLM: Mapping[str, str] = {
    "tflite-micro.cmake": "tflite-micro.cmake",
    "zephyr/tflm.cmake": "zephyr/tflm.cmake",
}


def library_files(facts: Facts, engine: LibrarySources) -> dict[str, bytes]:
    """Path below the library's folder to content.

    Args:
        facts: What it is about.
        engine: What runs the model.
    """
    prefix = facts.prefix
    chosen = {**_ALWAYS, **(_OF_WINDOWS if facts.card.window else {})}
    chosen |= _OF_TFLM if facts.engine == "tflm" else {}
    paths = {template: path.replace("{}", prefix) for template, path in chosen.items()}
    below = f"{SOURCES}/{prefix}/"
    made = {f"{below}{name}": content for name, content in engine.files.items()}
    shared = [f"{prefix}/{name}" for name in engine.shared]
    context = facts.context() | {
        "sources": _compiled(paths.values()),
        "model_sources": [one for one in _compiled(made) if one not in shared],
        "shared_sources": shared,
        "pdsc": pack.description_name(prefix),
        "pack": pack.file_name(prefix, facts.version),
    }
    for template, path in paths.items():
        made[path] = render(f"library/{template}.jinja", **context).encode()
    made["LICENSES/Apache-2.0.txt"] = LICENCE.read_bytes()
    made |= pack.files(facts, made)
    made |= yocto.files(facts, made) if facts.linux else {}
    return dict(sorted(made.items()))


def _compiled(paths: Iterable[str]) -> list[str]:
    """Those of some files below `src` that are compiled."""
    ours = (path.removeprefix(f"{SOURCES}/") for path in paths if path.startswith(f"{SOURCES}/"))
    return sorted(path for path in ours if path.endswith((".c", ".cc", ".cpp")))
