"""Fuzzes one target with atheris, guided by coverage: `python -m tests.fuzz contract`.

What it finds is left in `build/fuzz/TARGET/`, with the traceback on stderr; the corpus that it
grew is kept there too. Arguments after the target are libFuzzer's (`-max_total_time=1800`).
Without atheris, or such a target, the exit code is 2.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from random import Random
from typing import Any

from mlforge_tasks.records import sha256_bytes

FOLDER = Path("build") / "fuzz"
# A file that takes longer, or more memory, than this is a find too.
LIMITS = ("-timeout=120", "-rss_limit_mb=3000", "-max_len=65536", "-print_final_stats=1")
INSTRUMENTED = ["mlforge_tasks", "yaml", "numpy.lib", "zipfile"]
# Half of the inputs are changed by the format's own mutation, half by libFuzzer's.
SHARE_OF_OURS = 0.5


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz",
        usage="%(prog)s [--help] TARGET [libFuzzer's arguments]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,  # -help=1 is libFuzzer's
        allow_abbrev=False,
    )
    parser.add_argument("--help", action="help", help="show this and exit")
    parser.add_argument("target", metavar="TARGET", help="contract, data, importer or bring")
    return parser


def main() -> None:
    """Runs one target until libFuzzer's limits, or until a find."""
    parser = _parser()
    options, arguments = parser.parse_known_args()
    name: str = options.target
    try:
        atheris: Any = importlib.import_module("atheris")
    except ModuleNotFoundError:
        install = f"{sys.executable} -m pip install atheris"
        parser.exit(2, f"ERROR: atheris is not installed in {sys.prefix}: {install}\n")
    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - imported under instrumentation

    if name not in TARGETS:
        parser.error(f"no target '{name}', wanted one of {', '.join(TARGETS)}")
    target = TARGETS[name]
    corpus = FOLDER / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / sha256_bytes(seed)[:16]).write_bytes(seed)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)  # noqa: S311 - no secret
        if not data or random.random() > SHARE_OF_OURS:
            changed: bytes = atheris.Mutate(data, most)
            return changed
        change = target.mutate[data[0] % len(target.mutate)]
        for _ in range(random.randrange(1, 4)):
            data = data[:1] + change(data[1:], random)
        return data[:most]

    def one(data: bytes) -> None:
        target.one(data)

    argv = [sys.argv[0], *LIMITS, f"-artifact_prefix={corpus}/", *arguments, str(corpus)]
    atheris.Setup(argv, one, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
