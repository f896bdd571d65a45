"""Which of a source's columns a contract names, and as what: no other needs to be kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.contract.dataset import DatasetSpec
    from mlforge_tasks.contract.measured import Time

Kind = Literal["number", "text", "time"]


@dataclass(frozen=True)
class Wanted:
    """The columns that are read.

    Whoever reads another column of a `Table` names it in `wanted`.

    Attributes:
        numbers: What is read as numbers.
        between: First and last column of neighbours that are numbers too, or None.
        texts: What is read as text: groups, classes, what tells the splits apart.
        time: What says when a row was measured, and how it is written.
    """

    numbers: tuple[str, ...] = ()
    between: tuple[str, str] | None = None
    texts: tuple[str, ...] = ()
    time: Time | None = None

    def names(self) -> frozenset[str]:
        """The columns that are named, without those between two."""
        times = () if self.time is None else (self.time.column,)
        return frozenset({*self.numbers, *(self.between or ()), *self.texts, *times})

    def kinds(self, names: tuple[str, ...]) -> Mapping[str, Kind]:
        """What to read each of a file's columns as, in the file's order; others are left out.

        A column that is wanted as two things stays text, which can be read as either. One that
        the file does not have is left out: a folder's name may stand for it.
        """
        asked: dict[Kind, set[str]] = {
            "number": {*self.numbers, *self._neighbours(names)},
            "text": set(self.texts),
            "time": set() if self.time is None else {self.time.column},
        }
        kinds: dict[str, Kind] = {}
        for name in names:
            found = [kind for kind, members in asked.items() if name in members]
            if found:
                kinds[name] = found[0] if len(found) == 1 else "text"
        return kinds

    def marks(self, said: Mapping[str, str]) -> dict[str, str]:
        """Of what is said of a whole recording, what is wanted."""
        return {name: said[name] for name in self.kinds(tuple(said))}

    def _neighbours(self, names: tuple[str, ...]) -> tuple[str, ...]:
        if self.between is None or not {*self.between} <= {*names}:
            return ()
        first, last = map(names.index, self.between)
        return names[first : last + 1]


def wanted(spec: DatasetSpec) -> Wanted:
    """The columns that a contract's `dataset:` section names."""
    inputs, target = spec.inputs, spec.target
    features = inputs.columns or tuple(feature.name for feature in inputs.features)
    column = () if target.column is None else (target.column,)
    outputs = target.columns or column or tuple(output.name for output in target.outputs)
    span = inputs.column_range
    return Wanted(
        numbers=(*(() if span else features), *(() if column and target.labels else outputs)),
        between=(span.first, span.last) if span else None,
        texts=(
            *(() if spec.group is None else (spec.group,)),
            *((spec.split.column,) if spec.split.rule == "column" else ()),
            *(column if target.labels else ()),
        ),
        time=spec.time,
    )
