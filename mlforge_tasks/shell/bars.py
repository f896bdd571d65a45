"""Bars for a terminal: how far a stage is, and how a candidate's figures stand to their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from mlforge_tasks.verdict.notes import short_name
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlforge_tasks.records import Status
    from mlforge_tasks.shell.candidates_now import Bar, Standing

STYLES: dict[Status, str] = {"pass": "green", "fail": "red", "unknown": "cyan"}
# What a bar may still fill.
TRACK = "bright_black"
MET = "PASS"
# A limit stands here, so that a figure that is past it has room to be.
LIMIT_AT = 0.8
# A bar takes what is left of a line, as long as that is enough; else what is last is left out.
LEAST_BAR, MOST_BAR = 16, 40
_FILLED, _EMPTY, _LIMIT, _BASELINE = "━─│◆"
_ASCII = {_FILLED: "#", _EMPTY: "-", _LIMIT: "|", _BASELINE: "o"}


def _drawn(cells: list[tuple[str, str]], *, unicode: bool) -> Text:
    text = Text(no_wrap=True)
    for sign, style in cells:
        text.append(sign if unicode else _ASCII[sign], style=style)
    return text


def progress(share: float | None, width: int, *, unicode: bool) -> Text:
    """A bar that fills; an empty line where nobody knows how far it is.

    Args:
        share: From 0 to 1.
        width: In characters.
        unicode: Whether the terminal shows more than ASCII.
    """
    if share is None:
        return _drawn([(_EMPTY, TRACK)] * width, unicode=unicode)
    filled = round(share * width)
    cells = [(_FILLED, "cyan")] * filled + [(_EMPTY, TRACK)] * (width - filled)
    return _drawn(cells, unicode=unicode)


def against_limit(bar: Bar, width: int, *, unicode: bool) -> Text:
    """A figure's bar, with its limit's mark, and that of what needs no model.

    Args:
        bar: The figure.
        width: In characters.
        unicode: As of `progress`.
    """
    whole = abs(bar.limit) / LIMIT_AT or 1.0

    def at(value: float) -> int:
        return max(0, min(width - 1, round(value / whole * width)))

    filled = 0 if bar.value is None else max(1, at(bar.value) + (bar.value > bar.limit))
    cells = [(_FILLED, STYLES[bar.status])] * filled + [(_EMPTY, TRACK)] * (width - filled)
    cells[at(bar.limit)] = (_LIMIT, "bold")
    if bar.baseline is not None:
        cells[at(bar.baseline)] = (_BASELINE, "yellow")
    return _drawn(cells, unicode=unicode)


def _value(bar: Bar) -> str:
    return "-" if bar.value is None else format_value(bar.value, bar.unit)


def _bound(bar: Bar) -> str:
    """`of 9.9 KiB`, `of at least 80 %`."""
    return f"{'of' if bar.at_most else 'of at least'} {format_value(bar.limit, bar.unit)}"


def _foretold(bar: Bar) -> str:
    """What was expected, and how far off that was."""
    if bar.foretold is None:
        return ""
    told = f"foretold {format_value(bar.foretold, bar.unit)}"
    return f"{told} ({bar.foretold / bar.value - 1:+.0%})" if bar.value else told


def lines(rows: Sequence[Sequence[Text]]) -> list[Text]:
    """Rows of cells as lines, columns as wide as they need; what is too long ends with a mark."""
    widths = [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]
    found = []
    for row in rows:
        line = Text(no_wrap=True, overflow="ellipsis")
        for cell, width in zip(row, widths, strict=True):
            line.append_text(cell)
            line.append(" " * (width - cell.cell_len + 1 if width else 0))
        line.rstrip()
        found.append(line)
    return found


def standings(found: Sequence[Standing], width: int, *, unicode: bool) -> list[Text]:
    """Candidates, each with its name, how far it is and its design, and its bars below.

    Args:
        found: The candidates.
        width: Of the terminal.
        unicode: As of `progress`.
    """
    if not found:
        return []
    every = [bar for one in found for bar in one.bars]
    names = [Text(f"  {short_name(bar.metric)}") for bar in every]
    figures = [_figures(bar, unicode=unicode) for bar in every]
    count = len(figures[0]) if figures else 0
    while count and _room(names, [one[:count] for one in figures], width) < LEAST_BAR:
        count -= 1
    room = _room(names, [one[:count] for one in figures], width)
    wide = max(LEAST_BAR, min(MOST_BAR, room))
    drawn = lines(
        [
            [name, against_limit(bar, wide, unicode=unicode), *told[:count]]
            for name, bar, told in zip(names, every, figures, strict=True)
        ]
    )
    text: list[Text] = []
    for one in found:
        text += [Text(""), _head(one), *drawn[: len(one.bars)]]
        drawn = drawn[len(one.bars) :]
    return text


def _head(found: Standing) -> Text:
    """`candidate 2.0  untrained  conv1d 8k7 · flatten`."""
    head = Text(no_wrap=True, overflow="ellipsis")
    head.append(f"candidate {found.id}", style="bold")
    head.append(", best so far" if found.best else "")
    head.append(f"  {found.state}", style=_state_style(found))
    head.append(f"  {found.brief}", style="dim")
    return head


def _figures(bar: Bar, *, unicode: bool) -> list[Text]:
    """What stands behind a bar, the most important first.

    What needs no model has figures of the goal, and forecasts are of the device.
    """
    beside = Text(_foretold(bar), style="dim")
    if bar.baseline is not None:
        mark = _BASELINE if unicode else _ASCII[_BASELINE]
        beside = Text(f"{mark} no model {format_value(bar.baseline, bar.unit)}", style="yellow")
    return [
        Text(_value(bar), style=STYLES[bar.status] if bar.value is not None else "dim"),
        Text(_bound(bar), style="dim"),
        beside,
    ]


def _room(names: Sequence[Text], figures: Sequence[Sequence[Text]], width: int) -> int:
    """What a line has left for a bar, with its name before it and figures behind."""
    columns = [names, *zip(*figures, strict=True)]
    widths: list[int] = [max(cell.cell_len for cell in column) for column in columns]
    return width - sum(widths) - len(widths) - 1


def _state_style(found: Standing) -> str:
    if found.state == MET:
        return "bold green"
    return "red" if found.best or any(bar.status == "fail" for bar in found.bars) else "cyan"
