"""Where a data set's rows come from: `dataset.source`, one of the kinds of `contract/sources/`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mlforge_tasks.contract.sources.arrays import NpzSource, ParquetSource
from mlforge_tasks.contract.sources.folder import FolderSource
from mlforge_tasks.contract.sources.logs import WindowLinesSource, WisdmSource
from mlforge_tasks.contract.sources.recorders import (
    EdgeImpulseSource,
    SensimlSource,
    UciHarSource,
    WfdbSource,
)
from mlforge_tasks.contract.sources.series import ArffSource, TsSource
from mlforge_tasks.contract.sources.text import CsvSource
from mlforge_tasks.contract.sources.wheel import WheelSource

Source = Annotated[
    WheelSource
    | CsvSource
    | NpzSource
    | ParquetSource
    | FolderSource
    | TsSource
    | ArffSource
    | WindowLinesSource
    | WisdmSource
    | UciHarSource
    | EdgeImpulseSource
    | SensimlSource
    | WfdbSource,
    Field(discriminator="kind"),
]
