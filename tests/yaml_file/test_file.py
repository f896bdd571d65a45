"""Safe YAML loading, and mistakes with the line they are on."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from mlforge_tasks.errors import ContractError, MlforgeError, Problem
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake, Mistakes, closest, one_of, read_model
from mlforge_tasks.yaml_file.tree import MAX_DEPTH, MAX_FILE_BYTES, read_tree
from mlforge_tasks.yaml_file.units import SIZE, Bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[str | bytes], Path]


def _known(name: str, info: ValidationInfo) -> str:
    one_of(name, (info.context or {}).get("colours", ()), kind="a colour")
    return name


class _File(Record):
    kind: Literal["file"]
    path: str
    size: int | None = None


class _Web(Record):
    kind: Literal["web"]
    url: str = Field(pattern="^https:", max_length=20)


class _Item(Record):
    name: str
    ratio: float = Field(default=0.5, gt=0, lt=1)
    colour: Annotated[str, AfterValidator(_known)] = "red"


class _Model(Record):
    """Stands for a contract: optional parts, lists, a union, quantities, validators."""

    version: int
    source: Annotated[_File | _Web, Field(discriminator="kind")]
    ram_bytes: Bytes = Field(default=1, alias="ram")
    items: tuple[_Item, ...] = ()
    extra: _Item | None = None
    tags: dict[str, int] = {}  # noqa: RUF012 - pydantic copies it
    on: bool = False

    @model_validator(mode="after")
    def _cross_checks(self) -> _Model:
        if self.version == 13:
            raise Mistakes(Mistake("no thirteen", at=("version",)), Mistake("luck", at=("luck",)))
        if self.version == 14:
            raise ValueError("a better file")
        return self


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a YAML file and returns its path."""

    def act(content: str | bytes) -> Path:
        path = tmp_path / "file.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return act


def _problems(path: Path) -> list[Problem]:
    with pytest.raises(ContractError) as caught:
        read_model(path, _Model, context={"colours": ("red", "green")})
    return list(caught.value.problems)


def _lines(path: Path) -> list[str]:
    """Each problem as `line: field: found, wanted`, and its suggestion."""
    return [
        f"{problem.where.removeprefix(str(path))[1:]}: {problem.field}: {problem.found},"
        f" {problem.wanted}" + (f" -> {problem.suggestion}" if problem.suggestion else "")
        for problem in _problems(path)
    ]


KEYS = ("version", "source", "ram", "items", "extra", "tags", "on")
GOOD = "version: 1\nsource: {kind: file, path: a.csv}\n"


def test_a_good_file_becomes_its_model(write: Write) -> None:
    """Values, units, lists and unions arrive; comments and a byte order mark do no harm."""
    path = write(
        b"\xef\xbb\xbf# a comment\n" + GOOD.encode() + b"ram: 2 KiB\nitems:\n  - {name: a}\n"
    )
    found = read_model(path, _Model)
    assert found.ram_bytes == 2048
    assert found.items == (_Item(name="a"),)
    assert found.source == _File(kind="file", path="a.csv")


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("", 1, "an empty file"),
        ("# only a comment\n", 1, "an empty file"),
        ("---\n", 2, "an empty file"),
        ("- a\n- b\n", 1, "a list"),
        ("just text\n", 1, "'just text'"),
        ("a: 1\nb: [1,\n", 3, "a syntax error"),
        ("a: b: c\n", 1, "mapping values are not allowed"),
        ("a: 'open\n", 2, "a syntax error"),
        ("a: 1\n\tb: 2\n", 2, "a tab character"),
        ("a:\t1\n", 1, "a tab character"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        ("a: &x 1\n", 1, "the anchor '&x'"),
        ("a: 1\nb: *x\n", 2, "the alias '*x'"),
        ("a: &x [*x]\n", 1, "the anchor '&x'"),
        ("a: {<<: *x}\n", 1, "the alias '*x'"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "!!python/object/apply:os.system"),
        ("a: !secret x\n", 1, "the tag '!secret'"),
        ("a: !!binary aGk=\n", 1, "the tag '!!binary'"),
        ("a: 1\nb: \x01\n", 2, "a control character"),
        (b"a: 1\nb: caf\xe9\n", 2, "not UTF-8"),
        ("a: 1\n".encode("utf-16"), 1, "not UTF-8"),
        ("[" * 100_000, 1, "too deep nesting"),
        ("{a: " * 30, 1, "too deep nesting"),
        ("a: 1\n" * 2_000_000, 1, "more than 256 KiB"),
    ],
)
def test_files_that_cannot_be_read_on(
    write: Write, content: str | bytes, line: int, words: str
) -> None:
    """Broken, hostile or huge files give exactly one error, on the line of the cause."""
    path = write(content)
    (problem,) = _problems(path)
    assert problem.where == f"{path}:{line}"
    assert words in problem.found
    assert problem.wanted


def test_billion_laughs_does_not_expand(write: Write) -> None:
    """The first anchor is refused, before anything could grow."""
    names = "abcdefghi"
    bomb = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in itertools.pairwise(names)
    )
    (problem,) = _problems(write(bomb))
    assert problem.found == "the anchor '&a'"


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    """A missing file, a folder and a device are each one error."""
    for path, words in (
        (tmp_path / "missing.yaml", "no such file"),
        (tmp_path, "a directory or device"),
        (tmp_path / "\0", "an unreadable file"),
    ):
        (problem,) = _problems(path)
        assert words in problem.found


def test_the_bounds_allow_what_people_write(write: Write) -> None:
    """A file of just the largest size and nesting still loads."""
    depth = MAX_DEPTH - 2
    text = "a: " + "[" * depth + "x" + "]" * depth + "\n"
    path = write(text + "#" * (MAX_FILE_BYTES - len(text)))
    assert "a" in read_tree(path).root.plain()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", "yes"),
        ("on", "on"),
        ("No", "No"),
        ("true", True),
        ("FALSE", False),
        ("1:30", "1:30"),
        ("2026-01-05", "2026-01-05"),
        ("017", "017"),
        ("0o17", 15),
        ("0x20000000", 0x20000000),
        ("1_000", 1000),
        ("-12", -12),
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.inf", float("-inf")),
        ("nan", "nan"),
        ("~", None),
        ("", None),
        ("null", None),
        ("'1'", "1"),
        ('"a\\tb"', "a\tb"),
        ("=", "="),
        ("1_", "1_"),
    ],
)
def test_scalars_mean_what_people_expect(write: Write, text: str, expected: object) -> None:
    """YAML 1.2's core schema: the traps of YAML 1.1 are plain text."""
    found = read_tree(write(f"a: {text}\n")).root.plain()["a"]
    assert found == expected
    assert type(found) is type(expected)


def test_every_mistake_is_reported_in_line_order(write: Write) -> None:
    """Unknown, missing, duplicate, ill-typed and out-of-range values of one file, together."""
    path = write("""\
ram: 16
source:
  kind: file
  pth: a.csv
items:
  - name: 2026.10
    ratio: 1.5
  - {ratio: 'x'}
  - {name: a, colour: gren}
extra: []
versoin: 1
tags: {a: 1, a: 2, b: c}
1: x
[a]: y
on: yes
""")
    assert _lines(path) == [
        f"1: ram: 16, {SIZE.wanted}; the unit is missing",
        "4: source.pth: the unknown key 'pth', one of kind, path, size -> path",
        "6: items.0.name: 2026.10, text (put it in quotes)",
        "7: items.0.ratio: 1.5, a number less than 1",
        "8: items.1.name: nothing, the key 'name'",
        "8: items.1.ratio: 'x', a number",
        "9: items.2.colour: 'gren', a colour: red, green -> green",
        "10: extra: an empty list, a mapping ('key: value' lines)",
        f"11: versoin: the unknown key 'versoin', one of {', '.join(KEYS)} -> version",
        "12: tags.a: the key 'a' again (first on line 12), each key once",
        "12: tags.b: 'c', a whole number",
        "13: : the key '1', a text key",
        "14: : a list or mapping as a key, a text key",
        "15: on: 'yes', true or false",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("source: {kind: fil}", "2: source.kind: 'fil', one of file, web -> file"),
        ("source: {path: a}", "2: source.kind: nothing, the key 'kind': one of file, web"),
        ("source: 3", "2: source: 3, a mapping ('key: value' lines)"),
        ("source:", "2: source: nothing, a mapping ('key: value' lines)"),
        ("source: {kind: web, url: ftp}", "2: source.url: 'ftp', text that matches ^https:"),
        (
            f"source: {{kind: web, url: 'https://{'x' * 99}'}}",
            f"2: source.url: 'https://{'x' * 52}...', text of at most 20 characters",
        ),
        ("source: {kind: file, path: a, size: 2.0}", "2: source.size: 2.0, a whole number"),
        ("source: {kind: file, path: ''}\nx: 1", None),
        ("source: {kind: file, path: a}\nram_bytes: 1 KiB", None),
        ('source: {kind: file, path: "\\0"}', "2: source.path: a control character, printable"),
        ('source: {kind: file, path: "\\uD800"}', "2: source.path: half of a character, printable"),
        ('source: {kind: file, path: "a\\u202Eb"}', "2: source.path: U+202E, which turns"),
        (f"source: {{kind: file, path: a, size: {'9' * 5000}}}", "2: source.size: the number '999"),
    ],
)
def test_one_mistake_one_line(write: Write, text: str, expected: str | None) -> None:
    """Union tags, patterns, lengths, control characters and giant numbers have their own words."""
    lines = _lines(write(f"version: 1\n{text}\n"))
    assert len(lines) == 1
    assert lines[0].startswith(expected or "3: ")


def test_a_character_of_two_escapes_is_one(write: Write) -> None:
    """As JSON writes what is beyond U+FFFF; half of it is told once, whatever its field wants."""
    found = read_model(write(GOOD + 'extra: {name: "a \\uD83D\\uDE00"}\n'), _Model)
    assert found.extra is not None
    assert found.extra.name == "a \N{GRINNING FACE}"
    assert _lines(write(GOOD.replace("a.csv", '"\\x07"').replace("1", '"\\x07"'))) == [
        "1: version: a control character, printable text",
        "2: source.path: a control character, printable text",
    ]


def test_names_of_data_do_not_turn_an_error_around() -> None:
    """What is read from data may hold anything; the words after it are read as they stand."""
    error = MlforgeError("found '\u202eab\u2066', wanted 1", hint="rename '\u2069'")
    assert str(error) == "found '\\u202eab\\u2066', wanted 1\nThings to try: rename '\\u2069'"


def test_infinity_and_nan_are_no_numbers(write: Write) -> None:
    """Neither passes for a float, nor for an integer."""
    lines = _lines(write(GOOD + "extra: {name: a, ratio: .nan}\ntags: {a: .inf}\n"))
    assert lines == ["3: extra.ratio: .nan, a finite number", "4: tags.a: .inf, a whole number"]


def test_validators_point_at_fields(write: Write) -> None:
    """`Mistakes` are placed within the value; a plain `ValueError` at the value itself."""
    path = write(GOOD.replace("1", "13"))
    assert _lines(path) == ["1: version: 13, no thirteen", "1: luck: nothing, luck"]
    assert _lines(write(GOOD.replace("1", "14"))) == ["1: : a mapping, a better file"]


def test_names_that_nothing_has(write: Write) -> None:
    """Where no plug-in is there at all, the error says so."""
    path = write(GOOD + "extra: {name: a, colour: blue}\n")
    with pytest.raises(ContractError, match="a colour: none is installed"):
        read_model(path, _Model)


def test_suggestions_ignore_case_and_need_likeness() -> None:
    """`KiB` for `kib`, nothing for a word that resembles none."""
    assert closest("kib", ("KiB", "MiB")) == "KiB"
    assert closest("NCHW", ("nhwc", "nchw")) == "nchw"  # of two with the same letters
    assert closest("bananas", ("KiB", "MiB")) is None


_YAML_PIECES = st.sampled_from(
    [
        *"aA1:-?!&*|>%@`'\"#,[]{}~=.\n \t",
        "\n  ",
        ": ",
        "- ",
        "!!",
        "<<: ",
        "\\x",
        "\u2028",
        "version",
    ]
)


@settings(max_examples=300)
@given(st.lists(_YAML_PIECES, max_size=30).map("".join) | st.binary(max_size=60))
def test_no_content_raises_anything_else(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    """Whatever the bytes, the outcome is a model or a `ContractError`."""
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    problems = _problems(path)
    assert all(str(problem) for problem in problems)
