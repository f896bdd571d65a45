"""The contracts' winners with an earlier version of the aot engine and with this one.

    .venv/bin/python -m benchmarks.winners [COMMIT] > benchmarks/winners.md

Prints Markdown: the same `.tflite`, the same build, C of both engines. The commit's engine runs in
a git worktree of its own. Runs the contracts first where their result is not there yet.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import _command_line
from benchmarks._engine_image import measure
from benchmarks._engine_run import LIMIT_S
from benchmarks.boards import BUILD, CONTRACTS, ROOT, converge
from mlforge_tasks.contract.board import board_names, load_board
from mlforge_tasks.graph import process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks._engine_image import Result
    from mlforge_tasks.contract.board import Board

# The last commit whose engine had the same plain C kernels for every core.
SPINE = "f3b48e7^"
HEADER = ("winner", "core", *("instructions", "", "flash", "", "RAM", ""))
_GENERATE = """\
import sys
from pathlib import Path
from mlforge_tasks.engines.aot import PLUGIN
tflite, cpu, out = sys.argv[1:]
for name, content in PLUGIN.generate(Path(tflite).read_bytes(), cpu).files.items():
    (Path(out) / name).write_bytes(content)
"""


def generate(worktree: Path, tflite: Path, cpu: str) -> Mapping[str, bytes]:
    """The C that a checked-out version's engine makes."""
    with tempfile.TemporaryDirectory() as out:
        argv = [sys.executable, "-c", _GENERATE, str(tflite), cpu, out]
        process.check(argv, timeout_s=LIMIT_S, cwd=worktree)
        return {path.name: path.read_bytes() for path in Path(out).iterdir()}


def compare(name: str, tflite: Path, worktree: Path) -> Iterator[tuple[str, ...]]:
    """A line for every board: before, now."""
    model = tflite.read_bytes()

    def result(board: Board, generated: Mapping[str, bytes] | None) -> Result:
        with tempfile.TemporaryDirectory() as folder:
            return measure(model, board, Path(folder), generated=generated)

    for board in map(load_board, board_names()):
        if board.qemu is None or board.uart is None:
            continue
        before = result(board, generate(worktree, tflite, board.cpu))
        now = result(board, None)
        pairs = (
            (before.instructions, now.instructions),
            (before.flash_bytes, now.flash_bytes),
            (before.ram_bytes, now.ram_bytes),
        )
        yield (name, board.cpu, *(f"{each:,}" for pair in pairs for each in pair))


def main() -> None:
    """Prints the table."""
    parser = _command_line.parser(__doc__)
    parser.add_argument("commit", nargs="?", default=SPINE, help="the earlier engine (%(default)s)")
    commit: str = parser.parse_args().commit
    for name in CONTRACTS:
        converge(name)
    print("Made by `.venv/bin/python -m benchmarks.winners > benchmarks/winners.md`: what the")
    print(f"contracts' winners take with the engine of `{commit}` and, behind it, with this one:")
    print("instructions of one inference counted by QEMU, flash of a bare metal image, arena.\n")
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
    with tempfile.TemporaryDirectory() as folder:
        worktree = Path(folder) / "worktree"
        git = ["git", "-C", str(ROOT), "worktree"]
        process.check([*git, "add", "--detach", str(worktree), commit], timeout_s=LIMIT_S)
        try:
            for name in CONTRACTS:
                for row in compare(name, BUILD / name / "delivered" / "model.tflite", worktree):
                    print(f"| {' | '.join(row)} |", flush=True)
        finally:
            process.check([*git, "remove", "--force", str(worktree)], timeout_s=LIMIT_S)


if __name__ == "__main__":
    main()
