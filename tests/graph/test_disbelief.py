"""Whatever happens to the files of a build tree, a run ends with the right bytes."""

from __future__ import annotations

import itertools
import random
import shutil
from pathlib import Path

import pytest

from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.manifest import PROVENANCE, Provenance
from mlforge_tasks.graph.stage import Stage, Workspace
from mlforge_tasks.graph.store import Store, key_of
from tests.helpers.builds import digests, flip_bit

SCALE = StageKind("tests.helpers.demo_stages.scale", ("numbers.txt",))
FACTORS = (2, 3, 5, 7)
FLIPS, FLIPS_A_ROUND = 2000, 20


class Fan:
    """Stages of one kind that read one stage, as candidates do, and one that reads the last."""

    def __init__(self, folder: Path) -> None:
        self.build = folder / "build"
        source = folder / "source.txt"
        source.write_text("1 2 3")
        workspace = Workspace(Store(self.build))

        def stage(name: str, read: Stage | Path, factor: int) -> Stage:
            config = {"factor": factor, "impure": False}
            return Stage(name, SCALE, self.build / name, workspace, {"source": read}, config)

        first = stage("first", source, 1)
        self.fan = [stage(f"fan{factor}", first, factor) for factor in FACTORS]
        self.stages = [first, *self.fan, stage("last", self.fan[-1], 11)]
        self.saved: dict[str, dict[str, str]] = {}
        self.run()
        self.right = digests(self.build)

    def run(self) -> None:
        """Runs what is not up to date, as doit does."""
        for stage in self.stages:
            if not stage.up_to_date(self.saved.get(stage.name, {})):
                key = stage.run().key
                self.saved[stage.name] = {"key": key, "manifest": file_digest(stage.manifest_path)}

    def ends_right(self) -> bool:
        """Whether a run makes of it what it was."""
        self.run()
        texts = [(stage.folder / "numbers.txt").read_text() for stage in self.stages]
        scales = (1, *FACTORS, FACTORS[-1] * 11)
        return (
            texts == [f"{one} {2 * one} {3 * one}" for one in scales]
            and digests(self.build) == self.right
            and all(stage.up_to_date(self.saved[stage.name]) for stage in self.stages)
            and [Provenance.read(stage.folder / PROVENANCE).key for stage in self.stages]
            == [key_of(stage.key_document()) for stage in self.stages]
        )

    def wipe(self) -> None:
        """Leaves nothing but the store."""
        for stage in self.stages:
            stage.clean()


@pytest.fixture(scope="module")
def fan(tmp_path_factory: pytest.TempPathFactory) -> Fan:
    return Fan(tmp_path_factory.mktemp("fan"))


@pytest.mark.parametrize("wiped", [False, True])
def test_no_entry_stands_in_for_another(fan: Fan, *, wiped: bool) -> None:
    """Every pair of entries of one stage kind is swapped, with outputs in place and without."""
    store = fan.stages[0].workspace.store
    entries = [store.result_path(key_of(stage.key_document())) for stage in fan.fan]
    for one, other in itertools.combinations(entries, 2):
        spare = one.with_name("spare")
        one.rename(spare)
        other.rename(one)
        spare.rename(other)
        if wiped:
            fan.wipe()
        assert fan.ends_right(), (one, other)


def test_no_bit_that_flips_is_believed(fan: Fan) -> None:
    """In entries, blobs, manifests, provenance and outputs; the run that follows puts it right."""
    moments = random.Random(9)  # noqa: S311 - not for secrets
    for round_ in range(FLIPS // FLIPS_A_ROUND):
        files = sorted(path for path in fan.build.rglob("*") if path.is_file())
        for path in moments.choices(files, k=FLIPS_A_ROUND):
            flip_bit(path, moments)
        if round_ % 2:
            shutil.rmtree(moments.choice(fan.stages).folder)
        assert fan.ends_right(), round_
