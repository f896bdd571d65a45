"""Which files of a folder are recordings, and what their paths say: `{label}/{person}_*.wav`.

`{name}` stands for one character or more of one folder's or file's name and becomes the column
`name`; `{name:d}` for digits alone. `*` stands for any characters of one name, `**/` for any
folders. What a name ends with, such as `.jpg`, fits in capitals too: cameras write `.JPG`.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from mlforge_tasks.yaml_file import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The column that every recording has: its path below the folder.
FILE_COLUMN = "file"
# Each of them is tried at every letter of a name; with more that takes too long.
_MOST_WILD = 4
_MAX_LENGTH = 200
_TOKEN = re.compile(r"\{([^{}]*)\}|(\*\*/|\*)|[^*{}]+|.", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(:d)?")
_ANY_FOLDERS = "(?:[^/]+/)*"
_ENDING = re.compile(r"(\.[A-Za-z0-9]+)*$")


@dataclass(frozen=True)
class FilePattern:
    """A pattern, ready to be held against paths.

    Attributes:
        names: The columns that it makes of a path.
        shortest: Matches with names that are as short as can be, from the left.
        longest: Matches with names that are as long as can be.
    """

    names: tuple[str, ...]
    shortest: re.Pattern[str]
    longest: re.Pattern[str]

    def fits(self, path: str) -> bool:
        """Whether a path, relative to the folder, is of a recording."""
        return self.longest.fullmatch(path) is not None

    def columns(self, path: str) -> Mapping[str, str]:
        """What a path that fits says.

        Raises:
            ValueError: It can be read in two ways; the message names them.
        """
        short, long = self.shortest.fullmatch(path), self.longest.fullmatch(path)
        if short is None or long is None:
            raise AssertionError(f"'{path}' does not fit")
        for name in self.names:
            if short[name] != long[name]:
                raise ValueError(f"{{{name}}} may be '{short[name]}' or '{long[name]}'")
        return long.groupdict()


def _tokens(text: str) -> Iterator[tuple[str, str, str]]:
    """The name that each part gives, and its expression for short and for long names.

    Raises:
        Mistake: It is no pattern.
    """
    for token in _TOKEN.finditer(text):
        part, field, stars = token[0], token[1], token[2]
        if field is not None:
            found = _FIELD.fullmatch(field)
            if found is None:
                raise Mistake("names in braces, such as '{label}' or '{day:d}'", found=f"'{part}'")
            inside = "[0-9]+" if found[2] else "[^/]+"
            yield found[1], f"(?P<{found[1]}>{inside}?)", f"(?P<{found[1]}>{inside})"
        elif stars == "*":
            yield "", "[^/]*?", "[^/]*"
        elif stars:
            yield "", _ANY_FOLDERS, _ANY_FOLDERS
        elif part in "{}":
            raise Mistake("a pattern such as '{label}/*.wav'", found=f"'{part}'")
        else:
            yield "", re.escape(part), re.escape(part)


@functools.cache
def compiled(text: str) -> FilePattern:
    """A pattern as it stands in a contract.

    Raises:
        Mistake: It is none.
    """
    if not 0 < len(text) <= _MAX_LENGTH or text.startswith("/") or "\\" in text:
        raise Mistake("a pattern relative to the folder, such as '{label}/*.wav'")
    names, short, long = [], "", ""
    ending = _ENDING.search(text)
    end = ending[0] if ending else ""
    for name, shorter, longer in _tokens(text.removesuffix(end)):
        names += [name] if name else []
        short, long = short + shorter, long + longer
    _check(text, names)
    any_case = f"(?i:{re.escape(end)})"
    return FilePattern(tuple(names), re.compile(short + any_case), re.compile(long + any_case))


def _check(text: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Mistake("each name once", found=f"{{{twice[0]}}} again")
    if FILE_COLUMN in names:
        raise Mistake(f"another name than {{{FILE_COLUMN}}}, the column of every path")
    folders = text.split("/")
    odd = [one for one in folders if "**" in one and one != "**"]
    if odd or folders.count("**") > 1 or folders[-1] == "**":
        raise Mistake("'**' alone between slashes, once, and not last, as in '**/*.wav'")
    if any(one.count("{") + one.count("*") > _MOST_WILD for one in folders if one != "**"):
        raise Mistake(f"at most {_MOST_WILD} of '{{…}}' and '*' in one name")


def _pattern(text: str) -> str:
    compiled(text)
    return text


PatternText = Annotated[str, AfterValidator(_pattern)]
