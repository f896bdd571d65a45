"""What to use instead of an operator that the engine does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.tflite_file.origin import Tool

_SMOOTH = (
    "use elu, silu or tanh, which become tables; TFLite Micro has no int8 kernel for it either"
)
_TABLES = "TFLite Micro has no int8 kernel for it either; use abs, a product or a sum instead"
_UNROLL = "use LSTM or GRU with unroll=True and few time steps, or Conv1D over time"
_POOL = "use AveragePooling2D or GlobalAveragePooling2D"

# TFLM's interpreter takes none of these in int8, or the engine has no kernel for them yet.
INSTEAD: Mapping[str, str] = {
    "RELU_N1_TO_1": "use ReLU6, or tanh",
    "RELU_0_TO_1": "use ReLU6, or sigmoid",
    "GELU": _SMOOTH,
    "EXP": _SMOOTH,
    "LOG": _TABLES,
    "SQRT": _TABLES,
    "SELECT": "use ReLU or LeakyReLU; TFLite Micro has SELECT_V2 only",
    "L2_POOL_2D": _POOL,
    "TILE": "repeat along one axis at a time, 10 times at most, which is read as CONCATENATION",
    "UNIDIRECTIONAL_SEQUENCE_RNN": _UNROLL,
    "WHILE": _UNROLL,
    "CONV_3D": "use Conv2D",
    "ARG_MAX": "leave it to the code that reads the outputs",
    "DEQUANTIZE": "convert with inference_output_type int8",
}

# The same for those who wrote the network with another tool than Keras.
ELSEWHERE: Mapping[Tool, Mapping[str, str]] = {
    "PyTorch": {
        "GELU": "use nn.ELU, nn.SiLU or nn.Tanh, which become tables",
        "TILE": "use nn.ConvTranspose2d, or nn.Upsample with mode 'nearest'",
        "CONV_3D": "use nn.Conv2d",
        "WHILE": "unroll the loop: one call of nn.LSTMCell or nn.GRUCell for each step",
    },
    "ONNX": {
        "GELU": "use Elu or Tanh, which become tables",
        "TILE": "use ConvTranspose, or Resize with mode 'nearest'",
        "CONV_3D": "use Conv of two dimensions",
        "WHILE": "unroll the loop, as of LSTM, GRU and RNN, before the export",
    },
}
