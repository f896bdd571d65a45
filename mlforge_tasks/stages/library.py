"""library: the model that is delivered as a library that a user's own build takes in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlforge_tasks import engines, plugins
from mlforge_tasks.build_report import FirmwareReport, read_build_report
from mlforge_tasks.contract.data_card import DataCard
from mlforge_tasks.engines._report import REPORT, EngineReport
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.library.facts import Facts
from mlforge_tasks.library.files import library_files
from mlforge_tasks.quantisation import Quantisation
from mlforge_tasks.stages import main
from mlforge_tasks.stages._arena_limit import arena_limit
from mlforge_tasks.stages.engine import SOURCES
from mlforge_tasks.stages.evaluate import tools
from mlforge_tasks.verdict.decision import decision_in
from mlforge_tasks.verdict.trials import Report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlforge_tasks.engines import LibrarySources

FOLDER = "library"


def kind(names: Sequence[str]) -> StageKind:
    """A library of a model on one of some engines."""
    used = dict.fromkeys((*names, "aot"))  # which computes outputs where there is no reference
    return StageKind(
        __name__,
        isolated=True,
        fields=("target.version",),
        loads=tuple(plugins.module("engines", name) for name in used),
        resources=(
            *(folder for name in used for folder in engines.resources(name)),
            "templates/library",
            "LICENSE",
            *(["zephyr_app/src"] if "tflm" in names else []),
        ),
        tools=tools,
        runs_after_failure=True,
    )


def _of_best(inputs: Mapping[str, Path], best: str) -> dict[str, Path]:
    """A candidate's stages by their own names; a board's stand for those before it."""
    ends = ((name.partition(f"{best}.")[2], path) for name, path in inputs.items())
    return {name.removeprefix("hardware_"): path for name, path in ends if name}


def _sources(
    found: Mapping[str, Path], inputs: Mapping[str, Path], config: Mapping[str, Any]
) -> LibrarySources:
    """What the engine makes, which is what was measured but for names.

    Raises:
        ToolError: It is something else.
    """
    report = EngineReport.read(found["engine"] / REPORT)
    described = Quantisation.read(found["quantise"] / "quantisation.json")
    limit = None
    if "without_model" in inputs:
        limit = arena_limit(inputs["without_model"], config, described.input.shape)
    prefix: str = config["prefix"]
    engine: engines.Engine = plugins.load("engines", report.engine)
    made = engine.library(
        (found["quantise"] / "model.tflite").read_bytes(),
        report.cpu,
        prefix,
        arena_limit_bytes=limit,
        streamed=config.get("streamed", False),
        keeps_state=described.keeps_state,
    )
    measured = {path.name: path.read_bytes() for path in (found["engine"] / SOURCES).iterdir()}
    if _unnamed(made.measured, prefix) != _unnamed(measured, prefix):
        raise ToolError(
            "the library's C is not the one that was measured",
            hint="this is a defect of the engine: report it with this candidate's model.tflite",
        )
    return made


def _arena_bytes(firmware: Path, engine: EngineReport) -> int:
    """What the model was found to need."""
    report = read_build_report(firmware / "firmware.json")
    reserved = report.arena_reserved_bytes if isinstance(report, FirmwareReport) else None
    return reserved or engine.arena_bytes


def _unnamed(files: Mapping[str, bytes], prefix: str) -> dict[str, bytes]:
    """Files without what tells their prefix from another one."""
    names = f"({prefix}|model)_".encode()
    pattern = re.compile(rb"\b" + names + rb"|\b" + names.upper())
    return {
        pattern.sub(b"", name.encode()).decode(): pattern.sub(b"", content)
        for name, content in files.items()
    }


def _facts(found: Mapping[str, Path], dataset: Path, config: Mapping[str, Any]) -> Facts:
    """What the library says of a candidate."""
    from mlforge_tasks.stages._examples import examples  # noqa: PLC0415 - numpy

    quantisation = Quantisation.read(found["quantise"] / "quantisation.json")
    decision = decision_in(found)
    tflite = (found["quantise"] / "model.tflite").read_bytes()
    engine = EngineReport.read(found["engine"] / REPORT)
    return Facts(
        prefix=config["prefix"],
        version=config["target.version"],
        contract=config["name"],
        card=DataCard.read(dataset / "data_card.json"),
        quantisation=quantisation,
        decision=decision,
        golden=examples(tflite, quantisation, dataset, decision),
        streamed=config.get("streamed", False),
        engine=engine.engine,
        board=config["board"],
        zephyr_board=config["zephyr_board"],
        arena_bytes=_arena_bytes(found["firmware"], engine),
        linux=config.get("linux", False),
    )


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes the library of the best candidate below `library/`, where the contract is met.

    Of an NPU's engine there is none.

    Args:
        inputs: `report`, `dataset`, `<iteration>.<candidate>.<stage>` of every candidate;
            `without_model` as stage `engine` has it.
        out: Output folder.
        config: `prefix`, the contract's `name` and `target.version`; `board` and `zephyr_board`; of
            a program of Linux, `linux`;
            `ram_bytes` and what is beside it as stage `engine` has them.

    Raises:
        ToolError: The engine makes something else than what was measured.
    """
    report = Report.read(inputs["report"] / "report.json")
    if not report.met or report.best is None:
        return
    found = _of_best(inputs, report.best)
    if EngineReport.read(found["engine"] / REPORT).npu is not None:
        return  # what a firmware with an NPU takes is the compiled model, which lies beside it
    facts = _facts(found, inputs["dataset"], config)
    sources = _sources(found, inputs, config)
    if not sources.files:
        return
    for name, content in library_files(facts, sources).items():
        path = out / FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


if __name__ == "__main__":
    main(run)
