"""One stage of the graph: a pure step from inputs and declared configuration to output files.

A stage's key is the digest of all that may change its result. Running a stage means: look the key
up in the action cache and restore; else run the action in a sandbox folder, store its outputs, put
them in place, record the result, and write `manifest.json` last, as the commit point.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from mlforge_tasks.errors import NOT_NEEDED, MlforgeError, ToolError
from mlforge_tasks.graph import broken_tries, environment
from mlforge_tasks.graph.action import Action
from mlforge_tasks.graph.code_version import code_version, forget_sources
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.store import (
    MANIFEST,
    PROVENANCE,
    ActionResult,
    Manifest,
    Store,
    file_digest,
    publish,
)
from mlforge_tasks.records import Reason, Record, canonical_json, sha256_bytes

# What every stage's result is made by, beside its own code: without all that these import, since
# most of it (the lock, the store) brings bytes to their place and decides none.
SHARED = ("action", "kind", "process", "stage", "surroundings", "_launch")
SHARED_CODE = tuple(f"mlforge_tasks/graph/{name}.py" for name in SHARED)
# Another hour, another machine, another result: true for this run, not for a cache.
WALL_TIME_RESULTS = {"train_timeout"}

Progress = Callable[[str, str], None]
How = Literal["built", "restored", "kept", "failed", "skipped"]


@dataclass
class Workspace:
    """Where the stages of one build tree work.

    Attributes:
        store: The content-addressed store, on the same file system as the outputs.
        progress: Called with a stage's name and each line its process prints.
    """

    store: Store
    progress: Progress | None = None


class Provenance(Record):
    """How an output folder came to be; beside the manifest, never part of a key.

    Attributes:
        key: Digest of the key document.
        how: Whether it was made or taken from the store.
        key_document: All that may change the result.
        manifest: The result.
        seconds: How long the action took.
        broken_tries: Digests of what earlier tries at it left in the store when they broke.
    """

    key: str
    how: str
    key_document: dict[str, object]
    manifest: Manifest
    seconds: float
    broken_tries: tuple[str, ...] = ()


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
        inputs: Upstream stages, or source files, by the name the action knows them by.
        config: The only configuration the action receives.
    """

    name: str
    kind: StageKind
    folder: Path
    workspace: Workspace
    # Not shown: each stage would show all before it, once for every way that leads there.
    inputs: Mapping[str, Stage | Path] = field(default_factory=dict, repr=False)
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def manifest_path(self) -> Path:
        """The stage's commit point."""
        return self.folder / MANIFEST

    def dependency_paths(self) -> list[Path]:
        """Files that doit has to watch."""
        return [_watched(source) for source in self.inputs.values()]

    def key_document(self) -> dict[str, Any]:
        """Everything that may change the result.

        Raises:
            FileNotFoundError: An input has not been made yet.
        """
        return {
            "stage": self.kind.module,
            "code": self._code(),
            "config": dict(self.config),
            "tools": dict(self.kind.tools()),
            "environment": environment.document((self.kind.module, *self.kind.loads)),
            "inputs": {
                name: file_digest(_watched(source)) for name, source in sorted(self.inputs.items())
            },
        }

    def read_manifest(self) -> Manifest | None:
        """The manifest in place; None where there is none or it is unreadable."""
        try:
            return Manifest.read(self.manifest_path)
        except (FileNotFoundError, ValidationError):
            return None

    def intact(self, manifest: Manifest | None = None) -> bool:
        """Whether every output lies in place as the manifest says."""
        manifest = manifest or self.read_manifest()
        if manifest is None:
            return False
        try:
            return all(
                file_digest(self.folder / name) == digest
                for name, digest in manifest.outputs.items()
            )
        except FileNotFoundError:
            return False

    def run(self) -> Outcome:
        """Restores the outputs or makes them.

        Raises:
            ToolError: The action broke; nothing is cached.
        """
        document = self.key_document()
        key = sha256_bytes(canonical_json(document))
        known = self.workspace.store.get_result(key)
        tries = broken_tries.read(self.folder) + (known.broken_tries if known else ())
        if known is None:
            started = time.monotonic()
            how, manifest = self._make()
            seconds = round(time.monotonic() - started, 3)
            self._check_code(document["code"])
            if manifest.reason is None or manifest.reason.code not in WALL_TIME_RESULTS:
                result = ActionResult(
                    manifest=manifest, key_document=document, seconds=seconds, broken_tries=tries
                )
                self.workspace.store.put_result(key, result)
        else:
            how, manifest, seconds = self._restore(known.manifest), known.manifest, known.seconds
        self._commit(manifest)
        Provenance(
            key=key,
            how=how,
            key_document=document,
            manifest=manifest,
            seconds=seconds,
            broken_tries=tries,
        ).write(self.folder / PROVENANCE)
        return Outcome(key, how, manifest, seconds)

    def _check_code(self, before: str) -> None:
        """Refuses a result of code that was edited while it ran: no key says what made it."""
        forget_sources()
        if self._code() != before:
            raise ToolError(
                f"the code of stage '{self.name}' was edited while it ran", hint="run again"
            )

    def _code(self) -> str:
        roots = (self.kind.module, *self.kind.loads)
        return code_version(roots, (*self.kind.resources, *SHARED_CODE))

    def _make(self) -> tuple[How, Manifest]:
        reason = self._upstream_failure()
        if reason is not None and not self.kind.runs_after_failure:
            return "skipped", Manifest(status="failed", reason=reason, outputs={})
        scratch = self.workspace.store.scratch
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch) as name:
            out = Path(name) / "out"
            out.mkdir()
            try:
                reason = self._act(out, Path(name) / "request.json")
            except ToolError:
                left = (out / file for file in self.kind.kept_when_broken)
                broken_tries.keep(self.workspace.store, left, self.folder)
                raise
            outputs = self._collect(out, complete=reason is None)
        if reason is None:
            return "built", Manifest(status="ok", outputs=outputs)
        how: How = "skipped" if reason.code == NOT_NEEDED else "failed"
        return how, Manifest(status="failed", reason=reason, outputs=outputs)

    def _upstream_failure(self) -> Reason | None:
        for source in self.inputs.values():
            manifest = source.read_manifest() if isinstance(source, Stage) else None
            if manifest is not None and manifest.status == "failed":
                return manifest.reason
        return None

    def _act(self, out: Path, request: Path) -> Reason | None:
        """Runs the action; the reason where the candidate failed."""
        inputs = {
            name: source.folder if isinstance(source, Stage) else source
            for name, source in self.inputs.items()
        }
        progress = self.workspace.progress
        on_line = functools.partial(progress, self.name) if progress else None
        return Action(self.name, self.kind, inputs, self.config).run(out, request, on_line)

    def _collect(self, out: Path, *, complete: bool) -> dict[str, str]:
        """Stores the sandbox's files and moves them into the stage's folder."""
        names = sorted(
            path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()
        )
        missing = sorted(set(self.kind.outputs) - set(names))
        if complete and missing:
            raise ToolError(f"stage '{self.name}' did not make {', '.join(missing)}")
        outputs = {name: self.workspace.store.put_blob(out / name) for name in names}
        self.manifest_path.unlink(missing_ok=True)
        for name in names:
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (out / name).replace(target)
        return outputs

    def _restore(self, manifest: Manifest) -> How:
        if self.read_manifest() == manifest and self.intact(manifest):
            return "kept"
        self.manifest_path.unlink(missing_ok=True)
        for name, digest in manifest.outputs.items():
            if not self.workspace.store.get_blob(digest, self.folder / name):
                raise ToolError(f"blob {digest} vanished from the store during a restore")
        return "restored"

    def _commit(self, manifest: Manifest) -> None:
        """Removes what an earlier result left, then writes the manifest."""
        keep = {*manifest.outputs, MANIFEST}
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self.folder.rglob("*"), reverse=True):
            if path.is_dir():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path.relative_to(self.folder).as_posix() not in keep:
                path.unlink()
        publish(
            manifest.to_bytes() + b"\n",
            self.manifest_path,
            scratch=self.workspace.store.scratch,
        )

    def up_to_date(self, saved: Mapping[str, Any]) -> bool:
        """Whether the last run's key still holds and its outputs are in place.

        Args:
            saved: Values doit kept of the last run.
        """
        try:
            key = sha256_bytes(canonical_json(self.key_document()))
        except (FileNotFoundError, MlforgeError):  # to be met again, and shown, by `run`
            return False
        if saved.get("key") != key or not self.intact():
            return False
        # Deliveries share a folder: what lies there may be another one's, and whole.
        return bool(saved.get("manifest") == file_digest(self.manifest_path))

    def clean(self) -> None:
        """Removes the output folder; the store keeps the blobs."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _watched(source: Stage | Path) -> Path:
    return source.manifest_path if isinstance(source, Stage) else source
