"""What each part of an image is for, as far as its symbol and its object tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlforge_tasks.page.image import Part


@dataclass(frozen=True)
class Group:
    """Parts that are for one thing.

    Attributes:
        key: What the page's style knows it by.
        title: What people call it.
    """

    key: str
    title: str


WEIGHTS = Group("weights", "Model: weights and parameters")
MODEL = Group("model", "Model: code and variables")
KERNELS = Group("kernels", "Engine: kernels")
ARENA = Group("arena", "Arena")
APPLICATION = Group("application", "Application")
OS = Group("os", "Zephyr: kernel and architecture")
DRIVERS = Group("drivers", "Start-up and drivers")
LIBRARY = Group("library", "C library and compiler")
STACKS = Group("stacks", "Stacks")
HEAP = Group("heap", "Heaps")
OTHER = Group("other", "Other")
PADDING = Group("padding", "Padding")
GROUPS = (
    *(WEIGHTS, MODEL, KERNELS, ARENA, APPLICATION, OS, DRIVERS, LIBRARY),
    *(STACKS, HEAP, OTHER, PADDING),
)

# As the Zephyr platform knows them (`platforms/_zephyr/image.py`), and bare metal's section.
_STACK = re.compile(r"(z_\w+_stacks?|_k_thread_stack_\w+)")
_HEAP = re.compile(r"(kheap_\w+|malloc_arena)")
_ARENA = re.compile(r"(tensor_)?arena")
# `g_model` is the model file itself, which engine `tflm` carries.
_FILE_OF_MODEL = re.compile(r"g_\w*model\w*")
# What every engine's code defines for the application (`zephyr_app/src/model.h`).
_INVOKE = "model_invoke"
# By the object's name, the first that fits; the names of bare metal's objects begin with a number.
_FILES: tuple[tuple[Group, re.Pattern[str]], ...] = (
    (
        KERNELS,
        re.compile(r"tflite|tflm|cmsis.?nn|(^|\(|/)(\d+_)?(aot_\w+|part_\d+)\.", re.IGNORECASE),
    ),
    (
        LIBRARY,
        re.compile(
            r"(^|/)lib(c|m|gcc|c_nano|stdc\+\+|supc\+\+|clang_rt[\w.-]*)\.a|lib__libc|c_lib_ext"
        ),
    ),
    (DRIVERS, re.compile(r"/drivers/|hal_|^\d+_(startup|fault)\.|/(soc|boards?|modules)/")),
    (APPLICATION, re.compile(r"libapp\.a|^\d+_\w+\.o")),
    (OS, re.compile(r"^zephyr/")),
)


def model_files(parts: Iterable[Part]) -> frozenset[str]:
    """The objects that are the model's own: those that define what invokes it."""
    return frozenset(one.file for one in parts if one.symbol and one.name == _INVOKE) - {""}


def group_of(part: Part, models: frozenset[str]) -> Group:
    """What a part is for.

    Args:
        part: It.
        models: See `model_files`.
    """
    if not part.file and not part.symbol:
        return STACKS if part.section == ".stack" else PADDING
    if part.symbol and (named := _by_symbol(part)) is not None:
        return named
    if part.file in models:
        return MODEL if part.runs or part.written else WEIGHTS
    return next((group for group, file in _FILES if file.search(part.file)), OTHER)


def _by_symbol(part: Part) -> Group | None:
    variables = ((STACKS, _STACK), (HEAP, _HEAP), (ARENA, _ARENA))
    known = (*(variables if part.written else ()), (WEIGHTS, _FILE_OF_MODEL))
    return next((group for group, one in known if one.fullmatch(part.name)), None)
