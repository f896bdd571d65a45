"""The lowered model: calls of kernels, before anything has an address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph

# A C initialiser: a number, an expression, a list in braces, or a struct with named members.
Value = Union[int, str, tuple["Value", ...], "Mapping[str, Value]"]


@dataclass(frozen=True)
class Data:
    """A tensor as an argument: its address in the arena, or the constant that holds it.

    Attributes:
        tensor: Its index.
        offset: Bytes from its start.
    """

    tensor: int
    offset: int = 0


@dataclass(frozen=True)
class Scratch:
    """The step's scratch memory as an argument."""


Argument = Data | Scratch | str | int


@dataclass(frozen=True)
class Call:
    """One call of a kernel.

    Attributes:
        header: Where the kernel is declared; empty for a function of the application's, whose name
            begins with the model's prefix.
        function: The kernel.
        arguments: What it is given.
    """

    header: str
    function: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Constant:
    """A constant array.

    Attributes:
        name: C identifier.
        c_type: Type of an element.
        values: One dimension, or two for an array of records.
        comment: What the order of the values is.
        alignment_bytes: Of the array, where the kernel wants more than the type's.
    """

    name: str
    c_type: str
    values: NDArray[np.integer]
    comment: str = ""
    alignment_bytes: int = 1

    @property
    def size_bytes(self) -> int:
        """What it takes in flash."""
        return self.values.nbytes


@dataclass(frozen=True)
class Parameters:
    """A constant struct of kernel parameters."""

    name: str
    c_type: str
    members: Mapping[str, Value]


@dataclass(frozen=True)
class Behind:
    """An output that may grow into an input.

    Attributes:
        tensor: The input.
        bytes: By which the output must start before it at least; 0 where both may start at once.
        ahead: By which it may start after it instead, as kernels do that can read from the back.
    """

    tensor: int
    bytes: int
    ahead: int | None = None


@dataclass(frozen=True)
class Step:
    """What one operator becomes.

    Attributes:
        calls: In the order they run.
        constants: Arrays for flash.
        parameters: The kernel's parameter struct, if it takes one.
        scratch_bytes: Working memory during the step.
        overwrites: An input tensor that the output may share memory with, starting where it does.
        behind: The same of one that the output may also start before, and how far it must.
        thrifty: The same in less memory, which takes longer; see `thrift`.
        macs: Multiply-accumulates.
    """

    calls: tuple[Call, ...]
    constants: tuple[Constant, ...] = ()
    parameters: Parameters | None = None
    scratch_bytes: int = 0
    overwrites: int | None = None
    behind: Behind | None = None
    thrifty: Step | None = None
    macs: int = 0


@dataclass(frozen=True)
class Alias:
    """An operator that only gives the same bytes another shape."""

    source: int


@dataclass(frozen=True)
class Folded:
    """An operator on constants, computed at generation time."""

    values: NDArray[np.generic]


Lowered = Step | Alias | Folded


@dataclass(frozen=True)
class Lowering:
    """How operators of a model become steps.

    Attributes:
        lower: One step for each of a graph's operators, with constants of its own.
        share: The same steps with those constants once that several have in common.
    """

    lower: Callable[[Graph], tuple[Lowered, ...]]
    share: Callable[[Sequence[Lowered]], tuple[Lowered, ...]]
