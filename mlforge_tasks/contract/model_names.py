"""What a model file calls its inputs and outputs, read before anything that runs it is started."""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlforge_tasks.errors import ToolError
from mlforge_tasks.yaml_file import Mistake, closest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlforge_tasks.contract.ends import ModelInput, ModelOutput
    from mlforge_tasks.contract.search import Search

    Ends = Mapping[str, Sequence[ModelInput | ModelOutput]]

_CONFIGURATION = "config.json"
# What comes of a file that is something else, or damaged.
_UNREADABLE = (
    *(OSError, ToolError, zipfile.BadZipFile, zlib.error, RuntimeError),
    *(ValueError, LookupError, TypeError, AttributeError),
)
# Of another name Keras is given a plain one, see `stages._layer_names`.
_PLAIN = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.]*")


def misnamed(search: Search, root: Path | None) -> Iterator[Mistake]:
    """Names that a model file does not have, relative to `search`.

    Args:
        search: The contract's section. A file that cannot be read is told when it is built.
        root: The project's; None where nothing is looked for in it.
    """
    named: Ends = {"inputs": search.inputs, "outputs": search.outputs}
    if root is None or search.brought_model is None or not any(named.values()):
        return
    known = _names_of(Path(root, search.brought_model))
    for (key, said), names in zip(named.items(), known, strict=True):
        for at, one in enumerate(said):
            if names is not None and one.name not in names:
                wanted = f"an {key.removesuffix('s')} of the model: {', '.join(names)}"
                near = closest(one.name, names)
                yield Mistake(wanted, at=(key, at, "name"), suggestion=near)


def _names_of(path: Path) -> tuple[Sequence[str] | None, Sequence[str] | None]:
    try:
        return _in_tflite(path) if path.suffix == ".tflite" else _in_keras(path)
    except _UNREADABLE:
        return None, None


def _in_tflite(path: Path) -> tuple[Sequence[str], Sequence[str]]:
    from mlforge_tasks.tflite_file.names import names_in  # noqa: PLC0415 - numpy

    found = names_in(path.read_bytes())
    return found.inputs, found.outputs


def _in_keras(path: Path) -> tuple[Sequence[str] | None, Sequence[str] | None]:
    with zipfile.ZipFile(path) as archive:
        network = json.loads(archive.read(_CONFIGURATION))
    if network["class_name"] != "Functional":
        return None, None
    config = network["config"]
    return _called(config["input_layers"]), _called(config["output_layers"])


def _called(ends: Any) -> list[str] | None:
    """Names of inputs or outputs: a dict's, else those of the layers; None where it is not known.

    Args:
        ends: [layer, node, tensor], or a list of these, or a dict.
    """
    if isinstance(ends, dict):
        return sorted(ends) if all(isinstance(one[0], str) for one in ends.values()) else None
    found = [one[0] for one in ([ends] if isinstance(ends[0], str) else ends)]
    plain = all(isinstance(one, str) and _PLAIN.fullmatch(one) for one in found)
    return found if plain else None
