"""Whether what a stage is made with stayed what its key says while it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph import environment, explanation, tool_versions
from mlforge_tasks.graph.code_version import edited, forget_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Modules and other files, as `code_version` takes them.
CodeFiles: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]


def check(
    stage: str,
    code: CodeFiles,
    before: Mapping[str, Any],
    again: Callable[[], Mapping[str, Any]],
    *,
    isolated: bool,
) -> None:
    """Refuses what was made while the code, a tool or a package changed.

    No key says what it is made of, and a later run would take it for what it then asks for.

    Args:
        stage: Its name.
        code: What it is made of.
        before: Its key document as it began.
        again: Makes the key document anew.
        isolated: Whether it was made by a process of its own, which imports what is there then.

    Raises:
        ToolError: Something changed.
    """
    forget_sources()
    if isolated:
        environment.installed.forget()
    # Of the tools, those that it was made with: the others are looked at when they were used.
    with tool_versions.anew():
        changed = [*edited(*code), *explanation.changes(before, again())]
    if changed:
        raise ToolError(
            f"what stage '{stage}' is made with was edited while it ran "
            f"{explanation.told(changed)}",
            hint="run again",
        )
