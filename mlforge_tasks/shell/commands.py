"""What holds for doit's commands, whatever reporter and options they are given.

doit has no place to hook an execution but its reporter, which a user may choose, so `govern` puts
each command's `_execute` into a function of ours. A command that changes the build tree, or what
doit knows of it, has the tree's lock meanwhile; one that only reads has not. Exit code 0 of a run
is given here.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import sys
import traceback
from typing import TYPE_CHECKING, Any

from doit.cmd_clean import Clean
from doit.cmd_forget import Forget
from doit.cmd_ignore import Ignore
from doit.cmd_info import Info
from doit.cmd_list import List
from doit.cmd_resetdep import ResetDep
from doit.cmd_run import Run
from doit.cmd_strace import Strace
from doit.cmdparse import CmdParseError
from doit.exceptions import InvalidCommand, InvalidDodoFile, InvalidTask

from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph import environment, shortage, tool_versions
from mlforge_tasks.graph.files import refused
from mlforge_tasks.graph.tree_lock import TreeLock
from mlforge_tasks.graph.warm import Warm
from mlforge_tasks.pipeline import preflight
from mlforge_tasks.shell import ci_files, named, request, signals, variables
from mlforge_tasks.shell.actions import BROKEN, broken_messages, of_data
from mlforge_tasks.shell.loop import CONVERGE, delivered
from mlforge_tasks.shell.reporter import TREELESS
from mlforge_tasks.shell.state import NOWHERE, open_state
from mlforge_tasks.yaml_file import meant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlforge_tasks.pipeline.plan import Plan
    from mlforge_tasks.shell.rounds import Rounds
    from mlforge_tasks.shell.source import Source

    Proceed = Callable[[], Any]
    Rule = Callable[[Any, Proceed, Mapping[str, Any]], Any]

# Named, not imported: it needs numpy.
WARM_IMPORTS = "mlforge_tasks.stages._warm"
MET = 0
NOT_MET = 1
MOST_AT_A_TIME = 64
# doit's own errors, each a line and exit code 3: nothing was started.
USER_ERRORS = (CmdParseError, InvalidCommand, InvalidDodoFile, InvalidTask)
_TRACE = (
    "a stage is no shell command, which is all that doit traces\n"
    "Things to try: provenance.json beside a stage's outputs names all that it was made of"
)
_GAP = (
    "a stage cannot be ignored: what comes after it needs it\n"
    "Things to try: `doit run NAME` makes one stage and what it needs, and nothing after it"
)


def govern(plan: Plan, rounds: Rounds, source: Source | None) -> None:
    """Has doit's commands keep to the rules for a plan. Called once, as dodo.py is loaded."""
    rules = Rules(plan, rounds, source)
    _around(Run, rules.run)
    for command in (Clean, Forget, ResetDep):
        _around(command, rules.change)
    _around(List, rules.list)
    _around(Info, rules.tell)
    _around(Ignore, rules.refuse(_GAP))
    _around(Strace, rules.refuse(_TRACE))


def _around(command: Any, rule: Rule) -> None:
    """Puts a rule around what a class of commands does."""
    original = command._execute  # noqa: SLF001 - what doit has commands override

    @functools.wraps(original)  # doit reads the names of its parameters
    def execute(self: Any, *args: Any, **options: Any) -> Any:
        try:
            return rule(self, functools.partial(original, self, *args, **options), options)
        except MemoryError as error:
            raise InvalidDodoFile(str(shortage.broken(error, "doit itself"))) from None

    command._execute = execute  # noqa: SLF001


class Rules:
    """The rules for one plan's commands. Each raises InvalidDodoFile: doit ends with code 3."""

    def __init__(self, plan: Plan, rounds: Rounds, source: Source | None) -> None:
        self._plan = plan
        self._rounds = rounds
        self._source = source

    def list(self, command: Any, proceed: Proceed, options: Mapping[str, Any]) -> Any:
        """`doit list`: of groups one line each, unless more is asked for."""
        self._rounds.tell(command, None if options["subtasks"] else options["pos_args"])
        return self._read(command, proceed)

    def _read(self, command: Any, proceed: Proceed) -> Any:
        """A command that changes nothing runs beside any other."""
        self._open_state(command, keeps=False)
        return proceed()

    def tell(self, command: Any, proceed: Proceed, options: Mapping[str, Any]) -> Any:
        """`doit info`, which needs the name of a task; `doit dumpdb` too, see pyproject.toml."""
        asked = options["pos_args"]
        if len(asked) != 1:
            raise InvalidDodoFile(
                f"found {len(asked)} names of tasks, wanted one\n"
                "Things to try: `doit info train:1.0`; all that doit itself keeps is JSON, in "
                f"'{self._plan.folder / '.doit.json'}'"
            )
        self._rounds.tell(command, asked)
        names = [task.name for task in command.task_list]
        if asked[0] not in names:
            raise InvalidDodoFile(f"'{asked[0]}' is not a task{meant(asked[0], names)}")
        return self._read(command, proceed)

    def change(self, command: Any, proceed: Proceed, options: Mapping[str, Any]) -> Any:
        """A command that removes outputs, or what doit knows of them."""
        resets_all = isinstance(command, ResetDep) and command.sel_default_tasks
        every = resets_all or options.get("cleanall")
        self._rounds.tell(command, None if every else command.sel_tasks)
        if options.get("dryrun"):
            return self._read(command, proceed)
        with self._tree(command):
            return proceed()

    def refuse(self, why: str) -> Rule:
        """A command that would have a run end without its figures, or that tells nothing."""

        def rule(_: Any, __: Proceed, ___: Mapping[str, Any]) -> Any:
            raise InvalidDodoFile(why)

        return rule

    def run(self, command: Any, proceed: Proceed, options: Mapping[str, Any]) -> int:
        """A run: its exit code, which is 0 only where all that was asked for is there."""
        _check_parallel(options)
        if set(command.sel_tasks) <= TREELESS:
            _check_request(command.sel_tasks, self._plan)
            serves = "view" in command.sel_tasks
            with signals.prompt_end("\n") if serves else contextlib.nullcontext():
                return int(proceed())
        self._rounds.tell(command, command.sel_tasks)
        tool_versions.ask_ahead((environment.installed,))
        tool_versions.ask_ahead(self._plan.tools())
        try:
            preflight.require(self._plan, _stages(command.sel_tasks))
        except MlforgeError as error:
            if CONVERGE in command.sel_tasks:
                ci_files.refuse_plan(self._plan, self._source, error)
            raise InvalidDodoFile(str(error)) from None
        try:
            with signals.prompt_end(), self._tree(command), self._warm(command):
                code = _finished(proceed)
                code = _finished(lambda: self._checked(command)) if code == MET else code
                return self._told(command, code)
        finally:
            # Nothing is left to collect: Python would look through all that is there as it ends.
            gc.freeze()

    @contextlib.contextmanager
    def _warm(self, command: Any) -> Iterator[None]:
        """The tree swept, and what stages' processes are forked from, for as long as a run."""
        workspace = self._plan.workspace
        tree = workspace.store.tree
        workspace.store.sweep()
        early = CONVERGE in command.sel_tasks
        with contextlib.closing(Warm(tree, WARM_IMPORTS, early=early)) as warm:
            workspace.warm = warm
            yield

    def _checked(self, command: Any) -> int:
        """Holds what a run that says 0 left against what 0 means."""
        selected = command.control.selected_tasks
        if CONVERGE in selected:
            report = delivered(self._plan)
            if report is None or not report.met:
                folder = self._plan.folder / "delivered"
                print(f"'{folder}' changed while it was delivered: run again", file=sys.stderr)
                return BROKEN
        missing = named.missing(self._plan, command.control.tasks, selected)
        if missing:
            print("\n".join(missing))
        return NOT_MET if missing else MET

    def _told(self, command: Any, code: int) -> int:
        """Has CI read how a whole run ended; its exit code, or that this cannot be written."""
        source = self._source
        if source is None or CONVERGE not in command.control.selected_tasks:
            return code
        messages = broken_messages()
        wrong_data = of_data(messages)
        return _finished(
            lambda: ci_files.tell(self._plan, source, code, messages, wrong_data=wrong_data)
        )

    def _open_state(self, command: Any, *, keeps: bool) -> None:
        if command.dep_manager.name != NOWHERE:
            place = self._plan.folder / ".doit.json"
            raise InvalidDodoFile(
                f"found another file for doit's state, wanted none: it is {place}"
            )
        command.dep_manager = open_state(self._plan, keeps=keeps)

    @contextlib.contextmanager
    def _tree(self, command: Any) -> Iterator[None]:
        """The build tree for one command alone, with doit's state as it is now."""
        tree = self._plan.workspace.store.tree
        lock = TreeLock(tree.root / ".lock")
        try:
            tree.make_folder(tree.root)
            lock.acquire()
            tree.make_folder(self._plan.folder)
        except OSError as error:
            raise InvalidDodoFile(str(refused(error, f"build tree '{tree.root}'"))) from None
        except MlforgeError as error:
            raise InvalidDodoFile(str(error)) from None
        try:
            self._open_state(command, keeps=True)
            yield
        finally:
            lock.release()


def _stages(selected: Sequence[str]) -> Sequence[str] | None:
    """The stages that a run names; None where it may ask for any."""
    whole = {CONVERGE, "gate", "deliver"}
    every = any(one.partition(":")[0] in whole or "*" in one or "/" in one for one in selected)
    return None if every or not selected else selected


def _check_request(selected: Sequence[str], plan: Plan) -> None:
    """Refuses what `doit new` and the like could not do, before they begin."""
    try:
        if "new" in selected:
            request.read(variables.given())
        if "board" in selected:
            from mlforge_tasks.shell import new_board  # noqa: PLC0415 - needed here alone

            new_board.read(variables.given())
        if "calibrate" in selected:
            from mlforge_tasks.shell import calibrate  # noqa: PLC0415 - needed here alone

            calibrate.read(variables.given(), plan.contract)
        if "netron" in selected:
            from mlforge_tasks.shell import netron  # noqa: PLC0415 - needed here alone

            netron.read(plan, variables.given())
        if "compare" in selected:
            from mlforge_tasks.shell import compare, tasks  # noqa: PLC0415 - needed here alone

            compare.read(variables.given(), tasks.plan_of)
        if "view" in selected:
            from mlforge_tasks.shell.live import view  # noqa: PLC0415 - needed here alone

            view.read(variables.given())
    except MlforgeError as error:
        raise InvalidDodoFile(str(error)) from None


def _check_parallel(options: Mapping[str, Any]) -> None:
    """Refuses what doit would take for a run that has nothing to do, or could not end."""
    count = options.get("num_process", 0)
    if not 0 <= count <= MOST_AT_A_TIME:
        raise InvalidDodoFile(f"-n: found {count}, wanted 0 to {MOST_AT_A_TIME} stages at a time")
    if options.get("par_type") == "process":
        raise InvalidDodoFile(
            "-P process: copies of doit would outlive it where it is killed, and keep the tree\n"
            "Things to try: -P thread, which is the default; stages have processes of their own"
        )


def _finished(proceed: Proceed) -> int:
    """A run's exit code; what nobody foresaw is told, and is no 3, since stages were started."""
    try:
        return int(proceed())
    except USER_ERRORS:
        raise
    except OSError as error:
        signals.end_if_interrupted()
        print(f"ERROR: {refused(error, 'the run')}", file=sys.stderr)
    except Exception as error:  # noqa: BLE001 - shown whole
        signals.end_if_interrupted()  # some reporters fail where a task was cut short
        if shortage.of(error) is None:
            traceback.print_exc()
        else:
            print(f"ERROR: {shortage.broken(error, 'the run')}", file=sys.stderr)
    return BROKEN
