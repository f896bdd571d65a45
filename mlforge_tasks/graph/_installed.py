"""Prints what a stage's Python can import, by content. Run as a script, by that very Python.

Standard library alone, and a process of its own: looking at some 17,000 files takes 0.2 s, which a
run that has nothing to do can spend beside its other work. What was found is kept under the sizes,
times and inodes of all files, so that contents are read only where one of these has changed.

    python -E -s -P _installed.py FOLDER     FOLDER is where it is kept

Not looked at: `__pycache__`, which Python makes of the sources, C headers, Python's own tests.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import gc
import hashlib
import json
import os
import platform
import sys
import sysconfig
import tempfile
import time

SKIPPED = {"__pycache__"}
# No Python reads them; TensorFlow brings 11,000.
HEADERS = (".h", ".hpp", ".inc", ".cuh")
STDLIB_SKIPPED = SKIPPED | {"test", "site-packages", "dist-packages"}
# They say how it was installed, not what.
INSTALLERS = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
# A file that was written to within this time may be written to again without a change of its time.
SETTLED_NS = 1_000_000_000


def stamp_of(stat: os.stat_result) -> str:
    """What tells whether a file has changed: its size, times and inode."""
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"


class Tree:
    """The files below one folder of the path.

    Attributes:
        root: The folder; a file, or nothing, where the path names that.
        stamps: Size, times and inode of each file, by its path relative to the folder.
        newest_ns: When the last of them was changed.
    """

    def __init__(self, root: str, skipped: set[str]) -> None:
        self.root = root
        self.stamps: dict[str, str] = {}
        self.newest_ns = 0
        if os.path.isdir(root):
            self._walk(skipped)
        elif os.path.exists(root):
            self._add("", os.stat(root))

    def _add(self, name: str, stat: os.stat_result) -> None:
        self.newest_ns = max(self.newest_ns, stat.st_ctime_ns)
        self.stamps[name] = stamp_of(stat)

    def _enter(self, prefix: str) -> None:
        """Is called before a folder is listed."""

    def _walk(self, skipped: set[str]) -> None:
        linked: set[str] = set()
        todo = [""]
        while todo:
            prefix = todo.pop()
            self._enter(prefix)
            with os.scandir(self.root + "/" + prefix) as entries:
                for entry in entries:
                    name = entry.name
                    if entry.is_dir():
                        if name not in skipped and not self._again(entry, linked):
                            todo.append(f"{prefix}{name}/")
                    elif not name.endswith(HEADERS) and entry.is_file():
                        self._add(prefix + name, entry.stat())

    def _again(self, entry: os.DirEntry[str], linked: set[str]) -> bool:
        """Whether a link leads to a folder that is walked anyway."""
        if not entry.is_symlink():
            return False
        real = os.path.realpath(entry.path)
        again = real in linked or f"{os.path.realpath(self.root)}/".startswith(f"{real}/")
        linked.add(real)
        return again

    def seen(self) -> str:
        """Digest of all that is noted."""
        lines = sorted(f"{name} {stamp}" for name, stamp in self.stamps.items())
        return hashlib.sha256("\n".join([self.root, *lines]).encode("utf-8", "replace")).hexdigest()

    def path(self, name: str) -> str:
        """Where a file lies."""
        return os.path.join(self.root, name) if name else self.root

    def digests(self) -> dict[str, str]:
        """sha256 of each file."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - rarely needed

        names = sorted(self.stamps)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            found = pool.map(lambda name: file_sha256(self.path(name)), names)
            return dict(zip(names, found, strict=True))


def file_sha256(path: str) -> str:
    """Hex sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(lines: object) -> str:
    """Hex sha256 of something that JSON can hold."""
    return hashlib.sha256(json.dumps(lines, sort_keys=True).encode()).hexdigest()


def interpreter() -> list[str]:
    """Python's own binaries."""
    library = sysconfig.get_config_var("INSTSONAME") or ""
    shared = os.path.join(sysconfig.get_config_var("LIBDIR") or "", library)
    found = [os.path.realpath(sys.executable)]
    return found + ([shared] if ".so" in library and os.path.isfile(shared) else [])


def recorded(tree: Tree, folder: str) -> dict[str, str]:
    """The files of one distribution, and the sha256 that its RECORD gives of each; '' of none."""
    try:
        with open(os.path.join(tree.root, folder, "RECORD"), newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) >= 2]
    except OSError:
        return {}
    return {
        name: given.partition("=")[2] if given.startswith("sha256=") else ""
        for name, given, *_ in rows
        if not (name.startswith(("..", "/")) or name.endswith(HEADERS))
        and not SKIPPED & {*name.split("/")}
    }


def as_recorded(digest: str | None) -> str:
    """A digest as RECORD writes it."""
    return base64.urlsafe_b64encode(bytes.fromhex(digest or "")).decode().rstrip("=")


def distribution(files: dict[str, str], digests: dict[str, str]) -> str:
    """`sha256:…` of what is there of a distribution's files, and which of them were edited."""
    counted = {
        name: digests.get(name, "absent")
        for name in files
        if not (".dist-info/" in name and name.rpartition("/")[2] in INSTALLERS)
    }
    edited = [n for n in sorted(counted) if files[n] and files[n] != as_recorded(digests.get(n))]
    told = f" edited: {', '.join(edited[:3])}" if edited else ""
    more = f" and {len(edited) - 3} more" if len(edited) > 3 else ""
    return f"sha256:{digest_of(counted)}{told}{more}"


def packages(tree: Tree) -> dict[str, str]:
    """What lies in one folder of the path: each distribution, and files that belong to none."""
    digests = tree.digests()
    found: dict[str, str] = {}
    folders = sorted({name.partition("/")[0] for name in digests})
    owned: set[str] = set()
    for folder in folders:
        if folder.endswith(".dist-info"):
            name, _, version = folder.removesuffix(".dist-info").partition("-")
            files = recorded(tree, folder)
            if files:
                owned |= {*files, f"{folder}/RECORD"}
                found[name.lower().replace("_", "-")] = f"{version} {distribution(files, digests)}"
    strays: dict[str, dict[str, str]] = {}
    for name in digests.keys() - owned:
        strays.setdefault(name.partition("/")[0], {})[name] = digests[name]
    return found | {
        f"{name} (of no package)": f"sha256:{digest_of(strays[name])}" for name in strays
    }


def roots(path: list[str]) -> tuple[list[str], list[str]]:
    """The standard library's folders of a path, and the others, each once."""
    standard = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    standard |= {os.path.join(folder, "lib-dynload") for folder in standard}
    zipped = f"python{sys.version_info.major}{sys.version_info.minor}.zip"
    library: list[str] = []
    others: list[str] = []
    for root in dict.fromkeys(path):
        if root in standard or os.path.basename(root) == zipped:
            if not any(root.startswith(f"{one}/") for one in library):
                library.append(root)
        else:
            others.append(root)
    return library, others


def around() -> list[str]:
    """Files beside the path's folders: Python's own, and what says which those are."""
    settings = os.path.join(sys.prefix, "pyvenv.cfg")
    return [*interpreter(), *([settings] if os.path.isfile(settings) else [])]


def seen_of(trees: list[Tree]) -> str:
    """Digest of all that is noted of some folders and files."""
    return digest_of([tree.seen() for tree in trees])


def look(library: list[Tree], others: list[Tree]) -> dict[str, object]:
    """Reads everything."""
    found: dict[str, str] = {}
    for tree in others:
        for name, told in packages(tree).items():
            found.setdefault(name, told)  # what comes first on the path is imported
            if found[name] != told:
                found[f"{name} in {os.path.basename(tree.root)} as well"] = told
    binaries = [file_sha256(path) for path in interpreter()]
    return {
        "python": f"{platform.python_version()} sha256:{digest_of(binaries)}",
        "standard_library": f"sha256:{digest_of([tree.digests() for tree in library])}",
        "packages": found,
    }


def known(path: str, seen: str) -> dict[str, object] | None:
    """What was found when the files were last as they are; None where that is not known."""
    if not os.path.isfile(path):  # a pipe would be waited for
        return None
    try:
        with open(path) as file:
            kept = json.load(file)
        if kept["seen"] == seen and digest_of(kept["found"]) == kept["sha256"]:
            return dict(kept["found"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return None


def keep(path: str, seen: str, found: dict[str, object]) -> None:
    """Notes what was found; where that is not possible, it is found again next time."""
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle, name = tempfile.mkstemp(dir=os.path.dirname(path))
        with os.fdopen(handle, "w") as file:
            json.dump({"seen": seen, "sha256": digest_of(found), "found": found}, file)
        os.replace(name, path)


def main(folder: str) -> None:
    """Prints it as JSON."""
    now = time.time_ns()
    gc.disable()  # nothing is let go, and looking for it takes a tenth of the time
    library, others = roots(sys.path)
    standard = [Tree(root, STDLIB_SKIPPED) for root in library]
    installed = [Tree(root, SKIPPED) for root in others]
    every = [*standard, *installed, *(Tree(file, set()) for file in around())]
    seen = seen_of(every)
    place = digest_of([tree.root for tree in every])
    path = os.path.join(folder, f"{place[:16]}.json")
    found = known(path, seen)
    if found is None:
        found = look(standard, installed)
        if max(tree.newest_ns for tree in every) < now - SETTLED_NS:
            keep(path, seen, found)
    path_once = list(dict.fromkeys(sys.path))
    print(json.dumps({"seen": seen, "found": {**found, "path": path_once}}))


if __name__ == "__main__":
    main(sys.argv[1])
