"""A meter's program for tests: writes its first samples, and at SIGINT what another file holds."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

# At 10 kHz, up to where the other file begins.
FIRST = "time_ms;current_uA;D0\n-0,2;200,0;0\n-0,1;200,0;0\n"


def main(source: str, target: str) -> int:
    """Records until SIGINT."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    Path(target).write_text(FIRST)
    signal.sigwait({signal.SIGINT})
    with Path(target).open("a") as file:
        file.write(Path(source).read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
