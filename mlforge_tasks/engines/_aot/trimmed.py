"""Chooses how many dead channels go, so that what is left costs no more than the whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.core import kernels_for
from mlforge_tasks.engines._aot.dead import Trimming
from mlforge_tasks.engines._aot.lower import lower_operators
from mlforge_tasks.engines._aot.memory import plan
from mlforge_tasks.engines._aot.program import Step
from mlforge_tasks.engines._aot.share import share_constants
from mlforge_tasks.engines._aot.thrift import thrifty_forms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlforge_tasks.engines._aot.core import Kernels
    from mlforge_tasks.engines._aot.graph import Graph
    from mlforge_tasks.engines._aot.memory import Plan
    from mlforge_tasks.engines._aot.program import Lowered

_ALL = 1.0
# Larger tensors than that fit no device, so what else there is to gain of a model does not matter.
_MOST_ELEMENTS = 1 << 24
# By core, from the fewest channels on: blocks of channels that its kernels take whole, and how many
# may be brought back for that, as a share of those that stay. MVE kernels read vectors of sixteen
# where they lie, but pack windows of any other number, which costs about an eighth of a pointwise
# layer; DSP kernels pack words of four, and the rest byte by byte.
_BLOCKS: Mapping[Kernels, tuple[tuple[int, float], ...]] = {
    "portable": ((1, _ALL),),
    "dsp": ((4, 1 / 32),),
    "mve": ((16, 1 / 8), (16, 16.0)),
}


@dataclass(frozen=True)
class Planned:
    """A model as it will be.

    Attributes:
        graph: It.
        operators: Each with constants of its own.
        lowered: The same with those shared that are equal.
        memory: Where everything lies.
        whole_macs: Multiply-accumulates with all its channels.
    """

    graph: Graph
    operators: tuple[Lowered, ...]
    lowered: tuple[Lowered, ...]
    memory: Plan
    whole_macs: int

    @property
    def constant_bytes(self) -> int:
        """What its constants take in flash."""
        steps = (form for form in self.lowered if isinstance(form, Step))
        return sum(each.size_bytes for step in steps for each in step.constants)

    def takes_no_more(self, other: Planned) -> bool:
        """Than another, of memory and of flash."""
        smaller = self.memory.arena_bytes <= other.memory.arena_bytes
        return smaller and self.constant_bytes <= other.constant_bytes


def planned(graph: Graph, cpu: str) -> Planned:
    """Lowers a graph and plans its memory.

    Raises:
        CandidateFailure: An operator, or a form of it, is not supported.
    """
    made, operators = lower_operators(graph, cpu)
    lowered = share_constants(thrifty_forms(made, operators))
    macs = sum(form.macs for form in lowered if isinstance(form, Step))
    return Planned(made, operators, lowered, plan(made, lowered), macs)


def _ways(graph: Graph, careful: Trimming, kernels: Kernels) -> Iterator[Graph]:
    """Graphs with fewer channels, roughly from the fewest on."""
    trimmings = [Trimming(graph, keeps_shared=False)] if careful.shares else []
    for trimming in (*trimmings, careful):
        for multiple, share in _BLOCKS[kernels]:
            for level in (False, True):
                fewer = trimming.without(multiple, share, level=level)
                if fewer is not None:
                    yield fewer


def trimmed(graph: Graph, cpu: str) -> Planned:
    """A model without dead channels, as far as it takes no more memory or flash for it.

    An output that lay where its input was may be too large for that once the input has lost more
    channels than itself, and weights that layers have in common may be cut in several ways; then
    some channels are kept.

    Args:
        graph: The model, rewritten.
        cpu: The core, as GCC's `-mcpu` names it.

    Raises:
        CandidateFailure: An operator, or a form of it, is not supported.
    """
    whole = planned(graph, cpu)
    if not graph.is_int8 or max(each.size for each in graph.tensors) > _MOST_ELEMENTS:
        return whole
    careful = Trimming(graph)
    if careful.whole is not graph:
        whole = planned(careful.whole, cpu)
    for way in _ways(graph, careful, kernels_for(cpu)):
        found = planned(way, cpu)
        if found.takes_no_more(whole):
            return replace(found, whole_macs=whole.whole_macs)
    return whole
