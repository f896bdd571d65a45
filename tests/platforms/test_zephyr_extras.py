"""What images for Zephyr are made of beside Zephyr: files of the project, none of west's habits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.board import Zephyr
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import product
from mlforge_tasks.platforms._zephyr import extras, west_config

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "hw/board/a.overlay": '#include <mem.h>\n#include "../common/b.dtsi"\n',
    "hw/common/b.dtsi": '/include/ "c.dtsi"\n#include "b.dtsi"\n#include "arm/armv7-m.dtsi"\n',
    "hw/common/c.dtsi": "/ { };\n",
    "hw/a.conf": "CONFIG_A=y\n",
    "hw/module/zephyr/module.yml": "name: own\n",
    "hw/module/own.c": "int own;\n",
    "root/boards/x/y/y.dts": "/ { };\n",
}
OTHERS = {"root/notes.txt": "none of Zephyr's", "hw/module/.git/HEAD": "ref: refs/heads/main\n"}
KNOWN = Zephyr(
    target="x",
    modules=("hal_nordic", "hw/module"),
    board_root="root",
    overlays=("hw/board/a.overlay",),
    confs=("hw/a.conf",),
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with files for its board."""
    monkeypatch.setenv(product.VARIABLE, str(tmp_path))
    for name, text in {**FILES, **OTHERS}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_they_are_those_that_are_named_and_what_these_include(project: Path) -> None:
    """Zephyr's own headers are not, nor what is beside them."""
    assert set(extras.names(KNOWN)) == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_an_edit_of_each_is_told(project: Path, name: str) -> None:
    """Of a file that an overlay includes, and of a module's that no git knows, too."""
    before = extras.identities(KNOWN)
    (project / name).write_text(FILES[name] + "\n")
    assert extras.identities(KNOWN) != before


def test_what_is_outside_cannot_be_taken_along(project: Path) -> None:
    """Whoever builds it again has the project's files alone."""
    (project.parent / "out.dtsi").write_text("/ { };\n")
    (project / "hw/common/b.dtsi").write_text('#include "../../../out.dtsi"\n')
    with pytest.raises(ToolError, match="which is outside the project"):
        extras.identities(KNOWN)


def test_west_keeps_its_places_alone(tmp_path: Path) -> None:
    """Where the manifest is, not what a user likes to build with."""
    (tmp_path / ".west").mkdir()
    (tmp_path / ".west" / "config").write_text(
        "[manifest]\npath = z\n[build]\ncmake-args = -DX=%Y\n[alias]\nbuild = flash\n"
    )
    said = west_config.without_habits(tmp_path, tmp_path / "ours")
    assert (tmp_path / "ours").read_text().split() == ["[manifest]", "path", "=", "z"]
    assert said["WEST_CONFIG_LOCAL"] == str(tmp_path / "ours")
    assert said["WEST_CONFIG_GLOBAL"] == said["WEST_CONFIG_SYSTEM"] == "/dev/null"
