"""What is fuzzed: how a file is read, from which seeds, and which errors are an answer."""

from __future__ import annotations

import functools
import gzip
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.contract.board import BOARDS, Board
from mlforge_tasks.contract.data_card import SourceCard
from mlforge_tasks.contract.loader import load
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._formats import read_member
from mlforge_tasks.datasets._prepare import prepare
from mlforge_tasks.datasets._wanted import wanted
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.runners._bench import read_map
from mlforge_tasks.stages import _bring
from mlforge_tasks.stages._keras import start
from mlforge_tasks.stages._several import Wanted
from mlforge_tasks.yaml_file import read_model
from tests.fuzz import mutations, recorded
from tests.helpers import contract_cases, graph_dead, graphs
from tests.helpers.datasets import FORECAST, SORTING, spec
from tests.helpers.model_data import card
from tests.helpers.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlforge_tasks.stages._keras import Libraries
    from tests.fuzz.mutations import Mutation


@dataclass(frozen=True)
class Target:
    """One kind of file.

    The first byte of an input says which of the ways to read it; the rest is the file.

    Attributes:
        seeds: Inputs that are right, or nearly so.
        read: Reads a file in one way; raises `MlforgeError` for one that it refuses.
        mutate: How the files of each way are changed.
    """

    seeds: Callable[[], Iterable[bytes]]
    read: Callable[[int, bytes], object]
    mutate: tuple[Mutation, ...]

    def one(self, data: bytes) -> bool:
        """Whether an input was read to its end; anything but an answer goes on up."""
        if not data:
            return False
        try:
            self.read(data[0] % len(self.mutate), data[1:])
        except MlforgeError:
            return False
        return True


@functools.cache
def _project() -> Path:
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))  # noqa: S108 - fast, and the name is fresh
    (folder / "project").mkdir()
    return contract_cases.project(folder / "project", "")


def _read_yaml(way: int, data: bytes) -> object:
    path = _project()
    path.write_bytes(data)
    if way == 0:
        return load(path, path.parent)
    return read_model(path, Board) if way == 1 else read_map(path)


_MAP = b"""\
- connected: true
  id: 000683759358
  platform: nrf52840dk/nrf52840
  product: J-Link
  runner: nrfutil
  runner_params: ["--recover"]
  serial: /dev/ttyACM0
  baud: 115200
  script_param: {pre_script_timeout: 5}
- connected: false
  platform: [nucleo_f446re, unknown]
  flash_command: [openocd, "{elf}"]
"""


def _yaml_seeds() -> Iterable[bytes]:
    good = [contract_cases.GOOD.encode()]
    contracts = (path.read_bytes() for path in sorted((ROOT / "contracts").glob("*.yaml")))
    yield from (b"\0" + text for text in (*good, *contracts))
    yield from (b"\1" + path.read_bytes() for path in sorted(BOARDS.glob("*.yaml")))
    yield b"\2" + _MAP


_SPECS = (
    ("data.csv", FORECAST),
    ("data.csv.gz", {**FORECAST, "time": {"column": "at", "interval": 1.0, "tolerance": 0.1}}),
    ("data.csv", SORTING),
    ("data.npz", FORECAST),
    (
        "data.npz",
        {
            **SORTING,
            "inputs": {"features": [{"name": "x", "unit": "1"}], "shape": [2, 2, 1]},
            "group": "who",
            "split": {"rule": "random_group", "validation": 0.25, "test": 0.25, "seed": 3},
        },
    ),
    (
        "data.npy",
        {
            **SORTING,
            "group": "who",
            "window": {"length": 2},
            "split": {"rule": "group", "validation": ["b"], "test": ["c"]},
        },
    ),
    (
        "data.csv",
        {
            **FORECAST,
            "source": {
                "kind": "csv",
                "path": "data.csv",
                "delimiter": ";",
                "decimal": ",",
                "missing": ["NA", -9],
                "skip_rows": 1,
                "units_row": True,
            },
            "time": {
                "column": "at",
                "interval": 1.0,
                "tolerance": 0.1,
                "format": "%d.%m.%Y %H:%M:%S",
                "zone": "Europe/Berlin",
            },
            "missing": {"rule": "interpolate", "rows": 2},
        },
    ),
    (
        "data.csv",
        {
            **SORTING,
            "source": {
                "kind": "csv",
                "path": "data.csv",
                "encoding": "utf-16",
                "missing": [""],
            },
            "window": {"length": 1},
            "time": {"column": "at", "interval": 0.02, "tolerance": 0.001},
            "group": "who",
            "split": {"rule": "random_group", "validation": 0.25, "test": 0.25, "seed": 3},
            "missing": {"rule": "hold", "rows": 1},
        },
    ),
    ("data.npz", {**FORECAST, "missing": {"rule": "drop"}, "scaling": {"rule": "minmax"}}),
)
_DATA_CARD = SourceCard(kind="csv", name="data.csv", member=None, sha256="0" * 64)


@functools.cache
def _spec(way: int) -> tuple[str, Any]:
    name, sections = _SPECS[way]
    return name, spec(sections)


def _read_data(way: int, data: bytes) -> object:
    name, plan = _spec(way)
    table = read_member(data, name, plan.source, wanted(plan))
    return prepare(plan, Loaded(table, _DATA_CARD))


def _npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def _npy(content: object) -> bytes:
    stream = io.BytesIO()
    boxed = np.empty((), dtype=object)
    boxed[()] = content
    np.save(stream, boxed, allow_pickle=True)
    return stream.getvalue()


def _data_seeds() -> Iterable[bytes]:
    rows = [(step, step % 7 / 2, step % 5, "cat" if step % 3 else "dog") for step in range(40)]
    text = "\n".join(["at,level,a,kind", *(",".join(map(str, row)) for row in rows)]).encode()
    sorting = text.replace(b"level", b"b")
    who = np.repeat(list("abcd"), 10)
    kinds = np.array([row[3] for row in rows])
    numbers = np.arange(40.0)
    yield b"\0" + text
    yield b"\1" + gzip.compress(text, mtime=0)
    dated = [f"2026-01-31T09:30:{step:02},{step % 7}" for step in range(40)]
    yield b"\1" + gzip.compress("\n".join(["at,level", *dated]).encode(), mtime=0)
    yield b"\2" + sorting
    yield b"\3" + _npz(level=numbers)
    yield b"\3" + _npz(level=numbers.astype(np.int16), other=np.zeros((40, 3)))
    yield b"\4" + _npz(x=np.arange(160.0).reshape(40, 2, 2), kind=kinds, who=who)
    series = {"a": list(numbers.reshape(4, 10)), "b": list(numbers.reshape(4, 10))}
    each = {"kind": np.array(["cat", "cat", "dog", "dog"]), "who": np.array(list("abcd"))}
    yield b"\5" + _npy({**series, **each, "names": ["x"]})
    german = [f"25.10.2026 02:30:{step:02};{step % 7},5" for step in range(40)]
    german[7], german[8] = "25.10.2026 02:30:07;NA", "25.10.2026 02:30:08;-9,0"
    yield b"\6" + "\n".join(["# a logger", "at;level", "h;m", *german]).encode()
    apart = [f"{20 * row[0]},{row[1]},{row[2]},{row[3]},{'abcd'[row[0] // 10]}" for row in rows]
    apart[3] = "60,,1,cat,a"
    yield b"\7" + "\n".join(["at,a,b,kind,who", *apart]).encode("utf-16")
    yield b"\x08" + _npz(level=np.where(numbers == 9, np.nan, numbers))


_CPUS = ("cortex-m3", "cortex-m4", "cortex-m55", "host")


def _read_tflite(way: int, data: bytes) -> object:
    # The mark is not worth a coverage-guided search.
    return AOT.generate(data[:4] + b"TFL3" + data[8:], _CPUS[way], arena_limit_bytes=1024)


def _tflite_seeds() -> Iterable[bytes]:
    for index, op in enumerate((*graphs.OPERATORS, "FLOAT_ISLAND")):
        yield bytes([index % len(_CPUS)]) + graphs.single_operator(op, index)
    yield from (bytes([seed % len(_CPUS)]) + graph_dead.any_graph(seed) for seed in range(6))


@functools.cache
def _libraries() -> Libraries:
    return start(1)


_CARD = Wanted(card("classification", (4,), 4))


def _read_brought(way: int, data: bytes) -> object:
    return _bring.read(data, _CARD, _libraries)


def _brought_seeds() -> Iterable[bytes]:
    for index, op in enumerate(("RELU", "TANH", "ADD", "RESHAPE")):
        graph = graphs.RandomGraph(index)
        graph.apply(op, graph.start((1, 4)))
        yield b"\0" + graph.finish()
    keras = _libraries().keras
    layers = keras.layers
    normalise = layers.Normalization()
    normalise.adapt(np.arange(40.0, dtype=np.float32).reshape(10, 4))
    inputs = keras.Input((4,))
    wide = layers.Dense(4, activation="relu", name="wide")(normalise(inputs))
    joined = layers.Concatenate()([wide, layers.BatchNormalization()(inputs)])
    rows = layers.Conv1D(2, 3, padding="same")(layers.Reshape((8, 1))(joined))
    models = [
        keras.Sequential([keras.Input((4,)), layers.Dense(4)]),
        keras.Model(inputs, layers.Softmax()(layers.Dense(4)(layers.Flatten()(rows)))),
    ]
    for model in models:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            model.save(path)
            yield b"\1" + path.read_bytes()


TARGETS = {
    "contract": Target(_yaml_seeds, _read_yaml, (mutations.yaml_text,) * 3),
    "data": Target(
        _data_seeds,
        _read_data,
        (
            *(mutations.csv_text, mutations.gzipped, mutations.csv_text),
            *(mutations.npz, mutations.npz, mutations.npy),
            *(mutations.csv_text, mutations.binary, mutations.npz),
        ),
    ),
    "recorded": Target(recorded.seeds, recorded.read, recorded.MUTATE),
    "importer": Target(_tflite_seeds, _read_tflite, (mutations.binary,) * len(_CPUS)),
    "bring": Target(_brought_seeds, _read_brought, (mutations.binary, mutations.keras)),
}
