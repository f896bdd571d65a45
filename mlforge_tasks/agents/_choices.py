"""What a search space is: named choices, and the network that some options make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mlforge_tasks.architecture import Architecture, Layer

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Container, Mapping

Option: TypeAlias = int | float | str
Genes: TypeAlias = tuple[int, ...]

FAMILY = "block"


@dataclass(frozen=True)
class Choice:
    """One decision.

    Attributes:
        name: What is decided.
        options: From cheap to dear where there is an order.
        ordered: Whether neighbours in `options` are alike.
    """

    name: str
    options: tuple[Option, ...]
    ordered: bool = True


@dataclass(frozen=True)
class Space:
    """All the networks that a set of choices can make. Genes are one index per choice.

    Attributes:
        choices: The decisions; the first one names the family of networks.
        build: Makes the body out of the chosen options, by name.
    """

    choices: tuple[Choice, ...]
    build: Callable[[Mapping[str, Option]], tuple[Layer, ...]]

    @property
    def size(self) -> int:
        """How many combinations there are; some make the same network."""
        size = 1
        for choice in self.choices:
            size *= len(choice.options)
        return size

    def sample(self, rng: random.Random) -> Genes:
        """Genes drawn uniformly."""
        return tuple(rng.randrange(len(choice.options)) for choice in self.choices)

    def architecture(self, genes: Genes) -> Architecture:
        """The network that some genes make."""
        chosen = {
            choice.name: choice.options[gene]
            for choice, gene in zip(self.choices, genes, strict=True)
        }
        return Architecture(layers=self.build(chosen))

    def draw_new(
        self, draw: Callable[[], Genes], known: Container[Architecture | None], most: int
    ) -> tuple[Architecture, Genes]:
        """The first network of some draws that is not known; where all are, the last.

        Args:
            draw: Where genes come from.
            known: Networks that are not wanted again.
            most: Draws to make; so many misses mean that the space is as good as exhausted.
        """
        for _ in range(most):
            genes = draw()
            architecture = self.architecture(genes)
            if architecture not in known:
                break
        return architecture, genes

    def smallest(self) -> tuple[Genes, ...]:
        """The cheapest member of each family."""
        rest = (0,) * (len(self.choices) - 1)
        return tuple((family, *rest) for family in range(len(self.choices[0].options)))

    def distance(self, left: Genes, right: Genes) -> float:
        """How unlike two members are: 0 for the same genes, at most 1 per choice."""
        total = 0.0
        for choice, one, other in zip(self.choices, left, right, strict=True):
            if choice.ordered:
                total += abs(one - other) / max(len(choice.options) - 1, 1)
            else:
                total += one != other
        return total
