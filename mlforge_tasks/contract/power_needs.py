"""What limits on energy, power, battery life and heat need of a board file and of `operation:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.yaml_file import Mistake, closest
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.contract.limits import Limits
    from mlforge_tasks.contract.operation import Operation
    from mlforge_tasks.contract.power import Power

_SUPPLIED = ("energy_per_inference", "average_power", "battery_life", "junction_temperature")
_PERIODIC = ("average_power", "battery_life")


def _set(limits: Limits, names: tuple[str, ...]) -> list[str]:
    """Which of some limits a contract sets, by their keys."""
    known = {field.alias: name for name, field in type(limits).model_fields.items()}
    return [name for name in names if getattr(limits, known[name]) is not None]


def of_board(limits: Limits, board: Board, *, computed: bool) -> Iterator[Mistake]:
    """What of the limits cannot be told, since the board's file lacks it.

    Args:
        limits: The contract's.
        board: The contract's.
        computed: Whether figures that are computed count, so that no meter and no sensor is needed.
    """
    for name in _set(limits, _SUPPLIED) if computed and board.power is None else ():
        yield Mistake(
            f"a board whose file has `power:` (docs/add/board.md), as that of {board.name} has not",
            at=(name,),
        )
    awake = computed and board.power is not None and not board.power.sleep
    for name in _set(limits, _PERIODIC) if awake else ():
        wanted = f"a board whose file has `power.sleep:`, as that of {board.name} has not"
        yield Mistake(wanted, at=(name,))
    for name in _set(limits, ("junction_temperature",)):
        limit = limits.junction_temperature_c or 0.0
        if computed and board.thermal is None:
            lacks = f"a board whose file has `thermal:`, as that of {board.name} has not"
            yield Mistake(lacks, at=(name,))
        elif board.thermal is not None and limit > board.thermal.junction_max_c:
            most = format_value(board.thermal.junction_max_c, "\u00b0C")
            yield Mistake(f"at most {most}, which the chip of {board.name} stands", at=(name,))


def of_operation(
    operation: Operation, limits: Limits, board: Board, *, computed: bool
) -> Iterator[Mistake]:
    """What of the limits cannot be told, since the contract does not say how the device is used."""
    for name in _set(limits, _PERIODIC) if operation.inference_period_s is None else ():
        wanted = f"the time from one inference to the next, which limits.{name} depends on"
        yield Mistake(wanted, at=("inference_period",), found="nothing")
    if _set(limits, ("battery_life",)) and operation.battery is None:
        wanted = "the battery whose life limits.battery_life limits, such as cr2032"
        yield Mistake(wanted, at=("battery",), found="nothing")
    if board.power is None:
        return
    yield from _sleep(operation, board.power, board.name)
    if not computed:  # a meter or a sensor may tell
        return
    if _set(limits, ("junction_temperature",)) and operation.ambient_c is None:
        wanted = "the highest temperature around the device, such as '40 \u00b0C'"
        yield Mistake(wanted, at=("ambient",), found="nothing")
    if _set(limits, _SUPPLIED):
        yield from _hotter(operation, board.power, board.name)
    yield from _asleep(operation, limits, board.power, board.name)


def _asleep(operation: Operation, limits: Limits, power: Power, board: str) -> Iterator[Mistake]:
    """A sleep mode that alone draws more than a limit allows, whatever the design."""
    mode = power.sleep_mode(operation.sleep)
    most_ua = None if mode is None else mode.most_ua(operation.around_c)
    if mode is None or most_ua is None or operation.inference_period_s is None:
        return
    asleep_uw = power.supply_v * most_ua
    allowed = {"average_power": limits.average_power_uw}
    battery = operation.battery
    if battery is not None and limits.battery_life_h is not None:
        full_uwh = battery.capacity_mah * battery.voltage_v * 1e3 * battery.efficiency
        allowed["battery_life"] = full_uwh / limits.battery_life_h
    for name, limit_uw in allowed.items():
        if limit_uw is not None and limit_uw < asleep_uw:
            known = ", ".join(one.mode for one in power.sleep)
            drawn, limit = (format_value(one, "uW") for one in (asleep_uw, limit_uw))
            wanted = (
                f"another mode of {board} ({known}): in '{mode.mode}' it draws up to {drawn} "
                f"asleep, and limits.{name} leaves {limit}"
            )
            yield Mistake(wanted, at=("sleep",), found=operation.sleep or "nothing")


def _sleep(operation: Operation, power: Power, board: str) -> Iterator[Mistake]:
    """A mode that the board's file has not, whatever the limits."""
    if operation.sleep is not None and power.sleep_mode(operation.sleep) is None:
        modes = [one.mode for one in power.sleep]
        wanted = f"a sleep mode in the file of {board}: {', '.join(modes) or 'it has none'}"
        yield Mistake(wanted, at=("sleep",), suggestion=closest(operation.sleep, modes))


def _hotter(operation: Operation, power: Power, board: str) -> Iterator[Mistake]:
    """A temperature that its data sheet has no currents for."""
    hottest_c = min(one.hottest_c for one in (power.active, *power.sleep))
    if operation.around_c > hottest_c:
        most = format_value(hottest_c, "\u00b0C")
        wanted = f"at most {most}, up to which the file of {board} has currents"
        yield Mistake(wanted, at=("ambient",))
