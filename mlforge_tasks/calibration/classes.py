"""Which layers are alike: those whose time goes into the same kind of kernel.

The form of the kernels (portable, of the DSP extension, of MVE) is the core's, and a calibration is
of one core, so an operator is enough.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

KernelClass: TypeAlias = Literal[
    "conv", "depthwise", "dense", "pool", "softmax", "elementwise", "other"
]
CLASSES: tuple[KernelClass, ...] = get_args(KernelClass)

_OPERATORS: Mapping[KernelClass, tuple[str, ...]] = {
    "conv": ("CONV_2D", "TRANSPOSE_CONV"),
    "depthwise": ("DEPTHWISE_CONV_2D",),
    "dense": ("FULLY_CONNECTED",),
    "pool": ("AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN"),
    "softmax": ("SOFTMAX",),
    "elementwise": (
        *("ADD", "SUB", "MUL", "RELU", "RELU6", "LEAKY_RELU", "HARD_SWISH"),
        *("LOGISTIC", "TANH", "ELU", "QUANTIZE"),
    ),
}
_CLASS_OF = {op: name for name, ops in _OPERATORS.items() for op in ops}


def class_of(op: str) -> KernelClass:
    """The class of a TFLite operator."""
    return _CLASS_OF.get(op, "other")
