"""Kernels as text: what no compiler of this machine's processor would notice."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.engines._aot.emit import KERNELS

if TYPE_CHECKING:
    from pathlib import Path

_MAC = "#define AOT_MAC(acc, a, b) ((acc) += (a) * (b))\n"
# Compiles for variables of int32_t alone.
_CHECKED = (
    "#define AOT_WORD(value) _Generic(&(value), int32_t *: 0, const int32_t *: 0)\n"
    "#define AOT_MAC(acc, a, b) \\\n"
    "    ((void)AOT_WORD(acc), (void)AOT_WORD(a), (void)AOT_WORD(b), (acc) += (a) * (b))\n"
)


def _narrow(folder: Path) -> list[str]:
    """Kernels of a folder that do not compile where AOT_MAC takes variables of 32 bits alone."""
    wrong = []
    for path in sorted(folder.rglob("aot_*.c")):
        if "AOT_MAC" not in "".join(each.read_text() for each in _texts(path, folder)):
            continue
        includes = [f"-I{each}" for each in (path.parent, folder / "portable", folder)]
        command = ["gcc", "-std=c11", "-fsyntax-only", *includes, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            wrong.append(f"{path.name}: {done.stderr.splitlines()[-1]}")
    return wrong


def _texts(path: Path, folder: Path) -> list[Path]:
    """A kernel's source, and headers that it may have its loops from."""
    return [path, *(each for each in folder.glob("*_each_*.h") if each.name in path.read_text())]


@pytest.mark.parametrize("added", ["", "acc += 0; int8_t tap = 1; AOT_MAC(acc, acc, tap);"])
def test_mac_is_given_words(added: str, tmp_path: Path) -> None:
    """Pinned to Thumb-2's instruction it reads whole registers, of which an int8's has a part.

    On other processors the sum is right whatever the type, so that no run on the host tells.
    """
    folder = tmp_path / "kernels"
    shutil.copytree(KERNELS, folder)
    shared = folder / "aot_math.h"
    text = shared.read_text()
    assert _MAC in text
    shared.write_text(text.replace(_MAC, _CHECKED))
    if added:
        (folder / "aot_own_s8.c").write_text(
            f'#include "aot_math.h"\nint32_t own(int32_t acc);\nint32_t own(int32_t acc)\n'
            f"{{\n{added}\nreturn acc;\n}}\n"
        )
    found = _narrow(folder)
    assert [each.split(":")[0] for each in found] == (["aot_own_s8.c"] if added else [])
