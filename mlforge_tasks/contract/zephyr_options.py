"""What a contract adds to its board on Zephyr: `target.zephyr`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.contract.board import ModuleName, Word
from mlforge_tasks.contract.fields import ProjectFolder, ProjectPath
from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from mlforge_tasks.contract.board import Board


class ZephyrOptions(Record):
    """What images for the board are built with, beside what its file says.

    Attributes:
        board_root: Folder of the project with Zephyr's own files for the board, below
            `boards/<vendor>/<board>`; beside them may be `soc` and `dts`.
        shield: Shields that are plugged onto it, as Zephyr calls them.
        overlay: Devicetree overlays of the project, in their order.
        extra_conf: Kconfig files of the project, in their order.
        modules: Modules, by their names in west's manifest (`hal_nxp`), or folders of the project.
    """

    board_root: ProjectFolder | None = None
    shield: tuple[Word, ...] = ()
    overlay: tuple[ProjectPath, ...] = ()
    extra_conf: tuple[ProjectPath, ...] = ()
    modules: tuple[ModuleName, ...] = ()

    def added_to(self, board: Board) -> Board:
        """A board with all that; as it is where Zephyr does not know it."""
        known = board.zephyr
        if known is None:
            return board
        more = {
            "board_root": self.board_root or known.board_root,
            "shields": (*known.shields, *self.shield),
            "overlays": (*known.overlays, *self.overlay),
            "confs": (*known.confs, *self.extra_conf),
            "modules": tuple(dict.fromkeys((*known.modules, *self.modules))),
        }
        return board.model_copy(update={"zephyr": known.model_copy(update=more)})
