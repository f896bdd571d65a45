"""Fits what layers take on a board to what the emulator says of them.

Of each class of kernels: cycles = a * emulated cycles + b * bytes of weights + c for the layer, by
least squares of relative errors, none of them negative. Each of b and c is only there where the
layers tell it apart from the rest, and where Akaike's criterion says that it pays. The error that
is told is of networks that were left out.
"""

from __future__ import annotations

import itertools
import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.calibration.classes import CLASSES, KernelClass, class_of
from mlforge_tasks.calibration.record import (
    LEAST_NETWORKS,
    Calibration,
    ClassFit,
    Costs,
    Network,
)
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.records import sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.calibration.pair import Pair

# Layers that a class needs at least, whatever is left out.
LEAST_LAYERS = 3
# Columns that are more alike than this are not told apart (condition number, each of length 1).
MOST_ALIKE = 30.0
# Layers shorter than this many ticks of the board's clock count as if they took them.
SHORTEST_TICKS = 20
# By so much more of Akaike's criterion nothing speaks for a fit beside a better one (Burnham,
# Anderson, "Multimodel inference", 2004): cycles that stay the same whatever is emulated.
NO_SUPPORT = 10.0
# A class is not fitted whose left-out layers are further off by the median: it tells nothing.
MOST_OFF = 0.3
# A fit that is closer than a measurement can be is as good as exact.
_EXACT = 1e-6
_DIGITS = 6


@dataclass(frozen=True)
class Row:
    """A layer that was emulated and measured.

    Attributes:
        network: Whose.
        kind: Its class.
        emulated: Cycles, by the lower bound.
        instructions: As the emulator counted them.
        weight_bytes: Constants in flash.
        measured: Cycles on the board.
        scale: What an error of it is a share of, in cycles.
    """

    network: str
    kind: KernelClass
    emulated: float
    instructions: int
    weight_bytes: int
    measured: float
    scale: float


@dataclass(frozen=True)
class Fitted:
    """What came of it.

    Attributes:
        calibration: To be kept.
        left: Why classes that were measured have no fit, by class.
    """

    calibration: Calibration
    left: Mapping[KernelClass, str]


def rows_of(pair: Pair) -> list[Row]:
    """The layers of a network that take any time.

    Raises:
        MlforgeError: Both profiles are not of the same layers.
    """
    emulated, measured = pair.emulated.layers, pair.measured.layers
    if [(one.name, one.op) for one in emulated] != [(one.name, one.op) for one in measured]:
        raise MlforgeError(f"{pair.network}: the profiles are of other layers than one another")
    shortest = SHORTEST_TICKS * pair.conditions.clock_hz / pair.tick_hz
    found = []
    for one, other in zip(emulated, measured, strict=True):
        cycles = other.time_us * pair.conditions.clock_hz / 1e6
        if one.cycles_lower and one.instructions and cycles > 0:
            numbers = (one.cycles_lower, one.instructions, one.weight_bytes)
            scale = max(cycles, shortest)
            found.append(Row(pair.network, class_of(one.op), *numbers, cycles, scale))
    return found


def solve(rows: Sequence[Row]) -> Costs | None:
    """What layers of a class cost; None where nothing that is not negative explains them."""
    if len(rows) < LEAST_LAYERS:
        return None
    scale = np.array([one.scale for one in rows])
    columns = np.array([[one.emulated, one.weight_bytes, 1.0] for one in rows]) / scale[:, None]
    target = np.array([one.measured for one in rows]) / scale
    some = [each for n in (1, 2, 3) for each in itertools.combinations(range(3), n)]
    fits = [_solve(columns, target, each) for each in some]
    known = sorted((one for one in fits if one is not None), key=lambda one: one[0])
    best = next((one for one in known if one[1][0] > 0), None)
    if best is None or known[0][0] < best[0] - NO_SUPPORT:
        return None
    per_cycle, per_byte, per_layer = best[1]
    return Costs(per_cycle=per_cycle, per_byte=per_byte, per_layer=per_layer)


def _solve(
    columns: NDArray[np.float64], target: NDArray[np.float64], chosen: tuple[int, ...]
) -> tuple[float, tuple[float, ...]] | None:
    """Akaike's criterion, corrected for few rows, and the costs, of some of the columns."""
    matrix, count, free = columns[:, chosen], len(target), len(chosen)
    lengths = np.linalg.norm(matrix, axis=0)
    if count <= free + 1 or not lengths.all() or np.linalg.cond(matrix / lengths) > MOST_ALIKE:
        return None
    costs = np.linalg.lstsq(matrix / lengths, target, rcond=None)[0] / lengths
    if costs.min() < 0:
        return None
    mean = max(float(np.mean((matrix @ costs - target) ** 2)), _EXACT**2)
    criterion = count * math.log(mean) + 2 * free + 2 * free * (free + 1) / (count - free - 1)
    told = dict(zip(chosen, (round(float(one), _DIGITS) for one in costs), strict=True))
    return criterion, tuple(told.get(column, 0.0) for column in range(3))


def fit(pairs: Sequence[Pair]) -> Fitted:
    """Fits all classes.

    Raises:
        MlforgeError: Too few networks, or of several boards, or no class could be fitted.
    """
    _check(pairs)
    rows = [row for pair in pairs for row in rows_of(pair)]
    names = [pair.network for pair in pairs]
    whole: dict[KernelClass, Costs] = {}
    without: dict[KernelClass, dict[str, Costs]] = {}
    left: dict[KernelClass, str] = {}
    for kind in CLASSES:
        own = [row for row in rows if row.kind == kind]
        found = _fits(own, names)
        why = _why_not(own, found and found[1])
        if found is not None and not why:
            whole[kind], without[kind] = found
        elif own:
            left[kind] = why
    if not whole:
        told = "; ".join(f"{kind}: {why}" for kind, why in left.items()) or "no layer takes time"
        raise MlforgeError(f"no class of layers could be fitted: {told}")
    calibration = Calibration(
        version=1,
        conditions=pairs[0].conditions,
        probe=pairs[0].probe,
        date=max(pair.date for pair in pairs),
        classes={kind: _class(rows, kind, costs, without[kind]) for kind, costs in whole.items()},
        networks=tuple(_network(pair, rows, without) for pair in pairs),
    )
    return Fitted(calibration, left)


def _fits(rows: Sequence[Row], names: Iterable[str]) -> tuple[Costs, dict[str, Costs]] | None:
    """The fit to all of a class, and without each network; None unless all of them are there."""
    whole, without = solve(rows), {}
    for name in names:
        found = solve([row for row in rows if row.network != name])
        if found is None:
            return None
        without[name] = found
    return None if whole is None else (whole, without)


def _why_not(rows: Sequence[Row], without: Mapping[str, Costs] | None) -> str:
    """Why a class has no fit that tells anything; empty where it has."""
    networks = {row.network for row in rows}
    least = min((sum(row.network != name for row in rows) for name in networks), default=0)
    if least < LEAST_LAYERS:
        return f"too few: {len(rows)} layers of {len(networks)} networks"
    if without is None:
        return "what the board takes does not grow with the emulated cycles"
    error = _error(rows, without)
    return f"left-out layers are {error:.0%} off" if error > MOST_OFF else ""


def _error(rows: Sequence[Row], without: Mapping[str, Costs]) -> float:
    """How far off a layer is by the fit without its network, by the median."""
    costs = (without[row.network].cycles(row.emulated, row.weight_bytes) for row in rows)
    return statistics.median(
        abs(one - row.measured) / row.scale for one, row in zip(costs, rows, strict=True)
    )


def _class(
    rows: Iterable[Row], kind: KernelClass, costs: Costs, without: Mapping[str, Costs]
) -> ClassFit:
    own = [row for row in rows if row.kind == kind]
    instructions = sum(row.instructions for row in own)
    return ClassFit(
        **costs.model_dump(),
        per_instruction=round(sum(row.measured for row in own) / instructions, _DIGITS),
        layers=len(own),
        networks=len({row.network for row in own}),
        error=round(_error(own, without), 4),
    )


def _network(
    pair: Pair, rows: Iterable[Row], without: Mapping[KernelClass, Mapping[str, Costs]]
) -> Network:
    fits = {kind: each[pair.network] for kind, each in without.items()}
    own = [row for row in rows if row.network == pair.network and row.kind in fits]
    if not own:
        raise MlforgeError(f"{pair.network}: none of its layers is of a class that can be fitted")
    foretold = sum(fits[row.kind].cycles(row.emulated, row.weight_bytes) for row in own)
    return Network(
        name=pair.network,
        model=pair.model,
        emulated_firmware=pair.emulated_firmware,
        measured_firmware=pair.measured_firmware,
        emulated=sha256_bytes(pair.emulated.to_bytes()),
        measured=sha256_bytes(pair.measured.to_bytes()),
        measured_cycles=round(sum(row.measured for row in own), 1),
        foretold_cycles=round(foretold, 1),
        without=fits,
    )


def _check(pairs: Sequence[Pair]) -> None:
    names = [pair.network for pair in pairs]
    again = sorted({name for name in names if names.count(name) > 1})
    if again:
        raise MlforgeError(f"the network '{again[0]}' was measured twice: keep one of its profiles")
    if len(pairs) < LEAST_NETWORKS:
        raise MlforgeError(
            f"found profiles of {len(pairs)} networks on both sides, wanted {LEAST_NETWORKS} or "
            "more: each is foretold from the others"
        )
    first = pairs[0]
    for pair in pairs[1:]:
        if pair.probe != first.probe:
            raise MlforgeError(f"'{first.network}' and '{pair.network}' are of two probes")
        for name, value in pair.conditions:
            if value != getattr(first.conditions, name):
                raise MlforgeError(
                    f"'{first.network}' and '{pair.network}' were not made alike: {name}",
                    hint="measure all of them anew: doit calibrate board=…",
                )
