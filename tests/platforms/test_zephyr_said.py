"""A mistake in Kconfig, a devicetree or a board is told in Zephyr's own line, without CMake's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import product, progress
from mlforge_tasks.platforms._zephyr import said
from mlforge_tasks.platforms.zephyr import ZephyrPlatform
from tests.helpers.zephyr_images import NEEDS_ZEPHYR

if TYPE_CHECKING:
    from pathlib import Path

# What Zephyr 4.2.99 said of each mistake.
CMAKE = """\
CMake Error at /ws/zephyr/cmake/modules/dts.cmake:306 (execute_process):
  execute_process failed command indexes:

    1: "Child return code: 1"

Call Stack (most recent call first):
  /ws/zephyr/share/zephyr-package/cmake/ZephyrConfig.cmake:66 (include)
  CMakeLists.txt:15 (find_package)

FATAL ERROR: command exited with status 1: /usr/bin/cmake -B/tmp/x -GNinja -DBOARD=mps2/an385
"""
KCONFIG = """\
error: Aborting due to Kconfig warnings

CMake Error at /ws/zephyr/cmake/modules/kconfig.cmake:387 (message):
  command failed with return code: 1
Call Stack (most recent call first):
  CMakeLists.txt:15 (find_package)
"""
# Kconfig's on stderr, and what CMake said on stdout, as they came.
NO_VALUE = """\
/p/own.conf:1: warning: 'maybe' is not a valid value for the bool symbol FPU (defined at \
boards/shields/nxp_m2_wifi_bt/Kconfig.defconfig:142, arch/Kconfig:1036). Assignment ignored.\
Parsing /p/zephyr_app/Kconfig
Loaded configuration '/ws/zephyr/boards/arm/mps2/mps2_an385_defconfig'
"""
GIVEN = """\
FAILED: zephyr/CMakeFiles/offsets.dir/arch/arm/core/offsets/offsets.c.obj
<command-line>: fatal error: nowhere.h: No such file or directory
compilation terminated.
ninja: build stopped: subcommand failed.
"""
BOARD = """\
CMake Error at /ws/zephyr/cmake/modules/boards.cmake:285 (message):
  Board qualifiers `/an999` for board `mps2` not found.  Please specify a
  valid board target.

  Valid board targets for mps2 are:

  mps2/an383
  mps2/an385
Call Stack (most recent call first):
  CMakeLists.txt:15 (find_package)
"""
COMPILED = """\
[57/140] Building C object zephyr/CMakeFiles/offsets.dir/arch/arm/core/offsets/offsets.c.obj
FAILED: zephyr/CMakeFiles/offsets.dir/arch/arm/core/offsets/offsets.c.obj
/usr/bin/arm-none-eabi-gcc -Werror=implicit-int -c /ws/zephyr/arch/arm/core/offsets/offsets.c
In file included from /ws/modules/hal/nordic/nrfx/mdk/nrf.h:248,
/ws/modules/hal/nordic/nrfx/mdk/nrf54l15.h:42:10: fatal error: nrf54l15_types.h: No such file or \
directory
   42 | #include "nrf54l15_types.h"
compilation terminated.
ninja: build stopped: subcommand failed.
"""
UNMET = """\
warning: FPU (defined at boards/shields/nxp_m2_wifi_bt/Kconfig.defconfig:142,
soc/st/stm32/stm32wbax/Kconfig.defconfig:42,
arch/Kconfig:1036) was assigned the value 'y' but got the value 'n'. Check these unsatisfied
dependencies: ((SOC_SERIES_RZN2L && SOC_FAMILY_RENESAS_RZ) || CPU_HAS_FPU) (=n). See
http://docs.zephyrproject.org/latest/kconfig.html#CONFIG_FPU and/or look up FPU in the
"""


@pytest.mark.parametrize(
    "line",
    [
        "devicetree error: /chosen: undefined node label 'uart9'",
        "devicetree error: /p/a.overlay:3 (column 1): parse error: expected ';' or ','",
        "/p/a.overlay:1:10: fatal error: nothing.h: No such file or directory",
        "No shield named 'nothing_like_it' found",
    ],
)
def test_a_devicetrees_mistake_is_one_line(line: str) -> None:
    """The rest is CMake's way to say that it stops."""
    assert said.reasons(f"-- Board: mps2\nParsing …\n{line}\n{CMAKE}") == line


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "/p/a.conf:1: warning: attempt to assign the value 'y' to the undefined symbol NO",
            "/p/a.conf:1: warning: attempt to assign the value 'y' to the undefined symbol NO",
        ),
        (
            "/p/a.conf:1: warning: ignoring malformed line 'FOO BAR'",
            "/p/a.conf:1: warning: ignoring malformed line 'FOO BAR'",
        ),
        (
            "warning: the value 'abc' is invalid for A_SIZE (defined at a:1, b:2), of type int",
            "warning: the value 'abc' is invalid for A_SIZE, of type int",
        ),
    ],
)
def test_kconfigs_mistake_is_one_line(line: str, told: str) -> None:
    """Without the forty places that a symbol is defined at."""
    assert said.reasons(f"Merged configuration 'prj.conf'\n{line}\n\n{KCONFIG}") == told


def test_what_cmake_alone_says_is_told_whole() -> None:
    """A board that Zephyr does not know, with those that it does."""
    told = said.reasons(BOARD)
    assert told.startswith("Board qualifiers `/an999` for board `mps2` not found.")
    assert told.endswith("mps2/an383 mps2/an385")


def test_a_missing_header_has_advice() -> None:
    """It is a module that is not named, or another one's revision."""
    told = said.reasons(COMPILED)
    assert told.endswith("fatal error: nrf54l15_types.h: No such file or directory")
    assert len(told.splitlines()) == 1
    advice = said.advice(told)
    assert advice is not None
    assert "modules" in advice
    assert said.advice("devicetree error: x") is None


def test_an_option_that_kconfig_passes_over_is_told() -> None:
    """Only of those that the user wrote: Zephyr's own boards have some, too."""
    assert said.options_of(["# no\nCONFIG_FPU=y\n CONFIG_A=1\n", "CONFIG_B=n"]) == ("FPU", "A", "B")
    told = said.unmet(UNMET, ("FPU",))
    assert told.startswith("Kconfig: FPU was asked to be 'y' and is 'n'")
    assert said.unmet(UNMET, ("A",)) == ""


def test_what_kconfig_and_a_compiler_say_beside_their_usual_words_is_told() -> None:
    """A value that a symbol does not take, whatever CMake says on the same line."""
    told = "/p/own.conf:1: warning: 'maybe' is not a valid value for the bool symbol FPU"
    assert said.reasons(NO_VALUE + KCONFIG) == f"{told}. Assignment ignored."
    told = "<command-line>: fatal error: nowhere.h: No such file or directory"
    assert said.reasons(GIVEN) == told


def test_a_build_tells_how_far_it_is() -> None:
    """Ninja's steps, to whoever listens in that thread."""
    assert said.step(COMPILED.splitlines()[0]) is not None
    assert said.step("-- Configuring done") is None
    heard: list[str] = []
    with progress.heard(heard.append):
        progress.tell(1, 2, "steps", "a")
    progress.tell(2, 2, "steps", "b")
    assert heard == ["progress: [1/2 steps] a"]


@pytest.mark.slow
@pytest.mark.zephyr
@NEEDS_ZEPHYR
@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("overlays", "/ { chosen { zephyr,console = &uart9; }; };", "undefined node label 'uart9'"),
        ("confs", "CONFIG_FPU=y\n", "Kconfig: FPU was asked to be 'y' and is 'n' on this board"),
    ],
)
def test_a_mistake_in_a_users_file_is_told(
    kind: str, text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Zephyr tells it today; nothing is left that a second build would go on from."""
    monkeypatch.setenv(product.VARIABLE, str(tmp_path))
    (tmp_path / "own").write_text(text)
    board = load_board("mps2/an385")
    assert board.zephyr is not None
    more = board.zephyr.model_copy(update={kind: ("own",)})
    folder = ZephyrPlatform(tmp_path)._folder(board.model_copy(update={"zephyr": more}), "none")
    with folder.locked(), pytest.raises(ToolError) as caught:
        folder.make()
    assert told in caught.value.message
    assert "CMake" not in caught.value.message
    assert not (folder.build / "build.ninja").exists()
