"""Engines: what turns an int8 `.tflite` into C that a platform can compile.

To add one (docs/add/engine.md has an example):

1. Write `engines/<name>.py` with a class that has `name`, `operators` and `generate` (see
   `Engine`), and bind an instance to `PLUGIN`. Helpers go into a package `engines/_<name>/`,
   templates into `templates/<name>/`.
2. Let the generated C define the five functions of `zephyr_app/src/model.h` under the given
   prefix, and keep every other symbol static or prefixed. Raise
   `CandidateFailure(Reason(code="unsupported_operator", stage="engine", ...))` for a model the
   engine cannot run.
   An engine for an NPU also has `on`, which gives it the NPU, and `require` (see `ethos_u`).
3. Name it in a contract (`target: {engine: <name>}`) and give it a test that holds its outputs
   against `mlforge_tasks.oracle.Oracle`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mlforge_tasks.graph import product

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.engines._npu_figures import NpuFigures
    from mlforge_tasks.engines._report import ArenaPlan
    from mlforge_tasks.records import LayerProfile, Patches


@dataclass(frozen=True)
class GeneratedModel:
    """What an engine made of one model.

    Attributes:
        files: File name to content; self-contained C sources and headers.
        arena_bytes: Working memory: input, output, activations and scratch.
        layers: What each operator costs, in the order they run.
        profiled: Whether the sources say `LAYER_DONE(index)` after each layer that takes time.
        patches: How its first layers run stripe by stripe, if they do.
        arena: Where everything lies in that memory; None where it is planned on the device.
        most_steps: How far an output may be from the oracle's, in steps of its type: 0 but of an
            engine whose arithmetic is its own.
        npu: What an NPU's compiler says of it, where one runs it.
        beside: Files that are no sources, by their names.
    """

    files: Mapping[str, bytes]
    arena_bytes: int
    layers: tuple[LayerProfile, ...]
    profiled: bool = False
    patches: Patches | None = None
    arena: ArenaPlan | None = None
    most_steps: int = 0
    npu: NpuFigures | None = None
    beside: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class LibrarySources:
    """What an engine gives to a library that others build.

    Attributes:
        files: Path below the library's folder of sources to content; includes are relative. None
            of an engine that makes no library.
        shared: Those of the sources that other models' libraries may bring too: equal paths are
            equal files, and one of them is to be compiled.
        measured: The files that `generate` makes for the core that was measured, with this prefix.
    """

    files: Mapping[str, bytes]
    shared: tuple[str, ...]
    measured: Mapping[str, bytes]


class Engine(Protocol):
    """Generates C for a model."""

    @property
    def name(self) -> str:
        """The key that contracts use; also the module's name."""

    def operators(self, cpu: str) -> tuple[str, ...]:
        """The TFLite operators that it has for a core, sorted."""

    def generate(
        self,
        tflite: bytes,
        cpu: str,
        prefix: str = "model",
        *,
        arena_limit_bytes: int | None = None,
        untrained: bool = False,
        streamed: bool = False,
        keeps_state: bool = False,
    ) -> GeneratedModel:
        """Generates the C sources of one model; equal arguments give equal bytes.

        Args:
            tflite: A full-integer (int8 in, int8 out) TensorFlow Lite model.
            cpu: The core as GCC's `-mcpu` names it (`cortex-m4`), or `host`.
            prefix: Put before every symbol that is not static.
            arena_limit_bytes: Where working memory would be more than this, an engine that can may
                compute some of it more than once to need less; where it would not be, the argument
                changes nothing.
            untrained: Whether other weights will be delivered. What the model takes is then to hold
                for them too: nothing may be gained from their values.
            streamed: Whether the model's input comes by rows, which the application writes where
                the model asks for them, so that it is never whole.
            keeps_state: Whether what it keeps is cleared by `init` alone, and not by each
                inference.

        Raises:
            CandidateFailure: The model uses something that the engine does not have.
        """

    def library(
        self,
        tflite: bytes,
        cpu: str,
        prefix: str,
        *,
        arena_limit_bytes: int | None,
        streamed: bool,
        keeps_state: bool = False,
    ) -> LibrarySources:
        """The same as sources of a library, which defines `zephyr_app/src/model.h`'s functions.

        Args:
            tflite: See `generate`.
            cpu: The core that it was measured on.
            prefix: See `generate`.
            arena_limit_bytes: See `generate`.
            streamed: See `generate`.
            keeps_state: See `generate`.
        """


@functools.cache
def resources(name: str) -> tuple[str, ...]:
    """An engine's data files, relative to the project root: its templates and its helper folder."""
    folders = (f"templates/{name}", f"mlforge_tasks/engines/_{name}")
    return tuple(folder for folder in folders if product.path(folder).is_dir())
