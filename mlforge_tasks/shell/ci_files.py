"""`build/<contract>/ci/`: what continuous integration reads of a run, written as it ends.

Of a run that has nothing to do they are the same files, which is seen by their digests. Of one that
was interrupted nothing is written: what lies there is of the last run that came to an end.
"""

from __future__ import annotations

import contextlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import BusyError, ContractError, MlforgeError
from mlforge_tasks.graph.files import Tree, is_own_file, own_digest, read_own, refused
from mlforge_tasks.graph.tree_lock import TreeLock
from mlforge_tasks.records import canonical_json, sha256_bytes
from mlforge_tasks.shell.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mlforge_tasks.ci.outcome import Outcome
    from mlforge_tasks.pipeline.plan import Plan

FOLDER = "ci"
MADE_OF = ".made_of.json"
# Exit codes of a run that came to a verdict, and of one that was not started.
VERDICTS, REFUSED = (0, 1), 3
_PACKAGE = Path(__file__).parents[1]
# Whose words are in the files. Not all that these import, as of a stage (`graph.code_version`): a
# run that has nothing to do would look through that each time.
_CODE = (
    "ci/*.py",
    "verdict/*.py",
    "yaml_file/units.py",
    "shell/ended.py",
    "shell/wrong_data.py",
    "shell/source.py",
    "shell/console.py",
)


@dataclass(frozen=True)
class CiFolder:
    """The folder of one contract.

    Attributes:
        tree: The build tree.
        folder: Where it is.
    """

    tree: Tree
    folder: Path

    def clean(self) -> None:
        """Removes it, as `doit clean` does with a stage."""
        self.tree.remove(self.folder)

    def update(self, made_of: Iterable[object], outcome: Callable[[], Outcome]) -> None:
        """Writes the files, unless they lie there and are of the same.

        Args:
            made_of: All that the outcome depends on, as JSON has it.
            outcome: Makes it.

        Raises:
            OSError: They cannot be written.
        """
        key = sha256_bytes(canonical_json([*made_of, _code()]))
        if self._are_of(key):
            return
        self.tree.remove(self.folder)  # files of another version, too
        texts = {name: text.encode() for name, text in _files(outcome()).items()}
        for name, data in texts.items():
            self.tree.publish(data, self.folder / name)
        digests = {name: sha256_bytes(data) for name, data in texts.items()}
        known = canonical_json({"files": digests, "key": key})
        self.tree.publish(known, self.folder / MADE_OF)

    def _are_of(self, key: str) -> bool:
        try:
            known = json.loads(read_own(self.folder / MADE_OF))
            if known["key"] != key:
                return False
            return all(
                own_digest(self.folder / name) == digest for name, digest in known["files"].items()
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return False


def _code() -> str:
    paths = (path for pattern in _CODE for path in sorted(_PACKAGE.glob(pattern)))
    return sha256_bytes(b"".join(path.read_bytes() for path in paths))


def _files(outcome: Outcome) -> Mapping[str, str]:
    from mlforge_tasks.ci import badge, junit, sarif, summary  # noqa: PLC0415 - rarely needed

    return {
        "junit.xml": junit.junit(outcome),
        "results.sarif": sarif.sarif(outcome),
        "summary.md": summary.summary(outcome),
        "badge.svg": badge.badge(outcome),
        "badge.json": badge.endpoint(outcome),
    }


def folder_of(plan: Plan) -> CiFolder:
    """Where a plan's are."""
    return CiFolder(plan.workspace.store.tree, plan.folder / FOLDER)


def tell(
    plan: Plan, source: Source, code: int, messages: Iterable[str], *, wrong_data: bool = False
) -> int:
    """Writes the files of a run that came to an end.

    Args:
        plan: What was run.
        source: Its contract.
        code: doit's exit code.
        messages: What tools said that broke.
        wrong_data: Whether none did, and that is what is wrong with the data.

    Returns:
        The exit code.

    Raises:
        OSError: They cannot be written.
    """
    if code in VERDICTS and is_own_file(_report(plan)):
        judged(plan, source, code)
    else:
        broken(plan, source, code, messages, wrong_data=wrong_data)
    return code


def refuse_plan(plan: Plan, source: Source | None, error: MlforgeError) -> None:
    """Writes the files of a plan that lacks a tool, where nobody has the tree."""
    if source is not None:
        with quietly(), _alone(plan.workspace.store.tree.root):
            broken(plan, source, REFUSED, (str(error),))


def _report(plan: Plan) -> Path:
    return plan.folder / "delivered" / "report.json"


def judged(plan: Plan, source: Source, code: int) -> None:
    """Writes the files of a run that came to a verdict.

    Raises:
        OSError: They cannot be written, or there is no report.
        ValidationError: The report is none.
    """
    report = read_own(_report(plan))

    def outcome() -> Outcome:
        from mlforge_tasks.shell import ended  # noqa: PLC0415 - rarely needed
        from mlforge_tasks.verdict.trials import Report  # noqa: PLC0415

        return ended.judged(plan, source, Report.model_validate_json(report, by_name=True), code)

    made_of = ("judged", source.named(), sha256_bytes(source.data), code, sha256_bytes(report))
    folder_of(plan).update(made_of, outcome)


def broken(
    plan: Plan, source: Source, code: int, messages: Iterable[str], *, wrong_data: bool = False
) -> None:
    """Writes the files of a run that a tool or its data ended, or that could not be started."""
    told = tuple(messages)

    def outcome() -> Outcome:
        from mlforge_tasks.shell import ended  # noqa: PLC0415 - rarely needed
        from mlforge_tasks.shell import wrong_data as of_data  # noqa: PLC0415 - rarely needed

        if wrong_data:
            return of_data.unlike(plan, source, code, told)
        return ended.broken(plan, source, code, told)

    made_of = (
        "data" if wrong_data else "broken",
        source.named(),
        sha256_bytes(source.data),
        code,
        *told,
    )
    folder_of(plan).update(made_of, outcome)


def refuse(contract: Path, build: Path, error: MlforgeError) -> None:
    """Writes the files of a contract that no plan could be made of, where nobody has the tree.

    Of one that is no file there is no line to point at, and so nothing is written.

    Args:
        contract: Its path.
        build: The build tree.
        error: What is wrong with it.
    """
    source = Source.of(contract)
    if source is None:
        return
    from mlforge_tasks.shell import ended  # noqa: PLC0415 - rarely needed

    if isinstance(error, ContractError):
        outcome = ended.mistaken(contract.stem, source, error.problems)
    else:
        outcome = ended.misfit(contract.stem, source, error)
    made_of = ("refused", source.named(), sha256_bytes(source.data), str(error))
    folder = CiFolder(Tree(build), build / contract.stem / FOLDER)
    with quietly(), _alone(build):
        folder.update(made_of, lambda: outcome)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Tells what cannot be written; the run has ended, and its own message comes first."""
    try:
        yield
    except BusyError:
        pass  # its own run writes them
    except MlforgeError as error:
        print(f"ERROR: {error}", file=sys.stderr)
    except OSError as error:
        print(f"ERROR: {refused(error, 'the files for CI')}", file=sys.stderr)


@contextlib.contextmanager
def _alone(build: Path) -> Iterator[None]:
    lock = TreeLock(build / ".lock")
    lock.acquire()
    try:
        yield
    finally:
        lock.release()
