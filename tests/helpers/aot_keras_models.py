"""Writes real converted Keras models: `python aot_keras_models.py FOLDER`, one TensorFlow start.

The networks of MLPerf Tiny (Banbury et al., 2021): keyword spotting, image classification, visual
wake words, anomaly detection, streaming wake word; two one-dimensional networks, and some with
everything that these leave out. Weights are random: but for channels that are constant, what the
engine makes of a model does not depend on them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from keras import layers

CALIBRATION_SAMPLES = 10


def keyword_spotting() -> Any:
    """DS-CNN: 10x4 convolution, four depthwise separable blocks."""
    x = source = layers.Input((49, 10, 1), batch_size=1)
    x = layers.Conv2D(64, (10, 4), strides=2, padding="same", activation="relu")(x)
    for _ in range(4):
        x = layers.DepthwiseConv2D(3, padding="same", activation="relu")(x)
        x = layers.Conv2D(64, 1, activation="relu")(x)
    x = layers.AveragePooling2D((25, 5))(x)
    x = layers.Flatten()(x)
    return keras.Model(source, layers.Dense(12, activation="softmax")(x))


def resnet_8() -> Any:
    """ResNet-8 for 32x32 images."""
    x = source = layers.Input((32, 32, 3), batch_size=1)
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        y = layers.Conv2D(channels, 3, stride, padding="same", activation="relu")(x)
        y = layers.Conv2D(channels, 3, padding="same")(y)
        if stride > 1:
            x = layers.Conv2D(channels, 1, stride, padding="same")(x)
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.Flatten()(layers.AveragePooling2D(8)(x))
    return keras.Model(source, layers.Dense(10, activation="softmax")(x))


# Channels that a pointwise layer makes, and the stride of the depthwise layer before it.
MOBILENET = (
    *((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2)),
    *([(128, 1)] * 5),
    *((256, 2), (256, 1)),
)
# Of them, those whose weights came to nothing in MLPerf Tiny's own trained network, and of these
# those whose bias is above zero, so that the constant they give is not ReLU's zero.
DEAD = (0, 0, 0, 0, 4, 21, 71, 98, 109, 109, 101, 224, 234)
DEAD_ABOVE_ZERO = (0, 0, 0, 0, 2, 7, 17, 11, 12, 23, 33, 48, 0)
NOTHING = 1e-12


def visual_wake_words() -> Any:
    """MobileNetV1 of a quarter's width for 96x96 images.

    Weights are such that activations keep their size through all its layers: TFLM aborts where
    scales come to nothing.
    """
    x = source = layers.Input((96, 96, 3), batch_size=1)
    x = layers.Conv2D(8, 3, 2, padding="same", activation="relu")(x)
    for channels, stride in MOBILENET:
        # One for each layer: what it draws is the same every time.
        nine = keras.initializers.RandomNormal(stddev=(2 / 9) ** 0.5)
        x = layers.DepthwiseConv2D(
            3, stride, padding="same", activation="relu", depthwise_initializer=nine
        )(x)
        x = layers.Conv2D(channels, 1, activation="relu", kernel_initializer="he_normal")(x)
    x = layers.Flatten()(layers.AveragePooling2D(3)(x))
    return keras.Model(source, layers.Dense(2, activation="softmax")(x))


def dead_channels() -> Any:
    """The same network with as many constant channels, layer by layer, as the published one has.

    Training with weight decay left it weights of nothing beside biases that are some, and nothing
    of what the next pointwise layer would read of them. The converter makes zeros of the former,
    with scales at which the biases just fit into 32 bits.
    """
    model = visual_wake_words()
    rng = np.random.default_rng(1)
    pointwise = [each for each in model.layers[2:] if type(each) is layers.Conv2D]
    gain, unread = 1.0, np.zeros(0, int)
    for layer, dead, above_zero in zip(pointwise, DEAD, DEAD_ABOVE_ZERO, strict=True):
        kernel, bias = layer.get_weights()
        channels = rng.permutation(bias.size)
        kernel = kernel * gain
        kernel[:, :, unread] *= NOTHING
        kernel[..., channels[:dead]] *= NOTHING
        bias = 0.1 * rng.normal(size=bias.shape)
        bias[channels[:dead]] = -np.abs(bias[channels[:dead]])
        bias[channels[:above_zero]] *= -1
        layer.set_weights([kernel, bias])
        gain, unread = (bias.size / (bias.size - dead)) ** 0.5, channels[:dead]
    for layer in model.layers:
        if isinstance(layer, layers.DepthwiseConv2D):
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, 0.1 * rng.normal(size=bias.shape)])
    return model


def streaming_wake_word() -> Any:
    """Depthwise separable layers over 30 steps of 40 features, none of them padded."""
    x = source = layers.Input((30, 1, 40), batch_size=1)
    for taps, channels in ((3, 128), (5, 128), (10, 128), (15, 32)):
        even = keras.initializers.RandomNormal(stddev=taps**-0.5)
        x = layers.DepthwiseConv2D((taps, 1), depthwise_initializer=even)(x)
        x = layers.Conv2D(channels, 1, activation="relu", kernel_initializer="he_normal")(x)
    return keras.Model(source, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))


def sequence() -> Any:
    """One-dimensional convolutions: same, depthwise, causal and dilated, separable."""
    x = source = layers.Input((128, 6), batch_size=1)
    x = layers.Conv1D(16, 5, padding="same", activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.MaxPooling1D(2)(x)
    x = layers.DepthwiseConv1D(5, strides=2, padding="same")(x)
    x = layers.AveragePooling1D(2, strides=1, padding="same")(x)
    x = layers.Conv1D(32, 3, padding="causal", dilation_rate=2, activation="relu")(x)
    x = layers.SeparableConv1D(32, 3, activation="relu")(x)
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dense(16, activation="tanh")(x)
    return keras.Model(source, layers.Dense(7, activation="softmax")(x))


def activity_200() -> Any:
    """Plain one-dimensional network: 4 s of six axes at 50 Hz, seven activities; 131,904 MACs."""
    x = source = layers.Input((200, 6), batch_size=1)
    for channels in (12, 16):
        x = layers.Conv1D(channels, 5, activation="relu")(x)
        x = layers.MaxPooling1D(4)(x)
    x = layers.Conv1D(32, 5, activation="relu")(x)
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(source, layers.Dense(7, activation="softmax")(x))


def autoencoder() -> Any:
    """The dense auto-encoder of MLPerf Tiny's anomaly detection."""
    x = source = layers.Input((640,), batch_size=1)
    for units in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        x = layers.Dense(units, activation="relu")(x)
    return keras.Model(source, layers.Dense(640)(x))


def mixed() -> Any:
    """Gates, concatenation, subtraction, two-dimensional dilation, depth multiplier."""
    x = source = layers.Input((24, 24, 3), batch_size=1)
    x = layers.ZeroPadding2D(((2, 1), (0, 1)))(x)
    x = layers.Conv2D(8, 3, strides=2, activation="relu6")(x)
    y = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)
    x = layers.Multiply()([y, layers.Conv2D(16, 1, activation="sigmoid")(x)])
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Multiply()([x, layers.Conv2D(16, 1, activation="sigmoid")(gate)])
    x = layers.Concatenate()([layers.MaxPooling2D(2)(x), layers.AveragePooling2D(2)(x)])
    x = layers.Conv2D(12, 3, dilation_rate=2, padding="same", activation="tanh")(x)
    x = layers.Subtract()([x, layers.Conv2D(12, 1)(x)])
    return keras.Model(source, layers.Dense(3)(layers.Flatten()(x)))


def decoder() -> Any:
    """Activations with slopes, and three ways to a larger image."""
    x = source = layers.Input((6, 6, 4), batch_size=1)
    x = layers.Conv2DTranspose(8, 3, strides=2, padding="same")(x)
    x = layers.LeakyReLU(negative_slope=0.2)(x)
    x = layers.PReLU(shared_axes=[1, 2])(layers.Conv2D(8, 3, padding="same")(x))
    x = layers.Resizing(24, 24, interpolation="nearest")(x)
    x = layers.Activation("hard_swish")(layers.Conv2D(8, 3, padding="same")(x))
    x = layers.Cropping2D(((1, 2), (0, 3)))(x)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.DepthwiseConv2D(3, strides=2)(x)
    x = layers.Permute((2, 1, 3))(x)
    return keras.Model(source, layers.Conv2DTranspose(3, 2, strides=1)(x))


def attention() -> Any:
    """Attention of two heads over a sequence, and the largest of each feature."""
    x = source = layers.Input((24, 6), batch_size=1)
    x = layers.Conv1D(16, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Add()([x, layers.MultiHeadAttention(2, 8)(x, x)])
    y = layers.Dense(16)(layers.Dense(32, activation="relu")(x[:, ::-1]))
    x = layers.GlobalMaxPooling1D()(layers.Concatenate()([x, layers.Attention()([x, y])]))
    return keras.Model(source, keras.activations.log_softmax(layers.Dense(5)(x)))


def enlarged() -> Any:
    """Ways to a larger image by interpolation, by mirrored borders and of channels."""
    x = source = layers.Input((10, 8, 3), batch_size=1)
    x = keras.ops.pad(x, ((0, 0), (2, 1), (1, 1), (0, 0)), mode="reflect")
    x = layers.Conv2D(12, 3, strides=2, activation="relu")(x)
    x = layers.Resizing(9, 11)(x)
    x = layers.Conv2D(8, 3, activation="relu")(x)
    x = layers.Lambda(lambda y: tf.nn.depth_to_space(y, 2))(x)
    x = keras.ops.take(layers.UpSampling2D(2, interpolation="bilinear")(x), [1, 5, 5, 2, 9], axis=2)
    smallest = keras.ops.min(x, axis=(1, 3), keepdims=True)
    return keras.Model(source, layers.Conv2D(3, 1)(layers.Subtract()([x, smallest])))


def long_short_term_memory() -> Any:
    """An LSTM over a few steps, unrolled: the converter has no loop for it in int8."""
    x = source = layers.Input((8, 6), batch_size=1)
    x = layers.LSTM(12, unroll=True, return_sequences=True)(x)
    x = layers.LSTM(8, unroll=True)(x)
    return keras.Model(source, layers.Dense(4, activation="softmax")(x))


def gated_recurrent_unit() -> Any:
    """A GRU likewise; the converter leaves a split of its first step in float."""
    x = source = layers.Input((8, 6), batch_size=1)
    x = layers.GRU(12, unroll=True)(x)
    return keras.Model(source, layers.Dense(4, activation="softmax")(x))


def normalised() -> Any:
    """Normalisation and activations that the converter takes apart, in part in float."""
    x = source = layers.Input((16, 6), batch_size=1)
    x = layers.LayerNormalization()(layers.Conv1D(8, 3)(x))
    x = layers.RMSNormalization()(layers.Conv1D(8, 3, activation="elu")(x))
    x = layers.GroupNormalization(2)(layers.Conv1D(8, 3)(x))
    x = layers.ReLU(max_value=1, threshold=0.1)(x)
    x = layers.UnitNormalization()(layers.Conv1D(8, 3, activation="leaky_relu")(x))
    return keras.Model(source, layers.Dense(3)(layers.Flatten()(x)))


MODELS = (
    keyword_spotting,
    resnet_8,
    visual_wake_words,
    dead_channels,
    streaming_wake_word,
    sequence,
    activity_200,
    autoencoder,
    mixed,
    decoder,
    attention,
    enlarged,
    long_short_term_memory,
    gated_recurrent_unit,
    normalised,
)


def convert(model: Any) -> bytes:
    """Full-integer int8 conversion, as the pipeline's quantise stage does it."""
    rng = np.random.default_rng(1)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [rng.normal(size=model.input_shape).astype(np.float32)] for _ in range(CALIBRATION_SAMPLES)
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return bytes(converter.convert())


def main(folder: Path) -> None:
    """Writes every model."""
    for build in MODELS:
        keras.utils.set_random_seed(1)
        (folder / f"{build.__name__}.tflite").write_bytes(convert(build()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
