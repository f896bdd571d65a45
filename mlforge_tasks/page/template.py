"""Text to HTML: strict Jinja templates below `templates/page/`, whatever they print escaped.

Names come from users' data, contracts and language models: to a template all of them are hostile.
Only `Markup` is taken as it is, which is what `fill` and `plots.figure` return.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import product
from mlforge_tasks.verdict.notes import short_name
from mlforge_tasks.yaml_file.units import format_bytes, format_share, format_us, format_value

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

FOLDER = product.path("templates/page")
LONGEST_NAME = 60
_CODE = re.compile("`([^`]+)`")
# What turns the direction of all text after it, or is no character of a page, is shown as such.
_UNSEEN = (
    *range(0x09),
    *(0x0B, 0x0C, 0x7F),
    *range(0x0E, 0x20),
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
)
_VISIBLE = dict.fromkeys(_UNSEEN, "\N{REPLACEMENT CHARACTER}")


def _figure(value: float, unit: str) -> str:
    return raised(format_value(value, unit))


def clipped(text: str, most: int = LONGEST_NAME) -> str:
    """A name of which the page shows no more than so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def visible(text: str) -> str:
    """Text without what a reader cannot see and that would have the rest read otherwise."""
    return text.translate(_VISIBLE)


def raised(text: str) -> str:
    """Powers of a unit as they are printed: `(mg/dL)^2` becomes `(mg/dL)²`."""
    return text.replace("^2", "\N{SUPERSCRIPT TWO}").replace("^3", "\N{SUPERSCRIPT THREE}")


def coded(text: str) -> Markup:
    """Text in which what stands between backticks is code; a last one without another stays."""
    from markupsafe import Markup, escape  # noqa: PLC0415 - as in `_environment`

    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2  # noqa: PLC0415 - the graph imports modules that fill in templates

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "bytes": format_bytes,
        "clipped": clipped,
        "coded": coded,
        "figure": _figure,
        "raised": raised,
        "share": format_share,
        "short_name": short_name,
        "us": format_us,
    }
    return environment


def fill(template: str, **context: object) -> Markup:
    """Fills in a template.

    Args:
        template: Its name below `templates/page/`.
        **context: Its variables; text is escaped, `Markup` is not.

    Raises:
        ToolError: The template is missing or broken, or uses a variable that is not there.
    """
    import jinja2  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    try:
        text = _environment().get_template(template).render(**context)
    except jinja2.TemplateError as error:
        raise ToolError(f"template page/{template}: {error}") from error
    return Markup(visible(text))  # noqa: S704 - a template's text, all that it printed escaped
