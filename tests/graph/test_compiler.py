"""Compilers and other tools are known by what they are."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import compiler, file_digests
from mlforge_tasks.graph.file_digests import digests, identified, memory_path
from mlforge_tasks.platforms import _gnu, _image
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.runners import qemu

BOARD = load_board("mps2/an385")


def wrapped(folder: Path, program: str) -> Path:
    """A script of a program's name that does what it does."""
    script = folder / program
    script.write_text(f'#!/bin/sh\nexec {shutil.which(program)} "$@"\n')
    script.chmod(0o755)
    return script


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "part"),
    [
        ("arm-none-eabi-gcc", "gcc"),
        ("arm-none-eabi-ld", "arm-none-eabi-ld"),
        ("arm-none-eabi-objcopy", "objcopy"),
        ("qemu-system-arm", "qemu"),
    ],
)
def test_a_wrapper_that_comes_first_is_another_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, part: str
) -> None:
    """It says the same version; nothing else of the key is touched by it."""
    asked = _image.tool_versions, qemu._identity
    _gnu.picolibc_specs()
    monkeypatch.setattr(compiler, "identity", compiler.identity.__wrapped__)

    def known() -> dict[str, str]:
        for question, inner in zip(asked, (_image, qemu), strict=True):
            monkeypatch.setattr(inner, question.__name__, question.__wrapped__)  # type: ignore[attr-defined]
        return {**_image.tool_versions("gcc", *BOARD.gcc_flags), **qemu.PLUGIN.tool_versions(BOARD)}

    before = known()
    wrapped(tmp_path, program)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    after = known()
    assert [name for name in before if before[name] != after[name]] == [part]
    assert re.sub("sha256:.*", "", before[part]) == re.sub("sha256:.*", "", after[part])


@pytest.mark.slow
def test_each_core_has_libraries_of_its_own() -> None:
    """The compiler is the same; what it links is not."""
    m3, m55 = (
        _image.tool_versions("gcc", *load_board(name).gcc_flags)
        for name in ("mps2/an385", "mps3/an547")
    )
    differ = {name for name in m3 if m3[name] != m55[name]}
    assert {"libc.a", "libgcc.a"} <= differ
    assert not differ & {"gcc", "cc1", "as", "ld", "headers", "picolibc.specs"}


def test_a_file_is_read_again_once_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its size and time are what they were; a link counts for what it leads to."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(file_digests, "SETTLED_NS", -(10**18))
    tool, link = tmp_path / "tool", tmp_path / "link"
    tool.write_text("one")
    link.symlink_to(tool)
    assert digests([link]) == {str(link): sha256_bytes(b"one")}
    assert memory_path().is_file()
    file_digests.forget()
    times = tool.stat()
    tool.write_text("two")
    os.utime(tool, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert identified(link, "1.0") == f"1.0 sha256:{sha256_bytes(b'two')}"


def test_what_was_kept_is_not_trusted_blindly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged memory is none; nor is anything kept of a file that was written to just now."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tool = tmp_path / "tool"
    tool.write_text("one")
    right = {str(tool): sha256_bytes(b"one")}
    assert digests([tool]) == right
    assert not memory_path().exists()
    monkeypatch.setattr(file_digests, "SETTLED_NS", -(10**18))
    assert digests([tool]) == right
    kept = memory_path().read_text()
    for damaged in (kept.replace(right[str(tool)], "0" * 64), "{", "[]", "\0", kept[:-9]):
        memory_path().unlink()
        memory_path().write_text(damaged)
        file_digests.forget()
        assert digests([tool]) == right
    memory_path().unlink()
    os.mkfifo(memory_path())  # not waited for
    file_digests.forget()
    assert digests([tool]) == right
    with pytest.raises(ToolError, match="cannot read"):
        identified(tmp_path / "gone")
