"""Sources of data, one module each: where rows come from, not what is made of them.

To add one (docs/add/data-format.md has an example):

1. describe it in a module of `contract/sources/` (a record with a `kind`, which says what files
   it is made from), and add it to `contract/source.py`;
2. write `from_<kind>.py` here, with a `PLUGIN` that has the `read` of `Reader` below;
3. add its line to `tests/datasets/test_sources.py`, which says what every source must do;
4. where `doit new` can know its files by their names, give `PLUGIN` a `recognise(path, root)`: the
   `source` section for such a file, None for others (`_look` reads the rest with `read`).

Modules with an underscore turn rows into examples; they are the same for every source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from mlforge_tasks import plugins
from mlforge_tasks.datasets._wanted import wanted

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.data_card import SourceCard
    from mlforge_tasks.contract.dataset import DatasetSpec
    from mlforge_tasks.datasets._table import Table
    from mlforge_tasks.datasets._wanted import Wanted

Spec_contra = TypeVar("Spec_contra", contravariant=True)


@dataclass(frozen=True)
class Loaded:
    """What a source gives: its rows, and where they came from.

    Attributes:
        notes: What the user should hear, a sentence each: what was left out, how often, and where
            the first of it is.
    """

    table: Table
    card: SourceCard
    notes: tuple[str, ...] = ()


class Reader(Protocol[Spec_contra]):
    """A source plug-in."""

    def read(self, spec: Spec_contra, root: Path, columns: Wanted) -> Loaded:
        """Reads all rows.

        Args:
            spec: The `source:` section of its kind.
            root: The project's root, which `spec.files` are relative to; it reads no other file
                of the project, since these are what the stage's key holds.
            columns: The columns that the contract names; the table needs no others.

        Raises:
            MlforgeError: The data is not as it should be; says where and what to do.
            ToolError: It could not be fetched.
        """


def load(spec: DatasetSpec, root: Path) -> Loaded:
    """Reads a data set's source with the plug-in of its kind; raises what that raises."""
    name = spec.source_module.rpartition(".")[2]
    reader: Reader[object] = plugins.load("datasets", name)
    return reader.read(spec.source, root, wanted(spec))
