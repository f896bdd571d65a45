"""In which order of its axes, and in which shape, a model that was brought takes an example."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlforge_tasks.contract.search import Layout

    Shape = tuple[int | None, ...]


def misfit(taken: Shape, example: tuple[int, ...], layout: Layout) -> str:
    """Why examples cannot be given to a model, or nothing.

    Axes of size 1 make no difference: the elements lie in the same order without them.

    Args:
        taken: Shape of the model's input, without the batch axis; None for a size that is open.
        example: Shape of the data set's examples, channels last.
        layout: As the contract has it.
    """
    last, first = _without_ones(example), _without_ones((*example[-1:], *example[:-1]))
    own = _without_ones(taken)
    if own == (first if layout == "nchw" else last):
        return ""
    why = ""
    if own == first:
        why = (
            ": only the order of axes is another, its channels come first, as PyTorch has them; "
            "with `search: {layout: nchw}` examples are given to it so"
        )
    elif own == last:
        why = ": its channels come last; leave `layout: nchw` out"
    elif None in own:
        sizes = example if layout == "nhwc" else (*example[-1:], *example[:-1])
        why = f": give its sizes that are open, as by `keras.Input({sizes})`"
    return f"the model takes inputs {list(taken)}, the data set has {list(example)}{why}"


def _without_ones(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)
