"""The `dataset:` section of a contract, and the card of the data set it comes to.

Light on purpose (pydantic only): the contract loader and the pipeline import it.
"""

from __future__ import annotations

from mlforge_tasks.dataset_spec.card import SPLITS, DataCard, Split
from mlforge_tasks.dataset_spec.spec import DatasetSpec, Task, source_files

__all__ = ["SPLITS", "DataCard", "DatasetSpec", "Split", "Task", "source_files"]
