"""deliver: the files of a candidate that meets the contract, in one folder, with the report."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from mlforge_tasks.elf import check_stripped, flat_origin, is_program
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph.files import file_digest
from mlforge_tasks.graph.kind import StageKind
from mlforge_tasks.graph.manifest import outputs_in
from mlforge_tasks.quantisation import FLOAT_OUTPUTS
from mlforge_tasks.records import canonical_json
from mlforge_tasks.runners._hex import intel_hex
from mlforge_tasks.stages import main
from mlforge_tasks.stages.run import RunReport
from mlforge_tasks.verdict.predictions import PREDICTIONS
from mlforge_tasks.verdict.trials import Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


CONTRACT = "contract.json"
# Of each example; the evaluation says what they come to, and the page which are the worst.
NOT_DELIVERED = (FLOAT_OUTPUTS, *PREDICTIONS)
# What there is for each target.
ON_TARGET = ("engine", "firmware", "run")
# Where what is delivered was carried over: the contract of the search that found it.
SEARCHED = "searched_contract.json"
MEND = "the store holds what no stage made: delete the build tree's 'ac' and 'cas', and run again"

# Never from the store: what is delivered is held against what was measured every time.
KIND = StageKind(__name__, runs_after_failure=True, restorable=False)


def check(out: Path, further: Path | None = None) -> None:
    """Holds the images and the model that are delivered against those that were measured.

    An emulator, and some programmers of boards, take the ELF file alone: nothing else says that the
    flat image beside it is the same.

    Args:
        out: All that is delivered.
        further: Where that of a further target lies, which has the same model, if it is that.

    Raises:
        ToolError: They are others.
    """
    model, out = out, further or out
    delivered = (*out.glob("*.elf"), *model.glob("*.tflite"))
    found = {path.name: file_digest(path) for path in delivered}
    if found != RunReport.read(out / "measurements.json").ran:
        raise ToolError(
            "the image or the model to deliver is not the one that was measured", hint=MEND
        )
    for flat in sorted(out.glob("*.bin")):
        same = check_stripped if is_program(flat.read_bytes()) else flat_origin
        try:
            same(flat.with_suffix(".elf").read_bytes(), flat.read_bytes())
        except ToolError as error:
            raise ToolError(f"{flat.name}: {error.message}", hint=MEND) from None


def write_hex(out: Path) -> None:
    """Writes the image in the format that every flasher reads, which has the address in it.

    Args:
        out: All that is delivered, checked.
    """
    flat = out / "firmware.bin"
    if flat.is_file() and not is_program(image := flat.read_bytes()):
        origin = flat_origin(flat.with_suffix(".elf").read_bytes(), image)
        flat.with_suffix(".hex").write_bytes(intel_hex(image, origin))


def run(inputs: Mapping[str, Path], out: Path, config: Mapping[str, Any]) -> None:
    """Copies the report, and where the contract is met the best candidate's files.

    Nothing but the report is delivered of a contract that is not met: what lies in `delivered/`
    was measured and passed.

    Args:
        inputs: `report`, `dataset`, `library`, `layers`, `page`, and
            `<iteration>.<candidate>.<stage>` of every candidate.
        out: Output folder.
        config: `contract`, as it was read, and `searched`, an earlier one, where its search found
            what is delivered. What a target beside the leading one has of its own goes into a
            folder of its name.

    Raises:
        ToolError: What is to be delivered is not what was measured.
    """
    for name, key in ((CONTRACT, "contract"), (SEARCHED, "searched")):
        if key in config:
            (out / name).write_bytes(canonical_json(config[key]) + b"\n")
    sources = [inputs["report"], inputs["library"], inputs["layers"], inputs["page"]]
    report = Report.read(inputs["report"] / "report.json")
    shutil.copyfile(inputs["dataset"] / "data_card.json", out / "data_card.json")
    further = [one.name for one in report.targets[1:]]
    _copy(sources, out)
    if report.met:
        stages = {
            name: folder for name, folder in inputs.items() if name.startswith(f"{report.best}.")
        }
        for target in (*further, ""):
            own = [name for name in stages if not target or _is_of(target, name)]
            _copy([stages.pop(name) for name in own], out / target)
        check(out)
        for target in further:
            check(out, out / target)
        for folder in (out, *(out / target for target in further)):
            write_hex(folder)


def _is_of(target: str, name: str) -> bool:
    """Whether a candidate's stage is a further target's, by its whole name."""
    stage = name.rpartition(".")[2].removeprefix("hardware_")
    return stage in {f"{one}_{target}" for one in ON_TARGET}


def _copy(sources: Iterable[Path], out: Path) -> None:
    """What stages made, but for what is only read here."""
    for source in sources:
        for name, path in outputs_in(source):
            if name in NOT_DELIVERED:
                continue
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, out / name)


if __name__ == "__main__":
    main(run)
