"""JSON text that others wrote, as records."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from mlforge_tasks.datasets._unpack import reading
from mlforge_tasks.errors import MlforgeError

T = TypeVar("T")


class Part(BaseModel):
    """A part of a file that others wrote; what else it says is not read."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


def read_json(data: bytes, where: str) -> Any:
    """What JSON text says.

    Raises:
        MlforgeError: It is none.
    """
    with reading(where, "not JSON text"):
        return json.loads(data)


def checked(kind: TypeAdapter[T], content: object, where: str, wanted: str) -> T:
    """Content as records.

    Args:
        kind: What checks it.
        content: What a file says.
        where: The file.
        wanted: What it should be, for the message.

    Raises:
        MlforgeError: It is not; says where in it.
    """
    try:
        return kind.validate_python(content)
    except ValidationError as error:
        places = error.errors(include_url=False, include_context=False, include_input=False)
        place = ".".join(str(part) for part in places[0]["loc"])
        found = f"'{place}' is missing, or not of its kind" if place else "another kind of value"
        raise MlforgeError(f"{where}: found {found}; wanted {wanted}") from None
