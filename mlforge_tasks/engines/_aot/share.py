"""Constants that several operators have in common lie in flash once, as unrolled layers want it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlforge_tasks.engines._aot.program import Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlforge_tasks.engines._aot.program import Call, Constant, Lowered, Value

    _Key = tuple[str, int, tuple[int, ...], bytes]


def _key(constant: Constant) -> _Key:
    """What makes one constant as good as another."""
    values = constant.values
    return constant.c_type, constant.alignment_bytes, values.shape, values.tobytes()


def _renamed(value: Value, names: Mapping[str, str]) -> Value:
    if isinstance(value, str):
        name, plus, offset = value.partition(" + ")
        return names.get(name, name) + plus + offset
    if isinstance(value, tuple):
        return tuple(_renamed(each, names) for each in value)
    if isinstance(value, int):
        return value
    return {name: _renamed(each, names) for name, each in value.items()}


def _renamed_call(call: Call, names: Mapping[str, str]) -> Call:
    arguments = (
        names.get(each, each) if isinstance(each, str) else each for each in call.arguments
    )
    return replace(call, arguments=tuple(arguments))


def _sharing(step: Step, first: dict[_Key, str]) -> Step:
    names: dict[str, str] = {}
    kept: list[Constant] = []
    for constant in step.constants:
        name = first.setdefault(_key(constant), constant.name)
        if name == constant.name:
            kept.append(constant)
        else:
            names[constant.name] = name
    if not names:
        return step
    parameters = step.parameters
    if parameters is not None:
        members = {name: _renamed(each, names) for name, each in parameters.members.items()}
        parameters = replace(parameters, members=members)
    calls = tuple(_renamed_call(call, names) for call in step.calls)
    return replace(step, constants=tuple(kept), parameters=parameters, calls=calls)


def share_constants(lowered: Sequence[Lowered]) -> tuple[Lowered, ...]:
    """Lets equal constants of all steps be those of the first that has them."""
    first: dict[_Key, str] = {}
    return tuple(_sharing(form, first) if isinstance(form, Step) else form for form in lowered)
