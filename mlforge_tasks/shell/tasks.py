"""The graph as doit tasks: a contract's stages, and what stands beside them.

`loop` has the gates between iterations and the one default task, `converge`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doit.exceptions import InvalidDodoFile, TaskFailed

from mlforge_tasks.contract import loader
from mlforge_tasks.errors import ContractError, MlforgeError
from mlforge_tasks.graph import product
from mlforge_tasks.graph.code_version import module_file
from mlforge_tasks.graph.stage import Stage
from mlforge_tasks.page.found import Written
from mlforge_tasks.pipeline.plan import Plan, make_plan
from mlforge_tasks.shell import ci_files, each_target, loop, reporter, state, variables
from mlforge_tasks.shell.actions import Removal, run_stage, told
from mlforge_tasks.shell.command import program
from mlforge_tasks.yaml_file import closest

# Tasks beside the graph, and what they are for.
UTILITIES = {
    "doctor": "tell what is installed, and what to do about what is missing",
    "check": "tell what the data is and what a run would have to do: doit check contract=…",
    "new": "write a contract to start from: doit new name=pump data=data/pump.csv board=…",
    "board": "write the file of a board that Zephyr knows: doit board name=nucleo_l476rg",
    "calibrate": "fit emulated cycles to a board on the bench: doit calibrate board=…",
    "netron": "open the model in Netron: doit netron contract=… [browser=no] [port=8000]",
    "compare": "lay two runs side by side: doit compare a=contracts/x.yaml b=contracts/y.yaml",
    "view": "show a search in the browser while it goes on: doit view contract=… [port=8000]",
    "workspace": "download Zephyr and the modules it needs: doit workspace folder=~/zephyrproject",
}
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class UpToDate:
    """doit's question whether a stage has to run."""

    stage: Stage

    def __call__(self, task: object, values: Mapping[str, Any]) -> bool:  # noqa: ARG002 - doit's
        """Whether nothing has changed since the values were kept."""
        return self.stage.up_to_date(values)


def default_contract() -> str:
    """The contract of a command that names none: the sample, the product's own where need be."""
    sample = "contracts/glucose.yaml"
    return sample if Path(sample).is_file() else product.place(sample)


def load_plan(contract: str, build: str) -> Plan:
    """Reads a contract and declares its graph.

    Args:
        contract: Path of the YAML file.
        build: Folder of the build tree.

    Raises:
        InvalidDodoFile: The contract is broken; doit ends with exit code 3, nothing was started.
    """
    file, target = each_target.split(contract)
    path = Path(file)
    if not NAME_PATTERN.fullmatch(path.stem):
        raise InvalidDodoFile(
            f"contract '{contract}': its name becomes a folder in {build}/\n"
            "Things to try: letters, digits, '_', '-' and '.' only"
        )
    try:
        root = product.project()
        loaded, end = each_target.meant_by(loader.load(path, root), file, target)
        name = f"{path.stem}{end}"
        plan = make_plan(
            loaded, name, root=root, build=_plain(Path(build)), written=_written(path, root)
        )
    except ContractError as error:
        _tell_ci(path, build, error)
        count = len(error.problems)
        # Those of a board's file are not the contract's.
        files = {problem.where.rpartition(":")[0] for problem in error.problems}
        where = files.pop() if len(files) == 1 else contract
        heading = f"{count} mistake{'s' if count > 1 else ''} in {where or contract}:"
        raise InvalidDodoFile(f"{heading}\n{error}{_instead(path)}") from None
    except MlforgeError as error:
        _tell_ci(path, build, error)
        raise InvalidDodoFile(str(error)) from None
    return plan


def _tell_ci(contract: Path, build: str, error: MlforgeError) -> None:
    """Of a whole run; other commands, and a library's call, write nothing."""
    if variables.whole_run():
        ci_files.refuse(contract, _plain(Path(build)), error)


def _written(path: Path, root: Path) -> Written:
    """A contract that could be read, as it stands there."""
    whole, root = path.resolve(), root.resolve()
    shown = whole.relative_to(root).as_posix() if whole.is_relative_to(root) else path.name
    return Written(path=shown, text=path.read_text(encoding="utf-8", errors="replace"))


def _instead(path: Path) -> str:
    """What to try in place of a contract that is not there, for the end of a message."""
    known = (one.stem for one in sorted((product.project() / "contracts").glob("*.yaml")))
    near = None if path.exists() else closest(path.stem, known)
    return f"\nThings to try: contract=contracts/{near}.yaml" if near else ""


def _relative(path: Path) -> str:
    """A path as doit shows it: relative to the working folder, as most are already."""
    return os.path.relpath(path) if path.is_absolute() else str(path)


def _plain(folder: Path) -> Path:
    """A folder without a way round in its path: doit takes another spelling for another file."""
    return Path(os.path.relpath(folder)) if ".." in folder.parts else folder


def configuration(plan: Plan) -> dict[str, Any]:
    """Settings for doit for a plan; what doit knows of it is opened by each command for itself."""
    return {
        "backend": "json",
        "check_file_uptodate": state.Sha256Checker,
        "codec_cls": state.Codec,
        "default_tasks": [loop.CONVERGE],
        "dep_file": state.NOWHERE,
        "minversion": "0.37.0",
        "par_type": "thread",
        "reporter": reporter.reporter_for(plan),
        "verbosity": 2,
    }


def _purpose(stage: Stage) -> str:
    """The first line of the docstring of a stage's module; nothing is imported."""
    module = stage.kind.module
    with module_file(module).open() as file:
        line = file.readline().strip().strip('"').removesuffix(".")
    return line.removeprefix(f"{module.rpartition('.')[2]}: ")


def stage_task(stage: Stage) -> dict[str, Any]:
    """A stage as doit knows it."""
    base, _, part = stage.name.partition(":")
    # All deliveries share one folder, and doit allows one task per target.
    targets = [] if base == "deliver" else [_relative(stage.manifest_path)]
    return {
        "basename": base,
        **({"name": part} if part else {"doc": _purpose(stage)}),
        "actions": [(told(run_stage), [stage])],
        "clean": [Removal(lambda: (stage,))],
        "file_dep": [_relative(path) for path in stage.dependency_paths()],
        "targets": targets,
        "uptodate": [UpToDate(stage)],
    }


def _examine() -> TaskFailed | None:
    from mlforge_tasks.shell import doctor  # noqa: PLC0415 - looks at every tool there is

    return None if doctor.report() else TaskFailed("what is marked !! is needed by every run")


def _update_workspace(folder: str) -> None:
    from mlforge_tasks.platforms._zephyr import workspace  # noqa: PLC0415 - needed here alone

    workspace.update(Path(folder))


def _check(plan: Plan) -> TaskFailed | None:
    from mlforge_tasks.shell import check  # noqa: PLC0415 - a run that is none needs it not

    print(check.report(plan))
    unjudged = check.unjudged(plan)
    return TaskFailed("\n".join(("the goal cannot be judged", *unjudged))) if unjudged else None


def _new() -> None:
    from mlforge_tasks.shell import request, starter  # noqa: PLC0415 - numpy

    asked = request.read(variables.given())
    starter.write(asked)
    print(f"{_relative(asked.path)} is written: look at the lines that say CHECK, then")
    print(f"  {program()} check contract={_relative(asked.path)}")


def _board() -> None:
    from mlforge_tasks.shell import new_board  # noqa: PLC0415 - needed here alone

    name = variables.given()["name"]
    print(f"Zephyr is configured for {name}: half a minute, more the first time", flush=True)
    path, unsure = new_board.write(variables.given())
    print(f"{_relative(path)} is written")
    for line in unsure:
        print(f"  CHECK: {line}")


def _calibrate(plan: Plan) -> None:
    from mlforge_tasks.shell import calibrate  # noqa: PLC0415 - needed here alone

    print(calibrate.run(calibrate.read(variables.given(), plan.contract)))


def _netron(plan: Plan) -> None:
    from mlforge_tasks.shell import netron  # noqa: PLC0415 - a server

    netron.show(netron.read(plan, variables.given()))


def plan_of(contract: str) -> Plan:
    """A contract's plan in the build tree that the command line names; see `load_plan`."""
    return load_plan(contract, variables.given().get("build") or "build")


def _compare() -> None:
    from mlforge_tasks.shell import compare  # noqa: PLC0415 - needed here alone

    words = variables.given()
    a, b = compare.read(words, plan_of)
    print(compare.told(a, b))
    path = compare.place(words, a, b)
    compare.write(compare.page(a, b), path)
    print(f"\nas a page: {path}")


def _view(plan: Plan) -> None:
    from mlforge_tasks.shell.live import view  # noqa: PLC0415 - a server, the page

    words = variables.given()
    contract = words.get("contract") or default_contract()
    view.serve(
        plan, Path(each_target.split(contract)[0]), lambda: plan_of(contract), view.read(words)
    )


def utilities(plan: Plan, folder: str) -> Iterator[dict[str, Any]]:
    """Tasks beside the graph.

    Args:
        plan: What `doit check` tells of.
        folder: Where `doit workspace` makes a Zephyr workspace.
    """
    actions: dict[str, tuple[Callable[..., Any], list[Any]]] = {
        "doctor": (_examine, []),
        "check": (_check, [plan]),
        "new": (_new, []),
        "board": (_board, []),
        "calibrate": (_calibrate, [plan]),
        "netron": (_netron, [plan]),
        "compare": (_compare, []),
        "view": (_view, [plan]),
        "workspace": (_update_workspace, [folder]),
    }
    for name, (action, given) in actions.items():
        task = {"basename": name, "doc": UTILITIES[name], "actions": [(told(action), given)]}
        yield {**task, "task_dep": ["dataset"]} if name == "check" else task


def groups(plan: Plan) -> dict[str, str]:
    """What is done in every round, each with what it is for."""
    named = (stage for stage in plan.iterations[0].stages if ":" in stage.name)
    purposes = {stage.name.partition(":")[0]: _purpose(stage) for stage in named}
    return {**purposes, "gate": "decide whether another iteration is needed"}


def of_round(plan: Plan, number: int) -> Iterator[dict[str, Any]]:
    """The tasks of one round, and the gate after it."""
    iteration = plan.iterations[number - 1]
    for stage in iteration.stages:
        yield stage_task(stage)
    last = len(plan.iterations)
    yield loop.gate_task(iteration, last, _relative(iteration.judge.manifest_path))


def declare(plan: Plan, rounds: int) -> Iterator[dict[str, Any]]:
    """The tasks of a plan.

    Args:
        plan: The plan.
        rounds: How many of its rounds.
    """
    for stage in plan.preparation.stages:
        yield stage_task(stage)
    for base, purpose in groups(plan).items():
        yield {"basename": base, "name": None, "doc": purpose}
    for number in range(1, rounds + 1):
        yield from of_round(plan, number)
    yield from loop.carry_tasks(plan)
    yield loop.converge_task(plan)
