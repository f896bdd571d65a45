"""`model_data.h`: it compiles everywhere, and says what the model says."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mlforge_tasks.contract.window import Window
from mlforge_tasks.graph import process
from mlforge_tasks.quantisation import Quantisation, TensorQuantisation
from mlforge_tasks.records import sha256_bytes
from mlforge_tasks.stages import header
from mlforge_tasks.verdict.decision import Decision, Threshold
from mlforge_tasks.verdict.detection import decisions
from tests.helpers.model_data import card

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.quantisation import EndType

TFLITE = bytes(range(256)) + b"\x00\xff"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wdouble-promotion", "-Werror"]
COMPILERS = {
    "c11": ["gcc", "-std=c11", "-xc"],
    "c++17": ["g++", "-std=c++17", "-xc++"],
    "arm-c11": ["arm-none-eabi-gcc", "-std=c11", "-xc", "-mcpu=cortex-m3", "-mthumb"],
}
HOSTILE = 'caf\u00e9 "x" ??/ \\ */ %s\n#error'
REGRESSION = card("regression", (4, 3), 2, input_mean=(0.1, -1e-30, 16777217.0))
CLASSIFICATION = card("classification", (4, 3), 3, labels=("walking", HOSTILE, "*/"))
DETECTION = "detection"  # of the second class
ANOMALY = card("anomaly", (4, 3), 12, labels=("walking", HOSTILE))
MULTILABEL = card("multilabel", (4, 3), 3, labels=("walking", HOSTILE, "*/"))
CARDS = {
    "regression": REGRESSION,
    "classification": CLASSIFICATION,
    DETECTION: CLASSIFICATION,
    "multilabel": MULTILABEL,
    "anomaly": ANOMALY,
}
DECISION = Decision(
    rule="lead",
    positive=1,
    thresholds=(Threshold(chosen_for="f1", label=HOSTILE, least=-41, validation=None),),
)
# A score is never below its threshold of 0, which compilers like to point out.
ALWAYS = Decision(
    rule="score",
    positive=1,
    thresholds=(Threshold(chosen_for="f1", label=HOSTILE, least=0, validation=None),),
)
DECISIONS = {
    DETECTION: DECISION,
    "anomaly": ALWAYS,
    "multilabel": Decision(
        rule="outputs",
        positive=None,
        thresholds=tuple(
            Threshold(chosen_for="f1", label=label, least=least, validation=None)
            for label, least in zip(MULTILABEL.labels, (-128, 41, 128), strict=True)
        ),
    ),
}

PRINT_ALL = r"""
#include "model_data.h"
#include <stddef.h>
#include <stdio.h>
int main(void)
{
    const int input[] = MODEL_INPUT_DIMS;
    const int output[] = MODEL_OUTPUT_DIMS;
    for (unsigned int i = 0; i < g_model_len; i++) {
        printf("%02x", (unsigned int)g_model[i]);
    }
    printf("\n%s %s\n", MODEL_NAME, MODEL_DIGEST);
    printf("%d %d %d %d\n", MODEL_INPUT_BYTES, MODEL_INPUT_RANK, input[0], input[1]);
    printf("%d %d %d\n", MODEL_OUTPUT_BYTES, MODEL_OUTPUT_RANK, output[0]);
    printf("%.9g %d\n", (double)MODEL_INPUT_SCALE, MODEL_INPUT_ZERO_POINT);
    printf("%.9g %d\n", (double)MODEL_OUTPUT_SCALE, MODEL_OUTPUT_ZERO_POINT);
    for (int i = 0; i < MODEL_FEATURE_COUNT; i++) {
        printf("%s [%s] %.9g %.9g\n", model_feature_names[i], model_feature_units[i],
               (double)model_input_mean[i], (double)model_input_norm_scale[i]);
    }
    printf("%d\n", (int)((size_t)g_model % 16));
#ifdef MODEL_IS_REGRESSION
    for (int i = 0; i < MODEL_TARGET_COUNT; i++) {
        printf("%s [%s] %.9g %.9g\n", model_target_names[i], model_target_units[i],
               (double)model_target_mean[i], (double)model_target_norm_scale[i]);
    }
#endif
#if defined MODEL_IS_CLASSIFICATION || defined MODEL_IS_MULTILABEL
    for (int i = 0; i < MODEL_LABEL_COUNT; i++) {
        printf("%s|", model_labels[i]);
    }
#endif
    return 0;
}
"""


def _quantisation(outputs: int, dtype: EndType = "int8") -> Quantisation:
    zero_points = (-128, 3) if dtype == "int8" else (0, 0)
    ends = [
        TensorQuantisation(name=name, shape=shape, scale=scale, zero_point=zero, dtype=dtype)
        for name, shape, scale, zero in (
            ("in", (4, 3), 0.1, zero_points[0]),
            ("out", (outputs,), 1 / 256, zero_points[1]),
        )
    ]
    return Quantisation(
        input=ends[0],
        output=ends[1],
        operators=(),
        tflite_bytes=len(TFLITE),
        tflite_sha256=sha256_bytes(TFLITE),
    )


def _write(task: str, folder: Path, dtype: EndType = "int8") -> Path:
    """Runs the stage on a model of arbitrary bytes."""
    about, inputs = CARDS[task], {"quantise": folder, "dataset": folder}
    (folder / "model.tflite").write_bytes(TFLITE)
    _quantisation(about.output_count, dtype).write(folder / "quantisation.json")
    about.write(folder / "data_card.json")
    if task in DECISIONS:
        DECISIONS[task].write(folder / "decision.json")
        inputs["decide"] = folder
    header.run(inputs, folder, {})
    return folder / "model_data.h"


def test_channels_that_come_first_are_told() -> None:
    """With a shape in the model's order, and without axes of size 1; else nothing is said of it."""
    described = _quantisation(2)
    first = described.input.model_copy(update={"shape": (3, 1, 4), "channels_first": True})
    text = header.header(TFLITE, described.model_copy(update={"input": first}), REGRESSION)
    assert "#define MODEL_INPUT_DIMS {3, 4}" in text
    assert "#define MODEL_INPUT_CHANNELS_FIRST 1\n" in text
    assert "order      = channels first" in text
    assert "    i: first axis\n" in text
    plain = header.header(TFLITE, described, REGRESSION)
    assert "CHANNELS_FIRST" not in plain
    assert "channels first" not in plain


@pytest.mark.parametrize(
    ("interval_s", "horizon", "said"),
    [
        (
            300.0,
            6,
            ("= 4 rows at intervals of 5 min, the oldest first\n", "= 30 min after the last"),
        ),
        (None, 6, ("= 4 rows, the oldest first\n", "= 6 rows after the last row\n")),
        (0.01, 0, ("= 4 rows at intervals of 10 ms, the oldest first\n",)),
    ],
)
def test_how_often_a_sensor_is_read_is_told(
    interval_s: float | None, horizon: int, said: tuple[str, ...]
) -> None:
    """Whoever writes the firmware has the header, not the contract."""
    window = Window(length=4, horizon=horizon)
    about = REGRESSION.model_copy(update={"window": window, "interval_s": interval_s})
    text = header.header(TFLITE, _quantisation(2), about)
    assert all(one in text for one in said)
    assert ("foretold" in text) == bool(horizon)
    assert "oldest" not in header.header(TFLITE, _quantisation(2), REGRESSION)


@pytest.mark.parametrize("language", COMPILERS)
@pytest.mark.parametrize("task", CARDS)
def test_compiles_without_a_warning(task: str, language: str, tmp_path: Path) -> None:
    """The header alone is valid C11 and C++17, whatever the labels are."""
    argv = COMPILERS[language]
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed")
    _write(task, tmp_path)
    source = tmp_path / "source"
    # Twice, for the guard.
    source.write_text('#include "model_data.h"\n#include "model_data.h"\n')
    output = str(tmp_path / "out.o")
    process.check([*argv, *WARNINGS, "-c", str(source), "-o", output], timeout_s=60)


@pytest.mark.parametrize("task", CARDS)
def test_values_read_back_in_c(task: str, tmp_path: Path) -> None:
    """A program that includes the header sees the model's bytes, scales, shapes and names."""
    _write(task, tmp_path)
    source, program = tmp_path / "print.c", tmp_path / "print"
    source.write_text(PRINT_ALL)
    process.check(["gcc", "-std=c11", *WARNINGS, str(source), "-o", str(program)], timeout_s=60)
    lines = process.check([str(program)], timeout_s=60).split("\n")
    digest = sha256_bytes(TFLITE)
    outputs = CARDS[task].output_count
    assert bytes.fromhex(lines[0]) == TFLITE
    assert lines[1] == f"mlforge-{digest[:12]} {digest}"
    assert lines[2:4] == ["12 2 4 3", f"{outputs} 1 {outputs}"]
    assert lines[4:6] == ["0.100000001 -128", "0.00390625 3"]
    means = ["0.100000001", "-1.00000000e-30", "16777216"] if task == "regression" else ["0.5"] * 3
    for index, mean in enumerate(means):
        name, unit, found, scale = lines[6 + index].rsplit(" ", 3)
        assert (name, unit, float(found), scale) == (
            f"feature {index}",
            "[mV]",
            float(mean),
            "2",
        )
    assert lines[9] == "0"
    rest = "\n".join(lines[10:])
    if task == "regression":
        assert rest == "output 0 [mg/dL] 100 40\noutput 1 [mg/dL] 100 40\n"
    elif task != "anomaly":
        assert rest == f"walking|{HOSTILE}|*/|"
    else:
        assert not rest


DECIDE_ALL = r"""
#include "model_data.h"
#include <stdio.h>
int main(void)
{
#ifdef MODEL_OUTPUT_TYPE
    MODEL_OUTPUT_TYPE output[MODEL_OUTPUT_BYTES / sizeof(MODEL_OUTPUT_TYPE)];
#else
    int8_t output[MODEL_OUTPUT_BYTES];
#endif
    while (fread(output, 1, sizeof output, stdin) == sizeof output) {
        uint8_t decision[MODEL_DECISION_BYTES];
        model_decide(output, decision);
        for (int i = 0; i < MODEL_DECISION_BYTES; i++) {
            printf("%d", decision[i]);
        }
    }
    return 0;
}
"""


def test_elements_of_16_bits_are_told() -> None:
    """Their type, what they take and their range; nothing is said of int8, which is the rule."""
    text = header.header(TFLITE, _quantisation(2, "int16"), REGRESSION)
    assert "#define MODEL_INPUT_BYTES 24\n#define MODEL_INPUT_TYPE int16_t" in text
    assert "#define MODEL_OUTPUT_BYTES 4\n#define MODEL_OUTPUT_TYPE int16_t" in text
    assert "+ MODEL_INPUT_ZERO_POINT, -32768 to 32767\n" in text
    assert "_TYPE" not in header.header(TFLITE, _quantisation(2), REGRESSION)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("task", [DETECTION, "multilabel"])
def test_c_decides_as_the_host_does(task: str, dtype: EndType, tmp_path: Path) -> None:
    """Of outputs at both ends and around the threshold: the same bytes, some of each."""
    _write(task, tmp_path, dtype)
    source, program, data = tmp_path / "decide.c", tmp_path / "decide", tmp_path / "outputs"
    source.write_text(DECIDE_ALL)
    process.check(["gcc", "-std=c11", *WARNINGS, str(source), "-o", str(program)], timeout_s=60)
    ends = np.iinfo(dtype)
    edges = [-43, -42, -41, -40, -1, 0, 1, 40, 41, 42]
    steps = np.array([ends.min, ends.min + 1, *edges, ends.max - 1, ends.max], dtype)
    outputs = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    data.write_bytes(outputs.tobytes())
    found = process.check(["sh", "-c", f"{program} < {data}"], timeout_s=60)
    wanted = decisions(DECISIONS[task], outputs)
    assert 0 < wanted.mean() < 1
    assert found == "".join(map(str, wanted.ravel().tolist()))


def test_the_array_costs_no_flash_unless_used(tmp_path: Path) -> None:
    """Firmware that never refers to `g_model` does not carry it."""
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    _write("regression", tmp_path)
    source, output = tmp_path / "a.c", tmp_path / "a.o"
    source.write_text('#include "model_data.h"\nint size(void) { return MODEL_INPUT_BYTES; }\n')
    argv = ["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-Os", "-c", str(source)]
    process.check([*argv, "-o", str(output)], timeout_s=60)
    symbols = process.check(["arm-none-eabi-nm", str(output)], timeout_s=60)
    assert "g_model" not in symbols
