"""The section `operation:`: how the device is used, which is no limit but decides some figures."""

from __future__ import annotations

from pydantic import Field

from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file.units import Seconds


class Operation(Record):
    """How the device is used.

    Attributes:
        inference_period_s: Time from one inference to the next.
    """

    inference_period_s: Seconds | None = Field(default=None, alias="inference_period")
