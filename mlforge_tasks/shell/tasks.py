"""The graph as doit tasks: stages, gates and the one default task, `converge`.

`gate:k` reads the verdict of iteration k. While the contract is unmet and iterations remain, it
adds itself a successor through doit's `calc_dep`; else it asks for the delivery. Later iterations
are declared but never visited.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doit import doit_cmd
from doit.dependency import MD5Checker
from doit.exceptions import InvalidDodoFile, TaskError, TaskFailed

from mlforge_tasks.contract import loader
from mlforge_tasks.errors import ContractError, MlforgeError
from mlforge_tasks.graph.code_version import PROJECT_ROOT, module_file
from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.graph.stage import Stage
from mlforge_tasks.graph.tree_lock import TreeLock
from mlforge_tasks.pipeline.gates import decide
from mlforge_tasks.pipeline.iteration import Iteration
from mlforge_tasks.pipeline.plan import Plan, make_plan
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.shell import console, reporter
from mlforge_tasks.verdict.trials import Report
from mlforge_tasks.yaml_file import closest

VARIABLES = ("contract", "build", "folder")
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class Sha256Checker(MD5Checker):  # type: ignore[misc]  # doit has no type hints
    """Tells a changed file by nanosecond time, size and sha256."""

    def check_modified(self, file_path: str, file_stat: Any, state: Any) -> bool:
        """Whether the file differs from the state doit kept."""
        time_ns, size, digest = state
        if (file_stat.st_mtime_ns, file_stat.st_size) == (time_ns, size):
            return False
        return bool(file_digest(Path(file_path)) != digest)

    def get_state(self, dep: str, current_state: Any) -> Any:
        """What to keep of a file; None where nothing changed."""
        stat = Path(dep).stat()
        if current_state and tuple(current_state[:2]) == (stat.st_mtime_ns, stat.st_size):
            return None
        return stat.st_mtime_ns, stat.st_size, file_digest(Path(dep))


@dataclass(frozen=True)
class UpToDate:
    """doit's question whether a stage has to run."""

    stage: Stage

    def __call__(self, task: object, values: Mapping[str, Any]) -> bool:  # noqa: ARG002 - doit's
        """Whether nothing has changed since the values were kept."""
        return self.stage.up_to_date(values)


def check_variables() -> None:
    """Refuses a misspelt `name=value`, which doit would take and nobody would read.

    Raises:
        InvalidDodoFile: A variable on the command line is unknown or empty.
    """
    given: Mapping[str, str] = doit_cmd._CMDLINE_VARS or {}  # noqa: SLF001 - doit has no other way
    for name, value in given.items():
        if name not in VARIABLES:
            near = closest(name, VARIABLES)
            meant = f"; did you mean '{near}'?" if near else ""
            known = ", ".join(f"{one}=" for one in VARIABLES)
            raise InvalidDodoFile(f"found the unknown variable '{name}=', wanted {known}{meant}")
        if not value:
            raise InvalidDodoFile(f"found nothing after '{name}='")


def load_plan(contract: str, build: str) -> Plan:
    """Reads a contract and declares its graph.

    Args:
        contract: Path of the YAML file.
        build: Folder of the build tree.

    Raises:
        InvalidDodoFile: The contract is broken; doit ends with exit code 3, nothing was started.
    """
    path = Path(contract)
    if not NAME_PATTERN.fullmatch(path.stem):
        raise InvalidDodoFile(
            f"contract '{contract}': its name becomes a folder in {build}/\n"
            "Things to try: letters, digits, '_', '-' and '.' only"
        )
    try:
        loaded = loader.load(path, PROJECT_ROOT)
        plan = make_plan(loaded, path.stem, root=PROJECT_ROOT, build=_plain(Path(build)))
    except ContractError as error:
        count = len(error.problems)
        heading = f"{count} mistake{'s' if count > 1 else ''} in {contract}:"
        raise InvalidDodoFile(f"{heading}\n{error}") from None
    except MlforgeError as error:
        raise InvalidDodoFile(str(error)) from None
    return plan


def _relative(path: Path) -> str:
    """A path as doit shows it: relative to the working folder, as most are already."""
    return os.path.relpath(path) if path.is_absolute() else str(path)


def _plain(folder: Path) -> Path:
    """A folder without a way round in its path: doit takes another spelling for another file."""
    return Path(os.path.relpath(folder)) if ".." in folder.parts else folder


def _lock(plan: Plan) -> TreeLock:
    return TreeLock(plan.folder.parent / ".lock")


def configuration(plan: Plan) -> dict[str, Any]:
    """Settings for doit for a plan. Makes the build folder, where doit keeps its state."""
    state = plan.folder / ".doit.json"
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        if state.exists():
            json.loads(state.read_bytes())
    except OSError as error:
        raise InvalidDodoFile(f"build tree '{plan.folder.parent}': {error.strerror}") from None
    except ValueError:
        state.unlink()  # doit was killed while it wrote; the store has all that matters
    return {
        "backend": "json",
        "check_file_uptodate": Sha256Checker,
        "default_tasks": ["converge"],
        "dep_file": str(state),
        "minversion": "0.37.0",
        "reporter": reporter.reporter_for(plan, _lock(plan)),
        "verbosity": 2,
    }


def run_stage(stage: Stage) -> Any:
    """The doit action for a stage: its values, or the error of a broken tool."""
    try:
        outcome = stage.run()
    except MlforgeError as error:
        return TaskError(str(error))
    return {
        "key": outcome.key,
        "manifest": file_digest(stage.manifest_path),
        "how": outcome.how,
        "status": outcome.manifest.status,
        "seconds": outcome.seconds,
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
        "actions": [(run_stage, [stage])],
        "clean": [stage.clean],
        "file_dep": [_relative(path) for path in stage.dependency_paths()],
        "targets": targets,
        "uptodate": [UpToDate(stage)],
    }


def _gate_task(iteration: Iteration, last: int) -> dict[str, Any]:
    def same_budget(task: object, values: Mapping[str, Any]) -> bool:  # noqa: ARG001 - doit's
        return bool(values.get("last") == last)

    def act() -> dict[str, Any]:
        return {**decide(iteration, last), "last": last}

    return {
        "basename": "gate",
        "name": str(iteration.number),
        "actions": [act],
        "file_dep": [_relative(iteration.judge.manifest_path)],
        "uptodate": [same_budget],
    }


def _remove_outputs(plan: Plan) -> None:
    lock = _lock(plan)
    try:
        lock.acquire()
    except MlforgeError as error:
        sys.exit(f"ERROR: {error}")
    for stage in plan.stages():
        stage.clean()


def _converge_task(plan: Plan) -> dict[str, Any]:
    report_path = plan.folder / "delivered" / "report.json"

    def digest() -> str:
        return sha256_bytes(report_path.read_bytes())

    def unchanged(task: object, values: Mapping[str, Any]) -> bool:  # noqa: ARG001 - doit's
        return report_path.exists() and values.get("report") == digest()

    def conclude() -> Any:
        report = Report.read(report_path)
        return {"report": digest()} if report.met else TaskFailed(console.shortfall(report))

    return {
        "basename": "converge",
        "doc": "run the loop until the contract is met or the budget ends",
        "actions": [conclude],
        "calc_dep": ["gate:1"],
        "clean": [(_remove_outputs, [plan])],
        "uptodate": [unchanged],
    }


def _group(base: str, doc: str) -> dict[str, Any]:
    """The parent of all tasks of one kind; `doit list` shows its doc."""
    return {"basename": base, "name": None, "doc": doc}


def _tool_action(action: Callable[[], Any]) -> Callable[[], Any]:
    """An action whose broken tools are shown without a traceback."""

    def act() -> Any:
        try:
            return action()
        except MlforgeError as error:
            return TaskError(str(error))

    return act


def _examine() -> bool:
    from mlforge_tasks.shell import doctor  # noqa: PLC0415 - looks at every tool there is

    return doctor.report()


def _update_workspace(folder: str) -> None:
    from mlforge_tasks.platforms._zephyr import workspace  # noqa: PLC0415 - needed here alone

    workspace.update(Path(folder))


def utilities(folder: str) -> Iterator[dict[str, Any]]:
    """Tasks beside the graph.

    Args:
        folder: Where `doit workspace` makes a Zephyr workspace.
    """
    yield {
        "basename": "doctor",
        "doc": "tell what is installed, and what to do about what is missing",
        "actions": [_tool_action(_examine)],
    }
    yield {
        "basename": "workspace",
        "doc": "download Zephyr and the modules it needs: doit workspace folder=~/zephyrproject",
        "actions": [_tool_action(functools.partial(_update_workspace, folder))],
    }


def declare(plan: Plan) -> Iterator[dict[str, Any]]:
    """Every task of a plan."""
    for stage in plan.preparation.stages:
        yield stage_task(stage)
    for stage in plan.iterations[0].stages:
        base, _, part = stage.name.partition(":")
        if part:
            yield _group(base, _purpose(stage))
    last = len(plan.iterations)
    for iteration in plan.iterations:
        for stage in iteration.stages:
            yield stage_task(stage)
        yield _gate_task(iteration, last)
    yield _group("gate", "decide whether another iteration is needed")
    yield _converge_task(plan)
