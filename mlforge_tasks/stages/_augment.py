"""Varies training examples in the graph, anew for each batch of each epoch.

Random numbers are functions of the seed, the epoch, the batch and the kind of change alone
(TensorFlow's stateless generators), so that a training gives the same weights each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.augment import IMAGE, SERIES
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlforge_tasks.contract.augment import Augment

# Each kind of change draws numbers of its own; a new one goes to the end.
_KINDS = ("noise", "scale", "time", "height", "width", "flip", "rows", "features")


@dataclass(frozen=True)
class _Random:
    """Random numbers of one batch.

    Attributes:
        tf: TensorFlow.
        seed: int32 [2], of the epoch and the batch.
        count: Examples in the batch.
    """

    tf: Any
    seed: Any
    count: Any

    def _seed(self, kind: str, part: int) -> Any:
        at = len(_KINDS) * part + _KINDS.index(kind)
        return self.tf.random.experimental.stateless_fold_in(self.seed, at)

    def uniform(self, kind: str, low: Any, high: Any, part: int = 0) -> Any:
        """One number for each example, float32 [batch]."""
        seed = self._seed(kind, part)
        drawn = self.tf.random.stateless_uniform((self.count,), seed)
        return low + (high - low) * drawn

    def normal(self, kind: str, shape: Any) -> Any:
        """Standard normal numbers of a shape."""
        return self.tf.random.stateless_normal(shape, self._seed(kind, 0))


def augmenter(tf: Any, augment: Augment, shape: tuple[int, ...]) -> Callable[..., Any]:
    """What varies a batch.

    Args:
        tf: TensorFlow.
        augment: How.
        shape: Shape of one example, features last.

    Returns:
        A function of a batch, float32 [batch, *shape], a seed, int32 [2], and the batch's number in
        its epoch, to a batch of the same shape.

    Raises:
        MlforgeError: It cannot be done to such examples.
    """
    for one in augment.mistakes(shape):
        raise MlforgeError(
            f"training.{'.'.join(map(str, one.at))}: found {one.found}, {one.wanted}"
        )

    def vary(batch: Any, seed: Any, at: Any) -> Any:
        own = tf.random.experimental.stateless_fold_in(seed, at)
        random = _Random(tf, own, tf.shape(batch)[0])
        if len(shape) == SERIES:
            batch = _in_time(random, augment, batch, shape[0])
        if len(shape) == IMAGE:
            batch = _in_space(random, augment, batch, shape)
        batch = _masked(random, augment, batch, shape)
        if augment.scale is not None:
            factor = random.uniform("scale", 1 - augment.scale, 1 + augment.scale)
            batch *= tf.reshape(factor, (-1,) + (1,) * len(shape))
        if augment.noise is not None:
            batch += augment.noise * random.normal("noise", tf.shape(batch))
        return tf.ensure_shape(batch, (None, *shape))

    return vary


def _shift(random: _Random, kind: str, most: int | None) -> Any:
    """Whole rows or pixels to move each example by, each as likely; float32 [batch]."""
    if most is None:
        return random.tf.zeros((random.count,))
    return random.tf.floor(random.uniform(kind, -most, most + 1))


def _in_time(random: _Random, augment: Augment, batch: Any, length: int) -> Any:
    """Shifted and warped series."""
    if augment.shift is None and augment.time_warp is None:
        return batch
    tf = random.tf
    warp = augment.time_warp or 0.0
    speed = random.uniform("time", 1 - warp, 1 + warp, part=1) if warp else 1.0
    middle = (length - 1) / 2
    # A constant speed of exactly 1 keeps whole rows whole.
    moved = _shift(random, "time", augment.shift)
    steps = tf.range(length, dtype=tf.float32)
    spread = tf.reshape(speed, (-1, 1)) * (steps - middle) if warp else (steps - middle)[None]
    return _resampled(tf, batch, spread + middle + moved[:, None], axis=1)


def _in_space(random: _Random, augment: Augment, batch: Any, shape: tuple[int, ...]) -> Any:
    """Mirrored, cropped and shifted images."""
    tf = random.tf
    wanted = {"horizontal": ("width",), "vertical": ("height",), "both": ("height", "width")}
    flipped = wanted[augment.flip] if augment.flip else ()
    for axis, (kind, length) in enumerate(zip(("height", "width"), shape[:2], strict=True), 1):
        positions = tf.range(length, dtype=tf.float32)[None] + tf.zeros((random.count, 1))
        if augment.crop is not None:
            kept = random.uniform(kind, 1 - augment.crop, 1.0, part=1)
            begin = random.uniform(kind, 0.0, 1.0, part=2) * (1 - kept) * (length - 1)
            positions = positions * kept[:, None] + begin[:, None]
        positions += _shift(random, kind, augment.shift)[:, None]
        if kind in flipped:
            mirrored = random.uniform("flip", 0.0, 1.0, part=axis) < 0.5
            positions = tf.where(mirrored[:, None], length - 1 - positions, positions)
        if augment.crop is not None or augment.shift is not None or kind in flipped:
            batch = _resampled(tf, batch, positions, axis)
    return batch


def _resampled(tf: Any, batch: Any, positions: Any, axis: int) -> Any:
    """Values at positions between rows along an axis, by linear interpolation; edges go on.

    Args:
        tf: TensorFlow.
        batch: [batch, ...].
        positions: float32 [batch, length of that axis].
        axis: From 1.
    """
    length = batch.shape[axis]
    positions = tf.clip_by_value(positions, 0.0, length - 1.0)
    before = tf.floor(positions)
    after = tf.minimum(before + 1, length - 1.0)
    share = positions - before
    for at in range(1, batch.shape.rank):
        if at != axis:
            share = tf.expand_dims(share, at)
    moved = range(batch.shape.rank)
    order = [0, axis, *(at for at in moved if at not in (0, axis))]
    rows = tf.transpose(batch, order)
    back = [order.index(at) for at in moved]

    def taken(index: Any) -> Any:
        return tf.transpose(tf.gather(rows, tf.cast(index, tf.int32), batch_dims=1), back)

    low, high = taken(before), taken(after)
    return low + share * (high - low)


def _masked(random: _Random, augment: Augment, batch: Any, shape: tuple[int, ...]) -> Any:
    """A run of rows, and one of features, set to 0."""
    if augment.mask is None:
        return batch
    tf = random.tf
    for kind, most, axis in (
        ("rows", augment.mask.rows, 1),
        ("features", augment.mask.features, len(shape)),
    ):
        if most is None:
            continue
        length = shape[axis - 1]
        width = tf.floor(random.uniform(kind, 0, min(most, length) + 1))
        begin = tf.floor(random.uniform(kind, 0.0, 1.0, part=1) * (length - width + 1))
        steps = tf.range(length, dtype=tf.float32)[None]
        hidden = (steps >= begin[:, None]) & (steps < (begin + width)[:, None])
        form = [-1, *(1,) * len(shape)]
        form[axis] = length
        batch = tf.where(tf.reshape(hidden, form), tf.zeros_like(batch), batch)
    return batch
