"""Architectures: bounds, shapes, text, and static figures."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlforge_tasks.architecture import (
    INPUT,
    Architecture,
    LayerShape,
    Shape,
    StaticFigures,
    Task,
    brief,
    infer_shapes,
    json_schema,
    parse_architecture,
    smallest,
    static_figures,
)
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.graph import process

if TYPE_CHECKING:
    from pathlib import Path

SERIES: Shape = (24, 3)
IMAGE: Shape = (12, 10, 2)


def body(*layers: dict[str, Any]) -> Architecture:
    return parse_architecture({"layers": list(layers)})


def layer(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, **fields}


def shapes(
    architecture: Architecture,
    input_shape: Shape = SERIES,
    task: Task = "regression",
    outputs: int = 1,
) -> tuple[LayerShape, ...]:
    return infer_shapes(architecture, input_shape, task, outputs)


def figures(
    architecture: Architecture,
    input_shape: Shape = SERIES,
    task: Task = "regression",
    outputs: int = 1,
) -> StaticFigures:
    return static_figures(architecture, input_shape, task, outputs)


def refusal(data: object) -> str:
    with pytest.raises(CandidateFailure) as caught:
        parse_architecture(data)
    assert caught.value.reason.code == "invalid_architecture"
    return caught.value.reason.message


CONV = layer("conv1d", filters=8, kernel=3)
GAP = layer("global_average_pool")


# --- Reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proposed", "where", "why"),
    [
        (layer("conv1d", filters=8, kernel=65), "layers[0].kernel", "a number of at most 64"),
        (layer("conv1d", filters=0, kernel=3), "layers[0].filters", "a number of at least 1"),
        (layer("conv1d", filters=True, kernel=3), "layers[0].filters", "a whole number"),
        (layer("conv1d", filters="8", kernel=3), "layers[0].filters", "a whole number"),
        (layer("conv1d", filters=8.5, kernel=3), "layers[0].filters", "a whole number"),
        (layer("conv1d", filters=8), "layers[0].kernel", "the key 'kernel'"),
        (layer("conv1d", filters=8, kernel=3, nam="x"), "layers[0].nam", "the unknown key 'nam'"),
        (layer("conv1d", filters=8, kernel=3, stride=2, dilation=2), "layers[0]", "not both"),
        (layer("conv2d", filters=8, kernel=[3, 99]), "layers[0].kernel[1]", "at most 32"),
        (layer("conv2d", filters=8, kernel=[3]), "layers[0].kernel", "a list of 2"),
        (layer("dense", units=2000), "layers[0].units", "at most 1024"),
        (layer("dense", units=8, activation="gelu"), "layers[0].activation", "'relu6'"),
        (layer("dropout", rate=1.0), "layers[0].rate", "at most 0.9"),
        (layer("dropout", rate=float("nan")), "layers[0].rate", "finite"),
        (layer("flaten"), "layers[0].kind", "perhaps 'flatten'"),
        (layer("residual", layers=[]), "layers[0].layers", "at least 1"),
        (layer("residual", layers=[layer("residual")]), "layers[0].layers[0].kind", "'residual'"),
        ({"units": 8}, "layers[0].kind", "the key 'kind'"),
        ("dense", "layers[0]", "a JSON object"),
    ],
)
def test_a_bad_layer_is_refused_with_its_place_and_the_reason(
    proposed: object, where: str, why: str
) -> None:
    """A mistake is named by its path in the JSON and by what would be right."""
    message = refusal({"layers": [proposed]})
    assert f"{where}:" in message
    assert why in message


def test_several_mistakes_are_told_together() -> None:
    """One round trip is enough to mend a proposal."""
    message = refusal({"layers": [layer("dense", units=0), layer("dropout", rate=2)], "x": 1})
    assert all(where in message for where in ("layers[0].units", "layers[1].rate", "x:"))


def test_a_refusal_stays_short_whatever_was_sent() -> None:
    """Untrusted text is not echoed at length."""
    mess = [layer("dense", units="9" * 5000, **{"k" * 5000: 1}) for _ in range(30)]
    assert len(refusal({"layers": mess})) < 3000


@pytest.mark.parametrize("text", ["", "{", b"\xff\xfe", "[" * 50_000, "[1, 2", "NaN"])
def test_broken_json_is_a_failed_candidate(text: str | bytes) -> None:
    """What is not JSON is refused like any other bad proposal."""
    refusal(text)


def test_more_json_than_any_proposal_needs_is_not_read() -> None:
    """A flood is turned away before it is parsed."""
    assert "at most" in refusal(" " * 100_000)


def test_at_most_32_layers() -> None:
    """The number of layers is bounded."""
    assert "at most 32" in refusal({"layers": [layer("dense", units=1)] * 33})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["kind", "layers", "units", "filters", "kernel", "rate", "x"]),
            inner | st.sampled_from(["dense", "conv1d", "residual", "dropout", "relu"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(data=json_values, layers=st.lists(json_values, max_size=3))
def test_any_json_is_either_an_architecture_or_a_failed_candidate(
    data: object, layers: list[object]
) -> None:
    """No input makes the reader raise anything else."""
    for proposal in (data, {"layers": layers}):
        try:
            assert isinstance(parse_architecture(proposal), Architecture)
        except CandidateFailure as failure:
            assert failure.reason.message  # noqa: PT017 - both outcomes are right


# --- Random architectures -----------------------------------------------------------------------

small = st.integers(1, 9)
activations = st.sampled_from(["relu", "relu6", "tanh", "sigmoid", "linear"])
paddings = st.sampled_from(["same", "valid"])


def windows(kind: str, kernel: st.SearchStrategy[Any], **more: Any) -> Any:
    fields = {"kernel": kernel, "stride": st.integers(1, 3), **more}
    return st.fixed_dictionaries(
        {"kind": st.just(kind), "padding": paddings, "activation": activations, **fields}
    )


def plain_layers(rank: int) -> st.SearchStrategy[dict[str, Any]]:
    kernel = small if rank == 2 else st.tuples(small, small)
    suffix = f"{rank - 1}d"
    return st.one_of(
        windows(f"conv{suffix}", kernel, filters=small),
        windows(f"depthwise_conv{suffix}", kernel),
        windows(f"separable_conv{suffix}", kernel, filters=small),
        st.builds(lambda size: layer("max_pool", size=size), st.integers(2, 3)),
        st.builds(lambda size: layer("average_pool", size=size, padding="same"), st.integers(2, 3)),
        st.just(layer("dropout", rate=0.5)),
        st.just(layer("batch_norm")),
        st.builds(lambda activation: layer("activation", activation=activation), activations),
    )


@st.composite
def proposals(draw: st.DrawFn) -> tuple[Architecture, Shape]:
    """A body that may or may not fit its input."""
    input_shape = draw(st.sampled_from([SERIES, IMAGE]))
    plain = plain_layers(len(input_shape))
    blocks = st.builds(
        lambda layers: layer("residual", layers=layers), st.lists(plain, min_size=1, max_size=3)
    )
    layers = draw(st.lists(plain | blocks, max_size=5))
    tail = draw(st.sampled_from([GAP, layer("flatten")]))
    dense = draw(st.lists(st.builds(lambda units: layer("dense", units=units), small), max_size=2))
    return body(*layers, tail, *dense), input_shape


@given(proposal=proposals())
def test_an_architecture_survives_its_json_form(proposal: tuple[Architecture, Shape]) -> None:
    """What is written is what is read back, and it conforms to the published schema's kinds."""
    architecture, _ = proposal
    again = parse_architecture(architecture.to_bytes())
    assert again == architecture
    assert hash(again) == hash(architecture)
    assert brief(again) == brief(architecture)


@given(proposal=proposals())
def test_a_network_is_a_connected_graph_of_unique_identifiers(
    proposal: tuple[Architecture, Shape],
) -> None:
    """Every node is fed by earlier nodes of the shape it says, and has a name of its own."""
    architecture, input_shape = proposal
    try:
        nodes = infer_shapes(architecture, input_shape, "classification", 3)
    except CandidateFailure as failure:
        assert failure.reason.code == "invalid_architecture"  # noqa: PT017 - half do not fit
        return
    known = {INPUT: input_shape}
    for node in nodes:
        assert node.name.isidentifier()
        assert node.name not in known
        assert all(known[name] == node.input_shape for name in node.inputs)
        assert all(side >= 1 for side in node.output_shape)
        known[node.name] = node.output_shape
    assert nodes[-1].kind == "softmax"
    assert nodes[-1].output_shape == (3,)


@given(proposal=proposals())
def test_figures_are_consistent(proposal: tuple[Architecture, Shape]) -> None:
    """The sums are those of the table, and the least memory holds the largest output."""
    architecture, input_shape = proposal
    try:
        found = static_figures(architecture, input_shape, "regression", 2)
    except CandidateFailure:
        return
    assert found.macs == sum(each.macs for each in found.layers)
    assert found.weight_bytes == sum(each.weight_bytes for each in found.layers)
    most = max(each.live_bytes for each in found.layers)
    assert max(each.output_bytes for each in found.layers) <= found.peak_activation_bytes <= most
    assert all(each.live_bytes >= each.output_bytes for each in found.layers)
    assert StaticFigures.model_validate_json(found.to_bytes()) == found


# --- Shapes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proposed", "input_shape", "expected"),
    [
        (layer("conv1d", filters=8, kernel=5), (24, 3), (24, 8)),
        (layer("conv1d", filters=8, kernel=5, stride=5), (24, 3), (5, 8)),
        (layer("conv1d", filters=8, kernel=5, padding="valid"), (24, 3), (20, 8)),
        (layer("conv1d", filters=8, kernel=5, dilation=3, padding="valid"), (24, 3), (12, 8)),
        (layer("conv1d", filters=8, kernel=4, stride=3, padding="valid"), (24, 3), (7, 8)),
        (layer("depthwise_conv1d", kernel=3, stride=2), (25, 3), (13, 3)),
        (layer("separable_conv1d", filters=6, kernel=3, stride=2), (25, 3), (13, 6)),
        (layer("conv2d", filters=4, kernel=[3, 1], padding="valid"), (12, 10, 2), (10, 10, 4)),
        (layer("depthwise_conv2d", kernel=[3, 3], stride=2), (12, 9, 2), (6, 5, 2)),
        (layer("separable_conv2d", filters=4, kernel=[3, 5]), (12, 10, 2), (12, 10, 4)),
        (layer("max_pool", size=3, stride=2), (24, 3), (11, 3)),
        (layer("average_pool", size=2), (12, 9, 2), (6, 4, 2)),
        (layer("average_pool", size=2, padding="same"), (12, 9, 2), (6, 5, 2)),
        (layer("global_average_pool"), (12, 9, 2), (2,)),
        (layer("flatten"), (12, 9, 2), (216,)),
        (layer("dense", units=7), (9,), (7,)),
        (layer("batch_norm"), (24, 3), (24, 3)),
        (layer("dropout", rate=0.1), (24, 3), (24, 3)),
        (layer("activation", activation="tanh"), (24, 3), (24, 3)),
    ],
)
def test_output_shapes(proposed: dict[str, Any], input_shape: Shape, expected: Shape) -> None:
    """Every layer's output shape is TensorFlow's."""
    tail = () if len(expected) == 1 else (layer("flatten"),)
    assert shapes(body(proposed, *tail), input_shape)[0].output_shape == expected


@pytest.mark.parametrize(
    ("layers", "input_shape", "words"),
    [
        ([CONV], SERIES, ("body ends with shape (24, 8)", "global_average_pool or flatten")),
        ([layer("dense", units=4)], SERIES, ("layers[0] (dense)", "flat input", "(24, 3)")),
        ([CONV, GAP], IMAGE, ("layers[0] (conv1d)", "(steps, channels)", "(12, 10, 2)")),
        (
            [CONV, layer("conv2d", filters=1, kernel=[1, 1])],
            SERIES,
            ("layers[1] (conv2d)", "(height, width, channels)", "(24, 8)"),
        ),
        (
            [layer("conv1d", filters=4, kernel=30, padding="valid")],
            SERIES,
            ("layers[0] (conv1d)", "window of 30", "24", "valid padding"),
        ),
        ([GAP, GAP], SERIES, ("layers[1] (global_average_pool)", "(3,)")),
        (
            [CONV, layer("residual", layers=[layer("conv2d", filters=1, kernel=[1, 1])])],
            SERIES,
            ("layers[1].layers[0] (conv2d)",),
        ),
        (
            [layer("residual", layers=[layer("conv1d", filters=3, kernel=5, padding="valid")])],
            SERIES,
            ("layers[0] (residual)", "(24, 3) into (20, 3)", "same padding"),
        ),
        ([layer("residual", layers=[layer("flatten")])], SERIES, ("layers[0] (residual)",)),
        (
            [layer("flatten"), *[layer("dense", units=1024)] * 20],
            SERIES,
            ("layers[17] (dense)", "parameters", "at most 16777216"),
        ),
        (
            [layer("conv2d", filters=512, kernel=[1, 1]), GAP],
            (96, 96, 3),
            ("layers[0] (conv2d)", "4718592 elements"),
        ),
    ],
)
def test_what_does_not_fit_is_told_precisely(
    layers: list[dict[str, Any]], input_shape: Shape, words: tuple[str, ...]
) -> None:
    """The message names the layer, what it wants and the shape it met."""
    with pytest.raises(CandidateFailure) as caught:
        shapes(body(*layers), input_shape)
    assert caught.value.reason.code == "invalid_architecture"
    assert all(word in caught.value.reason.message for word in words)


@pytest.mark.parametrize(("input_shape", "flat"), [((9,), (1, 9)), (SERIES, (72,))])
def test_centroids_are_all_of_a_network(input_shape: Shape, flat: Shape) -> None:
    """No head; what is compared is as large as the input, and never of the same shape."""
    architecture = body(layer("k_means", clusters=5))
    size = math.prod(input_shape)
    (node,) = infer_shapes(architecture, input_shape, "anomaly", size)
    assert (node.kind, node.output_shape) == ("k_means", flat)
    found = static_figures(architecture, input_shape, "anomaly", size)
    assert found.macs == found.parameters == found.weight_bytes == 5 * size
    assert found.peak_activation_bytes == size
    assert brief(architecture) == "k_means 5"
    assert smallest(input_shape, "anomaly") == (body(layer("k_means", clusters=1)),)


@pytest.mark.parametrize(
    ("layers", "task", "words"),
    [
        ([layer("k_means", clusters=2)], "classification", ("layers[0] (k_means)", "for anomaly")),
        (
            [layer("flatten"), layer("k_means", clusters=2)],
            "anomaly",
            ("layers[1] (k_means)", "only layer"),
        ),
        ([layer("k_means", clusters=1)] * 2, "anomaly", ("layers[0] (k_means)", "only layer")),
    ],
)
def test_centroids_are_for_anomalies_and_alone(
    layers: list[dict[str, Any]], task: Task, words: tuple[str, ...]
) -> None:
    """They compare the input itself, and tell nothing else."""
    with pytest.raises(CandidateFailure) as caught:
        infer_shapes(body(*layers), SERIES, task, 2)
    assert all(word in caught.value.reason.message for word in words)


def test_an_empty_body_on_flat_features_is_a_linear_model() -> None:
    """The head alone is a valid network."""
    assert [node.name for node in shapes(body(), (9,))] == ["head"]


@pytest.mark.parametrize(
    ("inner", "input_shape", "shortcut"),
    [
        (layer("conv1d", filters=3, kernel=3), SERIES, None),
        (layer("conv1d", filters=5, kernel=3), SERIES, ("conv1d", 1)),
        (layer("conv1d", filters=5, kernel=3, stride=2), (25, 3), ("conv1d", 2)),
        (layer("max_pool", padding="same"), (25, 3), ("conv1d", 2)),
        (layer("conv2d", filters=5, kernel=[3, 3], stride=2), (12, 9, 2), ("conv2d", 2)),
        (layer("dense", units=5), (9,), ("dense", None)),
    ],
)
def test_a_residual_block_gets_the_shortcut_it_needs(
    inner: dict[str, Any], input_shape: Shape, shortcut: tuple[str, int | None] | None
) -> None:
    """The addition has two inputs of one shape: the input itself, or its projection."""
    tail = () if len(input_shape) == 1 else (GAP,)
    nodes = {
        node.name: node
        for node in shapes(body(layer("residual", layers=[inner]), *tail), input_shape)
    }
    add = nodes["residual_0_add"]
    assert add.inputs[1] == f"residual_0_{inner['kind']}_0"
    if shortcut is None:
        assert add.inputs[0] == INPUT
    else:
        projection = nodes[add.inputs[0]]
        assert projection.inputs == (INPUT,)
        assert projection.output_shape == add.input_shape
        assert (projection.kind, getattr(projection.layer, "stride", None)) == shortcut
        assert getattr(projection.layer, "activation", None) == "linear"


# --- Text ---------------------------------------------------------------------------------------


def test_brief_says_what_is_not_as_usual() -> None:
    """One line shows kind, size, and what differs from the defaults."""
    architecture = body(
        layer("conv1d", filters=16, kernel=5, stride=2),
        layer("separable_conv1d", filters=24, kernel=3, dilation=2, padding="valid"),
        layer("residual", layers=[CONV, layer("batch_norm")], activation="linear"),
        layer("max_pool", size=3, stride=2),
        layer("average_pool", padding="same"),
        layer("dropout", rate=0.2),
        GAP,
        layer("dense", units=16, activation="tanh"),
        layer("activation", activation="relu"),
    )
    assert brief(architecture) == (
        "conv1d 16k5s2 · sep 24k3d2 valid · res(conv1d 8k3 · bn) linear · max 3s2 · avg 2 same"
        " · drop 0.2 · gap · dense 16 tanh · act relu"
    )
    assert brief(body(layer("conv2d", filters=8, kernel=[3, 5]))) == "conv2d 8k3x5"
    assert brief(body()) == "head only"


def test_the_schema_tells_an_agent_what_the_reader_wants() -> None:
    """Every layer's schema requires its kind, bounds its numbers and allows nothing else."""
    schema = json_schema()
    kinds = {
        name: definition
        for name, definition in schema["$defs"].items()
        if "kind" in definition.get("properties", {})
    }
    assert len(kinds) == 16
    assert all("kind" in definition["required"] for definition in kinds.values())
    assert all(definition["additionalProperties"] is False for definition in kinds.values())
    assert kinds["Conv1D"]["properties"]["filters"]["maximum"] == 512
    assert json.dumps(schema, allow_nan=False)


# --- Static figures -----------------------------------------------------------------------------


def test_a_convolution_and_its_head_by_hand() -> None:
    """Figures equal those worked out on paper."""
    found = figures(body(layer("conv1d", filters=8, kernel=5, stride=2), GAP), (24, 3), outputs=2)
    conv, pool, head = found.layers
    assert (conv.macs, conv.weight_bytes, conv.output_bytes) == (12 * 8 * 15, 15 * 8 + 4 * 8, 96)
    assert (pool.macs, pool.reads, pool.weight_bytes, pool.output_bytes) == (0, 96, 0, 8)
    assert (head.macs, head.weight_bytes, head.output_bytes) == (16, 16 + 8, 2)
    assert found.parameters == 15 * 8 + 8 + 8 * 2 + 2
    assert conv.live_bytes == 24 * 3 + 96
    assert found.peak_activation_bytes == 96  # over the input, from some bytes before it


def test_a_separable_convolution_is_two_operators() -> None:
    """The tensor between its halves counts as memory; its hidden bias only on the device."""
    found = figures(body(layer("separable_conv1d", filters=8, kernel=5), GAP))
    depthwise, pointwise = found.layers[:2]
    assert (depthwise.operation, depthwise.macs) == ("depthwise", 24 * 3 * 5)
    assert (pointwise.operation, pointwise.macs) == ("conv", 24 * 3 * 8)
    assert depthwise.live_bytes == 24 * 3, "a depthwise convolution runs in place"
    assert depthwise.weight_bytes + pointwise.weight_bytes == 15 + 4 * 3 + 24 + 4 * 8
    assert found.parameters == 15 + 24 + 8 + 8 + 1


def test_a_residual_block_keeps_its_input_alive() -> None:
    """The shortcut's tensor is counted while the block runs; the sum is written over it."""
    block = layer("residual", layers=[CONV, layer("conv1d", filters=3, kernel=3)])
    found = {each.name: each for each in figures(body(block, GAP)).layers}
    assert found["residual_0_conv1d_0"].live_bytes == 24 * 3 + 24 * 8
    assert found["residual_0_conv1d_1"].live_bytes == 24 * 3 + 24 * 8 + 24 * 3
    assert found["residual_0_add"].live_bytes == 2 * 24 * 3


LINEAR_CONV = {**CONV, "activation": "linear"}
NORM = layer("batch_norm")
RELU = layer("activation", activation="relu")


@pytest.mark.parametrize(
    ("layers", "operators"),
    [
        ([LINEAR_CONV, NORM, RELU], ["conv"]),
        ([LINEAR_CONV, RELU], ["conv"]),
        ([CONV, NORM], ["conv", "elementwise", "elementwise"]),
        ([CONV, NORM, RELU], ["conv", "elementwise", "elementwise"]),
        ([LINEAR_CONV, RELU, RELU], ["conv", "elementwise"]),
        ([LINEAR_CONV, layer("activation", activation="tanh")], ["conv", "elementwise"]),
        ([{**CONV, "activation": "tanh"}], ["conv", "elementwise"]),
        ([{**CONV, "activation": "relu6"}, layer("dropout", rate=0.5)], ["conv"]),
        ([NORM], ["elementwise", "elementwise"]),
        ([LINEAR_CONV, layer("residual", layers=[NORM])], ["conv", *["elementwise"] * 3]),
        ([LINEAR_CONV, layer("activation", activation="linear")], ["conv"]),
    ],
)
def test_what_the_converter_folds_costs_nothing(
    layers: list[dict[str, Any]], operators: list[str]
) -> None:
    """Batch norms and activations vanish exactly where TFLite's converter folds them."""
    found = figures(body(*layers, GAP)).layers
    assert [each.operation for each in found][:-2] == operators


# --- Against Keras ------------------------------------------------------------------------------

COUNT_PARAMETERS = """
import json, pathlib, runpy
print(json.dumps([
    runpy.run_path(str(path))["build_model"]().count_params()
    for path in sorted(pathlib.Path(".").glob("model*.py"))
]))
"""

WIDE = layer("conv1d", filters=8, kernel=3, stride=2, activation="linear")
KERAS_CASES: list[tuple[Shape, list[dict[str, Any]]]] = [
    ((9,), []),
    ((9,), [layer("dense", units=12), layer("residual", layers=[layer("dense", units=7)])]),
    ((9,), [NORM, layer("dense", units=12, activation="tanh"), layer("dropout", rate=0.3)]),
    (SERIES, [CONV, layer("separable_conv1d", filters=6, kernel=5, stride=2), GAP]),
    (SERIES, [layer("conv1d", filters=5, kernel=3, dilation=4), NORM, RELU, layer("flatten")]),
    (SERIES, [layer("residual", layers=[WIDE, NORM, RELU, CONV]), GAP]),
    (SERIES, [layer("depthwise_conv1d", kernel=4), layer("max_pool"), layer("flatten")]),
    (SERIES, [layer("separable_conv1d", filters=4, kernel=3, dilation=2), layer("flatten")]),
    (IMAGE, [layer("conv2d", filters=5, kernel=[3, 2], stride=2), layer("flatten")]),
    (IMAGE, [layer("depthwise_conv2d", kernel=[3, 3]), NORM, layer("average_pool"), GAP]),
    (IMAGE, [layer("separable_conv2d", filters=5, kernel=[3, 3]), GAP, layer("dense", units=4)]),
    (
        IMAGE,
        [
            layer("residual", layers=[layer("conv2d", filters=4, kernel=[3, 3], stride=2), NORM]),
            layer("residual", layers=[layer("conv2d", filters=4, kernel=[3, 3])]),
            GAP,
        ],
    ),
]


@pytest.mark.slow
def test_parameters_are_those_that_keras_counts(tmp_path: Path) -> None:
    """The static count equals `count_params()` of the rendered model, for every kind of layer."""
    from mlforge_tasks.stages.render import keras_source  # noqa: PLC0415 - heavy, and only here

    expected = []
    for index, (input_shape, layers) in enumerate(KERAS_CASES):
        source, found = keras_source(body(*layers), input_shape, "classification", 3)
        (tmp_path / f"model{index:02}.py").write_text(source)
        expected.append(found.parameters)
    output = process.check(
        [sys.executable, "-c", COUNT_PARAMETERS],
        timeout_s=120,
        cwd=tmp_path,
        env={"TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert json.loads(output.splitlines()[-1]) == expected
