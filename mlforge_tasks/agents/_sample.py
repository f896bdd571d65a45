"""A seeded sample of a search space: what the optimiser chooses from."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.agents._cost import Counts, count
from mlforge_tasks.agents._features import kernels_of
from mlforge_tasks.architecture import linear_model, smallest, static_figures
from mlforge_tasks.errors import CandidateFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlforge_tasks.agents import DesignBrief, Stripes
    from mlforge_tasks.agents._choices import Genes, Space
    from mlforge_tasks.agents._loop_costs import Kernels
    from mlforge_tasks.architecture import Architecture, Shape, StaticFigures, Task
    from mlforge_tasks.quantisation import EndType

# A draw takes about one and a half milliseconds.
MAX_DRAWS = 1500
# Score = MACs^share * parameters^(1 - share). Rank correlation with the validation metric over 67
# trained networks of our spaces (watch, glucose, digits): 0.69, 0.41, 0.76 for MACs alone, 0.58,
# 0.53, 0.43 for the square root of the product, 0.66, 0.46, 0.64 for this share.
MACS_SHARE = 0.75


@dataclass(frozen=True)
class Member:
    """One network of a search space, or one of the few that lie outside of it.

    Attributes:
        genes: Which options make it; none for a network outside of the space.
        architecture: The network.
        figures: Its static figures.
        counts: What its cost is predicted from.
        score: How promising it is before anything was measured.
    """

    genes: Genes
    architecture: Architecture
    figures: StaticFigures
    counts: Counts
    score: float

    @property
    def family(self) -> int | None:
        """Which kind of network it is; None outside of the space."""
        return self.genes[0] if self.genes else None


@dataclass(frozen=True)
class Wanted:
    """What networks are for, and how they will run."""

    input_shape: Shape
    task: Task
    output_count: int
    kernels: Kernels
    stripes: Stripes | None
    activations: EndType = "int8"
    npu: str | None = None

    @classmethod
    def of(cls, brief: DesignBrief) -> Wanted:
        """What a brief wants."""
        kernels = kernels_of(brief.board)
        network = (brief.input_shape, brief.task, brief.output_count)
        return cls(*network, kernels, brief.stripes, brief.activations, brief.board.npu)

    def member(self, genes: Genes, architecture: Architecture) -> Member:
        """A network with its figures; raises CandidateFailure where its shapes do not work out."""
        figures = static_figures(architecture, self.input_shape, self.task, self.output_count)
        score = figures.macs**MACS_SHARE * figures.parameters ** (1 - MACS_SHARE)
        known = (figures, self.kernels, self.stripes)
        counts = count(*known, searches=False, activations=self.activations, npu=self.npu)
        return Member(genes, architecture, figures, counts, score)


class Sample:
    """Members of a space, each network once, drawn as they are asked for and then kept.

    Which networks, and in which order, depends on the space, the task and the seed only: that is
    how the genes of a network in the history are found again.
    """

    def __init__(self, source: Iterator[Member]) -> None:
        self._source = source
        self._drawn: list[Member] = []

    def __iter__(self) -> Iterator[Member]:
        yield from tuple(self._drawn)
        for member in self._source:
            self._drawn.append(member)
            yield member


@functools.lru_cache(maxsize=16)
def sample(wanted: Wanted, space: Space, seed: int) -> Sample:
    """The smallest member of each family, then uniform draws."""
    return Sample(_members(wanted, space, seed))


def _members(wanted: Wanted, space: Space, seed: int) -> Iterator[Member]:
    seen: set[Architecture] = set()
    for genes in _genes(space, seed):
        architecture = space.architecture(genes)
        if architecture in seen:
            continue
        seen.add(architecture)
        try:
            member = wanted.member(genes, architecture)
        except CandidateFailure:
            continue
        yield member


def outside(wanted: Wanted) -> tuple[Member, ...]:
    """The smallest networks there are, which no space has; the linear model is the first.

    None to tell anomalies: the space has a single centroid, and without a narrow layer a network
    would let everything through.
    """
    if wanted.task == "anomaly":
        return ()
    linear = linear_model(wanted.input_shape)
    others = (one for one in smallest(wanted.input_shape, wanted.task) if one != linear)
    return tuple(wanted.member((), architecture) for architecture in (linear, *others))


def _genes(space: Space, seed: int) -> Iterator[Genes]:
    yield from space.smallest()
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    for _ in range(MAX_DRAWS):
        yield space.sample(rng)
