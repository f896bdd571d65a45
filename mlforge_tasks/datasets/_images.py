"""PNG and JPEG files: a row each, of one shape."""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._extras import library
from mlforge_tasks.datasets._recordings import Recording, odd_ones
from mlforge_tasks.datasets._unpack import reading, too_large
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from mlforge_tasks.contract.sources.folder import FolderSource
    from mlforge_tasks.datasets._wanted import Wanted

IMAGE = "image"
DEEP = "16-bit grey"
_WHAT = "PNG and JPEG files"
_FORMATS = ("PNG", "JPEG")
# Exif's tag of how the camera was held, and where height and width change places.
_ORIENTATION, _LYING = 0x0112, {5, 6, 7, 8}
_MOST_PIXELS = 1 << 27
# What a starter contract leaves as it is, along the longer edge, and what it makes of larger ones.
_LARGE_PIXELS, _SMALL_PIXELS = 128, 96
# Pillow's modes of a number or of one sample a pixel, and those of more bits than eight.
_GREY, _DEEP = {"1", "L", "LA", "La"}, {"I;16", "I;16B", "I;16L", "I", "F"}


class ImageReader:
    """Reads images of one size and number of channels.

    Args:
        spec: The source.
        files: Where each image lies, by its name for messages.
        columns: Not needed, as there is one.

    Raises:
        MlforgeError: Their sizes or channels differ, and the contract does not say what then.
        ToolError: Pillow is not installed.
    """

    rate_hz = None
    notes = ()

    def __init__(self, spec: FolderSource, files: Mapping[str, Path], columns: Wanted) -> None:  # noqa: ARG002 - as other readers
        self._image = library("PIL.Image", "images", _WHAT)
        self._turned = library("PIL.ImageOps", "images", _WHAT).exif_transpose
        self._spec = spec.images
        sizes, modes = _heads(files)
        if spec.images.size is None:
            _check_alike(sizes, "{0[0]} x {0[1]} pixels (height, width)", "size: [{0[0]}, {0[1]}]")
        if spec.images.channels is None or DEEP in modes.values():
            _check_alike(modes, "{0} pixels", "channels: 1")
        if spec.images.channels == 3 and DEEP in modes.values():
            raise MlforgeError(
                f"{next(iter(files))}: found {DEEP} pixels, wanted red, green and blue",
                hint="write `channels: 1` in dataset.source.images",
            )

    def read(self, data: bytes, where: str) -> Recording:
        """One image: `image`, [1, height, width, channels], 0 to 255, or more where it is deeper.

        It is turned as the camera was held; how transparent a pixel is is left out.
        """
        with reading(where, "no PNG or JPEG image"):
            image = self._turned(self._image.open(io.BytesIO(data), formats=_FORMATS))
            if image.mode in _DEEP:
                image = image.convert("F")
            else:
                channels = self._spec.channels or (1 if image.mode in _GREY else 3)
                image = image.convert("L" if channels == 1 else "RGB")
            if self._spec.size is not None and image.size != self._spec.size[::-1]:
                bilinear = self._image.Resampling.BILINEAR
                image = image.resize(self._spec.size[::-1], bilinear)
            pixels: NDArray[Any] = np.asarray(image)
        shape = (*pixels.shape, 1) if pixels.ndim == 2 else pixels.shape
        return Recording(where, {IMAGE: pixels.reshape(1, *shape)})


def _heads(files: Mapping[str, Path]) -> tuple[dict[str, tuple[int, int]], dict[str, str]]:
    """Height and width of each, and of what kind its pixels are; the files' beginnings are read."""
    library("PIL.Image", "images", _WHAT)
    sizes, modes = {}, {}
    for where, path in files.items():
        with reading(where, "no PNG or JPEG image"), path.open("rb") as stream:
            sizes[where], modes[where] = _head(stream, where)
    return sizes, modes


def _head(stream: Any, where: str) -> tuple[tuple[int, int], str]:
    image = library("PIL.Image", "images", _WHAT).open(stream, formats=_FORMATS)
    width, height = image.size
    if width * height > _MOST_PIXELS:
        raise too_large(where)
    if image.getexif().get(_ORIENTATION) in _LYING:
        width, height = height, width
    if image.mode in _DEEP:
        return (height, width), DEEP
    return (height, width), "grey" if image.mode in _GREY else "coloured"


def one_form(files: Mapping[str, Path]) -> dict[str, Any]:
    """What a contract has to say in `images` so that files can be read together, for `doit new`.

    They are brought to the size that most have, or to one for a microcontroller where that is more.

    Raises:
        MlforgeError: One is no image.
        ToolError: Pillow is not installed.
    """
    sizes, modes = _heads(files)
    usual = Counter(sizes.values()).most_common(1)[0][0]
    large = max(usual) > _LARGE_PIXELS
    form: dict[str, Any] = {}
    if large or len(set(sizes.values())) > 1:
        form["size"] = [_SMALL_PIXELS, _SMALL_PIXELS] if large else list(usual)
    if len(set(modes.values())) > 1:
        form["channels"] = 1
    return form


def _check_alike(found: Mapping[str, object], told: str, key: str) -> None:
    usual, odd = odd_ones(found, None)
    if odd:
        raise MlforgeError(
            f"{odd[0]}: found {told.format(found[odd[0]])} where most images have "
            f"{told.format(usual)}; {len(odd)} of {len(found)} are not like these",
            hint=f"to bring them all to the same, write `images: {{{key.format(usual)}}}`",
        )
