"""The tank contract for two targets, the second with limits of its own."""

from __future__ import annotations

# What of the contract is put aside, and what takes its place.
ONE = "target: {board: mps2/an385, platform: baremetal, engine: aot}\n"
OWN = "limits: {ram: 6 KiB, flash: 12 KiB, latency: 600 us, stack: 2 KiB}"
SECOND = f"  - {{board: mps2/an386, platform: baremetal, engine: aot, {OWN}}}\n"
TWO = f"targets:\n  - {{board: mps2/an385, platform: baremetal, engine: aot}}\n{SECOND}"
