"""Where the project and the data of its tests are."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
TANK = DATA / "tank.yaml"
KWS = DATA / "kws.yaml"
