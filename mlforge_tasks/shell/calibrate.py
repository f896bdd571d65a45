"""`doit calibrate`: fits what emulation says to what a board takes, and keeps it beside boards."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from mlforge_tasks.calibration import beside
from mlforge_tasks.calibration.record import Calibration
from mlforge_tasks.contract.board import board_file, find_board, load_board
from mlforge_tasks.errors import CandidateFailure, MlforgeError
from mlforge_tasks.graph import product
from mlforge_tasks.graph.files import refused
from mlforge_tasks.pipeline import places
from mlforge_tasks.shell.console import table
from mlforge_tasks.stages._calibrate import Bench
from mlforge_tasks.yaml_file import read_model
from mlforge_tasks.yaml_file.units import format_share

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlforge_tasks.calibration.fit import Fitted
    from mlforge_tasks.calibration.pair import Pair
    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.contract.contract import Contract

# Below the build tree: the profiles, which `profiles=` takes again.
FOLDER = "calibrate"
_HEAD = """\
# What layers take on {board}, which `doit calibrate board={board}` wrote.
# cycles of a layer = per_cycle * emulated cycles + per_byte * bytes of weights + per_layer
"""
_WIDTH = 100
_TABLES = ("classes", "networks")


@dataclass(frozen=True)
class Asked:
    """What a command line asks for.

    Attributes:
        bench: Where to measure.
        path: Where the calibration goes.
        profiles: Where profiles are already; None to measure.
        work: Where the profiles go.
    """

    bench: Bench
    path: Path
    profiles: Path | None
    work: Path


def read(words: Mapping[str, str], contract: Contract) -> Asked:
    """What is asked for, before anything is done.

    Args:
        words: The command line's: `board`; `contract`, whose platform and compiler are meant where
            it is for that board; `profiles`, `build`.
        contract: The one that it names, or the default.

    Raises:
        MlforgeError: There is no such board, nothing emulates it, or it has no clock.
    """
    named = "contract" in words
    folder = Path(words["contract"]).parent if named else product.project() / "contracts"
    boards = folder / "boards"
    board = _board(words.get("board"), boards, contract if named else None)
    if board.process:
        raise MlforgeError(f"board={board.name}: a process has no clock to be calibrated")
    profiles = words.get("profiles")
    if profiles is not None and not Path(profiles).is_dir():
        raise MlforgeError(f"profiles={profiles}: found no folder")
    fits = named and contract.target.on_board.name == board.name
    bench = Bench(
        board=board,
        emulated=_emulated(board),
        platform=contract.target.platform if fits else _platform(board),
        toolchain=contract.target.toolchain if fits else "gcc",
    )
    path = beside(board_file(board.name, boards))
    work = Path(words.get("build", "build")) / FOLDER / path.name.partition(".")[0]
    return Asked(bench, path, None if profiles is None else Path(profiles), work)


def _board(name: str | None, boards: Path, contract: Contract | None) -> Board:
    if name is None and contract is not None:
        return contract.target.on_board
    if name is None:
        raise MlforgeError(
            "found no board to calibrate", hint="`doit calibrate board=nrf52840dk/nrf52840`"
        )
    if contract is not None and contract.target.board == name:
        return contract.target.on_board
    own = find_board(name, boards) if boards.is_dir() else None
    return own or load_board(name)


def _emulated(board: Board) -> Board:
    try:
        return places.emulated(board)
    except MlforgeError:
        raise MlforgeError(
            f"board={board.name}: nothing that QEMU emulates has its core, so there is nothing to "
            "calibrate",
            hint="`mode: hardware` measures it",
        ) from None


def _platform(board: Board) -> str:
    return "baremetal" if board.uart is not None else "zephyr"


def run(asked: Asked) -> str:
    """Measures, fits, writes the file; what to tell of it.

    Raises:
        MlforgeError: As `read`; or it cannot be fitted.
        ToolError: A tool or the bench broke.
        ContractError: The hardware map, or the calibration that is there, is not valid.
    """
    from mlforge_tasks.calibration.fit import fit  # noqa: PLC0415 - numpy

    left: dict[str, str] = {}
    if asked.profiles is None:
        pairs = _measured(asked, left)
    else:
        from mlforge_tasks.stages._earlier_pairs import earlier_pairs  # noqa: PLC0415 - as above

        pairs = earlier_pairs(asked.profiles, asked.bench.board.name)
    _check_probe(asked.path, pairs)
    fitted = fit(pairs)
    write(fitted.calibration, asked.path)
    return "\n".join(told(fitted, asked.path, left))


def _measured(asked: Asked, left: dict[str, str]) -> tuple[Pair, ...]:
    """Every network that runs on both; why others do not goes into `left`."""
    from mlforge_tasks.calibration.pair import PAIR  # noqa: PLC0415 - needed here alone
    from mlforge_tasks.stages import _calibrate  # noqa: PLC0415 - as above

    held, found = _calibrate.conditions(asked.bench), []
    shutil.rmtree(asked.work, ignore_errors=True)
    for name, tflite in _calibrate.networks().items():
        print(f"{name}: on {asked.bench.emulated.name} in QEMU, then on the board", flush=True)
        work = asked.work / name
        work.mkdir(parents=True)
        try:
            pair = _calibrate.measure(name, tflite, asked.bench, held, work)
        except CandidateFailure as failure:
            left[name] = failure.reason.message
            continue
        pair.write(work / PAIR)
        found.append(pair)
    return tuple(found)


def _check_probe(path: Path, pairs: Sequence[Pair]) -> None:
    """A calibration of another board of its kind is not replaced without a word."""
    if not path.is_file() or not pairs:
        return
    known = read_model(path, Calibration)
    if known.probe != pairs[0].probe:
        raise MlforgeError(
            f"'{path}' is of probe {known.probe_id}, and this is another board",
            hint="connect that one (or name it, MLFORGE_PROBE_ID=…), or remove the file",
        )


def write(calibration: Calibration, path: Path) -> None:
    """Writes a calibration, to be read by people too.

    Raises:
        ToolError: It cannot be written.
    """
    dump = calibration.model_dump(mode="json")
    text = _HEAD.format(board=calibration.conditions.board)
    for name, value in dump.items():
        short = None if name in _TABLES else False  # there a mapping of numbers is a line
        text += yaml.safe_dump(
            {name: value}, sort_keys=False, default_flow_style=short, width=_WIDTH
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as error:
        raise refused(error, f"'{path}'") from None


def told(fitted: Fitted, path: Path, left: Mapping[str, str]) -> Iterator[str]:
    """A table of what was found, and what was not."""
    known = fitted.calibration
    rows = [
        (
            kind,
            f"{one.per_cycle:.3f}",
            f"{one.per_byte:.3f}",
            f"{one.per_layer:.0f}",
            format_share(one.error),
            f"{one.layers} of {one.networks} networks",
        )
        for kind, one in known.classes.items()
    ]
    header = ("class", "per emulated cycle", "per byte", "per layer", "error", "layers")
    yield ""
    yield table(rows, header)
    worst = max(one.miss for one in known.networks)
    yield ""
    yield (
        f"a network that was left out: {format_share(known.error)} off by the median of "
        f"{len(known.networks)}, {format_share(worst)} at most; intervals at {known.level:.0%}"
    )
    for kind, why in fitted.left.items():
        yield f"{kind}: not fitted ({why}); its emulated bounds stand"
    for name, why in left.items():
        yield f"{name}: left out ({why})"
    yield f"kept: {path}"
