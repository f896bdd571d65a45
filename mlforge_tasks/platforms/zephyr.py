"""The platform `zephyr`: the application on the RTOS, built with west in warm build folders.

An engine's C sources become numbered parts at fixed paths; `tflm_operators.c` means a model on
TFLite Micro, whose arena is as large as an image of that very model says it must be.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.build_report import FirmwareReport, ProcessReport
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import product
from mlforge_tasks.graph.file_digests import identified
from mlforge_tasks.graph.files import Tree
from mlforge_tasks.platforms._fit import does_not_fit
from mlforge_tasks.platforms._zephyr import (
    arena,
    doctor,
    extras,
    image,
    llvm,
    needs,
    npu,
    rebuild,
    workspace,
)
from mlforge_tasks.platforms._zephyr.build_folder import (
    APP,
    BuildFolder,
    Configuration,
    OverflowedError,
)
from mlforge_tasks.platforms._zephyr.delivery import deliver
from mlforge_tasks.platforms._zephyr.model_files import TFLM_SOURCE, model_files, options
from mlforge_tasks.records import Record, canonical_json, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.build_report import BuildReport
    from mlforge_tasks.contract.board import Board, Zephyr
    from mlforge_tasks.contract.sections import Toolchain
    from mlforge_tasks.platforms import BuildRequest

BUILD_ROOT = product.project() / "build" / ".zephyr"
CORE_MODULES = ("cmsis_6",)
TFLM_MODULES = ("cmsis-dsp", "cmsis-nn", "tflite-micro")
NO_MODEL = APP / "no_model"


class ZephyrBuild(Record):
    """What a Zephyr image was made from.

    Attributes:
        target: The board as west names it.
        toolchain: What compiled it.
        revisions: Zephyr and the modules it was built with.
    """

    target: str
    toolchain: str
    revisions: dict[str, str]


class ZephyrImage(ZephyrBuild):
    """Also what it consists of, beside its firmware report.

    Attributes:
        whole: Sizes of the image.
        without_model: Sizes of the same application without a model.
        arena_reserved_bytes: TFLite Micro's arena; None for engines that have none.
    """

    whole: image.Sizes
    without_model: image.Sizes
    arena_reserved_bytes: int | None

    @property
    def model_flash_bytes(self) -> int:
        """The model's share of flash."""
        return self.whole.flash_bytes - self.without_model.flash_bytes

    @property
    def model_ram_bytes(self) -> int:
        """The model's share of static RAM."""
        return self.whole.static_ram_bytes - self.without_model.static_ram_bytes


class ZephyrPlatform:
    """Builds with west.

    Args:
        root: Where the warm build folders are.
        options: Kconfig options for every image (`CONFIG_X=y`).
    """

    name = "zephyr"
    engines = ("aot", "tflm", "ethos_u")
    resources = ("zephyr_app", "mlforge_tasks/platforms/_zephyr")
    stack_reserve_bytes = 1100  # 900 to 1,030 with `aot` in benchmarks/zephyr.md
    links = True

    def __init__(self, root: Path = BUILD_ROOT, options: tuple[str, ...] = ()) -> None:
        self.root = root
        self._options = options

    def engines_for(self, board: Board) -> tuple[str, ...]:
        """See `platforms.Platform.engines_for`; `require` says why not all.

        An NPU's engine has to be asked for: nothing here executes what it makes.
        """
        known = board.zephyr
        if known is not None and (known.arch != "arm" or not (board.qemu or known.arena_on)):
            return ("aot",)
        return ("aot", "tflm")

    def build(self, request: BuildRequest, out: Path) -> BuildReport:
        """See `platforms.Platform.build`.

        Also writes `zephyr.json`: a `ZephyrImage`, or a `ZephyrBuild` of a process; and what builds
        it again (`_zephyr/rebuild.py`).
        """
        files = model_files(request)
        how = request.toolchain, options(request)
        if request.board.native:
            return self._build_process(request, files, out)
        base = self._without_model(request.board, *how)
        reserved = None
        if TFLM_SOURCE in files:
            reserved = self._find_arena(request.board, files)
            files[arena.HEADER] = arena.header(reserved, compiled=npu.COMPILED in files)
            how = request.toolchain, (*how[1], *npu.options(request.board, files))
        folder = self._folder(request.board, "c" if reserved is None else "tflm", *how)
        with folder.locked():
            _make(folder, files, request.board)
            deliver(folder, files, request.firmware_id, out)
            rebuild.write(folder, files, out)
            whole = image.sizes(folder.elf, folder.configuration.toolchain)
        ZephyrImage(
            whole=whole,
            without_model=base,
            arena_reserved_bytes=reserved,
            **_made_from(folder).model_dump(),
        ).write(out / "zephyr.json")
        return FirmwareReport(
            **whole.model_dump(),
            arena_reserved_bytes=reserved,
            firmware_id=request.firmware_id,
        )

    def _build_process(
        self, request: BuildRequest, files: Mapping[str, bytes], out: Path
    ) -> ProcessReport:
        """The same application for this computer."""
        folder = self._folder(request.board, "c", request.toolchain, options(request))
        with folder.locked():
            _make(folder, files, request.board)
            deliver(folder, files, request.firmware_id, out)
            rebuild.write(folder, files, out)
        _made_from(folder).write(out / "zephyr.json")
        return ProcessReport(firmware_id=request.firmware_id)

    def require(self, board: Board, engine: str, toolchain: Toolchain = "gcc") -> None:
        """See `platforms.Platform.require`."""
        arch = _zephyr(board).arch
        if toolchain == "llvm":
            llvm.refuse(board, arch, engine)
        interpreted = engine in {"tflm", "ethos_u"}
        if interpreted:
            arena.refuse(board, engine, arch)
        modules = _modules(board, "tflm" if interpreted else "c")
        modules += npu.MODULES if engine == "ethos_u" else ()
        extras.require(_zephyr(board))
        needs.require(modules, arch, toolchain, board.gcc_flags, bare=board.uart is not None)

    def tool_versions(self, board: Board, toolchain: Toolchain = "gcc") -> Mapping[str, str]:
        """See `platforms.Platform.tool_versions`."""
        compiler = needs.required(_zephyr(board).arch, toolchain, board.gcc_flags)
        modules = (*CORE_MODULES, *_zephyr(board).modules, *TFLM_MODULES)
        modules += npu.MODULES if board.npu is not None else ()
        found = workspace.require()
        programs = {
            name: identified(program)
            for name in (*doctor.PROGRAMS, "dtc")
            if (program := shutil.which(name))
        }
        return {
            **compiler.identity(*board.gcc_flags),
            **{name: identified(compiler.tool(name)) for name in ("objcopy", "size", "nm")},
            **programs,
            "toolchain": compiler.version(),
            **found.revisions(modules),
            **found.edits(modules),
            **extras.identities(_zephyr(board)),
        }

    def _folder(
        self,
        board: Board,
        model: str,
        toolchain: Toolchain = "gcc",
        options: tuple[str, ...] = (),
    ) -> BuildFolder:
        known = _zephyr(board)
        configuration = Configuration(
            target=known.target,
            model=model,
            modules=(*_modules(board, model), *(npu.MODULES if npu.chosen(options) else ())),
            workspace=workspace.require(),
            toolchain=needs.required(known.arch, toolchain, board.gcc_flags),
            options=(*self._options, *options),
            confs=extras.conf_files(known),
            more=extras.cmake_args(known),
            files=extras.identities(known),
            own=extras.names(known),
        )
        return BuildFolder(self.root, configuration)

    def _find_arena(self, board: Board, files: Mapping[str, bytes]) -> int:
        """Size of the smallest arena that the model starts in."""
        stand_in = _zephyr(board).arena_on
        emulated = load_board(stand_in) if stand_in else board
        base = self._without_model(emulated)
        compiled = npu.COMPILED in files
        most = arena.most_bytes(emulated, base.static_ram_bytes + base.stack_reserved_bytes)
        folder = self._folder(emulated, "tflm", options=npu.options(board, files))
        tried = arena.header(most, search=True, compiled=compiled)
        with folder.locked():
            _make(folder, {**files, arena.HEADER: tried}, board)
            return arena.measure(emulated, folder.elf, most)

    def _without_model(
        self, board: Board, toolchain: Toolchain = "gcc", options: tuple[str, ...] = ()
    ) -> image.Sizes:
        """Sizes of the application alone; built again only after its sources changed.

        Or how they are read.
        """
        folder = self._folder(board, "none", toolchain, options)
        sources = sorted(path for path in APP.rglob("*") if path.is_file())
        digests = {str(path.relative_to(APP)): sha256_bytes(path.read_bytes()) for path in sources}
        digests[image.__name__] = sha256_bytes(Path(image.__file__).read_bytes())
        known = folder.path / f"sizes-{sha256_bytes(canonical_json(digests))}.json"
        with folder.locked():
            with contextlib.suppress(OSError, ValueError):  # not there, or not what was written
                return image.KnownSizes.read(known).sizes
            _make(folder, {path.name: path.read_bytes() for path in NO_MODEL.iterdir()}, board)
            sizes = image.sizes(folder.elf, folder.configuration.toolchain)
            Tree(folder.path).publish(image.KnownSizes(sizes=sizes).to_bytes() + b"\n", known)
        return sizes


def _made_from(folder: BuildFolder) -> ZephyrBuild:
    on = folder.configuration
    return ZephyrBuild(
        target=on.target,
        toolchain=on.toolchain.version(),
        revisions=on.workspace.revisions(on.modules),
    )


def _zephyr(board: Board) -> Zephyr:
    if board.zephyr is None:
        raise ToolError(
            f"Zephyr does not know {board.name}: its board file has no 'zephyr' section",
            hint="name another board, or `platform: baremetal`",
        )
    return board.zephyr


def _modules(board: Board, model: str) -> tuple[str, ...]:
    """The Zephyr modules of an image, by what runs its model."""
    known = _zephyr(board)
    core = CORE_MODULES if known.arch == "arm" else ()
    return (*core, *known.modules, *(TFLM_MODULES if model == "tflm" else ()))


def _make(folder: BuildFolder, files: Mapping[str, bytes], board: Board) -> None:
    """Builds an image of these files.

    Raises:
        CandidateFailure: It does not fit the board.
        ToolError: The build failed.
    """
    folder.place(files)
    try:
        folder.make()
    except OverflowedError as overflow:
        raise does_not_fit(board, overflow.region, overflow.excess_bytes) from None


PLUGIN = ZephyrPlatform()
