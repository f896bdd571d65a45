"""Warm build folders: what is edited is built anew, nobody shares one, no path is in an image."""

from __future__ import annotations

import fcntl
import shutil
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines.tflm import PLUGIN as TFLM
from mlforge_tasks.platforms._zephyr import build_folder, image
from mlforge_tasks.platforms._zephyr.delivery import deliver
from mlforge_tasks.platforms._zephyr.model_files import model_files
from mlforge_tasks.platforms.zephyr import PLUGIN, ZephyrPlatform
from mlforge_tasks.runners.qemu import PLUGIN as QEMU
from tests.helpers import tiny_model
from tests.helpers.graphs import random_graph
from tests.helpers.zephyr_images import MARKS, build, deploy

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = MARKS
M3 = load_board("mps2/an385")
M4 = load_board("mps2/an386")
IMAGE = ("firmware.bin", "firmware.elf", "firmware.map")


def infer(elf: Path) -> bytes:
    """Runs the tiny model once."""
    with QEMU.open(M3, elf, tiny_model.EXPECTED) as session:
        return session.infer(bytes([1, 2, 3])).output


def test_another_folder_makes_the_same_image_and_none_of_what_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No path is in an image, nor what a user told west; an edit of the application is."""
    here, there = build(M3, tmp_path / "here"), tmp_path / "there"
    there.mkdir()
    (tmp_path / "west").mkdir()
    habits = "[build]\ncmake-args = -DCONFIG_MAIN_STACK_SIZE=9216\ngenerator = Unix Makefiles\n"
    (tmp_path / "west" / "config").write_text(habits)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    app = tmp_path / "app"
    shutil.copytree(build_folder.APP, app)
    monkeypatch.setattr(build_folder, "APP", app)
    folder = ZephyrPlatform(tmp_path / "another-name")._folder(M3, "c")
    request = tiny_model.request(M3, tiny_model.write_model(tmp_path / "model"))
    files = model_files(request)
    with folder.locked():
        folder.place(files)
        folder.make()
        deliver(folder, files, request.firmware_id, there)
        for file in IMAGE:
            assert (there / file).read_bytes() == (here / file).read_bytes(), file

        def make(**edits: tuple[str, str]) -> bytes:
            for name, (old, new) in edits.items():
                text = (app / name).read_text()
                assert text.count(old) == 1
                (app / name).write_text(text.replace(old, new))
            folder.make()
            return folder.elf.with_suffix(".bin").read_bytes()

        assert b"unknown frame type" in make()
        plain = image.sizes(folder.elf, folder.configuration.toolchain)
        edited = make(**{"src/app.c": ("unknown frame type", "edited source")})
        assert b"edited source" in edited
        assert b"unknown frame type" not in edited
        options = {
            "Kconfig": ('default "2"', 'default "s"'),
            "prj.conf": ("CONFIG_MAIN_STACK_SIZE=4096", "CONFIG_MAIN_STACK_SIZE=8192"),
        }
        make(**options)
        grown = image.sizes(folder.elf, folder.configuration.toolchain)
        assert grown.stack_reserved_bytes - plain.stack_reserved_bytes == 4096
        ninja = (folder.build / "build.ninja").read_text()
        assert "-Os" in ninja.partition("part_00.c.obj:")[2].partition("FLAGS = ")[2].split("\n")[0]
        assert infer(folder.elf) == tiny_model.add(bytes([1, 2, 3]))


def test_candidates_that_want_one_folder_wait(tmp_path: Path) -> None:
    """While one builds nobody else gets in; both images are their own model's."""
    with ThreadPoolExecutor(2) as pool:
        changes = {"one": "", "two": "input[0]++;"}
        started = [
            pool.submit(build, M3, tmp_path / name, invoke=text) for name, text in changes.items()
        ]
        images = [future.result() for future in started]
    assert [infer(image / "firmware.elf") for image in images] == [b"\x06", b"\x07"]
    folder = PLUGIN._folder(M3, "c")
    with folder.locked(), (folder.path / "lock").open("w") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.skipif(
    shutil.which("ccache") is None, reason="no ccache: TFLM would take ten minutes to compile"
)
def test_images_of_tflm_are_equal_from_two_folders(tmp_path: Path) -> None:
    """Not the name of a source, nor the arena, depends on where it was built."""
    model = random_graph(2)
    images = [tmp_path / "warm", tmp_path / "another-name"]
    deploy(model, M4, TFLM, images[0])
    deploy(model, M4, TFLM, images[1], ZephyrPlatform(tmp_path / "another-root"))
    for file in (*IMAGE, "zephyr.json"):
        assert (images[0] / file).read_bytes() == (images[1] / file).read_bytes(), file
