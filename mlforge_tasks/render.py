"""The one way text is generated: strict Jinja templates below `templates/`.

Nothing reaches generated source unchecked. A template may print strings and integers as they are;
every other value, and every string that comes from a contract, a data set or an agent, goes through
one of the filters here, which refuse what would not be the literal or the name it should be:

    c_identifier, c_string, c_float, c_int, c_bytes, python_identifier, python_literal

Jinja is imported when the first template is filled in: the graph imports modules that render.
"""

from __future__ import annotations

import functools
import keyword
import math
import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import product

if TYPE_CHECKING:
    import jinja2

TEMPLATES = product.path("templates")
BYTES_PER_LINE = 12
C_INT_MIN, C_INT_MAX = -(2**31), 2**32 - 1

_C_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# C11 6.4.1 and C++17 [lex.key]: headers are compiled as both.
C_KEYWORDS = frozenset(
    """alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t
    class compl const const_cast constexpr continue decltype default delete do double dynamic_cast
    else enum explicit export extern false float for friend goto if inline int long mutable
    namespace new noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast restrict return short signed sizeof static static_assert static_cast struct
    switch template this thread_local throw true try typedef typeid typename union unsigned using
    virtual void volatile wchar_t while xor xor_eq""".split()  # noqa: SIM905 - 84 words, not 84 lines
)


def _refuse(value: object, wanted: str) -> ToolError:
    return ToolError(f"cannot render {value!r:.80}: wanted {wanted}")


def c_identifier(value: object) -> str:
    """A name in C and C++.

    Raises:
        ToolError: It is not one, or it is reserved.
    """
    if not isinstance(value, str) or not _C_IDENTIFIER.fullmatch(value) or value in C_KEYWORDS:
        raise _refuse(value, "a C identifier")
    return value


def c_string(value: object) -> str:
    """A C string literal, quotes included; what is not plain ASCII is escaped as UTF-8 bytes.

    Raises:
        ToolError: It is no string, holds a NUL, or is not valid Unicode.
    """
    if not isinstance(value, str) or "\0" in value:
        raise _refuse(value, "text without a NUL")
    try:
        encoded = value.encode()
    except UnicodeEncodeError:
        raise _refuse(value, "text that is valid Unicode") from None
    # Three octal digits end the escape whatever follows; `?` is escaped because of trigraphs.
    plain = (
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\?' else f"\\{byte:03o}"
        for byte in encoded
    )
    return f'"{"".join(plain)}"'


def c_float(value: object) -> str:
    """A C `float` literal that reads back as exactly the nearest float32.

    Raises:
        ToolError: It is no number, or not finite as a float32.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _refuse(value, "a number")
    try:
        nearest: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        nearest = math.inf
    if not math.isfinite(nearest):
        raise _refuse(value, "a number that is finite as a float32")
    text = f"{nearest:.9g}"  # 9 significant digits tell all float32 apart
    return f"{text}F" if set(text) & set(".e") else f"{text}.0F"


def c_int(value: object) -> str:
    """An integer that fits C's `int32_t` or `uint32_t`.

    Raises:
        ToolError: It is no integer, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise _refuse(value, "an integer")
    if not C_INT_MIN <= value <= C_INT_MAX:
        raise _refuse(value, "an integer of 32 bits")
    # The literal -2147483648 is a minus sign before a number that no int holds.
    return f"({value + 1} - 1)" if value == C_INT_MIN else str(int(value))


def c_bytes(value: object) -> str:
    """The elements of a C array of bytes, in lines, indented by four.

    Raises:
        ToolError: It is not bytes, or empty (C has no empty array).
    """
    if not isinstance(value, bytes) or not value:
        raise _refuse(value, "bytes, at least one")
    rows = (value[start : start + BYTES_PER_LINE] for start in range(0, len(value), BYTES_PER_LINE))
    return "\n".join("    " + ", ".join(f"0x{byte:02x}" for byte in row) + "," for row in rows)


def python_identifier(value: object) -> str:
    """A name in Python, ASCII only.

    Raises:
        ToolError: It is not one, or it is a keyword.
    """
    if not isinstance(value, str) or not _C_IDENTIFIER.fullmatch(value) or keyword.iskeyword(value):
        raise _refuse(value, "a Python identifier")
    return value


def python_literal(value: object) -> str:
    """Python source that evaluates to the value: a string, number, truth value, None or tuple.

    Raises:
        ToolError: It is of another type, or holds a number that is not finite.
    """
    if type(value) is tuple:
        items = ", ".join(python_literal(item) for item in value)
        return f"({items},)" if len(value) == 1 else f"({items})"
    if value is not None and type(value) not in {bool, int, float, str}:
        raise _refuse(value, "a string, number, truth value, None or tuple of them")
    if isinstance(value, float) and not math.isfinite(value):
        raise _refuse(value, "a finite number")
    if isinstance(value, str):
        plain = value.isascii() and value.isprintable() and not set(value) & set("\"'\\")
        return f'"{value}"' if plain else ascii(value)
    return repr(value)


def _finalise(value: object) -> object:
    """Only strings and integers may be printed without a filter."""
    import jinja2  # noqa: PLC0415

    if isinstance(value, jinja2.Undefined):
        return str(value)  # raises, and names the variable
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise _refuse(value, "a string or an integer, or one of the filters")
    return value


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2  # noqa: PLC0415

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - the output is C and Python, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalise,
    )
    filters = (
        c_identifier,
        c_string,
        c_float,
        c_int,
        c_bytes,
        python_identifier,
        python_literal,
    )
    environment.filters.update({each.__name__: each for each in filters})
    return environment


def template_path(name: str) -> Path:
    """Where a template lies, for the keys of stages that use it.

    Args:
        name: Path below `templates/`.

    Raises:
        ToolError: There is no such template.
    """
    path = TEMPLATES / name
    if not path.is_file():
        raise ToolError(f"there is no template {path}", hint="is the checkout complete?")
    return path


def render(template: str, **context: object) -> str:
    """Fills in a template.

    Args:
        template: Its path below `templates/`.
        **context: Its variables.

    Raises:
        ToolError: The template is missing or broken, uses a variable that is not there, or prints a
            value that a filter refuses.
    """
    import jinja2  # noqa: PLC0415

    template_path(template)
    try:
        return _environment().get_template(template).render(**context)
    except jinja2.TemplateError as error:
        raise ToolError(f"template {template}: {error}") from error
