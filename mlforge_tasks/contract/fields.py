"""What a field of the `dataset:` section may hold, and how its mistakes are told."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake, Mistakes
from mlforge_tasks.yaml_file.units import PERCENTAGE, parse_share

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RecordType = TypeVar("RecordType", bound=Record)
Item = TypeVar("Item")

MEMBER_SUFFIXES = (".csv", ".csv.gz", ".npy", ".npz", ".parquet", ".ts")


def _text(value: object) -> object:
    """`labels: [0, 1]` and `columns: [3]` need no quotes."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _project_place(value: str, info: ValidationInfo, *, folder: bool) -> str:
    """A path below the project; that it is there is checked where `project_root` is known."""
    kind = "folder" if folder else "file"
    pure = PurePosixPath(value)
    if pure.is_absolute() or ".." in pure.parts or "\\" in value:
        raise Mistake("a path inside the project, relative to its root, without '..'")
    root = (info.context or {}).get("project_root")
    if root is None:
        return value
    try:
        found = Path(root, value).resolve()
        inside = found.is_relative_to(Path(root).resolve())
        there = found.is_dir() if folder else found.is_file()
    except (OSError, RuntimeError):  # too long a name, a loop of links
        inside, there = True, False
    if not inside:
        raise Mistake("a path inside the project (this link leads out of it)")
    if not there:
        raise Mistake(f"a {kind} of the project (there is none at this path)")
    return value


def _project_file(value: str, info: ValidationInfo) -> str:
    return _project_place(value, info, folder=False)


def _project_folder(value: str, info: ValidationInfo) -> str:
    return _project_place(value, info, folder=True).rstrip("/")


def matching(pattern: str, wanted: str) -> AfterValidator:
    """Accepts text that matches as a whole; else says in words what was wanted."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise Mistake(wanted)
        return value

    return AfterValidator(check)


def share_or_percent(value: Any) -> Any:
    """`20 %` as 0.2; all else as it is.

    Raises:
        ValueError: A percentage below 0 or above 100 %.
    """
    return parse_share(value) if isinstance(value, str) and "%" in value else value


def not_empty(values: tuple[Item, ...]) -> tuple[Item, ...]:
    """Accepts at least one entry."""
    # pydantic's min_length also complains where the only entry is wrong in itself.
    if not values:
        raise Mistake("at least one entry")
    return values


def repeated(field: str, texts: tuple[str, ...]) -> Iterator[Mistake]:
    """The mistake of naming something twice, if there is one."""
    twice = sorted(text for text, count in Counter(texts).items() if count > 1)
    if twice:
        yield Mistake("each name once", at=(field,), found=f"{', '.join(twice)} again")


def checked(record: RecordType, mistakes: Iterable[Mistake]) -> RecordType:
    """The record as it is.

    Raises:
        Mistakes: All that were found in it.
    """
    found = tuple(mistakes)
    if found:
        raise Mistakes(*found)
    return record


# As editors are told of it.
_OR_A_NUMBER = WithJsonSchema({"type": ["string", "integer"], "minLength": 1})
# Names reach C strings and comments of the generated header.
Name = Annotated[
    str,
    BeforeValidator(_text),
    matching(
        r'[^\x00-\x1f\x7f"\\\u202a-\u202e\u2066-\u2069]{1,64}',
        "1 to 64 characters on one line, without '\"' and '\\'",
    ),
    _OR_A_NUMBER,
]
Text = Annotated[
    str, BeforeValidator(_text), matching(r".{1,200}", "1 to 200 characters"), _OR_A_NUMBER
]
Count = Annotated[int, Field(strict=True, ge=1)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
Fraction = Annotated[
    float,
    Field(strict=True, gt=0, lt=1),
    BeforeValidator(share_or_percent),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                PERCENTAGE.json_schema(),
            ]
        }
    ),
]
Sha256 = Annotated[str, matching(r"[0-9a-f]{64}", "64 hexadecimal digits in lower case")]
# Checked so that neither can be an option or a path of pip's command line.
Package = Annotated[
    str, matching(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", "the name of a package")
]
Version = Annotated[
    str, matching(r"[0-9][A-Za-z0-9.!+_-]*", "an exact version such as '1.2.5', in quotes")
]
Member = Annotated[
    str,
    matching(
        ".+({})".format("|".join(map(re.escape, MEMBER_SUFFIXES))),
        f"a file that ends with one of {', '.join(MEMBER_SUFFIXES)}",
    ),
]
ProjectPath = Annotated[str, AfterValidator(_project_file)]
ProjectFolder = Annotated[str, AfterValidator(_project_folder)]
