"""Every source gives the same rows for the same data, and says clearly what it cannot read."""

from __future__ import annotations

import gzip
import io
import json
import os
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlforge_tasks import datasets, plugins
from mlforge_tasks.contract.measured import Time
from mlforge_tasks.contract.sources.text import CsvSource
from mlforge_tasks.contract.sources.wheel import WheelSource
from mlforge_tasks.datasets import _unpack, from_wheel
from mlforge_tasks.datasets._arrays import read_npy, read_npz
from mlforge_tasks.datasets._delimited import read_csv
from mlforge_tasks.datasets._times import read_clock
from mlforge_tasks.datasets._wanted import Wanted
from mlforge_tasks.errors import MlforgeError, ToolError
from mlforge_tasks.records import canonical_json, sha256_bytes
from tests.helpers.datasets import FORECAST, spec

LEVELS = [1.5, 2.0, -3.0]
CSV = b"at,level\n0,1.5\n1,2\n2,-3e0\n"


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def npy(content: object) -> bytes:
    stream = io.BytesIO()
    boxed = np.empty((), dtype=object)
    boxed[()] = content
    np.save(stream, boxed, allow_pickle=True)
    return stream.getvalue()


def write_wheel(folder: Path, members: dict[str, bytes], version: str = "1.0") -> Path:
    """A wheel that pip accepts."""
    folder.mkdir(exist_ok=True)
    wheel = folder / f"some_data-{version}-py3-none-any.whl"
    info = f"some_data-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: some-data\nVersion: {version}\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", tags)
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index of our own that pip really asks, and an empty cache."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def wheel_source(digest: str, member: str = "some_data/x.csv.gz") -> dict[str, Any]:
    return {
        "kind": "wheel",
        "package": "some-data",
        "version": "1.0",
        "sha256": digest,
        "member": member,
    }


def csv_case(folder: Path) -> dict[str, Any]:
    (folder / "data.csv").write_bytes(CSV)
    return {"kind": "csv", "path": "data.csv"}


def npz_case(folder: Path) -> dict[str, Any]:
    (folder / "data.npz").write_bytes(npz(level=np.array(LEVELS)))
    return {"kind": "npz", "path": "data.npz"}


def wheel_case(folder: Path) -> dict[str, Any]:
    wheel = write_wheel(folder / "index", {"some_data/x.csv.gz": gzip.compress(CSV)})
    return wheel_source(sha256_bytes(wheel.read_bytes()))


def text_case(source: dict[str, Any], text: str) -> Callable[[Path], dict[str, Any]]:
    """A source that is one text file."""

    def write(folder: Path) -> dict[str, Any]:
        (folder / "data.txt").write_text(text)
        return source

    return write


def file_case(kind: str, text: str, **fields: Any) -> Callable[[Path], dict[str, Any]]:
    return text_case({"kind": kind, "path": "data.txt", **fields}, text)


def parquet_case(folder: Path) -> dict[str, Any]:
    pyarrow.parquet.write_table(pyarrow.table({"level": LEVELS}), folder / "data.parquet")
    return {"kind": "parquet", "path": "data.parquet"}


def folder_case(folder: Path) -> dict[str, Any]:
    (folder / "recordings").mkdir()
    (folder / "recordings" / "one.csv").write_bytes(CSV)
    return {"kind": "folder", "path": "recordings", "files": "*.csv"}


def edge_impulse_case(folder: Path) -> dict[str, Any]:
    (folder / "data").mkdir()
    payload = {"interval_ms": 10, "sensors": [{"name": "level"}], "values": LEVELS}
    (folder / "data" / "a.json").write_text(json.dumps({"payload": payload}))
    return {"kind": "edge_impulse", "path": "data", "label": "file_name"}


def sensiml_case(folder: Path) -> dict[str, Any]:
    (folder / "data").mkdir()
    session = {"session_name": "S", "segments": [{"value": "x", "start": 0, "end": 2}]}
    captures = [{"file_name": "a.csv", "sessions": [session]}]
    (folder / "data" / "x.dcli").write_text(json.dumps(captures))
    (folder / "data" / "a.csv").write_bytes(CSV)
    return {"kind": "sensiml", "path": "data/x.dcli"}


def uci_har_case(folder: Path) -> dict[str, Any]:
    for split, values in (("train", "1.5 2 -3e0"), ("test", "4 5 6")):
        (folder / "data" / split).mkdir(parents=True)
        for name, text in (("level", values), ("y", "1"), ("subject", "2")):
            (folder / "data" / split / f"{name}_{split}.txt").write_text(f"{text}\n")
    return {"kind": "uci_har", "path": "data"}


def wfdb_case(folder: Path) -> dict[str, Any]:
    (folder / "data").mkdir()
    (folder / "data" / "a.hea").write_text("a 1 100 3\na.dat 16 2(0)/m 16 0 0 0 0 level\n")
    (folder / "data" / "a.dat").write_bytes(np.array([3, 4, -6], "<i2").tobytes())
    return {"kind": "wfdb", "path": "data"}


LINES = {"kind": "window_lines", "logs": [{"path": "data.txt"}], "channels": 1}
# One line for each plug-in, with what it calls the column.
SOURCES = {
    "from_arff": (file_case("arff", "@attribute level real\n@data\n1.5\n2\n-3e0\n"), "level"),
    "from_csv": (csv_case, "level"),
    "from_edge_impulse": (edge_impulse_case, "level"),
    "from_folder": (folder_case, "level"),
    "from_npz": (npz_case, "level"),
    "from_parquet": (parquet_case, "level"),
    "from_sensiml": (sensiml_case, "level"),
    "from_ts": (file_case("ts", "@univariate true\n@data\n1.5,2,-3e0\n"), "0"),
    "from_uci_har": (uci_har_case, "level"),
    "from_wfdb": (wfdb_case, "level"),
    "from_wheel": (wheel_case, "level"),
    "from_window_lines": (text_case({**LINES, "order": "by_channel"}, "1.5,2,-3e0\n"), "0"),
    "from_wisdm": (file_case("wisdm", "1,A,1,1.5,0,0;1,A,2,2,0,0;1,A,3,-3e0,0,0;"), "x"),
}


def test_every_source_is_checked() -> None:
    """A new source has its line above."""
    assert plugins.installed("datasets") == tuple(sorted(SOURCES))


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.usefixtures("index")
def test_source(name: str, tmp_path: Path) -> None:
    """A source gives its rows as one recording, and a card with the digest of what was read."""
    write, column = SOURCES[name]
    source = write(tmp_path)
    plan = spec(FORECAST, source=source)
    assert plan.source_module == f"mlforge_tasks.datasets.{name}"
    loaded = datasets.load(plan, tmp_path)
    assert loaded.table.numbers(column).tolist()[:3] == LEVELS
    assert loaded.table.starts.tolist()[:3] == [True, False, False]
    assert loaded.card.kind == source["kind"]
    files = plan.source.files(tmp_path)
    digests = [sha256_bytes((tmp_path / file).read_bytes()) for file in files]
    if len(digests) > 1:
        below = sorted(str(file.relative_to("data")) for file in files)
        digest = dict(zip(map(str, files), digests, strict=True))
        pairs = [[one, digest[f"data/{one}"]] for one in below]
        digests = [sha256_bytes(canonical_json(pairs))]
    assert [loaded.card.sha256] == (digests or [source["sha256"]])


def test_wheel_is_downloaded_once(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cached wheel needs no index; a damaged one is fetched again."""
    source = WheelSource.model_validate(wheel_case(tmp_path))
    data = from_wheel.fetch(source)
    kept = from_wheel.cache_folder() / f"{source.sha256}.whl"
    assert kept.read_bytes() == data
    kept.write_bytes(data[:-1])
    assert from_wheel.fetch(source) == data
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    assert from_wheel.fetch(source) == data
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_wheel_of_another_digest(index: Path) -> None:
    """A wheel that is not the pinned one is refused with both digests, and not kept."""
    found = sha256_bytes(write_wheel(index, {"some_data/x.csv": CSV}).read_bytes())
    source = WheelSource.model_validate(wheel_source("1" * 64))
    with pytest.raises(MlforgeError, match=f"found {found}, wanted {'1' * 64}"):
        from_wheel.fetch(source)
    assert not list(from_wheel.cache_folder().iterdir())


@pytest.mark.usefixtures("index")
def test_wheel_that_cannot_be_downloaded() -> None:
    """Without the package or the network there is one tool error that says what was wanted."""
    source = WheelSource.model_validate(wheel_source("1" * 64))
    with pytest.raises(
        ToolError, match=r"could not download the wheel of some-data==1\.0"
    ) as error:
        from_wheel.fetch(source)
    assert str(from_wheel.cache_folder()) in str(error.value)


def test_wheel_cache_that_cannot_be_written(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache folder that is a file is a tool error that names the variable to set."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ToolError, match="XDG_CACHE_HOME"):
        from_wheel.fetch(WheelSource.model_validate(wheel_source("1" * 64)))


def put_in_cache(data: bytes) -> str:
    from_wheel.cache_folder().mkdir(parents=True)
    digest = sha256_bytes(data)
    (from_wheel.cache_folder() / f"{digest}.whl").write_bytes(data)
    return digest


def test_wheel_without_the_member(index: Path, tmp_path: Path) -> None:
    """A member that is not there is named, with the nearest that is."""
    wheel = write_wheel(tmp_path / "w", {"some_data/data.csv": CSV}).read_bytes()
    source = spec(FORECAST, source=wheel_source(put_in_cache(wheel), "some_data/dat.csv"))
    with pytest.raises(MlforgeError, match=r"did you mean 'some_data/data\.csv'"):
        datasets.load(source, tmp_path)


@pytest.mark.usefixtures("index")
def test_wheel_with_a_file_to_test_with(tmp_path: Path) -> None:
    """Both members are read, and a column says which is which."""
    lines = b"@univariate true\n@classLabel true a b\n@data\n1,2:a\n"
    members = {"d/x_TRAIN.ts": lines, "d/x_TEST.ts": lines.replace(b":a", b":b")}
    wheel = write_wheel(tmp_path / "w", members).read_bytes()
    source = wheel_source(put_in_cache(wheel), "d/x_TRAIN.ts")
    plan = spec(FORECAST, source={**source, "test_member": "d/x_TEST.ts"})
    found = datasets.load(plan, tmp_path)
    assert found.table.texts("split").tolist() == ["train", "train", "test", "test"]
    assert found.table.texts("class").tolist() == ["a", "a", "b", "b"]
    assert found.table.place(2) == "d/x_TEST.ts:4"
    assert found.card.member == "d/x_TRAIN.ts and d/x_TEST.ts"


@pytest.mark.usefixtures("index")
def test_members_are_written_alike(tmp_path: Path) -> None:
    """How cells are written holds for the file to test with too."""
    members = {"d/a.csv": b"level;who\n1,5;2,5\n", "d/b.csv": b"level;who\n2,5;\n"}
    wheel = write_wheel(tmp_path / "w", members).read_bytes()
    form = {"delimiter": ";", "decimal": ",", "missing": [""], "test_member": "d/b.csv"}
    source = {**wheel_source(put_in_cache(wheel), "d/a.csv"), **form}
    table = datasets.load(spec(FORECAST, source=source, group="who"), tmp_path).table
    assert table.numbers("level").tolist() == [1.5, 2.5]
    np.testing.assert_array_equal(table.numbers("who", holes=True), [2.5, np.nan])
    assert table.place(1) == "d/b.csv:2"


def test_wheel_of_another_version(index: Path) -> None:
    """What the contract claims of the wheel is held against the wheel's own words."""
    wheel = write_wheel(index, {"some_data/x.csv.gz": gzip.compress(CSV)})
    digest = put_in_cache(wheel.read_bytes())
    claimed = {**wheel_source(digest), "version": "9.9"}
    with pytest.raises(MlforgeError, match=r"is some-data 1\.0, wanted some-data 9\.9"):
        datasets.load(spec(FORECAST, source=claimed), index)


@pytest.mark.usefixtures("index")
def test_wheel_that_is_no_zip(tmp_path: Path) -> None:
    """A pinned file that is no archive is an error, not a traceback."""
    source = spec(FORECAST, source=wheel_source(put_in_cache(b"text")))
    with pytest.raises(MlforgeError, match="no readable wheel"):
        datasets.load(source, tmp_path)


PLAIN = CsvSource(kind="csv", path="d.csv")


@given(
    cells=st.lists(
        st.tuples(st.text("ab,\"' \n;é", max_size=6), st.floats(-1e9, 1e9)), min_size=1, max_size=8
    )
)
def test_csv_round_trip(cells: list[tuple[str, float]]) -> None:
    """Quoted text and numbers come back as they were written."""
    lines = ['"say","x y"'] + [
        '"{}",{!r}'.format(text.replace('"', '""'), number) for text, number in cells
    ]
    table = read_csv("\r\n".join(lines).encode(), "d.csv", PLAIN)
    assert table.columns["say"].tolist() == [text for text, _ in cells]
    assert table.numbers("x y").tolist() == [number for _, number in cells]


def test_csv_without_header() -> None:
    """Columns without names are called by their number, from 0."""
    form = CsvSource(kind="csv", path="d.csv", header=False, delimiter=";")
    table = read_csv(b"\xef\xbb\xbf1;a\n\n2; b \n", "d.csv", form)
    assert table.numbers("0").tolist() == [1, 2]
    assert table.texts("1").tolist() == ["a", "b"]


def test_whole_numbers_are_the_same_text() -> None:
    """A label 1 is '1' however the file holds it."""
    data = {"i": np.array([1, 2]), "f": np.array([1.0, 2.0]), "t": np.array(["1", " 2"])}
    table = read_npz(npz(**data, b=np.array([b"1", b"2"])), "d.npz")
    for name in "iftb":
        assert table.texts(name).tolist() == ["1", "2"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "there are no rows"),
        (b"a,b\n", "there are no rows"),
        (b"a,b\n1,2\n\n3\n", r"d\.csv:4: found 1 cells, wanted 2"),
        (b"a,a\n1,2\n", "column 'a' is there twice"),
        (b"a\n\xff\n", r"d\.csv:2: found bytes that are not UTF-8"),
        (b'a\n"1\n', r"d\.csv:2: not CSV text"),
        (b"a\n" + b"1" * 200_000, r"d\.csv:2: not CSV text"),
        (b"a,b,a\0,b\n", "column 'b' is there twice"),
    ],
)
def test_bad_csv(data: bytes, message: str) -> None:
    """What is no CSV text is refused with its line."""
    with pytest.raises(MlforgeError, match=message):
        read_csv(data, "d.csv", PLAIN)


def test_bad_cell_has_its_line() -> None:
    """A cell that is no number is named by the line of the file, whatever came before."""
    table = read_csv(b'a,b\n"x\ny",1\n\nz,n/a\n', "d.csv", PLAIN)
    with pytest.raises(MlforgeError, match=r"d\.csv:5: column 'b': found 'n/a', wanted a number"):
        table.numbers("b")


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("1\0", r"1\\x00"),
        ("\x1b[31m5", r"\\x1b\[31m5"),
        ("9" * 400, "9{40}\\.\\.\\."),
        ("1e999", "1e999"),
    ],
)
def test_odd_cells_are_told_as_text(cell: str, told: str) -> None:
    """What is no finite number, without anything that a terminal would obey."""
    table = read_csv(f"a\n{cell}\n".encode(), "d.csv", PLAIN)
    with pytest.raises(MlforgeError, match=rf"d\.csv:2: column 'a': found '{told}', wanted a"):
        table.numbers("a")


def test_a_time_past_64_bits_is_told() -> None:
    """As nanoseconds it would have become any time."""
    time = Time.model_validate({"column": "at", "interval": "1 s", "tolerance": "0.1 s"})
    table = read_csv(b"at\n0\n1e14\n", "d.csv", PLAIN)
    with pytest.raises(MlforgeError, match=r"d\.csv:3: .*found '1e14', wanted a time in seconds"):
        read_clock(time, table, table.starts)


@pytest.mark.parametrize("format_", ["gz", "npz", "file"])
def test_what_is_too_large_is_not_unpacked(
    format_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of a few KiB can say that it holds terabytes."""
    monkeypatch.setattr(_unpack, "MAX_BYTES", 5000)
    big = bytes(6000)
    (tmp_path / "big").write_bytes(big)
    read: dict[str, Callable[[], object]] = {
        "gz": lambda: read_csv(gzip.compress(big), "d.csv.gz", PLAIN),
        "npz": lambda: read_npz(npz(a=np.zeros(6000, np.int8)), "d.npz"),
        "file": lambda: _unpack.read_file(tmp_path / "big", "d.csv"),
    }
    with pytest.raises(MlforgeError, match="holds more than"):
        read[format_]()


def test_broken_gzip() -> None:
    """A cut-off gzip file is an error of the file."""
    with pytest.raises(MlforgeError, match="not a whole gzip file"):
        read_csv(gzip.compress(CSV)[:-9], "d.csv.gz", PLAIN)


def test_project_file_that_vanished(tmp_path: Path) -> None:
    """A file that cannot be read is one error."""
    with pytest.raises(MlforgeError, match=r"data\.csv: cannot be read"):
        datasets.load(spec(FORECAST), tmp_path)


def plain_npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.ones(3))
    return stream.getvalue()


def array(descr: str, shape: str, content: bytes) -> bytes:
    """A `.npy` file whose header says what it likes."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + content


def archive(*members: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(stream, "w") as target:
        for name, content in members:
            target.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"text", "not a whole .npz archive"),
        (plain_npy(), "not a whole .npz archive"),
        (npz(a=np.ones(3))[:-40], "not a whole .npz archive"),
        (npz(a=np.ones(30)).replace(b"\xf0\x3f", b"\xf0\x2f"), "of plain arrays: 'a' .Bad CRC"),
        (npz(a=np.array([{}], dtype=object)), "not an archive of plain arrays"),
        (npz(a=np.ones(3), b=np.ones(2)), r"found a \[3\], b \[2\]"),
        (npz(a=np.float64(1)), r"found a \[\]"),
        (npz(a=np.ones((0, 2))), r"found a \[0, 2\]"),
        (npz(), "found no arrays"),
        (archive(("a.npy", array("<f8", "(10**15,)", bytes(8)))), "not an archive of plain arrays"),
        (archive(("a.npy", array("<f8", "(1000000000000,)", bytes(8)))), "and 8 follow"),
        (archive(("a.npy", array("<f8", "(-1,)", bytes(8)))), r"\[-1\] of float64"),
        (archive(("a.npy", array("<f8", "(1,)", bytes(9)))), "8 bytes, and 9 follow"),
        (archive(("a.npy", array("<U1", "(1,)", b"\xff" * 4))), "no characters"),
        (archive(("a.npy", array("<U1", "(1,)", b"\0\xd8\0\0"))), "no characters"),
        (archive(("a.npy", array("|S0", "(1000000000000000,)", b""))), "found a"),
        (archive(("a.npy", array("<f8", "(1000000000000000, 0)", b""))), "found a|not an archive"),
        (archive(("a.npy", array("|O", "(1,)", bytes(8)))), "holds Python objects"),
        (archive(("a.npy", b"text")), "not an archive of plain arrays"),
        (archive(("a.npy", plain_npy()), ("a", plain_npy())), "holds 'a' twice"),
        (archive(("a.npy", plain_npy()), ("a.npy", plain_npy())), "holds 'a' twice"),
        (
            archive(("a.npy", plain_npy())).replace(bytes([20, 0, 0, 0]), bytes([20, 0, 1, 0])),
            "npz",
        ),
    ],
)
def test_bad_npz(data: bytes, message: str) -> None:
    """What is no archive of equally long plain arrays is refused."""
    with pytest.raises(MlforgeError, match=message):
        read_npz(data, "d.npz")


def test_only_the_arrays_that_are_wanted_are_read() -> None:
    """Others may be of another length, or objects, of which not a byte is unpickled."""
    data = npz(level=np.arange(3), names=np.array([{}], dtype=object), rate=np.float64(50))
    table = read_npz(data, "d.npz", Wanted(numbers=("level",)))
    assert table.numbers("level").tolist() == [0, 1, 2]
    with pytest.raises(MlforgeError, match=r"'names' .it holds Python objects"):
        read_npz(data, "d.npz", Wanted(numbers=("level",), texts=("names",)))
    with pytest.raises(MlforgeError, match="did you mean 'level'"):
        table.numbers("levels")


def test_arrays_are_read_as_they_were_written() -> None:
    """By rows or by columns, in any order of bytes, with a time of their own."""
    by_columns = np.asfortranarray(np.arange(6.0).reshape(3, 2))
    moments = np.arange(3).astype("datetime64[ms]")
    table = read_npz(npz(a=by_columns, b=by_columns.astype(">i2"), at=moments), "d.npz")
    assert table.numbers("a").tolist() == table.numbers("b").tolist() == by_columns.tolist()
    assert table.stamps("at").astype(np.int64).tolist() == [0, 1000, 2000]


def test_npy_recordings() -> None:
    """Recordings of different lengths are laid end to end; an entry for each is repeated."""
    content = {
        "X": [np.zeros((2, 6)), np.ones((3, 6))],
        "y": np.array([4, 5]),
        "names": ["a", "b", "c"],
        "other": np.ones(7),
    }
    table = read_npy(npy(content), "d.npy")
    assert table.starts.tolist() == [True, False, True, False, False]
    assert table.numbers("X").shape == (5, 6)
    assert table.texts("y").tolist() == ["4", "4", "5", "5", "5"]
    assert sorted(table.columns) == ["X", "y"]


class Payload:
    """Unpickling it would make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.folder),))


def test_npy_runs_no_code(tmp_path: Path) -> None:
    """A pickle that calls anything but numpy's own array builder is refused before it does."""
    data = npy({"X": [np.zeros((2, 2))], "y": Payload(tmp_path / "made")})
    with pytest.raises(MlforgeError, match=r"posix\.mkdir' is not allowed"):
        read_npy(data, "d.npy")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"text", "not a dict of plain arrays"),
        (plain_npy(), "wanted a dict"),
        (npy([1, 2]), "found list, wanted a dict"),
        (npy({"X": np.zeros(3)}), "found 0 lists of recordings"),
        (npy({"X": [np.zeros(3)], "Y": [np.zeros(2)]}), "of 2 different lengths"),
        (npy({"X": [np.zeros(3)]})[:-20], "not a dict of plain arrays"),
        (npy({"X": [np.zeros((2, 3)), np.zeros((2, 4))]}), "recordings of 'X' differ in shape"),
    ],
)
def test_bad_npy(data: bytes, message: str) -> None:
    """What is no dict of recordings is refused."""
    with pytest.raises(MlforgeError, match=message):
        read_npy(data, "d.npy")
