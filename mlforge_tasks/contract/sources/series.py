"""Files of time series of the research archives, which come with a train and a test file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mlforge_tasks.contract.fields import ProjectPath
from mlforge_tasks.contract.sources.base import FileSource


class _PairSource(FileSource):
    """A file, and mostly another one to test with.

    Attributes:
        test_path: The other file; a column `split` then says `train` or `test` of each row.
    """

    test_path: ProjectPath | None = None

    def files(self, root: Path) -> tuple[Path, ...]:
        """One or both."""
        test = () if self.test_path is None else (Path(self.test_path),)
        return tuple(sorted({*super().files(root), *test}))

    @property
    def parts(self) -> tuple[tuple[str, dict[str, str]], ...]:
        """Each file, and what is said of all its rows."""
        if self.test_path is None:
            return ((self.path, {}),)
        return ((self.path, {"split": "train"}), (self.test_path, {"split": "test"}))


class TsSource(_PairSource):
    """Text in the `.ts` format of aeon and sktime: a recording a line."""

    kind: Literal["ts"]


class ArffSource(_PairSource):
    """Weka's ARFF text.

    Attributes:
        relation_rows: What a row of a relational attribute is: one of its channels, or a step in
            time.
    """

    kind: Literal["arff"]
    relation_rows: Literal["channels", "steps"] | None = None
