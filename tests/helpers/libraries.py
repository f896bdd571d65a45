"""Delivered libraries of small models, for every task, and what builds and runs them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.contract.data_card import SPLITS
from mlforge_tasks.contract.window import Window
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.graph import process
from mlforge_tasks.library.facts import Facts
from mlforge_tasks.library.files import library_files
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.quantisation import (
    InputPart,
    JoinedInputs,
    JoinedOutputs,
    OutputPart,
    Quantisation,
)
from mlforge_tasks.runners._program import Program, running
from mlforge_tasks.runners.qemu import _ended, command
from mlforge_tasks.stages._describe import about, describe, tensors_of, with_centroids
from mlforge_tasks.stages._examples import examples
from mlforge_tasks.verdict.decision import Decision, Threshold
from tests.helpers.graph_int16 import WideGraph
from tests.helpers.graphs import RandomGraph
from tests.helpers.model_data import card

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.engines import Engine

ROWS, FEATURES = 12, 4
SHAPE = (ROWS, 1, FEATURES)
HOSTILE = 'caf\u00e9 "x" ??/ \\ */ %s\n#error'
TIMEOUT_S = 300.0
# A network whose outputs differ from input to input, and thresholds in the middle of them.
SEED, LEAD, LEAST = 16, -17, (112, 88, -14)
# By the name of a library: what it does.
TASKS = {
    "level": "regression",
    "gesture": "classification",
    "alarm": "detection",
    "tags": "multilabel",
    "pump": "anomaly",
    "motor": "centroids",
}
WARNINGS = "-Wall -Wextra -Wconversion -Wshadow -Wpedantic -Wdouble-promotion -Wvla -Werror"


def model(task: str, seed: int = SEED, *, wide: bool = False, kept: bool = False) -> bytes:
    """A network of a few layers; for anomalies it gives as much as it gets.

    Args:
        task: What it is for.
        seed: Of its weights.
        wide: Whether its values are int16.
        kept: Whether it keeps some of its inputs.
    """
    graph = WideGraph(seed) if wide else RandomGraph(seed)
    last = graph.start((1, *SHAPE))
    if task == "centroids":
        graph.made.append(graph.reshaped("RESHAPE", last, (1, math.prod(SHAPE)), None, None))
        return graph.finish()
    first = ("READ_VARIABLE",) if kept else ("CONV_2D",)
    for op in (*first, "RELU") if task != "anomaly" else ("RELU",):
        last = graph.apply(op, last)
    outputs = math.prod(SHAPE) if task == "anomaly" else 3
    shape = (outputs, math.prod(last.shape))
    inputs, quant, rms = graph.parameters(last, shape, 0, outputs)
    ref = graph.writer.activation((1, outputs), quant, rms)
    graph.made.append(graph.output("FULLY_CONNECTED", inputs, ref, schema.FullyConnectedOptionsT()))
    return graph.finish()


# What the two inputs of the network below take: rows, features, and in which order.
_TAKEN = ((None, (2, 0), False), (5, (0, 1, 3), True))
# Which of the data set's three outputs its two give.
_GIVEN = ((2, 0), (1,))


def of_several(seed: int = 3) -> bytes:
    """A network of two inputs and two outputs."""
    graph = RandomGraph(seed)
    inputs, outputs = [], []
    for (rows, features, _), gives in zip(_TAKEN, _GIVEN, strict=True):
        elements = (rows or ROWS) * len(features)
        source = graph.start((1, elements))
        shape = (len(gives), elements)
        operands, quant, rms = graph.parameters(source, shape, 0, len(gives))
        ref = graph.writer.activation((1, len(gives)), quant, rms)
        graph.output("FULLY_CONNECTED", operands, ref, schema.FullyConnectedOptionsT())
        inputs.append(source.index)
        outputs.append(ref.index)
    return graph.writer.finish_several(inputs, outputs)


def _several(tflite: bytes) -> Quantisation:
    """What is known of it."""
    inputs, outputs = tensors_of(tflite)
    taken = tuple(
        InputPart(
            **one.model_dump(exclude={"channels_first"}),
            rows=rows,
            features=features,
            channels_first=first,
        )
        for one, (rows, features, first) in zip(inputs, _TAKEN, strict=True)
    )
    judged = tuple(
        OutputPart(**one.model_dump(), gives=gives)
        for one, gives in zip(outputs, _GIVEN, strict=True)
    )
    return about(tflite, JoinedInputs(parts=taken), JoinedOutputs(parts=judged))


def _decision(task: str) -> Decision | None:
    def of(rule: Any, positive: int | None, *least: int) -> Decision:
        each = [
            Threshold(label=HOSTILE, chosen_for="f1", least=one, validation=None) for one in least
        ]
        return Decision(rule=rule, positive=positive, thresholds=tuple(each))

    known = {
        "detection": of("lead", 1, LEAD),
        "multilabel": of("outputs", None, *LEAST),
        "anomaly": of("score", 1, 1_000_000),
        "centroids": of("score", 1, 30_000),
        "several_tags": of("outputs", None, 0, 0, 0),
    }
    return known.get(task)


def write_rows(folder: Path, about: Any, *, kept: bool = False) -> None:
    """Splits of windows over the same rows, and targets."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(5)
    row = SHAPE if about.window is None else SHAPE[1:]
    rows = rng.standard_normal((200, *row)).astype(np.float32)
    np.save(folder / "rows.npy", rows)
    for name in SPLITS:
        np.save(folder / f"{name}_starts.npy", np.arange(0, 180, 3))
        shape = (60, 3) if about.task == "multilabel" else (60,)
        np.save(folder / f"{name}_y.npy", rng.integers(0, 2, shape).astype(np.int32))
        if kept:
            np.save(folder / f"{name}_anew.npy", np.arange(60) % 9 == 0)
    about.write(folder / "data_card.json")


@dataclass(frozen=True)
class Library:
    """A library and what it was made from."""

    folder: Path
    facts: Facts
    tflite: bytes


def make(
    folder: Path,
    prefix: str,
    task: str,
    *,
    engine: Engine = AOT,
    streamed: bool = False,
    channels_first: bool = False,
    wide: bool = False,
    kept: bool = False,
    linux: bool = False,
    seed: int = SEED,
    changes: Mapping[str, Any] | None = None,
) -> Library:
    """Writes a library of a small model.

    Args:
        folder: Where it goes; its data goes beside it.
        prefix: Of its names.
        task: One of the values of `TASKS`, or `several` (regression) or `several_tags`
            (multilabel) of several inputs and outputs.
        engine: What runs it.
        streamed: Whether its input comes by rows.
        channels_first: Whether the network takes its channels first.
        wide: Whether the network's values are int16.
        kept: Whether it keeps some of its inputs from one example to the next.
        linux: Whether it is for a program of Linux.
        seed: Of the network.
        changes: Of its data card.
    """
    several = task.startswith("several")
    tflite = of_several() if several else model(task, seed, wide=wide, kept=kept)
    anomaly = task in {"anomaly", "centroids"}
    other = {
        "detection": "classification",
        "centroids": "anomaly",
        "several": "regression",
        "several_tags": "multilabel",
    }
    plain = other.get(task, task)
    labels = ("fine", HOSTILE) if anomaly else (HOSTILE, "walking", "*/")
    fields: dict[str, Any] = {
        "window": Window(length=ROWS, stride=2, horizon=0 if plain != "regression" else 6),
        "interval_s": 300.0,
        "input_mean": (0.1, -1e-3, 140.0, 0.0),
        "input_scale": (0.3, 2.0, 41.7, 1.0),
        "labels": () if plain == "regression" else labels,
        **(changes or {}),
    }
    data_card = card(plain, SHAPE, math.prod(SHAPE) if anomaly else 3, **fields)
    data = folder.parent / f"{folder.name}_data"
    write_rows(data, data_card, kept=kept)
    quantisation = _several(tflite) if several else describe(tflite)
    if channels_first:
        source = quantisation.input.model_copy(update={"channels_first": True})
        quantisation = quantisation.model_copy(update={"input": source})
    quantisation = quantisation.model_copy(update={"keeps_state": kept})
    if task == "centroids":
        rng = np.random.default_rng(2)
        quantisation = with_centroids(
            quantisation, rng.standard_normal((3, math.prod(SHAPE))).astype(np.float32)
        )
    decision = _decision(task)
    facts = Facts(
        prefix=prefix,
        version="1.2.3",
        contract="a contract",
        card=data_card,
        quantisation=quantisation,
        decision=decision,
        golden=examples(tflite, quantisation, data, decision),
        streamed=streamed,
        engine=engine.name,
        board="mps2/an386",
        zephyr_board="mps2/an386",
        arena_bytes=16 << 10,
        linux=linux,
    )
    sources = engine.library(
        tflite,
        "cortex-m4",
        prefix,
        arena_limit_bytes=None,
        streamed=streamed,
        keeps_state=kept,
    )
    write(library_files(facts, sources), folder)
    return Library(folder, facts, tflite)


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Writes files by their paths below a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def cmake(source: Path, build: Path, *options: str) -> None:
    """Configures and builds."""
    argv = ["cmake", "-G", "Ninja", "-S", str(source), "-B", str(build), *options]
    process.check(argv, timeout_s=TIMEOUT_S)
    process.check(["ninja", "-C", str(build)], timeout_s=TIMEOUT_S)


def defined(nm: str, objects: Sequence[Path]) -> set[str]:
    """Names that objects or archives define for others."""
    argv = [nm, "-g", "--defined-only", "-A", *map(str, objects)]
    said = process.check(argv, timeout_s=TIMEOUT_S)
    return set(re.findall(r" [A-Z] (\S+)$", said, re.MULTILINE))


def reference(tflite: bytes, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
    """What the reference gives for inputs, [N, outputs]."""
    oracle = Oracle(tflite)
    outputs = oracle.run(inputs.reshape(len(inputs), *oracle.input_shape[1:]))
    return outputs.reshape(len(inputs), -1)


def boot(board: Board, elf: Path, until: str) -> str:
    """What an image says until a line that begins with a text, without what Zephyr itself does."""
    output = b""
    with running(Program(command(board, elf)), _ended) as console:
        deadline = console.clock() + TIMEOUT_S
        while not re.search(rb"^ *%s.*\n" % re.escape(until.encode()), output, re.MULTILINE):
            left_s = deadline - console.clock()
            data = console.read(max(left_s, 0.0))
            assert data or left_s > 0, output
            output += data
    lines = output.decode().replace("\r", "").splitlines()
    return "\n".join(line for line in lines if line and not line.startswith("***"))
