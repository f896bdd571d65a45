"""A good contract and the table of ways to break it, for the tests around contracts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.helpers.paths import DATA

_FOLDER = DATA / "broken_contracts"

GOOD = (_FOLDER / "good.yaml").read_text()


@dataclass(frozen=True)
class Case:
    """One way to break the good contract; `cases.yaml` says what its fields mean."""

    name: str
    old: str
    new: str
    line: int
    field: str
    words: list[str]
    count: int = 1


def cases() -> list[Case]:
    """The table."""
    return [Case(**entry) for entry in yaml.safe_load((_FOLDER / "cases.yaml").read_text())]


def project(root: Path, content: str | bytes) -> Path:
    """Writes a project with a data file and a contract; returns the contract's path."""
    (root / "data").mkdir(exist_ok=True)
    (root / "data" / "steps.csv").write_text("x,y,activity,person\n")
    (root / "data" / "design.json").write_text('{"layers": [{"kind": "flatten"}]}')
    (root / "data" / "broken.json").write_text("{")
    (root.parent / "outside.csv").write_text("x\n")
    link = root / "data" / "link.csv"
    if not link.is_symlink():
        link.symlink_to(root.parent / "outside.csv")
    path = root / "contract.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
