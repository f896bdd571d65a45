"""How to repeat it: the contract, the command, the tools, and the digests to hold it against."""

from __future__ import annotations

import importlib.metadata
import json
import shlex
from typing import TYPE_CHECKING

from mlforge_tasks.graph import product
from mlforge_tasks.graph.manifest import MANIFEST, Manifest
from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.page.found import Found

# Packages whose version may change a model's bytes; a page is made with those that made all else.
PACKAGES = ("mlforge", "tensorflow-cpu", "keras", "numpy", "optuna", "tflite-micro")
# Stages of the best candidate whose files are delivered, and what of them is not.
DELIVERED = ("render", "train", "quantise", "decide", "header", "engine", "firmware", "run")
NOT_DELIVERED = {"float_outputs.npz"}


def section(found: Found) -> Section:
    """What somebody needs to make the same again."""
    report = found.report
    body = fill(
        "reproduce.html",
        report=report,
        version=product.version(),
        contract=found.contract,
        command=_command(found),
        tools=list(_tools(found)),
        digests=list(_digests(found)) if report.met else [],
    )
    return Section("reproduce", "Reproduce it", body)


def _command(found: Found) -> str:
    written = found.contract.path if found.contract else f"contracts/{found.report.name}.yaml"
    path = found.asked or written
    return f".venv/bin/doit run {shlex.quote(f'contract={path}')}"


def _tools(found: Found) -> Iterator[tuple[str, str]]:
    """Names and versions of what made the best candidate."""
    path = found.file(found.best, "firmware", "build.json")
    built = json.loads(path.read_bytes()) if path is not None else {}
    for name in ("compiler", "zephyr"):
        if isinstance(built.get(name), str):
            yield name, built[name]
    best = found.best_result
    if best is not None and best.cycles is not None:
        yield "cycles", best.cycles.tool or best.cycles.method
    for name in PACKAGES:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # an extra that is not installed


def _digests(found: Found) -> Iterator[tuple[str, str]]:
    """sha256 of what is delivered, by name."""
    made: dict[str, str] = {}
    for stage in DELIVERED:
        folder = found.at(found.best, stage)
        if folder is not None and (folder / MANIFEST).is_file():
            made |= Manifest.read(folder / MANIFEST).outputs
    yield from sorted(one for one in made.items() if one[0] not in NOT_DELIVERED)
