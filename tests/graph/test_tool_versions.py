"""Tools are asked for their versions once, whoever asks, and ahead of the need."""

from __future__ import annotations

import threading

import pytest

from mlforge_tasks.errors import ToolError
from mlforge_tasks.graph.tool_versions import anew, ask_ahead, once


def test_a_tool_is_asked_once() -> None:
    """Who asks while another does waits for that answer."""
    asked: list[str] = []
    asking, may_answer = threading.Event(), threading.Event()

    @once
    def version(tool: str) -> str:
        asked.append(tool)
        asking.set()
        assert may_answer.wait(60)
        return f"{tool} 1.0"

    ahead = ask_ahead([lambda: {"gcc": version("gcc")}])
    assert asking.wait(60)
    answers: list[str] = []
    late = threading.Thread(target=lambda: answers.append(version("gcc")))
    late.start()
    may_answer.set()
    for thread in (ahead, late):
        thread.join(60)
    assert (asked, answers) == (["gcc"], ["gcc 1.0"])
    assert version("ld") == "ld 1.0"


def test_an_error_is_told_to_who_needs_the_answer() -> None:
    """Asked ahead, a tool that is missing or odd ends nothing; it is asked again when needed."""
    tries: list[str] = []

    @once
    def missing(tool: str) -> str:
        tries.append(tool)
        raise ToolError(f"{tool} is not installed")

    asked_last: list[str] = []

    def last() -> dict[str, str]:
        asked_last.append("qemu")
        return {}

    def odd() -> dict[str, str]:
        raise KeyError("__VERSION__")

    ask_ahead([lambda: {"gcc": missing("gcc")}, odd, last]).join(60)
    assert asked_last == ["qemu"]
    with pytest.raises(ToolError, match="gcc is not installed"):
        missing("gcc")
    assert tries == ["gcc", "gcc"]


def test_a_tool_that_is_asked_anew() -> None:
    """Once within, with all that its answer is made of; what nobody asks there stays known."""
    asked: list[str] = []

    @once
    def compiler(flags: str) -> str:
        asked.append(f"gcc {flags}")
        return flags

    @once
    def built_with(flags: str) -> str:
        asked.append("tools")
        return compiler(flags)

    @once
    def emulator() -> str:
        asked.append("qemu")
        return "8"

    built_with("-Os"), emulator()
    asked.clear()
    with anew():
        built_with("-Os"), built_with("-Os"), compiler("-O2")
    assert asked == ["tools", "gcc -Os", "gcc -O2"]
    emulator(), built_with("-Os")
    assert len(asked) == 3
