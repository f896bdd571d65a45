"""The sections of a contract but for `dataset`, `goal` and `search`, which have their own modules.

A section checks what it can tell by itself; what has to fit another section, `Contract` checks.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from mlforge_tasks.architecture.geometry import Patches
from mlforge_tasks.calibration import beside
from mlforge_tasks.calibration.record import Calibration
from mlforge_tasks.contract.augment import Augment
from mlforge_tasks.contract.board import (
    ADD_BOARD,
    BOARDS,
    Board,
    board_file,
    board_names,
    check_files,
    find_board,
    load_board,
    own_boards,
)
from mlforge_tasks.contract.delivered_library import Prefix, Version
from mlforge_tasks.contract.npu import NpuOptions
from mlforge_tasks.contract.zephyr_options import ZephyrOptions
from mlforge_tasks.plugins import AUTO, installed
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake, closest, one_of, read_model
from mlforge_tasks.yaml_file.units import (
    Bytes,
    Seconds,
    typed_by_hand,
)

Toolchain = Literal["gcc", "llvm"]
NPU_ENGINE = "ethos_u"
UNLINKED = "model_only"
# Engines that can run the first layers of a model stripe by stripe.
_PATCHING = ("aot", AUTO)


class Target(Record):
    """Where the model runs.

    Attributes:
        board: A board of the contract's own `boards` folder or of `mlforge_tasks/boards`, by its
            name there or by Zephyr's, with a revision if need be.
        platform: How firmware is built.
        engine: What runs the model on the device, or `auto`.
        toolchain: Whose compiler makes the firmware; GNU's tools link it.
        mlperf: Name that the firmware answers the MLPerf Tiny benchmark's own runner with; without
            one it does not answer it.
        patches: Whether the first layers run stripe by stripe where the RAM limit needs it; or
            `streamed`, always so, and the model's input comes by rows.
        zephyr: What is added to the board for images on Zephyr.
        npu: For `engine: ethos_u`, what is said of the accelerator beside the board's file.
        own_board: The board, where its file lies beside the contract; no key of a contract.
        calibration: What that board was found to take, by the file beside it; no key of a contract
            and in no copy of one.
        verification_time_s: How long test examples may run on the target to be held against the
            oracle's; as many as fit, but a few in any case.
        prefix: What the delivered library's C names begin with; by default the contract's name.
        version: The library's, to be raised with what is delivered.
    """

    board: str
    platform: str
    engine: str
    toolchain: Toolchain = "gcc"
    mlperf: Annotated[str, Field(pattern=r"^\w[\w-]{0,31}$")] | None = None
    patches: Patches = "off"
    zephyr: ZephyrOptions = ZephyrOptions()
    npu: NpuOptions = NpuOptions()
    own_board: SkipJsonSchema[Board | None] = Field(default=None, validate_default=True)
    calibration: SkipJsonSchema[Calibration | None] = Field(
        default=None, validate_default=True, exclude=True
    )
    verification_time_s: Seconds = Field(default=10.0, alias="verification_time")
    prefix: Prefix | None = None
    version: Version = "0.1.0"

    @field_validator("board")
    @classmethod
    def _known_board(cls, name: str, info: ValidationInfo) -> str:
        if not typed_by_hand(info):
            return name  # it was known when the contract was read
        folders = own_boards(info)
        if not any(find_board(name, one) for one in folders) and find_board(name) is None:
            for one in folders:  # it may be in a file that cannot be read
                check_files(one)
            known = sorted({name for one in (*folders, BOARDS) for name in board_names(one)})
            add = ADD_BOARD.format(name=name)
            raise Mistake(f"a board: {', '.join(known)}; {add}", suggestion=closest(name, known))
        return name

    @field_validator("zephyr")
    @classmethod
    def _only_on_zephyr(cls, zephyr: ZephyrOptions, info: ValidationInfo) -> ZephyrOptions:
        if zephyr != ZephyrOptions() and info.data.get("platform", "zephyr") != "zephyr":
            raise Mistake("no such key: it is for `platform: zephyr`")
        return zephyr

    @field_validator("npu")
    @classmethod
    def _only_for_its_engine(cls, npu: NpuOptions, info: ValidationInfo) -> NpuOptions:
        if npu != NpuOptions() and info.data.get("engine", NPU_ENGINE) != NPU_ENGINE:
            raise Mistake(f"no such key: it is for `engine: {NPU_ENGINE}`")
        return npu

    @field_validator("own_board", mode="before")
    @classmethod
    def _board_beside_the_contract(cls, given: object, info: ValidationInfo) -> object:
        """Found by its name, or as it was found when the contract was read."""
        if not typed_by_hand(info):
            return given
        if given is not None:
            raise Mistake("no such key")
        found = (find_board(info.data.get("board", ""), one) for one in own_boards(info))
        return next((board for board in found if board is not None), None)

    @field_validator("calibration", mode="before")
    @classmethod
    def _calibrated_beside_the_contract(cls, given: object, info: ValidationInfo) -> object:
        """Found by the board's name; what was measured of another one is not this one's."""
        if not typed_by_hand(info):
            return given
        if given is not None:
            raise Mistake("no such key")
        board = info.data.get("own_board") or find_board(info.data.get("board", ""))
        files = (beside(board_file(board.name, one)) for one in own_boards(info) if board)
        path = next((one for one in files if one.is_file()), None)
        return None if path is None else read_model(path, Calibration)

    def modes(self) -> tuple[tuple[str, ...], str] | None:
        """The only modes that the target allows, and why; None where all are."""
        if self.on_board.native:
            return ("simulate",), f"{self.board} is a process of this computer"
        if self.platform == UNLINKED:
            return ("static",), f"platform '{UNLINKED}' has nothing to run"
        if self.engine == NPU_ENGINE:
            return ("static", "hardware"), "no emulator here has an NPU"
        return None

    @model_validator(mode="after")
    def _npu_is_known(self) -> Self:
        if self.engine != NPU_ENGINE or self.on_board.npu is not None:
            return self
        missing = ", ".join(self.npu.missing(self.on_board))
        wanted = f"{missing}: {self.board}'s file says nothing of an NPU"
        raise Mistake(wanted, at=("npu",), found="nothing")

    @property
    def on_board(self) -> Board:
        """The board, with all that the contract adds to it."""
        return self.npu.added_to(self.zephyr.added_to(self.own_board or load_board(self.board)))

    @field_validator("platform")
    @classmethod
    def _known_platform(cls, name: str) -> str:
        one_of(name, installed("platforms"), kind="a platform")
        return name

    @field_validator("engine")
    @classmethod
    def _known_engine(cls, name: str) -> str:
        one_of(name, (AUTO, *installed("engines")), kind="an engine")
        return name

    @field_validator("patches")
    @classmethod
    def _engine_has_patches(cls, patches: Patches, info: ValidationInfo) -> Patches:
        engine = info.data.get("engine", AUTO)
        if patches != "off" and engine not in _PATCHING:
            raise Mistake(f"off, since engine '{engine}' has no patches; 'aot' has")
        if patches == "streamed" and engine != "aot":
            raise Mistake(f"auto or off, since engine '{engine}' reads its input whole; not 'aot'")
        if patches == "streamed" and info.data.get("mlperf") is not None:
            raise Mistake("auto or off, since the MLPerf Tiny benchmark sends its input whole")
        return patches


class Training(Record):
    """What one training may cost.

    Attributes:
        epochs: At most so many passes over the training split.
        batch_size: Examples a step.
        learning_rate: Adam's step size at the start.
        patience: Epochs without a better validation figure after which training stops.
        time_limit_s: Time of the processor after which training is ended and the candidate fails.
        memory_limit_bytes: The same for the training process's memory.
        prune: Whether a training is stopped that falls behind most of those of earlier rounds.
        class_weights: Whether a rare class counts as much in training as a common one.
        augment: How training examples are varied.
    """

    epochs: int = Field(ge=1, le=10_000)
    batch_size: int = Field(default=64, ge=1, le=65_536)
    learning_rate: float = Field(default=0.001, gt=0, le=1)
    patience: int = Field(default=5, ge=1, le=10_000)
    time_limit_s: Seconds = Field(default=600.0, alias="time_limit")
    memory_limit_bytes: Bytes = Field(default=4 << 30, alias="memory_limit")
    prune: bool = False
    class_weights: Literal["balanced"] | None = None
    augment: Augment | None = None
