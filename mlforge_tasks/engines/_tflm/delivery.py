"""The engine's sources for a library that others build: a model around TensorFlow Lite Micro.

TensorFlow Lite Micro itself is the build's own. What the operators are is shared by the models of
an image: its names hold a digest, as kernels' do.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.engines import LibrarySources
from mlforge_tasks.graph import product
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.render import render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

APP = product.path("zephyr_app/src")
SHARED = ("tflm_operators.h", "tflm_runtime.h", "tflm_runtime.cc")
INTERPRETER = "tflm_interpreter.cc"
# Goes round a fault of CMSIS-NN on cores with MVE, by the linker's --wrap: one for all, whatever
# their versions.
STRIDED = "cmsis_nn_strided.c"
LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
TAG_DIGITS = 8
# An operator's definition, also where the preprocessor puts its name together.
_OPERATOR = re.compile(r"\btflm_(?=##|[A-Z])")
_MODEL = re.compile(r"\bmodel_(?=\w)")


@dataclass(frozen=True)
class Ends:
    """Bytes of each of a model's inputs, and of its outputs."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    @property
    def several(self) -> bool:
        """Whether there is more than one of either."""
        return len(self.inputs) > 1 or len(self.outputs) > 1


@functools.cache
def _tag() -> str:
    """A digest of what models share."""
    text = "".join(f"{name} {sha256_bytes((APP / name).read_bytes())}\n" for name in SHARED)
    return sha256_bytes(text.encode())[:TAG_DIGITS]


def library(
    tflite: bytes, operators: Iterable[str], prefix: str, ends: Ends, measured: Mapping[str, bytes]
) -> LibrarySources:
    """The sources of a library.

    Args:
        tflite: The model.
        operators: Those that it uses, as TFLite writes them.
        prefix: Of its names.
        ends: The model's.
        measured: See `LibrarySources`.
    """
    folder = f"tflm_{_tag()}"
    files = {
        f"{folder}/{name}": LICENCE + _OPERATOR.sub(f"tflm_{_tag()}_", (APP / name).read_text())
        for name in SHARED
    }
    interpreter = _MODEL.sub(f"{prefix}_", (APP / INTERPRETER).read_text())
    files[f"{folder}/{prefix}_interpreter.cc"] = LICENCE + interpreter
    files[f"{folder}/{prefix}_tflm.c"] = render(
        "tflm/library.c.jinja",
        p=prefix,
        tag=_tag(),
        operators=tuple(operators),
        ends=ends,
        tflite=tflite,
    )
    guard = "#if defined(__ARM_FEATURE_MVE)\n"
    end = "#else\ntypedef int not_for_this_core;\n#endif\n"
    files[STRIDED] = f"{LICENCE}{guard}{(APP / STRIDED).read_text()}{end}"
    return LibrarySources(
        files={name: text.encode() for name, text in files.items()},
        shared=(f"{folder}/tflm_runtime.cc", STRIDED),
        measured=measured,
    )
