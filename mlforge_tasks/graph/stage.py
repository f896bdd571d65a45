"""One stage of the graph: a pure step from inputs and declared configuration to output files.

A stage's key is the digest of all that may change its result. Running a stage means: look the key
up in the action cache and restore; else run the action in a sandbox folder, store its outputs, put
them in place, record the result, and write `manifest.json` last, as the commit point.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from mlforge_tasks.errors import NOT_NEEDED, MlforgeError, ToolError
from mlforge_tasks.graph import broken_log, broken_tries, environment, shortage, steady
from mlforge_tasks.graph.action import Action
from mlforge_tasks.graph.code_version import code_version
from mlforge_tasks.graph.file_set import FileSet
from mlforge_tasks.graph.files import CorruptError, own_digest, refused
from mlforge_tasks.graph.folder import OutputFolder, files_below
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.manifest import MANIFEST, Manifest, Provenance
from mlforge_tasks.graph.reading import Reading
from mlforge_tasks.graph.store import ActionResult, Store, key_of
from mlforge_tasks.graph.warm import Warm
from mlforge_tasks.records import Reason

# Another hour, another machine, another result: true for this run, not for a cache.
WALL_TIME_RESULTS = {"train_timeout"}

How = Literal["built", "restored", "kept", "failed", "skipped"]


class Watcher(Protocol):
    """Who looks on while stages run; told from whatever thread a stage runs in."""

    def begins(self, stage: str) -> None:
        """A stage's action begins: what it makes was in no store."""

    def says(self, stage: str, line: str) -> None:
        """Its process prints a line."""

    def acted(self, stage: str) -> None:
        """Its action has ended, however."""


@dataclass
class Workspace:
    """Where the stages of one build tree work.

    Attributes:
        store: The content-addressed store, on the same file system as the outputs.
        watcher: Who looks on, if anybody.
        warm: What stages' processes are forked from, while a run has it.
    """

    store: Store
    watcher: Watcher | None = None
    warm: Warm | None = None


@dataclass(frozen=True)
class Outcome:
    """What running a stage came to."""

    key: str
    how: How
    manifest: Manifest
    seconds: float


@dataclass(frozen=True, eq=False)
class Stage:
    """A node of the graph.

    Attributes:
        name: The doit task's name, such as `train:1.0`.
        kind: What the stage does.
        folder: Where its outputs go.
        workspace: Store and scratch space.
        inputs: Upstream stages, or source files, by the name the action knows them by; of a set of
            files it is given the folder they are below.
        config: The only configuration the action receives.
        after: Inputs that are made after all the others; empty where there are none such.
    """

    name: str
    kind: StageKind
    folder: Path
    workspace: Workspace
    # Not shown: each stage would show all before it, once for every way that leads there.
    inputs: Mapping[str, Stage | Path | FileSet] = field(default_factory=dict, repr=False)
    config: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()

    @property
    def _reading(self) -> Reading:
        return Reading(self.name, self.inputs, self.kind.unread)

    @property
    def manifest_path(self) -> Path:
        """The stage's commit point."""
        return self.folder / MANIFEST

    def dependency_paths(self) -> list[Path]:
        """Files that doit has to wait for; all inputs are looked at for the key."""
        inputs = [self.inputs[name] for name in self.after or self.inputs]
        sources = (one for one in inputs if not isinstance(one, FileSet))
        return [one.manifest_path if isinstance(one, Stage) else one for one in sources]

    def key_document(self) -> dict[str, Any]:
        """Everything that may change the result.

        Raises:
            FileNotFoundError: An input has not been made yet.
        """
        return self.document(self._reading.says(), passed_over=self._passed_over())

    def document(self, inputs: Mapping[str, str], *, passed_over: bool) -> dict[str, Any]:
        """The same for given inputs, by what a key says of each, and whether one had failed."""
        return {
            "stage": self.kind.module,
            "code": code_version(*self.kind.code()),
            "config": dict(self.config),
            # One that is passed over needs none, such as a board that nobody has plugged in.
            "tools": {} if passed_over else dict(self.kind.tools()),
            "environment": environment.document((self.kind.module, *self.kind.loads)),
            "inputs": dict(sorted(inputs.items())),
        }

    def _passed_over(self) -> bool:
        """Whether there is nothing to do: the candidate of an input stage failed."""
        return self._reading.any_failed() and not self.kind.runs_after_failure

    @property
    def outputs(self) -> OutputFolder:
        """Where its outputs go, as what they should be."""
        return OutputFolder(self.folder, self.workspace.store)

    def intact(self) -> bool:
        """Whether the folder holds what its manifest says, and nothing else."""
        manifest = self.outputs.manifest()
        return manifest is not None and self.outputs.holds(manifest)

    def run(self) -> Outcome:
        """Restores the outputs or makes them.

        Raises:
            ToolError: The action broke, or the tree cannot be read or written; nothing is cached.
        """
        try:
            return self._run()
        except OSError as error:
            raise refused(error, f"stage '{self.name}'") from error
        except CorruptError as error:
            raise ToolError(f"stage '{self.name}': {error}", hint="run again") from error
        except MemoryError as error:
            raise shortage.broken(error, f"stage '{self.name}'") from error

    def _run(self) -> Outcome:
        document = self.key_document()
        known = self.workspace.store.get_result(document)
        tries = broken_tries.read(self.folder) + (known.broken_tries if known else ())
        if known is None or not self.kind.restorable:
            started = time.monotonic()
            how, manifest = self._make(document["inputs"])
            seconds = round(time.monotonic() - started, 3)
            code, isolated = self.kind.code(), self.kind.isolated
            steady.check(self.name, code, document, self.key_document, isolated=isolated)
            recorded = known is not None and known.manifest == manifest
            lasting = manifest.reason is None or manifest.reason.code not in WALL_TIME_RESULTS
            if lasting and not recorded:
                result = ActionResult(
                    manifest=manifest, key_document=document, seconds=seconds, broken_tries=tries
                )
                self.workspace.store.put_result(result)
        else:
            how, manifest, seconds = self._restore(known.manifest), known.manifest, known.seconds
        provenance = Provenance(
            key=key_of(document),
            how=how,
            key_document=document,
            manifest=manifest,
            seconds=seconds,
            broken_tries=tries,
        )
        self.outputs.commit(manifest, provenance)
        broken_log.remove(self.workspace.store.tree, self.folder)
        return Outcome(provenance.key, how, manifest, seconds)

    def _make(self, inputs: Mapping[str, str]) -> tuple[How, Manifest]:
        given = self._reading.given(inputs)
        reason = next((one.reason for one in given.values() if one.status == "failed"), None)
        if reason is not None and not self.kind.runs_after_failure:
            return "skipped", Manifest(status="failed", reason=reason, outputs={})
        with self.workspace.store.tree.workplace() as name:
            out = Path(name) / "out"
            out.mkdir()
            try:
                with self._reading.unchanged(inputs, given):
                    reason = self._act(out, Path(name) / "request.json")
            except ToolError as error:
                left = (out / file for file in self.kind.kept_when_broken)
                broken_tries.keep(self.workspace.store, left, self.folder)
                raise broken_log.kept(self.workspace.store.tree, self.folder, error) from error
            outputs = self._collect(out, complete=reason is None)
        if reason is None:
            return "built", Manifest(status="ok", outputs=outputs)
        how: How = "skipped" if reason.code == NOT_NEEDED else "failed"
        return how, Manifest(status="failed", reason=reason, outputs=outputs)

    def _act(self, out: Path, request: Path) -> Reason | None:
        """Runs the action; the reason where the candidate failed."""
        inputs, watcher = self._reading.places(), self.workspace.watcher
        warm = self.workspace.warm
        if warm is not None and self.kind.heralds_tensorflow and not self.manifest_path.exists():
            warm.expect()
        action = Action(self.name, self.kind, inputs, self.config, warm)
        if watcher is None:
            return action.run(out, request)
        watcher.begins(self.name)
        try:
            return action.run(out, request, functools.partial(watcher.says, self.name))
        finally:
            watcher.acted(self.name)

    def _collect(self, out: Path, *, complete: bool) -> dict[str, str]:
        """Stores the sandbox's files and moves them into the stage's folder."""
        names = files_below(out)
        missing = sorted(set(self.kind.outputs) - set(names))
        if complete and missing:
            raise ToolError(f"stage '{self.name}' did not make {', '.join(missing)}")
        return self.outputs.take(out, names)

    def _restore(self, manifest: Manifest) -> How:
        if self.outputs.manifest() == manifest and self.outputs.holds(manifest):
            return "kept"
        self.outputs.restore(manifest)
        return "restored"

    def up_to_date(self, saved: Mapping[str, Any]) -> bool:
        """Whether the last run's key still holds and its outputs are in place.

        Args:
            saved: Values doit kept of the last run.
        """
        try:
            key = key_of(self.key_document())
            in_place = own_digest(self.manifest_path)
        except (OSError, MlforgeError):  # to be met again, and shown, by `run`
            return False
        # Deliveries share a folder: what lies there may be another one's, and whole.
        if (saved.get("key"), saved.get("manifest")) != (key, in_place):
            return False
        outputs = self.outputs
        manifest = outputs.manifest()
        return manifest is not None and outputs.holds(manifest) and outputs.explained(key, manifest)

    def clean(self) -> None:
        """Removes the output folder; the store keeps the blobs."""
        self.outputs.clean()
        broken_log.remove(self.workspace.store.tree, self.folder)
