"""What a model keeps from one inference to the next: variables, and the states of operators."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks import windows
from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.engines.tflm import PLUGIN as TFLM
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.oracle import Oracle
from mlforge_tasks.stages._describe import describe
from mlforge_tasks.stages._int8_metrics import int8_outputs
from tests.helpers import graphs
from tests.helpers.aot_host import differing_bytes, make_case
from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.small_models import altered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_SYMMETRIC = Quant(np.float32(2**-5), 0)
_SHIFTED = Quant(np.float32(2**-5), 7)
_STEPS = np.arange(-6, 6, dtype=np.int8).reshape(4, 3) * 9


def test_states_are_kept_or_begun_anew(tmp_path: Path) -> None:
    """By each operator that has one, as asked; and it makes a difference."""
    for op in graphs.RECURRENT:
        models = [graphs.single_operator(op, seed) for seed in range(4)]
        kept = [make_case(f"kept_{at}", model) for at, model in enumerate(models)]
        anew = [make_case(f"anew_{at}", one, keeps_state=False) for at, one in enumerate(models)]
        pairs = zip(kept, anew, strict=True)
        assert any((one.outputs != other.outputs).any() for one, other in pairs), op
        folder = tmp_path / op
        folder.mkdir()
        assert differing_bytes([*kept, *anew], folder) == {}


def test_streams_are_computed_over_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one, in a process of the reference's as by the engine's C on the host."""
    monkeypatch.setattr(windows.Windows.batches, "__defaults__", (3,))
    monkeypatch.setattr(windows.Windows.begun, "__defaults__", (3,))
    model = graphs.single_operator("READ_VARIABLE", 3)
    oracle = Oracle(model)
    shape = oracle.input_shape[1:]
    inputs = np.random.default_rng(1).integers(-128, 128, (8, *shape)).astype(np.int8)
    anew = np.isin(np.arange(8), (0, 5))
    given = replace(windows.Windows.each(inputs), anew=anew)
    described = describe(model).model_copy(update={"keeps_state": True})
    wanted = oracle.run(inputs, anew)
    found, why = int8_outputs(model, described, given)
    assert (found == wanted).all()
    assert not why
    monkeypatch.setattr("mlforge_tasks.oracle.available", lambda: False)
    found, why = int8_outputs(model, described, given)
    assert (found == wanted).all()
    assert why
    assert (wanted != oracle.run(inputs)).any()


def test_init_begins_anew(tmp_path: Path) -> None:
    """What was kept is gone, as at first, where the model is begun again."""
    model = graphs.single_operator("READ_VARIABLE", 3)
    case = make_case("again", model)
    text = case.generated.files["again_aot.c"].decode()
    begins = text[text.index("int again_init(void)") : text.index("int again_invoke(void)")]
    assert "clear_states();" in begins
    assert differing_bytes([case, case], tmp_path) == {}


class _Kept(Writer):
    """A model under construction that has variables."""

    def variable(self, name: str, value: int) -> int:
        """Reads a variable into a tensor; its handle."""
        handle = self.handle(name)
        self.operator("READ_VARIABLE", [handle], [value], schema.ReadVariableOptionsT())
        return handle

    def handle(self, name: str) -> int:
        made = self.unknown((1,))
        options = schema.VarHandleOptionsT(container="", sharedName=name)
        self.operator("VAR_HANDLE", [], [made], options)
        return made

    def assign(self, handle: int, value: int) -> None:
        options = schema.AssignVariableOptionsT()
        self.operator("ASSIGN_VARIABLE", [handle, value], [], options)


def _once(model: bytes, first: Sequence[tuple[str, NDArray[Any], Quant | None]]) -> bytes:
    """A model whose variables are set to constants before the first inference."""
    set_up = _Kept()
    for name, values, quant in first:
        affine = ([quant.scale], [quant.zero_point]) if quant else ()
        set_up.assign(set_up.handle(name), set_up.constant(values, *affine))

    def change(one: Any) -> None:
        known = [each.builtinCode for each in one.operatorCodes]
        for operator in set_up.operators:
            operator.opcodeIndex = known.index(set_up.codes[operator.opcodeIndex])
        for tensor in set_up.tensors:
            tensor.buffer += len(one.buffers) * bool(tensor.buffer)
        one.buffers += set_up.buffers
        one.subgraphs.append(
            schema.SubGraphT(
                tensors=set_up.tensors, inputs=[], outputs=[], operators=set_up.operators
            )
        )

    return altered(model, change)


def _sum(writer: _Kept, *, once: bool = False, quant: Quant = _SHIFTED) -> bytes:
    """The input is added to what the inference before has left."""
    if once:
        options = schema.CallOnceOptionsT(initSubgraphIndex=1)
        writer.operator("CALL_ONCE", [], [], options)
    source = writer.activation((1, 3), _SYMMETRIC, 1.0)
    before, after = (writer.activation((1, 3), quant, 1.0).index for _ in range(2))
    handle = writer.variable("sum", before)
    writer.operator("ADD", [source.index, before], [after], schema.AddOptionsT())
    writer.assign(handle, after)
    return writer.finish(source.index, after)


def test_variables_begin_at_what_they_are_set_to_once(tmp_path: Path) -> None:
    """The bytes of a constant; else the zero point, where nothing sets them."""
    first = np.array([[5, -128, 90]], np.int8)
    set_once = _once(_sum(_Kept(), once=True), [("sum", first, _SHIFTED)])
    cases = [
        make_case("once", set_once, inputs=_STEPS),
        make_case("once_anew", set_once, inputs=_STEPS, keeps_state=False),
        make_case("zero", _sum(_Kept()), inputs=_STEPS),
    ]
    assert (cases[0].outputs[0] == first + _STEPS[0]).any()
    assert differing_bytes(cases, tmp_path) == {}


def _in_a_row(order: Sequence[str]) -> bytes:
    """Two variables, one of which is set to what the other was."""
    writer = _Kept()
    source = writer.activation((1, 3), _SYMMETRIC, 1.0)
    one, two, made = (writer.activation((1, 3), _SYMMETRIC, 1.0).index for _ in range(3))
    handles = {"one": writer.variable("one", one), "two": writer.variable("two", two)}
    values = {"one": source.index, "two": one}
    for name in order:
        writer.assign(handles[name], values[name])
    writer.operator("MAXIMUM", [source.index, two], [made], schema.MaximumMinimumOptionsT())
    return writer.finish(source.index, made)


def test_a_variable_is_read_before_it_is_set(tmp_path: Path) -> None:
    """In whichever order several are set: what was read is what was there."""
    orders = (["one", "two"], ["two", "one"])
    cases = [
        make_case(f"order_{at}", _in_a_row(order), inputs=_STEPS) for at, order in enumerate(orders)
    ]
    assert (cases[0].outputs == cases[1].outputs).all()
    assert differing_bytes(cases, tmp_path) == {}


def _in_float(first: float = 0.0, *, direct: bool = True) -> bytes:
    """As TensorFlow's converter leaves a variable: float, joined in float with what comes."""
    writer = _Kept()
    writer.operator("CALL_ONCE", [], [], schema.CallOnceOptionsT(initSubgraphIndex=1))
    source = writer.activation((1, 3), _SYMMETRIC, 1.0)
    wide = writer.float_activation((1, 3))
    writer.operator("DEQUANTIZE", [source.index], [wide])
    read = writer.float_activation((1, 6))
    handle = writer.variable("window", read)
    joined = writer.float_activation((1, 9))
    options = schema.ConcatenationOptionsT(axis=1)
    writer.operator("CONCATENATION", [read, wide], [joined], options)
    window = writer.activation((1, 9), _SHIFTED, 1.0).index
    writer.operator("QUANTIZE", [joined], [window])
    later = writer.activation((1, 6), _SHIFTED, 1.0).index
    places = [writer.constant(np.array(each, np.int32)) for each in ([0, 3], [1, 6])]
    writer.operator("SLICE", [window, *places], [later], schema.SliceOptionsT())
    kept = writer.float_activation((1, 6))
    writer.operator("DEQUANTIZE", [later], [kept])
    if not direct:
        doubled = writer.float_activation((1, 6))
        writer.operator("ADD", [kept, kept], [doubled], schema.AddOptionsT())
        kept = doubled
    writer.assign(handle, kept)
    return _once(
        writer.finish(source.index, window), [("window", np.full((1, 6), first, np.float32), None)]
    )


def test_float_variables_of_int8_values_are_kept_in_int8(tmp_path: Path) -> None:
    """The same bytes as the reference, which keeps floats, in a quarter of the memory."""
    cases = [
        make_case(f"first_{at}", _in_float(first), inputs=_STEPS)
        for at, first in enumerate((0.0, 0.25))
    ]
    assert (cases[0].outputs[0, :6] == _SHIFTED.zero_point).all()
    assert differing_bytes(cases, tmp_path) == {}
    assert all(case.generated.arena_bytes < 4 * (6 + 9) for case in cases)


def _svdf(change: Callable[[Any, Any], object]) -> bytes:
    model = graphs.single_operator("SVDF", 0)

    def changed(one: Any) -> None:
        graph = one.subgraphs[0]
        change(graph, graph.operators[-1])

    return altered(model, changed)


def _set(place: int, **values: Any) -> Callable[[Any, Any], None]:
    def change(graph: Any, operator: Any) -> None:
        for name, value in values.items():
            setattr(graph.tensors[operator.inputs[place]], name, value)

    return change


def _scale(place: int, scale: float) -> Callable[[Any, Any], None]:
    def change(graph: Any, operator: Any) -> None:
        graph.tensors[operator.inputs[place]].quantization.scale = [scale]

    return change


def _without_bias(_: Any, operator: Any) -> None:
    operator.inputs = [-1 if at == 3 else each for at, each in enumerate(operator.inputs)]


_INT8, _INT16 = schema.TensorType.INT8, schema.TensorType.INT16
REFUSED: dict[str, tuple[bytes, str]] = {
    "no bias": (_svdf(_without_bias), "SVDF 'l.*' without a bias"),
    "bias scale": (_svdf(_scale(3, 1.0)), "a bias of another scale"),
    "state": (_svdf(_set(4, shape=[1, 1])), "do not fit each other"),
    "float state": (_svdf(_set(4, type=schema.TensorType.FLOAT64)), "a state '.*' of float64"),
    "computed in float": (_in_float(direct=False), "'variable/window' that is set to float32"),
    "no step": (_in_float(0.1), "'variable/window' that begins with no step of its scale"),
    "shapes": (
        _once(_sum(_Kept(), once=True), [("sum", np.zeros((1, 4), np.int8), _SHIFTED)]),
        "a variable 'sum' of several types or shapes",
    ),
    "loop": (
        altered(_once(_sum(_Kept(), once=True), []), lambda one: one.subgraphs[0].operators.pop(0)),
        "control flow",
    ),
}


@pytest.mark.parametrize("op", ["ASSIGN_VARIABLE", "READ_VARIABLE"])
@pytest.mark.parametrize("which", ["inputs", "outputs"])
def test_operators_of_variables_without_operands_are_refused(op: str, which: str) -> None:
    """Whatever a damaged file leaves out."""

    def change(one: Any) -> None:
        for each in one.subgraphs[0].operators:
            known = one.operatorCodes[each.opcodeIndex].builtinCode
            if known == getattr(schema.BuiltinOperator, op):
                setattr(each, which, [0] if op == "ASSIGN_VARIABLE" else [])

    with pytest.raises(CandidateFailure, match="something else than a variable"):
        PLUGIN.generate(altered(graphs.single_operator("READ_VARIABLE", 1), change), "host")


@pytest.mark.parametrize("name", REFUSED)
def test_other_states_are_refused(name: str) -> None:
    """In words that say which, and what of it."""
    model, says = REFUSED[name]
    with pytest.raises(CandidateFailure, match=says):
        PLUGIN.generate(model, "host")


@pytest.mark.parametrize("op", graphs.RECURRENT)
def test_the_interpreter_on_the_device_would_not_be_reset(op: str) -> None:
    """So engine `tflm` takes none, and says which engine does."""
    model = graphs.single_operator(op, 1)
    with pytest.raises(CandidateFailure, match=r"VAR_HANDLE|SVDF|UNIDIRECTIONAL.*engine: aot"):
        TFLM.generate(model, "cortex-m4")
    assert Oracle(model).output_shape
