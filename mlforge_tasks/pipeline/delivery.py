"""What a search ends with: the library, the report as a page, and all that is handed over."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.delivered_library import prefix_of
from mlforge_tasks.graph.stage import Stage
from mlforge_tasks.stages import deliver, layers, library, page

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from mlforge_tasks.pipeline.chain import Chain
    from mlforge_tasks.pipeline.wiring import Inputs, Wiring

DELIVERED = (
    *("render", "train", "quantise", "decide", "header"),
    *(*deliver.ON_TARGET, "evaluate"),
)
PROBED = ("probe_quantise", "probe_engine", "probe_firmware", "probe_run")


@dataclass(frozen=True)
class Ended:
    """What a search ended with.

    Attributes:
        inputs: The report, the data set, and what of each candidate may be handed over.
        proposed: Where candidates are from: `proposeNN`.
        known: What an earlier search came to of its best candidate's layers.
        limit: See `Wiring.ram_limit` and `Preparation.without_model`: what the engine was told.
        config: What `deliver` is told.
        probes: What untrained networks came to, for a best candidate that was never trained.
    """

    inputs: MutableMapping[str, Stage]
    proposed: Mapping[str, Stage]
    limit: tuple[Mapping[str, Any], Mapping[str, Stage]]
    config: Mapping[str, Any]
    known: Stage | None = None
    probes: MutableMapping[str, Stage] = field(default_factory=dict)


def deliveries(wiring: Wiring, k: int, ended: Ended) -> tuple[Stage, ...]:
    """The library, where int8 loses what float had, the page, and all that is handed over.

    Args:
        wiring: The contract's.
        k: The round; 0 of what was carried over.
        ended: What the search ended with.
    """
    name = wiring.folder.name
    board = wiring.on_board
    called: dict[str, Any] = {
        "name": name,
        "prefix": wiring.target.prefix or prefix_of(name),
        "board": board.name,
        "zephyr_board": board.zephyr.target if board.zephyr else "",
        **({"linux": True} if board.linux else {}),
    }
    known, sizes = ended.limit
    # Maps of maps, not copied: a hundred rounds have a million inputs.
    read = ChainMap({**sizes}, ended.inputs)
    kind, told = library.kind(wiring.engines), {**called, **known}
    made = wiring.stage(f"library:{k}", kind, read, told, after=("report",))
    apart = _layers(wiring, k, ended)
    seen = ChainMap({"layers": apart, **ended.proposed}, ended.probes, ended.inputs)
    shown = wiring.stage(f"page:{k}", page.KIND, seen, _written(wiring), after=("layers",))
    given = ChainMap({"library": made, "layers": apart, "page": shown}, ended.inputs)
    last = ("library", "page")
    handed = wiring.stage(f"deliver:{k}", deliver.KIND, given, ended.config, after=last)
    return made, apart, shown, handed


def _layers(wiring: Wiring, k: int, ended: Ended) -> Stage:
    """Float against int8, layer by layer; of a file that was brought along, it is read too."""
    model = wiring.contract.search.brought_model
    own: dict[str, Any] = {} if model is None else {"model": wiring.root / model}
    if ended.known is not None:
        own["known"] = ended.known
    read: Inputs = ChainMap[str, Any](own, ended.inputs)
    return wiring.stage(f"layers:{k}", layers.KIND, read, after=("report",))


def _written(wiring: Wiring) -> dict[str, Any]:
    """The contract as it was written."""
    return {"contract": wiring.written and wiring.written.model_dump(mode="json")}


def handed_over(at: str, chain: Chain) -> dict[str, Stage]:
    """What is delivered of a candidate: what a board measured, not what stood for it."""
    further = (f"{name}_{target}" for target in chain.further for name in deliver.ON_TARGET)
    shown = (
        hardware if (hardware := f"hardware_{name}") in chain.stages else name
        for name in (*DELIVERED, *further)
    )
    return {f"{at}.{name}": chain[name] for name in shown if name in chain.stages}


def probes(at: str, chain: Chain) -> dict[str, Stage]:
    """What a candidate's untrained network came to; of a model that was brought along nothing.

    Where the engine is open there is what each makes of it, such as `probe_engine_aot`.
    """
    made: dict[str, Any] = {name: chain[name] for name in PROBED if name in chain.stages}
    tried = made["probe_run"].inputs if "probe_run" in made else {}
    for name, one in tried.items():
        if isinstance(one, Stage) and one.name.startswith(f"probe_run_{name}:"):
            parts = ("engine", "firmware")
            made |= {f"probe_{part}_{name}": one.inputs[part] for part in parts}
    return {f"{at}.{name}": one for name, one in made.items()}
