"""Which tool made a file, and what a user of that tool calls the layer that a tensor belongs to.

Converters leave it in names: TensorFlow's the path of a Keras layer, litert-torch's the modules,
onnx2tf's the functions of TensorFlow that it made of ONNX operators. Vela says who it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from mlforge_tasks.tflite_file.model import FileModel

Tool = Literal["Keras", "PyTorch", "ONNX", "Vela", ""]

NPU_OPERATOR = "custom operator 'ethos-u'"
_VELA = "Vela Optimised"
_ONNX2TF = "onnx2tf"  # version 2 writes files itself, and says so
_TORCH = "torch.nn."
# What `search.torch` calls the user's network within the one that is exported.
NETWORK = "mlforge_network"
# A module of the user's, or of PyTorch's own, as litert-torch writes it: its class and its name.
_MODULE = re.compile(r"(?:.*\.)?(?P<kind>[A-Za-z0-9]+)_(?P<name>\w+)")
_NUMBER = re.compile(r"_\d+$")
_PARTS = 3  # network, layer, operation
_KERAS_3 = (2, 16)  # the first TensorFlow that has it


class Origin(NamedTuple):
    """Who made a file.

    Attributes:
        tool: What the network was written with, or the tool that changed it last; empty where
            nothing tells.
        numbered: Whether names end in a number of TensorFlow's, which Keras 3 has it give to all of
            an exported network.
    """

    tool: Tool
    numbered: bool = False

    def layer(self, tensor: str) -> str:
        """What the user calls the layer that a tensor belongs to; empty where nothing tells.

        Args:
            tensor: Its name; of operators that were fused all paths, the innermost last.
        """
        paths = (path.split("/") for path in reversed(tensor.split(";")))
        return next(filter(None, map(self._layer, paths)), "")

    def _layer(self, parts: list[str]) -> str:
        if self.tool == "PyTorch":
            return _module(parts)
        if len(parts) < _PARTS or self.tool not in {"Keras", "ONNX"}:
            return ""
        if self.tool == "ONNX":
            return f"the ONNX operator that onnx2tf made {parts[1]} of" * _is_function(parts[1])
        name = _NUMBER.sub("", parts[1]) if self.numbered else parts[1]
        return f"Keras layer '{name}'"


def _is_function(part: str) -> bool:
    return part.startswith("tf.")


def module_path(tensor: str) -> str:
    """The name of a PyTorch module that a tensor belongs to; empty where nothing tells.

    It is as the network's `named_modules` has it, `body.0`.

    Args:
        tensor: Its name; of operators that were fused all paths, the innermost last.
    """
    paths = (_modules(path.split("/")) for path in reversed(tensor.split(";")))
    found = next(filter(None, paths), []) if _TORCH in tensor else []
    return ".".join(one["name"] for one in found)


def _modules(parts: list[str]) -> list[re.Match[str]]:
    """The modules of a path, without the network itself."""
    found = [_MODULE.fullmatch(part) for part in parts[1:]]
    matches = [one for one in found if one is not None]
    if len(matches) < len(found):
        return []
    return matches[1:] if matches and matches[0]["name"] == NETWORK else matches


def _module(parts: list[str]) -> str:
    """Of modules the path of names, as PyTorch's `named_modules` has it."""
    matches = _modules(parts)
    if not matches:
        return ""
    name = ".".join(one["name"] for one in matches)
    return f"PyTorch module '{name}' ({matches[-1]['kind']})"


def origin_of(model: FileModel) -> Origin:
    """Who made a file, by its description and the names in it."""
    graph = model.main
    if model.description == _VELA or any(one.op == NPU_OPERATOR for one in graph.operators):
        return Origin("Vela")
    if model.description.startswith(_ONNX2TF):
        return Origin("ONNX")
    names = [part for one in graph.tensors for part in one.name.split(";")]
    if any(_TORCH in name for name in names):
        return Origin("PyTorch")
    paths = [name.split("/") for name in names if "/" in name]
    if any(_is_function(path[1]) for path in paths):
        return Origin("ONNX")
    if not paths:
        return Origin("")
    version = re.match(r"(\d+)\.(\d+)", model.tensorflow)
    newer = version is not None and (int(version[1]), int(version[2])) >= _KERAS_3
    return Origin("Keras", newer and all(path[0].endswith("_1") for path in paths))


def quoted(origin: Origin, tensor: str) -> str:
    """A layer in brackets, to stand behind what it is; empty where nothing tells its name."""
    layer = origin.layer(tensor)
    return f" ({layer})" if layer else ""
