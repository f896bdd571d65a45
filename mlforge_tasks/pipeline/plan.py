"""The graph: from one contract to every stage it may need.

It has `max_iterations x candidates_per_iteration` chains. `gates` decide at run time how far down
the graph a run goes; rounds are declared as they are asked for (`rounds.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.contract.contract import Contract
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.graph.stage import Stage, Workspace
from mlforge_tasks.graph.store import Store
from mlforge_tasks.pipeline.iteration import Iterations
from mlforge_tasks.pipeline.preparation import Preparation, prepare
from mlforge_tasks.pipeline.rounds import Rounds
from mlforge_tasks.pipeline.stage_names import round_folder
from mlforge_tasks.pipeline.wiring import REFUSING, Wiring

if TYPE_CHECKING:
    from mlforge_tasks.page.found import Written
    from mlforge_tasks.pipeline.iteration import Iteration

# Folders of a build tree that are no contract's, and what they are for.
RESERVED_NAMES = {
    "ac": "the store",
    "calibrate": "where `doit calibrate` puts profiles",
    "cas": "the store",
    "compare": "where `doit compare` puts its pages",
}


@dataclass(frozen=True)
class Plan:
    """The whole graph of one contract.

    Attributes:
        name: The contract's name.
        contract: The contract.
        root: The project's root, for source files.
        folder: Where everything but the store goes.
        workspace: The store.
        preparation: What is done once: the data set, and what the firmware takes without a model.
        iterations: The rounds.
        written: The contract's file, where it is of one.
    """

    name: str
    contract: Contract
    root: Path
    folder: Path
    workspace: Workspace
    preparation: Preparation
    iterations: Rounds
    written: Written | None = None

    def stages(self, rounds: Iterable[Iteration]) -> Iterator[Stage]:
        """What is done once, then the stages of some rounds, in the order they may run."""
        yield from self.preparation.stages
        for iteration in rounds:
            yield from iteration.stages

    def begun(self) -> Iterator[Iteration]:
        """The rounds that a run has begun in this tree, as its folders tell."""
        for index in range(len(self.iterations)):
            if (self.folder / round_folder(index + 1)).exists():
                yield self.iterations[index]

    def tools(self) -> Iterator[Callable[[], Mapping[str, str]]]:
        """What asks the tools for their versions, in the order that they are needed."""
        for stage in self.stages(self.iterations[:1]):
            yield stage.kind.tools


def make_plan(
    contract: Contract,
    name: str,
    *,
    root: Path,
    build: Path,
    workspace: Workspace | None = None,
    refusing: tuple[str, ...] = REFUSING,
    written: Written | None = None,
) -> Plan:
    """Declares a contract's stages; cheap, nothing is run.

    Args:
        contract: What is asked for.
        name: Folder below `build` for its outputs.
        root: Project root, for source files.
        build: The build tree; the store lies in it too.
        workspace: The store; below `build` by default.
        refusing: Which stages keep from training what breaks a limit. Only a benchmark of agents
            has them let everything pass; what `judge` says is the same.
        written: The contract's file, for the report to show.

    Raises:
        MlforgeError: The mode or the name cannot be served.
    """
    if name in RESERVED_NAMES:
        raise MlforgeError(
            f"a contract cannot be called '{name}': build/{name} is {RESERVED_NAMES[name]}",
            hint="rename the contract file",
        )
    workspace = workspace or Workspace(Store(build))
    wiring = Wiring(contract, build / name, workspace, root, refusing=refusing, written=written)
    preparation = prepare(wiring)
    rounds = Rounds(Iterations(wiring, preparation), contract.search.max_iterations)
    return Plan(name, contract, root, build / name, workspace, preparation, rounds, written)
