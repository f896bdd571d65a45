"""How the delivered library is called: `target.prefix`, `target.version`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from mlforge_tasks.render import C_KEYWORDS
from mlforge_tasks.yaml_file import Mistake

MOST_LETTERS = 32
_PREFIX = re.compile(r"[a-z][a-z0-9_]*")
# What the kernels, the runtime of `tflm` and the build files begin theirs with.
_TAKEN = frozenset({"aot", "tflm", "mlforge"})
# A library's folder of headers is one where the application looks for C's own, too.
_C_HEADERS = frozenset(
    {
        *("assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "iso646", "limits"),
        *("locale", "malloc", "math", "memory", "setjmp", "signal", "stdalign", "stdarg"),
        *("stdatomic", "stdbool", "stddef", "stdint", "stdio", "stdlib", "stdnoreturn", "string"),
        *("strings", "tgmath", "threads", "time", "uchar", "unistd", "version", "wchar", "wctype"),
    }
)
_UNUSABLE = C_KEYWORDS | _C_HEADERS | _TAKEN
_VERSION = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})", re.ASCII)


def _c_name(value: str) -> str:
    if not _PREFIX.fullmatch(value) or len(value) > MOST_LETTERS:
        raise Mistake(
            f"at most {MOST_LETTERS} small letters, digits and '_', a letter first, such as "
            f"'{prefix_of(value)}'"
        )
    if value in _UNUSABLE:
        raise Mistake(f"a name that neither C nor MLForge has, such as '{prefix_of(value)}'")
    return value


def _semantic(value: str) -> str:
    if not _VERSION.fullmatch(value):
        raise Mistake("three numbers such as '1.2.0'")
    return value


Prefix = Annotated[str, AfterValidator(_c_name)]
# As https://semver.org writes it, without what may follow the three numbers.
Version = Annotated[str, AfterValidator(_semantic)]


def prefix_of(name: str) -> str:
    """The prefix of a contract that says none: its own name as a C identifier.

    Args:
        name: The contract's, which is its file's without `.yaml`.
    """
    text = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not text or not text[0].isalpha() or text in _UNUSABLE:
        text = f"model_{text}".rstrip("_")
    return text[:MOST_LETTERS].rstrip("_")
