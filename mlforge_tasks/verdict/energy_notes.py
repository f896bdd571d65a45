"""What a report says of energy and heat beside the figures: where they are from, what they lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.records import Record
from mlforge_tasks.verdict.limits import (
    average_power,
    battery_life,
    energy_per_inference,
    junction_temperature,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.contract.operation import Operation
    from mlforge_tasks.contract.power import Draw

KINDS = (
    energy_per_inference.LIMIT,
    average_power.LIMIT,
    battery_life.LIMIT,
    junction_temperature.LIMIT,
)


class EnergyNotes(Record):
    """What is said beside the figures.

    Attributes:
        sources: Lines of data sheets, and what was assumed.
        lacks: What a figure that is not known would need, by its metric.
    """

    sources: tuple[str, ...]
    lacks: dict[str, str]


def notes(board: Board, operation: Operation) -> EnergyNotes:
    """What is known of a board and of how it is used."""
    return EnergyNotes(
        sources=tuple(_sources(board, operation)), lacks=dict(_lacks(board, operation))
    )


def _sources(board: Board, operation: Operation) -> Iterator[str]:
    power, thermal, battery = board.power, board.thermal, operation.battery
    if power is not None:
        yield f"supply of {board.name}: {power.supply_v:g} V"
        yield _line("active current", power.active, operation.around_c)
        mode = power.sleep_mode(operation.sleep)
        if mode is not None:
            yield _line(f"current in mode {mode.mode}", mode, operation.around_c)
    if battery is not None:
        feeds = f"{battery.capacity_mah:g} mAh, {battery.voltage_v:g} V to {battery.cutoff_v:g} V"
        yield f"battery: {feeds}" + (f"; {battery.source}" if battery.source else "")
        if power is not None and battery.voltage_v < power.supply_v and battery.efficiency == 1:
            yield (
                f"the battery's {battery.voltage_v:g} V are less than the supply of "
                f"{power.supply_v:g} V: its life is that with a converter that loses nothing, as "
                "operation.battery names no efficiency"
            )
    if thermal is not None:
        found = f"{thermal.theta_ja_k_per_w:g} K/W, {thermal.package}, {thermal.test_board}"
        yield f"theta_JA: {found}; {thermal.source}. Another board has another one"


def _line(what: str, draw: Draw, ambient_c: float) -> str:
    most = draw.at(ambient_c)
    if most is None:
        span = f"not known at {ambient_c:g} \u00b0C"
    else:
        span = f"{draw.least_ua:g} uA to {most.current_ua:g} uA at {most.up_to_c:g} \u00b0C"
    sure = "" if draw.guaranteed else "; the data sheet has typical figures alone"
    return f"{what}: {span}; {draw.source}: {draw.conditions}{sure}"


def _lacks(board: Board, operation: Operation) -> Iterator[tuple[str, str]]:
    energy, average, battery, heat = (one.field for one in KINDS)
    supply = "" if board.power else f"a meter, or power: in the file of {board.name}"
    period = "" if operation.inference_period_s else "operation.inference_period"
    yield energy, supply
    yield average, supply or period
    yield battery, supply or period or ("" if operation.battery else "operation.battery")
    thermal = "" if board.thermal else f"thermal: in the file of {board.name}"
    ambient = "" if operation.ambient_c is not None else "operation.ambient"
    yield heat, thermal or supply or ambient
