"""What all layers have in common: the bounds of their numbers, and what each says of itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field

from mlforge_tasks.architecture.geometry import Shape, Work
from mlforge_tasks.records import Record

Activation: TypeAlias = Literal["relu", "relu6", "tanh", "sigmoid", "linear"]

# The bounds are about twice what fits the largest board here (megabytes of flash); they only keep
# nonsense from reaching Keras. What a contract allows is judged by its limits, not by these.
Clusters = Annotated[int, Field(strict=True, ge=1, le=1024)]
Units = Annotated[int, Field(strict=True, ge=1, le=1024)]
Filters = Annotated[int, Field(strict=True, ge=1, le=512)]
Kernel = Annotated[int, Field(strict=True, ge=1, le=64)]
KernelSide = Annotated[int, Field(strict=True, ge=1, le=32)]
Kernel2D = tuple[KernelSide, KernelSide]
Stride = Annotated[int, Field(strict=True, ge=1, le=16)]
Dilation = Annotated[int, Field(strict=True, ge=1, le=64)]
PoolSize = Annotated[int, Field(strict=True, ge=2, le=64)]
DropRate = Annotated[float, Field(strict=True, gt=0.0, le=0.9)]


def require_kind(schema: dict[str, Any]) -> None:
    """`kind` has a default for us; whoever writes JSON must give it."""
    schema["required"] = ["kind", *schema.get("required", ())]


class BaseLayer(Record):
    """What every layer can say about itself, given the shape; its keys, of those that have them.

    Attributes:
        kind: Which layer it is.
        units: Outputs of a dense layer.
        filters: Channels of the output.
        kernel: Steps, or pixels down and across, that an output sees.
        size: Steps, or pixels along each side, of a window.
        stride: From one window to the next.
        dilation: From one step that a kernel sees to the next.
        padding: `same` has zeros around, `valid` has none.
        activation: What follows the layer's sums.
        rate: Share of the elements that is dropped.
        clusters: How many centroids.
    """

    model_config = ConfigDict(json_schema_extra=require_kind)

    def output_shape(self, shape: Shape) -> Shape:
        """The shape that comes out.

        Raises:
            ShapeError: The layer cannot take this input.
        """
        return shape

    def parameters(self, shape: Shape) -> int:
        """Keras' parameter count, the non-trainable ones included."""
        return sum(work.weights + work.channels for work in self.work(shape))

    def work(self, shape: Shape) -> tuple[Work, ...]:  # noqa: ARG002 - the overrides need it
        """The operators it becomes on the device; none for a layer that is folded away."""
        return ()
