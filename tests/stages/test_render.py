"""Rendered Keras source: readable, right, and out of an agent's reach."""

from __future__ import annotations

import ast
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlforge_tasks.architecture import Architecture, StaticFigures, infer_shapes
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph import process
from mlforge_tasks.stages import render
from tests.helpers.model_data import card

INPUT_SHAPE = (24, 2)
HOSTILE = [
    '"); import os; os.system("touch pwned"); ("',
    "'''\nimport os\n",
    '"""\nimport os\n',
    "{{ 7 * 7 }}{% import 'os' %}",
    "relu\\",
    "relu\n    os.abort()",
    "__import__('os')",
]
SERIES: list[dict[str, Any]] = [
    {"kind": "conv1d", "filters": 8, "kernel": 3, "padding": "valid"},
    {"kind": "batch_norm"},
    {"kind": "activation", "activation": "relu6"},
    {
        "kind": "residual",
        "layers": [{"kind": "separable_conv1d", "filters": 8, "kernel": 3, "stride": 2}],
    },
    {"kind": "depthwise_conv1d", "kernel": 3, "dilation": 2, "activation": "tanh"},
    {"kind": "max_pool", "size": 3, "stride": 2, "padding": "same"},
    {"kind": "dropout", "rate": 0.25},
    {"kind": "flatten"},
    {"kind": "dense", "units": 5, "activation": "linear"},
]
KERNELS = st.integers(1, 5)
PADDINGS = st.sampled_from(["same", "valid"])
ACTIVATIONS = st.sampled_from(["relu", "relu6", "tanh", "sigmoid", "linear"])
WINDOWS = {"kernel": KERNELS, "padding": PADDINGS, "activation": ACTIVATIONS}
PLAIN = st.one_of(
    st.fixed_dictionaries({"kind": st.just("conv1d"), "filters": st.integers(1, 9), **WINDOWS}),
    st.fixed_dictionaries({"kind": st.just("depthwise_conv1d"), **WINDOWS}),
    st.fixed_dictionaries({"kind": st.just("average_pool"), "padding": PADDINGS}),
    st.fixed_dictionaries({"kind": st.just("dropout"), "rate": st.floats(0.01, 0.9)}),
    st.fixed_dictionaries({"kind": st.just("batch_norm")}),
)
RESIDUAL = st.fixed_dictionaries(
    {"kind": st.just("residual"), "layers": st.lists(PLAIN, min_size=1, max_size=2)}
)
BODIES = st.lists(PLAIN | RESIDUAL, max_size=4).map(
    lambda layers: [*layers, {"kind": "global_average_pool"}]
)


def _run(layers: object, *, task: Any = "classification", candidate: int = 0) -> str:
    """The stage on one proposal; its source."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "candidates.json").write_text(json.dumps({"candidates": [{"layers": layers}]}))
        card(task, INPUT_SHAPE, 3).write(folder / "data_card.json")
        render.run({"propose": folder, "dataset": folder}, folder, {"candidate": candidate})
        Architecture.read(folder / "architecture.json")
        StaticFigures.read(folder / "static.json")
        return (folder / "model.py").read_text()


def _calls(source: str) -> list[ast.Call]:
    """The layer calls in `build_model`, once nothing else is found in the source."""
    module = ast.parse(source)
    docstring, imported, function = module.body
    assert isinstance(docstring, ast.Expr)
    assert ast.unparse(imported) == "from keras import Input, Model, layers"
    assert isinstance(function, ast.FunctionDef)
    _, inputs, *assigned, returned = function.body
    assert ast.unparse(inputs).startswith("inputs = Input(shape=(")
    assert ast.unparse(returned).startswith("return Model(inputs, ")
    calls = []
    for statement in assigned:
        assert isinstance(statement, ast.Assign)
        assert isinstance(statement.value, ast.Call)
        assert isinstance(statement.value.func, ast.Call)
        calls.append(statement.value.func)
    for call in calls:
        assert re.fullmatch(r"layers\.[A-Z]\w+", ast.unparse(call.func))
        assert not call.args
        for keyword in call.keywords:
            value = ast.literal_eval(keyword.value)
            assert not isinstance(value, str) or re.fullmatch(r"[a-z0-9_]+", value)
    return calls


@given(BODIES)
@settings(max_examples=60)
def test_source_says_what_the_architecture_says(layers: list[dict[str, Any]]) -> None:
    """Every node becomes one Keras layer of its name and figures, and nothing else is there."""
    try:
        architecture = Architecture.model_validate({"layers": layers})
        nodes = infer_shapes(architecture, INPUT_SHAPE, "classification", 3)
    except CandidateFailure:
        with pytest.raises(CandidateFailure):
            _run(layers)
        return
    calls = _calls(_run(layers))
    assert len(calls) == len(nodes)
    for call, node in zip(calls, nodes, strict=True):
        arguments = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
        assert arguments.pop("name") == node.name
        wanted = dict(node.layer) if node.layer else {}
        for name, keras_name in render._KERAS_ARGUMENTS.items():
            if name in wanted and keras_name in arguments:
                assert arguments.pop(keras_name) == wanted.pop(name)
        assert set(arguments) <= {"momentum"}
        # What is not in the source is what Keras does anyway.
        assert {**wanted, "kind": ""} in (
            {"kind": ""},
            {"kind": "", "activation": "linear"},
            {"kind": "", "dilation": 1},
            {"kind": "", "activation": "linear", "dilation": 1},
        )


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON document."""
    items = enumerate(value) if isinstance(value, list) else value.items()
    found = [(value, key) for key, _ in items]
    inner = [one for _, one in (enumerate(value) if isinstance(value, list) else value.items())]
    return found + [
        place for one in inner if isinstance(one, (list, dict)) for place in _places(one)
    ]


@given(st.data(), st.sampled_from(HOSTILE) | st.text(min_size=1))
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_hostile_text_cannot_reach_the_source(data: st.DataObject, text: str) -> None:
    """Text put anywhere in a proposal, as value or as key, is refused or leaves no trace."""
    layers = json.loads(json.dumps(SERIES))
    container, key = data.draw(st.sampled_from(_places(layers)))
    if isinstance(container, dict) and data.draw(st.booleans()):
        container[text] = container.pop(key)
    else:
        container[key] = text
    try:
        source = _run(layers)
    except CandidateFailure:
        return
    _calls(source)
    assert text not in HOSTILE


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**30, -1, True, "8", 8.0, None])
@pytest.mark.parametrize("field", ["filters", "kernel"])
def test_numbers_are_typed(field: str, value: object) -> None:
    """A number that is not a small positive integer never becomes a layer's size."""
    layers = [{"kind": "conv1d", "filters": 4, "kernel": 3, field: value}, {"kind": "flatten"}]
    with pytest.raises(CandidateFailure, match=r"invalid_architecture.*" + field):
        _run(layers)


def test_a_missing_candidate_is_a_result() -> None:
    """An agent that proposes less than it was asked for has a failed candidate."""
    with pytest.raises(CandidateFailure, match="candidate 1 was asked for, the agent proposed 1"):
        _run([{"kind": "flatten"}], candidate=1)


def test_source_is_readable(tmp_path: Path) -> None:
    """It is formatted and linted like ours, and its docstring holds shapes and costs."""
    source = _run(SERIES, task="regression")
    path = tmp_path / "model.py"
    path.write_text(source)
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--line-length", "100", str(path)]
    process.check([*ruff, "format", "--check", *options], timeout_s=60)
    process.check([*ruff, "check", *options], timeout_s=60)
    docstring = ast.get_docstring(ast.parse(source)) or ""
    assert re.search(r"^conv1d_0 +\(22, 8\) +56 +1056$", docstring, re.MULTILINE)
    assert "residual_3_shortcut" in docstring
    assert "softmax" not in docstring
