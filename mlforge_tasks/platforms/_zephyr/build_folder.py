"""Warm build folders: one per board, kind of model and configuration, used again and again.

A folder holds `model/`, the fixed place of the model's sources, and `build/`, CMake's. Another
model only replaces files in `model/`; a file that stays the same is not written, so ninja compiles
what differs and nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import re
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlforge_tasks.errors import MlforgeError, ToolError
from mlforge_tasks.graph import process, product, progress
from mlforge_tasks.graph.files import Tree
from mlforge_tasks.platforms._fit import ended_by_itself
from mlforge_tasks.platforms._zephyr import said, west_config
from mlforge_tasks.platforms._zephyr.compiler import HOST, helped
from mlforge_tasks.platforms._zephyr.workspace import PYTHON_HINT, WEST
from mlforge_tasks.records import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlforge_tasks.platforms._zephyr.compiler import Toolchain
    from mlforge_tasks.platforms._zephyr.workspace import Workspace

APP = product.path("zephyr_app")
# A cold build of TFLite Micro and CMSIS-NN takes 10 minutes of two cores.
BUILD_TIMEOUT_S = 3600.0
KEY_DIGITS = 12
_OVERFLOW = re.compile(r"region `(FLASH|RAM)' overflowed by (\d+) bytes")
_COMPILER_CACHE = {
    "CCACHE_SLOPPINESS": "",
    "CCACHE_NOHASHDIR": "true",  # the folder is in debug information alone
    # Names this project's folder; whatever it does to a source is in the preprocessed text.
    "CCACHE_IGNOREOPTIONS": "-fmacro-prefix-map=*",
}


class OverflowedError(MlforgeError):
    """The image does not fit a memory region.

    Attributes:
        region: `FLASH` or `RAM`.
        excess_bytes: By how much.
    """

    def __init__(self, region: str, excess_bytes: int) -> None:
        super().__init__(f"region {region} overflowed by {excess_bytes} bytes")
        self.region = region
        self.excess_bytes = excess_bytes


@dataclass(frozen=True)
class Configuration:
    """What a build folder is configured for.

    Attributes:
        target: The board as west names it.
        model: `none`, `c` or `tflm`, as in `zephyr_app/Kconfig`.
        modules: Zephyr modules that are built in, and no others.
        workspace: Where Zephyr is.
        toolchain: The compiler.
        options: Kconfig options beside those of the application (`CONFIG_X=y`).
        confs: Kconfig files of the project.
        more: Further arguments for CMake, that name files of the project.
        files: What these files hold, by the names of files and folders.
        own: The name of each of them in the project.
    """

    target: str
    model: str
    modules: tuple[str, ...]
    workspace: Workspace
    toolchain: Toolchain
    options: tuple[str, ...] = ()
    confs: tuple[Path, ...] = ()
    more: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    own: tuple[str, ...] = ()

    def cmake_args(self) -> tuple[str, ...]:
        """CMake's arguments, without those that depend on the build folder.

        Raises:
            ToolError: The workspace lacks a module.
        """
        # None at all would be all of the workspace's. Zephyr itself, which is no module, is none.
        paths = self.workspace.modules(self.modules) or (self.workspace.zephyr_base,)
        return (
            f"-DZEPHYR_MODULES={';'.join(map(str, paths))}",
            "-DBUILD_VERSION=mlforge",  # else the state of the user's git tree
            f"-DCONFIG_MLFORGE_MODEL_{self.model.upper()}=y",
            *self.toolchain.cmake_args,
            *(f"-D{option}" for option in self.options),
            *self.more,
        )

    def asked(self) -> tuple[str, ...]:
        """Names of the Kconfig options that the user asks for."""
        given = (argument.removeprefix("-D") for argument in self.more)
        return said.options_of((*(path.read_text() for path in self.confs), *given))

    def name(self) -> str:
        """Folder name: readable, and another one for every other configuration."""
        document = {
            "target": self.target,
            "args": self.cmake_args(),
            "environment": dict(self.toolchain.environment),
            "gcc": self.toolchain.version(),
            "compiler": dict(self.toolchain.identity()),
            "revisions": self.workspace.revisions(self.modules),
            "base": str(self.workspace.zephyr_base),
            # CMake notices an edited file of these, but not a new one.
            "files": dict(self.files),
            "board_files": sorted(path.name for path in (APP / "boards").iterdir()),
        }
        digest = sha256_bytes(canonical_json(document))[:KEY_DIGITS]
        return f"{folder_prefix(self.target)}-{self.model}-{digest}"


def without_revision(target: str) -> str:
    """A board's name in west, without a revision."""
    name, _, rest = target.partition("/")
    plain = name.partition("@")[0]
    return f"{plain}/{rest}" if rest else plain


def folder_prefix(target: str) -> str:
    """What the names of a board's build folders begin with."""
    return target.replace("/", "_")


class BuildFolder:
    """One warm build folder. Use `place` and `make` only within `locked`."""

    def __init__(self, root: Path, configuration: Configuration) -> None:
        self.configuration = configuration
        self.path = root.resolve() / configuration.name()
        self.model = self.path / "model"
        self.build = self.path / "build"

    @property
    def elf(self) -> Path:
        """The linked image; of a process, the program that it is part of."""
        suffix = "exe" if self.configuration.toolchain.variant == HOST else "elf"
        return self.build / "zephyr" / f"zephyr.{suffix}"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Waits until nobody else builds here; the kernel frees the lock when a process dies."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def place(self, files: Mapping[str, bytes]) -> None:
        """Makes `model/` hold these files and no others."""
        self.model.mkdir(exist_ok=True)
        for path in self.model.iterdir():
            if path.name not in files or path.is_symlink() or not path.is_file():
                Tree(self.path).remove(path)
        for name, content in files.items():
            write_if_changed(self.model / name, content)

    def make(self) -> None:
        """Builds the image; the first time, configures the folder.

        Raises:
            OverflowedError: It does not fit the board.
            ToolError: West or the compiler failed.
        """
        if not (self.configuration.workspace.topdir / ".west").is_dir():
            raise ToolError(
                f"{self.configuration.workspace.topdir} is no west workspace",
                hint="run `west init -l zephyr` in it",
            )
        if importlib.util.find_spec("west") is None:
            raise ToolError("the Python package 'west' is not installed", hint=PYTHON_HINT)
        argv = [*WEST, "build", "-p", "never", "-d", str(self.build)]
        if not (self.build / "build.ninja").is_file():
            self._configure(argv)
        self._west(argv)

    def _configure(self, argv: list[str]) -> None:
        shutil.rmtree(self.build, ignore_errors=True)
        argv = [*argv, "--cmake-only", "-b", self.configuration.target, str(APP), "--"]
        argv += [*self.configuration.cmake_args(), f"-DMLFORGE_MODEL_DIR={self.model}"]
        output = self._west(argv)
        passed_over = said.unmet(output, self.configuration.asked())
        if passed_over:
            shutil.rmtree(self.build)  # Kconfig says so the first time alone
            hint = "see 'extra_conf', and 'options' of the board's file"
            raise ToolError(passed_over, hint=hint, log=output)

    def _west(self, argv: list[str]) -> str:
        """Runs it, and gives what it said."""
        workspace = self.configuration.workspace
        compiler = dict(self.configuration.toolchain.identity())
        environment = {
            **helped(self.configuration.toolchain, self.path / "compiler"),
            **west_config.without_habits(workspace.topdir, self.path / "west"),
            **_COMPILER_CACHE,
            "CCACHE_BASEDIR": str(self.build),
            # Else it knows the compiler by its size and time, and not what that calls.
            "CCACHE_COMPILERCHECK": f"string:{sha256_bytes(canonical_json(compiler))}",
            "ZEPHYR_BASE": str(workspace.zephyr_base),
        }
        done = process.run(
            argv, timeout_s=BUILD_TIMEOUT_S, cwd=workspace.topdir, env=environment, on_line=_tell
        )
        overflow = _OVERFLOW.search(done.output)
        if overflow is not None and ended_by_itself(done):
            raise OverflowedError(overflow[1], int(overflow[2]))
        if done.timed_out or done.returncode != 0:
            raise self._failed(done)
        return done.output

    def _failed(self, done: process.Completed) -> ToolError:
        told = said.reasons(done.output)
        if done.timed_out or done.returncode < 0 or not told:
            return done.broken(f"`{' '.join(done.argv)}`")
        what = f"Zephyr does not build for {self.configuration.target}: `west build` {done.how()}"
        return ToolError(f"{what}\n{told}", hint=said.advice(told), log=done.log())


def _tell(line: str) -> None:
    step = said.step(line)
    if step is not None:
        done, total, what = step
        progress.tell(done, total, "steps", what)


def write_if_changed(path: Path, content: bytes) -> None:
    """Writes a file unless it holds that already, so that its time stays."""
    if not path.is_file() or path.read_bytes() != content:
        path.write_bytes(content)
