"""Random slices, splits, transpositions and resizing, for `tests.helpers.graphs`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from tests.helpers.graph_builder import Builder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.helpers.aot_writer import Ref


class Views(Builder):
    """Operators that pick elements and leave them as they are."""

    def axis(self, source: Ref) -> int:
        """Any axis but the batch, if there is another."""
        return int(self.rng.integers(min(1, len(source.shape) - 1), len(source.shape)))

    def several(
        self,
        op: str,
        inputs: list[int],
        source: Ref,
        shapes: Sequence[tuple[int, ...]],
        options: Any,
    ) -> Ref:
        """Adds an operator of several outputs, in any order among the tensors made."""
        refs = [self.writer.activation(shape, source.quant, source.rms) for shape in shapes]
        self.writer.operator(op, inputs, [ref.index for ref in refs], options)
        last = refs.pop(int(self.rng.integers(len(refs))))
        self.made += refs
        return last

    def transpose(self, source: Ref) -> Ref:
        """Any order of the axes but the batch."""
        order = [0, *(1 + self.rng.permutation(len(source.shape) - 1)).tolist()]
        shape = tuple(source.shape[axis] for axis in order)
        return self.reshaped("TRANSPOSE", source, shape, order, schema.TransposeOptionsT())

    def pack(self, source: Ref) -> Ref:
        """Tensors of one shape and scale, along a new axis."""
        if len(source.shape) >= 4:
            return self.transpose(source)
        axis = int(self.rng.integers(1, len(source.shape) + 1))
        count = int(self.rng.integers(1, 4))
        shape = (*source.shape[:axis], count, *source.shape[axis:])
        ref = self.writer.activation(shape, source.quant, source.rms)
        options = schema.PackOptionsT(axis=axis, valuesCount=count)
        return self.output("PACK", [source.index] * count, ref, options)

    def unpack(self, source: Ref) -> Ref:
        """One tensor per place along an axis."""
        if len(source.shape) < 3:
            return self.transpose(source)
        axis = self.axis(source)
        count = source.shape[axis]
        shape = source.shape[:axis] + source.shape[axis + 1 :]
        options = schema.UnpackOptionsT(num=count, axis=self.pick(axis, axis - len(source.shape)))
        return self.several("UNPACK", [source.index], source, [shape] * count, options)

    def parts(self, source: Ref, axis: int, sizes: Sequence[int]) -> list[tuple[int, ...]]:
        """Shapes of parts along an axis."""
        return [(*source.shape[:axis], each, *source.shape[axis + 1 :]) for each in sizes]

    def split(self, source: Ref) -> Ref:
        """Equal parts."""
        axis = self.axis(source)
        size = source.shape[axis]
        count = self.pick(*(each for each in range(1, 7) if size % each == 0))
        where = self.writer.constant(np.array(self.pick(axis, axis - len(source.shape)), np.int32))
        shapes = self.parts(source, axis, [size // count] * count)
        options = schema.SplitOptionsT(numSplits=count)
        return self.several("SPLIT", [where, source.index], source, shapes, options)

    def split_v(self, source: Ref) -> Ref:
        """Parts of any size."""
        axis = self.axis(source)
        size = source.shape[axis]
        cuts = sorted({0, size, *(int(self.rng.integers(1, size + 1)) for _ in range(2))})
        sizes = np.diff(cuts).astype(np.int32)
        where = self.writer.constant(np.array(axis, np.int32))
        inputs = [source.index, self.writer.constant(sizes), where]
        options = schema.SplitVOptionsT(numSplits=len(sizes))
        shapes = self.parts(source, axis, sizes.tolist())
        return self.several("SPLIT_V", inputs, source, shapes, options)

    def strided_slice(self, source: Ref) -> Ref:
        """Every axis by bounds, masks and a stride that may be negative."""
        begin, end, strides, shape = [], [], [], []
        masks = {"beginMask": 0, "endMask": 0, "shrinkAxisMask": 0}
        for axis, size in enumerate(source.shape):
            first, last = sorted(int(each) for each in self.rng.integers(0, size, 2))
            stride = self.pick(1, 1, 1, 2, 3, -1, -2)
            if stride < 0:
                first, last = last, first - 1
            else:
                last += 1
            bit = 1 << axis
            shrinks = axis > 0 and self.rng.random() < 0.15
            if shrinks:
                stride, last = 1, first + 1
                masks["shrinkAxisMask"] |= bit
            open_end = (stride < 0 and last < 0) or (not shrinks and self.rng.random() < 0.2)
            if open_end:
                last = -1 if stride < 0 else size
                masks["endMask"] |= bit
            count = len(range(first, last, stride))
            begin.append(first - size if self.rng.random() < 0.2 else first)
            end.append(last)
            strides.append(stride)
            shape += [] if shrinks else [count]
        bounds = (self.writer.constant(np.array(each, np.int32)) for each in (begin, end, strides))
        ref = self.writer.activation(tuple(shape), source.quant, source.rms)
        options = schema.StridedSliceOptionsT(**masks)
        return self.output("STRIDED_SLICE", [source.index, *bounds], ref, options)

    def resize_nearest_neighbor(self, source: Ref) -> Ref:
        """To any height and width, and often to twice the size."""
        sizes = [self.pick(2 * each, int(self.rng.integers(1, 16))) for each in source.shape[1:3]]
        if math.prod(sizes) * source.shape[3] > 5000:
            sizes = [1, 2]
        options = schema.ResizeNearestNeighborOptionsT(
            alignCorners=bool(self.rng.random() < 0.3),
            halfPixelCenters=bool(self.rng.random() < 0.5),
        )
        shape = (1, *sizes, source.shape[3])
        return self.reshaped("RESIZE_NEAREST_NEIGHBOR", source, shape, sizes, options)
