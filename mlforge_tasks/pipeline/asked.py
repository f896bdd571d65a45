"""What stages are told of a contract's goal and data, whatever its target."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from mlforge_tasks.quantisation import LAYOUT

if TYPE_CHECKING:
    from mlforge_tasks.contract.contract import Contract


class Asked:
    """The parts of a contract as stages are told them.

    Args:
        contract: What is asked for.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract

    @functools.cached_property
    def figures(self) -> list[dict[str, Any]]:
        """What the goal asks, without the bounds."""
        return [one.figure.model_dump(mode="json") for one in self.contract.asked()]

    @functools.cached_property
    def goals(self) -> list[dict[str, Any]]:
        """What the goal asks, for an agent."""
        return [
            {
                "metric": one.figure.name,
                "target": one.target,
                "direction": one.figure.direction,
                "unit": one.unit,
            }
            for one in self.contract.asked()
        ]

    @functools.cached_property
    def learning_goal(self) -> dict[str, Any]:
        """What a training is steered by."""
        figure = self.contract.learning_figure()
        unnamed = figure.model_copy(update={"name": figure.metric})  # it may name an output
        return {"goal": unnamed.model_dump(mode="json")}

    @functools.cached_property
    def detectors(self) -> list[dict[str, Any]]:
        """What a detector's thresholds are chosen by; empty where nothing is to be detected."""
        return [one.model_dump(mode="json") for one in self.contract.detector_figures()]

    @functools.cached_property
    def ends(self) -> dict[str, Any]:
        """What the contract says of the inputs and outputs of a model that was brought along."""
        return self.contract.model_ends().model_dump(mode="json")

    @functools.cached_property
    def layout(self) -> dict[str, Any]:
        """In which order a user's network takes an example's axes."""
        return {LAYOUT: self.contract.search.layout}
