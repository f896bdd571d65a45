"""Where a row of a prepared data set is from: what messages say, for any row, and more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.datasets._origins import origins
from mlforge_tasks.datasets._texts import Texts
from mlforge_tasks.origins import Origins
from tests.datasets.test_folder import CSV, read, write
from tests.helpers.datasets import FORECAST, loaded, run_stage, spec

if TYPE_CHECKING:
    from pathlib import Path

# A line in the middle is empty.
GAPPED = b"a,b\n1,1\n2,2\n\n3,3\n4,4\n"


def test_every_row_is_found_where_messages_say_it_is(tmp_path: Path) -> None:
    """Of files with lines, across files, groups and lines that are left out."""
    write(tmp_path, {**CSV, "data/dog/zoe_01.csv": GAPPED})
    table = read(tmp_path, "{kind}/{who}_*.csv", group="who")
    found = origins(table, table.texts("who"))
    found.write(tmp_path)
    kept = Origins.read(tmp_path)
    assert kept is not None
    assert [kept.of(row).place for row in range(table.rows)] == [
        table.place(row) for row in range(table.rows)
    ]
    assert [kept.of(row).group for row in range(table.rows)] == table.texts("who").tolist()
    assert kept.of(9, 2).place == "data/dog/zoe_01.csv:5-6"


def test_rows_without_lines_are_counted_within_their_recording() -> None:
    """As an array holds them: the file's rows, and which row of which recording that is."""
    table = loaded([4, 6], level=np.arange(9.0)).table
    found = origins(table, Texts.of(list("aaaabbbcc")))
    one = found.of(5)
    assert (one.place, one.recording, one.recordings, one.row) == ("data.csv, row 5", 1, 3, 1)
    assert (found.of(6, 3).place, found.of(8).row, found.of(8).group) == (
        "data.csv, rows 6-8",
        2,
        "c",
    )


def test_the_stage_leaves_it_beside_the_rows(tmp_path: Path) -> None:
    """Lines of the user's file, header included; an older folder has none."""
    (tmp_path / "data.csv").write_text("level\n" + "\n".join(str(i % 7) for i in range(60)))
    config = {"dataset": spec(FORECAST).model_dump(mode="json"), "task": "regression"}
    run_stage(config, tmp_path / "out")
    kept = Origins.read(tmp_path / "out")
    assert kept is not None
    assert (kept.of(0, 3).place, kept.of(59).place) == ("data.csv:2-4", "data.csv:61")
    assert Origins.read(tmp_path) is None
