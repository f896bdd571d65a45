"""Random picks, blocks, reductions and matrix products, for `tests.helpers.graphs`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from tests.helpers.graph_builder import Builder

if TYPE_CHECKING:
    from typing import Any

    from tests.helpers.aot_writer import Ref

_MOST_ENLARGED = 5000
# Most of the reference's kernels take no more axes.
_IMAGE = 4


class Moves(Builder):
    """Operators that pick elements by constant lists, and those that reduce or multiply."""

    def listed(
        self, op: str, source: Ref, shape: tuple[int, ...], lists: list[Any], options: Any
    ) -> Ref:
        """Adds an operator with constant lists behind its input, which keeps values as they are."""
        ref = self.writer.activation(shape, source.quant, source.rms)
        numbers = [self.writer.constant(np.array(each, np.int32)) for each in lists]
        return self.output(op, [source.index, *numbers], ref, options)

    def slice(self, source: Ref) -> Ref:
        """A range of every axis, the size given or left open."""
        begins = [int(self.rng.integers(0, size)) for size in source.shape]
        begins[0] = 0
        left = [size - begin for size, begin in zip(source.shape, begins, strict=True)]
        made = [left[0], *(int(self.rng.integers(1, size + 1)) for size in left[1:])]
        sizes = [
            self.pick(-1, size) if size == all_ else size
            for size, all_ in zip(made, left, strict=True)
        ]
        return self.listed("SLICE", source, tuple(made), [begins, sizes], schema.SliceOptionsT())

    def axis_of(self, source: Ref) -> int:
        """Any axis but the batch, if there is another."""
        return int(self.rng.integers(min(1, len(source.shape) - 1), len(source.shape)))

    def gather(self, source: Ref) -> Ref:
        """Places along an axis, in any order, several times or not at all."""
        rank = len(source.shape)
        if rank == 1:
            return self.reverse_v2(source)
        axis = self.axis_of(source)
        count: tuple[int, ...] = (int(self.rng.integers(1, 7)),)
        if rank < _IMAGE and self.rng.random() < 0.3:
            count = (*count, 2)
        places = self.rng.integers(0, source.shape[axis], count)
        if self.rng.random() < 0.3:
            places = np.sort(places, axis=None).reshape(count)
        shape = (*source.shape[:axis], *count, *source.shape[axis + 1 :])
        options = schema.GatherOptionsT(axis=self.pick(axis, axis - rank))
        return self.listed("GATHER", source, shape, [places], options)

    def gather_nd(self, source: Ref) -> Ref:
        """Some of what the first axes have, at constant places."""
        rank = len(source.shape)
        if rank == 1:
            return self.reverse_v2(source)
        depth = int(self.rng.integers(max(1, rank - _IMAGE + 2), rank + 1))
        count = int(self.rng.integers(1, 6))
        columns = [self.rng.integers(0, size, count) for size in source.shape[:depth]]
        places = np.stack(columns, axis=1)[None]
        shape = (1, count, *source.shape[depth:])
        return self.listed("GATHER_ND", source, shape, [places], schema.GatherNdOptionsT())

    def reverse_v2(self, source: Ref) -> Ref:
        """Some axes, neighbours as the reference wants, from the back."""
        axis = self.axis_of(source)
        axes = (
            [axis, axis + 1] if axis + 1 < len(source.shape) and self.rng.random() < 0.3 else [axis]
        )
        return self.listed("REVERSE_V2", source, source.shape, [axes], schema.ReverseV2OptionsT())

    def broadcast_to(self, source: Ref) -> Ref:
        """Axes of size 1 become longer; a new one is put in front now and then."""
        shape = tuple(
            int(self.rng.integers(1, 5)) if size == 1 and axis else size
            for axis, size in enumerate(source.shape)
        )
        if len(shape) < _IMAGE and self.rng.random() < 0.3:
            shape = (1, *shape)
        return self.listed("BROADCAST_TO", source, shape, [shape], schema.BroadcastToOptionsT())

    def mirror_pad(self, source: Ref) -> Ref:
        """A mirrored border, with or without the border itself."""
        mode = self.pick(0, 1)
        most = [min(size - (1 - mode), 2) for size in source.shape]
        counts = [[int(each) for each in self.rng.integers(0, n + 1, 2)] for n in most]
        counts[0] = [0, 0]
        shape = tuple(n + sum(pair) for n, pair in zip(source.shape, counts, strict=True))
        options = schema.MirrorPadOptionsT(mode=mode)
        return self.listed("MIRROR_PAD", source, shape, [counts], options)

    def space_to_depth(self, source: Ref) -> Ref:
        """Blocks of an image; of one pixel where no others fit."""
        _, height, width, channels = source.shape
        block = self.pick(*(each for each in (1, 2, 3) if height % each == width % each == 0))
        shape = (1, height // block, width // block, channels * block**2)
        options = schema.SpaceToDepthOptionsT(blockSize=block)
        return self.listed("SPACE_TO_DEPTH", source, shape, [], options)

    def depth_to_space(self, source: Ref) -> Ref:
        """An image of blocks."""
        _, height, width, channels = source.shape
        block = self.pick(*(each for each in (1, 2, 3) if channels % each**2 == 0))
        shape = (1, height * block, width * block, channels // block**2)
        options = schema.DepthToSpaceOptionsT(blockSize=block)
        return self.listed("DEPTH_TO_SPACE", source, shape, [], options)

    def blocks(self, source: Ref) -> tuple[list[int], list[list[int]], tuple[int, ...]]:
        """Sides of blocks that fill an image without a border, and the batch of them."""
        sizes = source.shape[1:-1]
        block = [self.pick(*(each for each in (1, 2, 3) if n % each == 0)) for n in sizes]
        made = (n // side for n, side in zip(sizes, block, strict=True))
        return block, [[0, 0] for _ in block], (math.prod(block), *made, source.shape[-1])

    def space_to_batch_nd(self, source: Ref) -> Ref:
        """To a batch, and as one example of all that behind it."""
        block, borders, shape = self.blocks(source)
        options = schema.SpaceToBatchNDOptionsT()
        batch = self.listed("SPACE_TO_BATCH_ND", source, shape, [block, borders], options)
        whole = (1, shape[0] * shape[1], *shape[2:])
        return self.reshaped(
            "RESHAPE", batch, whole, whole, schema.ReshapeOptionsT(newShape=list(whole))
        )

    def batch_to_space_nd(self, source: Ref) -> Ref:
        """To a batch, changed there, and back with another border cut off."""
        block, borders, shape = self.blocks(source)
        options: Any = schema.SpaceToBatchNDOptionsT()
        batch = self.listed("SPACE_TO_BATCH_ND", source, shape, [block, borders], options)
        batch = self.unary("RELU", batch, self.pick(None, self.quant(source.rms)))
        cuts, sizes = [], []
        for size, side in zip(shape[1:-1], block, strict=True):
            most = min(size * side - 1, 3)
            before = int(self.rng.integers(0, most + 1))
            cuts.append([before, int(self.rng.integers(0, most - before + 1))])
            sizes.append(size * side - sum(cuts[-1]))
        made = (1, *sizes, shape[-1])
        options = schema.BatchToSpaceNDOptionsT()
        return self.listed("BATCH_TO_SPACE_ND", batch, made, [block, cuts], options)

    def end_of(self, op: str, source: Ref) -> Ref:
        """Over one to three axes, neighbours or not."""
        rank = len(source.shape)
        first = min(1, rank - 1)
        axes = sorted({int(self.rng.integers(first, rank)) for _ in range(self.pick(1, 2, 3))})
        keep = bool(rank == 1 or self.rng.random() < 0.5)
        kept = (1 if i in axes else size for i, size in enumerate(source.shape))
        gone = (size for i, size in enumerate(source.shape) if i not in axes)
        named = [axis - rank if self.rng.random() < 0.3 else axis for axis in axes]
        shape = tuple(kept if keep else gone)
        return self.listed(op, source, shape, [named], schema.ReducerOptionsT(keepDims=keep))

    def reduce_max(self, source: Ref) -> Ref:
        """The greatest."""
        return self.end_of("REDUCE_MAX", source)

    def reduce_min(self, source: Ref) -> Ref:
        """The least."""
        return self.end_of("REDUCE_MIN", source)

    def select_v2(self, source: Ref) -> Ref:
        """A tensor where a constant condition holds, or does not, elsewhere a constant."""
        shape = tuple(self.pick(size, size, 1) for size in source.shape)
        condition = self.writer.constant(self.rng.random(shape) < self.pick(0.5, 0.9))
        size = self.pick((), shape)
        values = self.rng.integers(-128, 128, size).astype(np.int8)
        if self.rng.random() < 0.5:
            values = np.full(size, self.pick(-128, 127), np.int8)
        quant = source.quant
        constant = self.writer.constant(values, [quant.scale], [quant.zero_point])
        chosen = [source.index, constant][:: self.pick(1, -1)]
        ref = self.writer.activation(source.shape, quant, source.rms)
        return self.output("SELECT_V2", [condition, *chosen], ref, schema.SelectV2OptionsT())

    def resize_bilinear(self, source: Ref) -> Ref:
        """To any height and width, and often to twice the size."""
        sizes = [self.pick(2 * each, int(self.rng.integers(1, 16))) for each in source.shape[1:3]]
        if math.prod(sizes) * source.shape[3] > _MOST_ENLARGED:
            sizes = [1, 2]
        corners, centres = self.pick((False, False), (True, False), (False, True))
        options = schema.ResizeBilinearOptionsT(alignCorners=corners, halfPixelCenters=centres)
        shape = (1, *sizes, source.shape[3])
        return self.listed("RESIZE_BILINEAR", source, shape, [sizes], options)

    def batch_matmul(self, source: Ref) -> Ref:
        """With itself, with a tensor of a fitting shape, or with a constant; turned or not."""
        if len(source.shape) == 1:
            return self.reverse_v2(source)
        turned = [bool(self.rng.random() < 0.4) for _ in range(2)]
        turned[0] &= len(source.shape) > 2  # or rows, of which there is one, would be the batch
        rows, depth = source.shape[-2:][:: -1 if turned[0] else 1]
        columns = int(self.rng.integers(1, 12))
        right = (columns, depth) if turned[1] else (depth, columns)
        others = [each for each in self.made if each.shape[-2:] == right]
        others = [each for each in others if each.shape[:-2] == source.shape[:-2]]
        if self.rng.random() < 0.5:
            turned[1] = not turned[0]
            columns, other = rows, source
        elif others:
            other = self.pick(*others)
        else:
            other = self._factor(source, right)
        rms = source.rms * other.rms * math.sqrt(depth)
        ref = self.writer.activation((*source.shape[:-2], rows, columns), self.quant(rms), rms)
        options = schema.BatchMatMulOptionsT(adjX=turned[0], adjY=turned[1])
        return self.output("BATCH_MATMUL", [source.index, other.index], ref, options)

    def _factor(self, source: Ref, shape: tuple[int, int]) -> Ref:
        """A constant matrix, or one for each that there is."""
        lead = tuple(self.pick(size, 1) for size in source.shape[:-2])
        values = self.rng.integers(-128, 128, (*lead, *shape)).astype(np.int8)
        quant = self.quant(float(np.exp(self.rng.uniform(-4, 1))))
        index = self.writer.constant(values, [quant.scale], [quant.zero_point])
        return type(source)(index, values.shape, quant, 74 * float(quant.scale))
