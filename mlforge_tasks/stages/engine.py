"""engine: the int8 model as C sources that a platform can compile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks import engines, plugins
from mlforge_tasks.contract.npu import Npu
from mlforge_tasks.contract.sections import NPU_ENGINE
from mlforge_tasks.engines import _vela_version
from mlforge_tasks.engines._report import REPORT, EngineReport
from mlforge_tasks.errors import NOT_NEEDED, CandidateFailure, ToolError
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.quantisation import Quantisation
from mlforge_tasks.records import Reason
from mlforge_tasks.stages import main
from mlforge_tasks.stages._arena_limit import arena_limit
from mlforge_tasks.verdict.engine_choice import CHOICE, EngineChoice

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SOURCES = "src"
VELA_INI = "vela_ini"
"""The input that a project's own configuration of an NPU's compiler is."""


def kind(names: Sequence[str]) -> StageKind:
    """A model on one engine, or on one of several that is yet to be chosen."""
    return StageKind(
        __name__,
        (REPORT,),
        loads=tuple(plugins.module("engines", name) for name in names),
        resources=tuple(folder for name in names for folder in engines.resources(name)),
        tools=_vela_version.tools if NPU_ENGINE in names else dict,
    )


def _engine(inputs: Mapping[str, Path], config: Mapping[str, Any]) -> str:
    """The engine that is asked for, or the one that was chosen where the contract leaves it open.

    Raises:
        CandidateFailure: Another one was chosen, so that this one need not be tried any more.
    """
    name: str = config["engine"]
    if "choice" not in inputs:
        return name
    choice = EngineChoice.read(inputs["choice"] / CHOICE)
    if name == plugins.AUTO:
        if choice.engine is None:
            raise ToolError("no engine was chosen, and yet a model is to be built")
        return choice.engine
    if choice.engine not in {None, name}:
        message = f"engine '{choice.engine}' was chosen on candidate {choice.candidate}"
        raise CandidateFailure(Reason(code=NOT_NEEDED, stage="engine", message=message))
    return name


def _loaded(name: str, inputs: Mapping[str, Path], config: Mapping[str, Any]) -> engines.Engine:
    """An engine, told its NPU where it is for one."""
    engine: engines.Engine = plugins.load("engines", name)
    if "npu" not in config:
        return engine
    own = inputs[VELA_INI].read_bytes() if VELA_INI in inputs else None
    told: engines.Engine = plugins.load("engines", name).on(Npu.from_dump(config["npu"]), own)
    return told


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Writes `src/*.c`, `src/*.h` and `engine.json`.

    Args:
        inputs: `quantise`; `choice` where the contract leaves the engine open; `without_model`, the
            firmware without one, where the engine may make patches; `vela_ini`, a project's own
            configuration of an NPU's compiler.
        out: Output folder.
        config: `engine`, `cpu`; `untrained` for a probe; where it may make patches, `ram_bytes`,
            the limit, `stack_bytes`, what stacks take of it, `kept_inputs`, how many inputs the
            image keeps for itself, and `streamed`, whether the input comes by rows; `npu`, where
            one runs the model.

    Raises:
        CandidateFailure: The engine cannot run the model, or was not chosen.
    """
    name = _engine(inputs, config)
    engine = _loaded(name, inputs, config)
    tflite = (inputs["quantise"] / "model.tflite").read_bytes()
    described = Quantisation.read(inputs["quantise"] / "quantisation.json")
    floor = inputs.get("without_model")
    limit = None if floor is None else arena_limit(floor, config, described.input.shape)
    how = {name: config.get(name, False) for name in ("untrained", "streamed")}
    how["keeps_state"] = described.keeps_state
    model = engine.generate(tflite, config["cpu"], arena_limit_bytes=limit, **how)
    (out / SOURCES).mkdir()
    for folder, files in ((out / SOURCES, model.files), (out, model.beside)):
        for file, content in files.items():
            (folder / file).write_bytes(content)
    EngineReport(
        engine=name,
        cpu=config["cpu"],
        arena_bytes=model.arena_bytes,
        layers=model.layers,
        profiled=model.profiled,
        patches=model.patches,
        arena=model.arena,
        most_steps=model.most_steps,
        npu=model.npu,
    ).write(out / REPORT)


if __name__ == "__main__":
    main(run)
