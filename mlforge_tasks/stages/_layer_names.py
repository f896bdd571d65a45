"""Names of layers in a `.keras` archive: Keras takes any text, TensorFlow no blanks and no accents.

They are changed in the archive, since variables get their names, for good, as a layer is built.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CONFIGURATION = "config.json"
# What TensorFlow takes as the name of a scope.
_PLAIN = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9.]+")


def with_plain_names(archive: bytes) -> bytes:
    """The same model with names that TensorFlow takes; the same bytes where it takes them all.

    Raises:
        Exception: Of many types: it is no such archive.
    """
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        configuration = json.loads(source.read(_CONFIGURATION))
        new = _new_names(tuple(dict.fromkeys(_names(configuration))))
        if not new:
            return archive
        others = [(each, source.read(each)) for each in source.infolist()]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for each, content in others:
            renamed = json.dumps(_renamed(configuration, new)).encode()
            target.writestr(each, renamed if each.filename == _CONFIGURATION else content)
    return stream.getvalue()


def _names(value: Any) -> Iterator[str]:
    """Every text under a key `name`."""
    if isinstance(value, dict):
        if isinstance(value.get("name"), str):
            yield value["name"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _names(each)


def _new_names(names: tuple[str, ...]) -> dict[str, str]:
    """A name of its own for each that is not plain."""
    taken = set(names)
    new: dict[str, str] = {}
    for name in names:
        if _PLAIN.fullmatch(name):
            continue
        base = plain = _NOT_PLAIN.sub("_", name).strip("_") or "layer"
        number = 1
        while plain in taken:
            number += 1
            plain = f"{base}_{number}"
        taken.add(plain)
        new[name] = plain
    return new


def _renamed(value: Any, new: Mapping[str, str]) -> Any:
    """With a layer's name changed wherever another layer refers to it."""
    if isinstance(value, dict):
        return {key: _renamed(each, new) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, new) for each in value]
    return new.get(value, value) if isinstance(value, str) else value
