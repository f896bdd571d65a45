"""A C file is compiled once in a run, for all images that are made of the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import process
from mlforge_tasks.platforms import _objects
from mlforge_tasks.platforms.baremetal import PLUGIN
from tests.helpers import tiny_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MACROS = {"HAL_RATE": "-DHAL_RATE=1u", "MLFORGE_ID": '-DMLFORGE_ID="a"', "NDEBUG": "-DNDEBUG=1u"}


class Sources:
    """A source, its folder of headers, and one that is looked through before that."""

    def __init__(self, folder: Path) -> None:
        self.first, self.second = folder / "first", folder / "second"
        for one in (self.first, self.second):
            one.mkdir()
        self.source = self.second / "rate.c"
        self.source.write_text('#include "rate.h"\n#include <stdint.h>\nuint32_t now = RATE;\n')
        (self.second / "rate.h").write_text("#define RATE HAL_RATE\n")

    def key(self, *by: str, **macros: str) -> str | None:
        """Of what is there now."""
        folders = [self.first, self.second]
        return _objects.key(self.source, folders, {**MACROS, **macros}, *by)


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(tmp_path)


def test_what_makes_no_difference(sources: Sources, tmp_path: Path) -> None:
    """A macro of ours that no text names, a header that is not included, where it all lies."""
    before = sources.key("-O2")
    assert before is not None
    (sources.first / "other.h").write_text("#error")
    assert sources.key("-O2", MLFORGE_ID='-DMLFORGE_ID="b"') == before
    (tmp_path / "elsewhere").mkdir()
    assert Sources(tmp_path / "elsewhere").key("-O2") == before


def edit_header(sources: Sources) -> None:
    (sources.second / "rate.h").write_text("#define RATE (HAL_RATE + 1)\n")


def edit_source(sources: Sources) -> None:
    sources.source.write_text(sources.source.read_text() + "\n")


def rename(sources: Sources) -> None:
    sources.source = sources.source.rename(sources.second / "pace.c")


def stand_before_the_system(sources: Sources) -> None:
    (sources.first / "stdint.h").write_text("typedef unsigned uint32_t;\n")


def name_a_macro(sources: Sources) -> None:
    (sources.second / "rate.h").write_text("#define RATE HAL_RATE /* MLFORGE_ID */\n")


@pytest.mark.parametrize(
    "change", [edit_header, edit_source, rename, stand_before_the_system, name_a_macro]
)
def test_what_makes_a_difference(sources: Sources, change: Callable[[Sources], None]) -> None:
    """Each text that may be read, its name, and the macros that it names."""
    before = sources.key("-O2")
    change(sources)
    after = sources.key("-O2")
    assert None not in {before, after}
    assert before != after


def test_options_and_macros_make_a_difference(sources: Sources) -> None:
    """Also a macro that only a system's header may read."""
    other = {"HAL_RATE": "-DHAL_RATE=2u"}, {"NDEBUG": "-DNDEBUG=0u"}
    keys = {sources.key("-O2"), sources.key("-Os"), *(sources.key("-O2", **one) for one in other)}
    assert len(keys) == 4


def test_a_header_that_is_found_elsewhere_counts(sources: Sources) -> None:
    """By the source's own folder first for quotes, by the others in their order for brackets."""
    (sources.first / "rate.h").write_text("#define RATE HAL_RATE\n#define OTHER\n")
    quoted = sources.key()
    (sources.first / "rate.h").unlink()
    assert sources.key() == quoted
    sources.source.write_text(sources.source.read_text().replace('"rate.h"', "<rate.h>"))
    alone = sources.key()
    (sources.first / "rate.h").write_text("#define RATE HAL_RATE\n#define OTHER\n")
    assert sources.key() != alone


@pytest.mark.parametrize(
    "line",
    [
        "#include RATE_H",
        '#if __has_include("more.h")\n#endif',
        "const char *where = __FILE__;",
        '__asm__(".incbin \\"rate.bin\\"");',
        '%:include "more.h"',
        '#import "more.h"',
        '# /* more */ include "more.h"',
        '#inc\\\nlude "more.h"',
        '#\\\ninclude "more.h"',
        "uint32_t then = HAL_\\\nRATE;",
    ],
)
def test_what_texts_do_not_tell_is_compiled_each_time(sources: Sources, line: str) -> None:
    """A header that a macro names, one that may be missing, a file's place, unusual spellings."""
    (sources.second / "rate.h").write_text(line)
    assert sources.key() is None


@pytest.mark.slow
def test_an_image_is_the_same_whatever_was_made_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Firmware and profile share all but the application and the model; edited code is not old."""
    compiled: list[str] = []
    check = process.check

    def counted(argv: list[str], **how: object) -> str:
        compiled.extend(name.rpartition("/")[2] for name in argv if name.endswith(".c"))
        return check(argv, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(_objects, "_made", {})
    monkeypatch.setattr(process, "check", counted)
    board, model = load_board("mps2/an385"), tiny_model.write_model(tmp_path / "model")

    def build(name: str) -> tuple[bytes, set[str]]:
        compiled.clear()
        out = tmp_path / name
        out.mkdir(exist_ok=True)
        request = tiny_model.request(board, model)
        PLUGIN.build(request, out)
        return (out / "firmware.elf").read_bytes(), set(compiled)

    first, all_of_them = build("first")
    assert {"startup.c", "app.c", "model.c"} <= all_of_them
    again, some = build("again")
    assert (again, some <= {"app.c"}) == (first, True)
    (model / "model.c").write_text((model / "model.c").read_text() + "\nint8_t unused[1];\n")
    assert build("edited")[1] - {"app.c"} == {"model.c"}
    (model / "model.c").write_text("int broken(")
    for _ in range(2):
        with pytest.raises(ToolError, match="broken"):
            build("broken")
