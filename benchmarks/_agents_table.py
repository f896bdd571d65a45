"""What the agents' benchmark measured, as Markdown and as a plot."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

# Of how many trained candidates the best metric is compared.
FIXED_BUDGET = 2
# The cost model's error counts once so many candidates were measured.
MEASURED = 8
COLOURS = {
    "random_search": "#8c959f",
    "tpe": "#bf8700",
    "optimizer": "#1a7f37",
    "anthropic": "#8250df",
}


class Candidate(Record):
    """One proposal of a search.

    Attributes:
        trained: Whether a training was spent on it, or would have been.
        seconds: The training's, wall time; None where it did not take place.
        feasible: Whether its measured figures keep the hardware limits.
        metric: The goal's, int8 on the validation split; None where it was not trained.
        met: Whether it meets the contract, the test split included.
    """

    trained: bool
    seconds: float | None
    feasible: bool
    metric: float | None
    met: bool


class Result(Record):
    """A finished search.

    Attributes:
        contract: Its name.
        agent: Who proposed.
        seed: Of the search and its trainings.
        budget: At most so many rounds.
        goal: The goal's metric.
        direction: Which way is better.
        candidates: Every proposal, in order.
    """

    contract: str
    agent: str
    seed: int
    budget: int
    goal: str
    direction: str
    candidates: tuple[Candidate, ...]

    def trained(self) -> list[Candidate]:
        """Those that a training was spent on."""
        return [one for one in self.candidates if one.trained]

    def until_met(self) -> int | None:
        """How many were trained until one met the contract; None where none did."""
        met = (number for number, one in enumerate(self.trained(), 1) if one.met)
        return next(met, None)

    def seconds(self) -> float:
        """Training time until the contract was met, or the budget was used."""
        spent = self.trained()[: self.until_met()]
        return sum(one.seconds or 0.0 for one in spent)

    def hidden(self) -> bool:
        """Whether trainings are missing in the seconds, since they could not change anything."""
        return any(one.seconds is None for one in self.trained()[: self.until_met()])

    def best(self) -> float | None:
        """The best metric that keeps the hardware limits, among the first few trained."""
        fit = [one.metric for one in self.trained()[:FIXED_BUDGET] if one.feasible]
        values = [value for value in fit if value is not None]
        better = max if self.direction == "maximize" else min
        return better(values, default=None)


def median_until_met(results: Iterable[Result], budget: int) -> str:
    """The median, with a search that never met the contract counted as more than the budget.

    Of two in the middle the larger, since between a count and "more" there is no mean.
    """
    counts = sorted(one.until_met() or budget + 1 for one in results)
    middle = statistics.median_high(counts)
    return f">{budget}" if middle > budget else f"{middle:g}"


def _row(results: list[Result], budget: int) -> list[str]:
    trained = [candidate for one in results for candidate in one.trained()]
    met = [one.until_met() for one in results]
    each = ", ".join(f">{budget}" if count is None else str(count) for count in met)
    best = [value for value in (one.best() for one in results) if value is not None]
    least = "≥ " if any(one.hidden() for one in results) else ""
    share = sum(one.feasible for one in trained) / max(len(trained), 1)
    return [
        f"**{median_until_met(results, budget)}** ({each})",
        f"{least}{statistics.median(one.seconds() for one in results):.0f} s",
        f"{statistics.median(best):.4g} ({len(best)} of {len(results)})" if best else "none",
        f"{share:.0%} of {len(trained)}",
    ]


def _grouped(results: Iterable[Result]) -> dict[tuple[str, str], list[Result]]:
    found: dict[tuple[str, str], list[Result]] = {}
    for agent in COLOURS:
        for one in sorted((one for one in results if one.agent == agent), key=lambda o: o.seed):
            found.setdefault((one.contract, agent), []).append(one)
    return dict(sorted(found.items(), key=lambda item: item[0][0]))


def _lines(header: tuple[str, ...], rows: Iterable[Iterable[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def table(results: list[Result], budget: int) -> str:
    """The agents, contract by contract."""
    header = (
        "contract",
        "agent",
        "trained until met: median (each seed)",
        "training until met, median",
        f"best metric after {FIXED_BUDGET} trained",
        "trained and feasible",
    )
    grouped = _grouped(results)
    return _lines(header, ([*names, *_row(found, budget)] for names, found in grouped.items()))


def error_table(misses: Mapping[str, Mapping[str, list[float]]]) -> str:
    """The cost model's median error.

    Args:
        misses: By contract and figure, how far off each prediction was.
    """
    figures = sorted({metric for found in misses.values() for metric in found})
    rows = []
    for contract, found in misses.items():
        every = (found.get(metric, []) for metric in figures)
        medians = [f"{statistics.median(off):.1%}" if off else "-" for off in every]
        rows.append([contract, *medians, str(max(len(off) for off in found.values()))])
    return _lines(("contract", *figures, "predictions"), rows)


def draw(results: list[Result], budget: int, path: Path) -> None:
    """The share of searches that have met their contract, over the candidates trained."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - heavy
    from matplotlib.figure import Figure  # noqa: PLC0415 - heavy

    contracts = sorted({one.contract for one in results})
    figure = Figure(figsize=(3.4 * max(len(contracts), 1), 3.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, max(len(contracts), 1), squeeze=False)[0]
    lines = {}
    for (contract, agent), found in _grouped(results).items():
        counts = [one.until_met() or budget + 1 for one in found]
        steps = range(budget + 1)
        shares = [sum(count <= step for count in counts) / len(counts) for step in steps]
        axes = panels[contracts.index(contract)]
        # Dashes show a line that lies on another.
        style = {"color": COLOURS[agent], "linestyle": "--" if agent == "optimizer" else "-"}
        (lines[agent],) = axes.step(steps, shares, where="post", linewidth=2, **style)
        axes.set_title(f"{contract}", fontsize=10)
        axes.set_xlabel("candidates trained", fontsize=9)
        axes.set_ylim(-0.03, 1.03)
        axes.grid(visible=True, alpha=0.3)
    panels[0].set_ylabel("searches that met the contract", fontsize=9)
    figure.legend(
        lines.values(), lines.keys(), loc="outside lower center", ncols=len(lines), frameon=False
    )
    figure.savefig(path, metadata={"Software": None})
