"""Engines that a package index carries, on the same networks: what they take, and what they leave.

Their wheels are pinned by digest and unpacked, never installed.
"""

from __future__ import annotations

import io
import json
import re
import struct
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks._engine_adapted import adapted
from benchmarks._engine_image import Result, empty_bytes, measure
from benchmarks._engine_run import LIMIT_S, PRINT_HEX, defines, instructions, told
from benchmarks._engine_tables import row, table
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.graph import process
from mlforge_tasks.platforms._image import link_image
from mlforge_tasks.records import sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.contract.board import Board

BOARD = "mps2/an386"  # the one core with kernels of its own in bakenn
KERNELS = ("portable", "CMSIS-NN")
MACHINES = {3: "x86", 40: "Arm", 62: "x86-64", 183: "AArch64", 243: "RISC-V"}
SOURCES = (".c", ".cc", ".cpp", ".s", ".S")
HEADER = (
    *("model", "kernels", "instructions", "ours", "ratio"),
    *("flash", "ours", "ratio", "RAM", "ours", "ratio"),
)
NOTE = """
## Peers
What a package index carries beside TFLM. A ratio is ours by theirs.

`{name}` {version}, on Cortex-M4, `-O2`, with its own C or with the CMSIS-NN that it brings (it has
no kernels for vectors). It refuses every one of these networks as TensorFlow converts them, so they
are given to both engines in its words: versions and options spelled out, a RESHAPE before dense
layers, no SOFTMAX. Its outputs then are the oracle's, byte for byte. `flash` is what the model adds
to an image that only starts up, `RAM` the arena with input and output.
"""
EXECUTORCH_NOTE = """
`{name}` {version} cannot be linked for a Cortex-M: its wheel has a lowering to `cortex_m::`
operators in Python, and none of their kernels. It holds {sources} sources in C, C++ or assembler,
{headers} headers, and {count} objects, all for {machines}. It also wants networks in PyTorch.
"""
_COMPILE = """\
import json, pathlib, sys
wheel, model, out, kernels = sys.argv[1:]
sys.path.insert(0, wheel)
import bakenn
cmsis = kernels != "portable"
policy = bakenn.KernelPolicy.STATIC_PRIORITY if cmsis else bakenn.KernelPolicy.PORTABLE
options = bakenn.CBackendOptions(
    kernel_policy=policy, enable_cmsis_nn=cmsis, target=bakenn.CORTEX_M4
)
refused = ""
try:
    bakenn.compile_tflite(pathlib.Path(model), out, name="peer", backend_options=options)
except bakenn.CompileError as error:
    refused = str(error)
print("\\n" + json.dumps(refused))
"""
_MAIN = """\
#include "bknn_peer.h"

static int8_t input[INPUT_BYTES], output[OUTPUT_BYTES];
static _Alignas(16) uint8_t arena[BKNN_PEER_ARENA_SIZE + 16];

int main(void)
{
    uint64_t start = hal_ticks();
    uint64_t empty = hal_ticks() - start;
    for (uint32_t i = 0; i < INPUT_BYTES; i++) {
        input[i] = (int8_t)(uint8_t)(i * INPUT_STEP);
    }
    start = hal_ticks();
    bknn_peer_infer(arena, input, output);
    print_hex(hal_ticks() - start - empty);
    hal_put('\\n');
    for (uint32_t i = 0; i < OUTPUT_BYTES; i++) {
        print_hex((uint8_t)output[i]);
    }
}
"""
DOWNLOAD_LIMIT_S = 900.0
_ARENA = re.compile(r"#define BKNN_PEER_ARENA_SIZE (\d+)u")


@dataclass(frozen=True)
class Wheel:
    """A wheel of a package index."""

    name: str
    version: str
    sha256: str

    def fetch(self) -> bytes:
        """Its content.

        Raises:
            ToolError: It cannot be downloaded.
            AssertionError: It is another one.
        """
        argv = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-deps"]
        with tempfile.TemporaryDirectory() as folder:
            argv += ["--only-binary=:all:", f"--dest={folder}", f"{self.name}=={self.version}"]
            process.check(argv, timeout_s=DOWNLOAD_LIMIT_S)
            (wheel,) = Path(folder).glob("*.whl")
            data = wheel.read_bytes()
        if sha256_bytes(data) != self.sha256:
            raise AssertionError(f"{wheel.name} is not the wheel that was looked at")
        return data


BAKENN = Wheel(
    "bakenn", "1.0.0", "b8251e71a8fc39252df0d308fe9a5837bd86f7a31f1596a7dd4a319196f30e56"
)
# For Python 3.11 on x86-64.
EXECUTORCH = Wheel(
    "executorch", "1.5.1", "274c28c2fe2b76acb03f9fa381537425c40e0098dcf886baf6d97a1a55ffe300"
)


@dataclass(frozen=True)
class Peer:
    """What one model takes with another engine.

    Attributes:
        refused: Why it takes nothing; empty where it is built.
        instructions: One inference.
        added_bytes: Flash for the model, its weights and the engine.
        ram_bytes: Arena, input and output.
    """

    refused: str = ""
    instructions: int = 0
    added_bytes: int = 0
    ram_bytes: int = 0


def _compiled(wheel: Path, tflite: bytes, kernels: str, out: Path) -> str:
    """Writes C; why not, if it is refused."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.tflite"
        model.write_bytes(tflite)
        argv = [sys.executable, "-c", _COMPILE, str(wheel), str(model), str(out), kernels]
        refused: str = json.loads(process.check(argv, timeout_s=LIMIT_S).splitlines()[-1])
    return refused


def _bakenn(wheel: Path, tflite: bytes, kernels: str, board: Board) -> Peer:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generated = folder / "generated"
        refused = _compiled(wheel, tflite, kernels, generated)
        if refused:
            return Peer(refused=refused)
        main = folder / "main.c"
        main.write_text(PRINT_HEX + _MAIN)
        sources = sorted(generated.rglob("*.c"))
        for source in sources:  # written for other warnings
            source.write_text(f'#pragma GCC diagnostic ignored "-Wall"\n{source.read_text()}')
        image = link_image(
            board,
            [main, *sources],
            folder,
            include_dirs=sorted({header.parent for header in generated.rglob("*.h")}),
            defines={**defines(tflite), "BAKENN_CMSIS_NN_BUILTIN_MEMORY": 1},
        )
        (ticks,) = told(tflite, board, image.elf)
        arena = int(_ARENA.findall((generated / "bknn_peer.h").read_text())[0])
        sizes = defines(tflite)
        return Peer(
            instructions=instructions(board, ticks),
            added_bytes=image.flash_bytes - empty_bytes(board, "-O2"),
            ram_bytes=arena + int(sizes["INPUT_BYTES"]) + int(sizes["OUTPUT_BYTES"]),
        )


def _ours(tflite: bytes, board: Board) -> Result:
    with tempfile.TemporaryDirectory() as work:
        return measure(tflite, board, Path(work))


def _cells(peer: Peer, ours: Result) -> tuple[int | str, ...]:
    added = ours.flash_bytes - ours.empty_bytes
    pairs = (
        (peer.instructions, ours.instructions),
        (peer.added_bytes, added),
        (peer.ram_bytes, ours.ram_bytes),
    )
    return tuple(cell for pair in pairs for cell in (*pair, f"{pair[1] / pair[0]:.2f}"))


def _rows(wheel: Path, models: Mapping[str, bytes], board: Board) -> Iterator[tuple[str, ...]]:
    for name, tflite in models.items():
        if not _compiled(wheel, tflite, KERNELS[0], wheel / "unused" / name):
            raise AssertionError(f"{name} is no longer refused: the note is out of date")
        given = adapted(tflite)
        ours = _ours(given, board)
        for kernels in KERNELS:
            peer = _bakenn(wheel, given, kernels, board)
            if peer.refused:
                yield row(name, "none", (peer.refused, *("",) * (len(HEADER) - 3)))
                break
            yield row(name, kernels, _cells(peer, ours))


def _machine(data: bytes) -> str:
    (number,) = struct.unpack_from("<H", data, 18)
    return MACHINES.get(number, str(number))


def print_executorch() -> None:
    """Prints what the wheel has for a Cortex-M."""
    with zipfile.ZipFile(io.BytesIO(EXECUTORCH.fetch())) as wheel:
        names = wheel.namelist()
        sources = sum(name.endswith(SOURCES) for name in names)
        objects = [name for name in names if name.endswith((".a", ".o")) or ".so" in name]
        machines = sorted({_machine(wheel.read(name)) for name in objects})
    if sources or "Arm" in machines:
        raise AssertionError("there is something to link: the note is out of date")
    print(
        EXECUTORCH_NOTE.format(
            name=EXECUTORCH.name,
            version=EXECUTORCH.version,
            sources=sources,
            headers=sum(name.endswith(".h") for name in names),
            count=len(objects),
            machines=", ".join(machines),
        ),
        end="",
    )


def print_peers(models: Mapping[str, bytes]) -> None:
    """Prints other engines' figures beside ours.

    Raises:
        ToolError: A wheel cannot be downloaded, or something does not build.
    """
    print(NOTE.format(name=BAKENN.name, version=BAKENN.version), end="")
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(BAKENN.fetch())) as wheel:
            wheel.extractall(folder)
        table(HEADER, _rows(Path(folder), models, load_board(BOARD)))
    print_executorch()
