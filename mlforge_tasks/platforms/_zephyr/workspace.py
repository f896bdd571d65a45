"""Finds a west workspace, tells what is in it, and makes or updates one.

No west command is run to find things: a null build asks for these facts every time.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process, product
from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.graph.tool_versions import once
from mlforge_tasks.platforms._zephyr import modules
from mlforge_tasks.records import canonical_json, sha256_bytes
from mlforge_tasks.yaml_file import meant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

MANIFEST = product.path("zephyr_app/west.yml")
DEFAULT_FOLDER = Path("~/zephyrproject")
WEST = (sys.executable, "-P", "-m", "west")
UPDATE_TIMEOUT_S = 4 * 3600.0
INIT_TIMEOUT_S = 60.0
GIT_TIMEOUT_S = 60.0

_VERSION = re.compile(r"^(VERSION_MAJOR|VERSION_MINOR|PATCHLEVEL)\s*=\s*(\d+)\s*$", re.MULTILINE)
_NO_REPOSITORY = "not a git repository"
PYTHON_HINT = "./bootstrap"
_UPDATE_HINT = "`doit workspace folder=~/zephyrproject` makes or completes one"


@dataclass(frozen=True)
class Workspace:
    """A west workspace.

    Attributes:
        topdir: The folder with `.west`, or the parent of `zephyr_base` where there is none.
        zephyr_base: Zephyr's own tree.
        version: Its version, such as `4.3.0`.
        found_by: How it was found.
    """

    topdir: Path
    zephyr_base: Path
    version: str
    found_by: str

    def module(self, name: str) -> Path | None:
        """Folder of a module; None where it is not there or is no Zephyr module."""
        path = modules.place(name, self.topdir, self.zephyr_base)
        return path if path is not None and (path / "zephyr" / "module.yml").is_file() else None

    def modules(self, names: tuple[str, ...]) -> tuple[Path, ...]:
        """Folders of modules.

        Raises:
            ToolError: One of them is not there.
        """
        found = {name: self.module(name) for name in names}
        missing = sorted(name for name, path in found.items() if path is None)
        if missing:
            raise self._lacking(missing)
        return tuple(path for path in found.values() if path is not None)

    def _lacking(self, names: Sequence[str]) -> ToolError:
        places = {name: modules.place(name, self.topdir, self.zephyr_base) for name in names}
        nowhere = [name for name, path in places.items() if path is None]
        if nowhere:
            known = modules.manifest_paths(self.topdir, self.zephyr_base)
            return ToolError(
                f"no manifest of the Zephyr workspace {self.topdir} has a module "
                f"'{nowhere[0]}'{meant(nowhere[0], known)}",
                hint="correct the name, or write the folder of a module of your own",
            )
        where = ", ".join(_shown(path, self.topdir) for path in places.values() if path)
        return ToolError(
            f"the Zephyr workspace {self.topdir} lacks {', '.join(names)} (wanted: {where})",
            hint=f"{_UPDATE_HINT}; in a workspace of your own: "
            f"`west config manifest.group-filter -- +optional && west update {' '.join(names)}`",
        )

    def revisions(self, names: tuple[str, ...]) -> dict[str, str]:
        """Zephyr's version and the commit of Zephyr and of each module, where git knows it."""
        trees = {"zephyr": self.zephyr_base} | {
            name: path for name in names if (path := self.module(name)) is not None
        }
        commits = {name: head_commit(path) for name, path in trees.items()}
        return {"zephyr_version": self.version, **commits}

    def edits(self, names: tuple[str, ...]) -> dict[str, str]:
        """Of Zephyr and of each module: what differs from its commit, where something does."""
        trees = {"zephyr": self.zephyr_base} | {
            name: path for name in names if (path := self.module(name)) is not None
        }
        found = {f"{name} edited": edited(path) for name, path in trees.items()}
        return {name: told for name, told in found.items() if told}


def _shown(path: Path, topdir: Path) -> str:
    return str(path.relative_to(topdir) if path.is_relative_to(topdir) else path)


@once
def edited(tree: Path) -> str:
    """Digest and names of the files that differ from a git work tree's commit, untracked ones too.

    Empty where none does, or where there is no git, or none that knows the tree.

    Raises:
        ToolError: Git does not say, so that nobody knows what is built.
    """
    if not (tree / ".git").exists() or shutil.which("git") is None:
        return ""
    argv = ["git", "--no-optional-locks", "-C", str(tree), "status", "--porcelain", "-z"]
    done = process.run([*argv, "--untracked-files=all", "--no-renames"], timeout_s=GIT_TIMEOUT_S)
    if done.returncode > 0 and _NO_REPOSITORY in done.output:
        return ""
    if done.timed_out or done.returncode != 0:
        raise ToolError(done.ending(f"`git status` in '{tree}'"))
    names = sorted(entry[3:] for entry in done.output.split("\0") if entry)
    digests = {name: file_digest(tree / name) for name in names if (tree / name).is_file()}
    told = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"sha256:{sha256_bytes(canonical_json([names, digests]))} {told}" if names else ""


def head_commit(tree: Path) -> str:
    """The commit a git work tree is at, read without git; `unversioned` where there is none."""
    git = tree / ".git"
    try:
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        ref = head.removeprefix("ref: ")
        if (git / ref).exists():
            return (git / ref).read_text().strip()
        packed = (git / "packed-refs").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return "unversioned"
    return next((line.split()[0] for line in packed if line.endswith(f" {ref}")), "unversioned")


def _version(zephyr_base: Path) -> str | None:
    """Version of a Zephyr tree; None where the folder is none."""
    try:
        parts = dict(_VERSION.findall((zephyr_base / "VERSION").read_text()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    wanted = ("VERSION_MAJOR", "VERSION_MINOR", "PATCHLEVEL")
    return ".".join(parts[name] for name in wanted) if set(wanted) <= set(parts) else None


def _topdir(start: Path) -> Path | None:
    return next((path for path in (start, *start.parents) if (path / ".west").is_dir()), None)


def _candidates(environ: Mapping[str, str], start: Path, home: Path) -> Iterator[tuple[Path, str]]:
    """Zephyr trees to look at, best first, and how each was found."""
    if environ.get("ZEPHYR_BASE"):
        yield Path(environ["ZEPHYR_BASE"]).expanduser(), "ZEPHYR_BASE"
    above = _topdir(start)
    if above is not None:
        yield above / "zephyr", f"the west workspace above {start}"
    yield home / DEFAULT_FOLDER.name / "zephyr", str(DEFAULT_FOLDER)


def find(
    environ: Mapping[str, str] = os.environ,
    start: Path | None = None,
    home: Path | None = None,
) -> Workspace | None:
    """The workspace to use; None where there is none.

    Looks at `ZEPHYR_BASE`, then for a west workspace around `start`, by default the project, then
    at `~/zephyrproject`.

    Raises:
        ToolError: `ZEPHYR_BASE` is set and is not a Zephyr tree.
    """
    for base, found_by in _candidates(environ, start or product.project(), home or Path.home()):
        version = _version(base)
        if version is not None:
            resolved = base.resolve()
            return Workspace(_topdir(resolved) or resolved.parent, resolved, version, found_by)
        if found_by == "ZEPHYR_BASE":
            raise ToolError(
                f"ZEPHYR_BASE: found '{base}', wanted a folder with Zephyr's VERSION file",
                hint=f"unset it or set it to a workspace's zephyr folder; {_UPDATE_HINT}",
            )
    return None


def require() -> Workspace:
    """The workspace to use.

    Raises:
        ToolError: There is none; the hint says how to get one.
    """
    workspace = find()
    if workspace is None:
        raise ToolError(
            "platform 'zephyr' needs a Zephyr workspace: found none through ZEPHYR_BASE, around "
            f"{product.project()}, or at {DEFAULT_FOLDER}",
            hint=f"{_UPDATE_HINT}; `platform: baremetal` needs none",
        )
    return workspace


def downloads(manifest: Path = MANIFEST) -> tuple[str, ...]:
    """What `update` fetches: a line for Zephyr and one for each imported module."""
    projects = yaml.safe_load(manifest.read_text())["manifest"]["projects"]
    lines = []
    for project in projects:
        lines.append(f"{project['name']} at {project['revision']}")
        imported = project.get("import", {}).get("name-allowlist", [])
        lines += [f"{name} at the revision that {project['name']} pins" for name in imported]
    return tuple(lines)


def update(
    folder: Path, on_line: Callable[[str], None] = print, *, manifest: Path = MANIFEST
) -> None:
    """Makes a workspace in `folder`, or brings one that we made up to date.

    What an interrupted run has fetched stays and is not fetched again.

    Args:
        folder: The workspace's top folder.
        on_line: Receives what will be downloaded, then each line of west's output.
        manifest: West's manifest.

    Raises:
        ToolError: West is not installed, the folder is someone else's workspace, or the update
            failed; what is in the folder stays usable.
    """
    folder = folder.expanduser().resolve()
    ours = folder / "mlforge-manifest"
    if (folder / ".west").is_dir() and not ours.is_dir():
        raise ToolError(
            f"'{folder}' is a west workspace that was not made by `doit workspace`",
            hint="update it with `west update`, or name another folder",
        )
    for line in (f"Downloading into {folder} (about 2 GB):", *downloads(manifest)):
        on_line(line)
    ours.mkdir(parents=True, exist_ok=True)
    (ours / MANIFEST.name).write_bytes(manifest.read_bytes())
    if not (folder / ".west").is_dir():
        process.check([*WEST, "init", "-l", str(ours)], timeout_s=INIT_TIMEOUT_S, cwd=folder)
    argv = [*WEST, "update", "--narrow", "-o=--depth=1"]
    done = process.run(argv, timeout_s=UPDATE_TIMEOUT_S, cwd=folder, on_line=on_line)
    if done.timed_out or done.returncode != 0:
        raise ToolError(
            f"`west update` in {folder} did not finish\n{done.tail()}",
            hint="see whether the network is up, then run the same command again: it goes on where "
            "it stopped. What is there already stays usable",
        )
