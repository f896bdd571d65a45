"""What is known of an int8 model, as records; `int8` computes with them."""

from __future__ import annotations

from mlforge_tasks.records import Record

# Outputs of the float network by split, beside the model that was quantised from it.
FLOAT_OUTPUTS = "float_outputs.npz"
# Of float32 without leading zeros in its fraction: what is smaller divides to infinity.
SMALLEST_SCALE = 2.0**-126


class TensorQuantisation(Record):
    """An int8 input or output.

    Attributes:
        name: The tensor's name in the graph.
        shape: Its shape, without the batch axis of 1.
        scale: Real difference of one step.
        zero_point: The int8 value that stands for 0.
    """

    name: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int


class Quantisation(Record):
    """What there is to know about an int8 model; `quantisation.json`.

    Attributes:
        input: The input tensor.
        output: The output tensor.
        operators: TFLite operators in the order of execution.
        tflite_bytes: Size of the file.
        tflite_sha256: Its digest.
    """

    input: TensorQuantisation
    output: TensorQuantisation
    operators: tuple[str, ...]
    tflite_bytes: int
    tflite_sha256: str
