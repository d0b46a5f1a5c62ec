"""Every public layer, at least once: what tests/test_layer_cases.py and tests/parity/test_layer_cases.py go through.

A configuration holds what both libraries' constructors take: numbers, texts, tuples.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

import fastnn

Shape = tuple[int, ...]


class Case(NamedTuple):
    """A layer with arguments, and what it is given."""

    layer: str  # name of the class in `layers`
    config: dict[str, Any]
    shape: Shape | list[Shape]  # of one sample; a list for a layer that is called with a list
    data: str = "normal"  # "normal", "image" (whole numbers from 0 to 255), or "index 7" (int32 below 7)
    random: bool = False  # differs from call to call in training, so that only inference is compared with Keras
    alone: str = ""  # why Keras has nothing to compare it with

    @property
    def id(self) -> str:
        arguments = "-".join(f"{name}={value}" for name, value in self.config.items())
        return f"{self.layer}-{arguments}".rstrip("-").replace(" ", "")

    @property
    def shapes(self) -> list[Shape]:
        return self.shape if isinstance(self.shape, list) else [self.shape]

    @property
    def input_dtype(self) -> str:
        return "int32" if self.data.startswith("index") else "float32"

    def samples(self, count: int, seed: int = 0) -> np.ndarray:
        """Input data; for a layer of several inputs, the numbers that `network` makes them from."""
        rng = np.random.default_rng([seed, count])
        if isinstance(self.shape, list):
            return rng.standard_normal((count, 5)).astype(np.float32)
        if self.data == "image":
            return rng.integers(0, 256, (count, *self.shape)).astype(np.float32)
        if self.data.startswith("index"):
            return rng.integers(0, int(self.data.split()[1]), (count, *self.shape)).astype(np.int32)
        return rng.standard_normal((count, *self.shape)).astype(np.float32)


CASES = [
    # ---- core
    Case("Dense", {"units": 3}, (4,)),
    Case("Dense", {"units": 3, "activation": "tanh", "use_bias": False}, (2, 4)),
    # The gradient of |0| is 0, as on TensorFlow; JAX says 1, hence a bias that does not begin there.
    Case("Dense", {"units": 3, "kernel_regularizer": "l2", "bias_regularizer": "l1", "bias_initializer": "ones"}, (4,)),
    Case("Activation", {"activation": "tanh"}, (3, 4)),
    Case("Activation", {"activation": "gelu"}, (3, 4)),
    Case("Identity", {}, (3, 4)),
    Case("Embedding", {"input_dim": 7, "output_dim": 5}, (6,), data="index 7"),
    Case("Embedding", {"input_dim": 9, "output_dim": 3, "embeddings_regularizer": "l2"}, (2, 3), data="index 4"),
    Case("Embedding", {"input_dim": 7, "output_dim": 5, "mask_zero": True}, (6,), data="index 7"),
    Case("Masking", {"mask_value": 0.5}, (3, 4)),
    # ---- merging
    Case("Add", {}, [(3, 4), (3, 4), (3, 4)]),
    Case("Add", {}, [(2, 1, 3), (2, 1), (3,)]),
    Case("Subtract", {}, [(3, 4), (3, 1)]),
    Case("Multiply", {}, [(3, 4), (1, 4), (3, 4)]),
    Case("Average", {}, [(3, 4), (3, 4), (3, 4)]),
    Case("Maximum", {}, [(3, 4), (3, 4), (3, 4)]),
    Case("Minimum", {}, [(3, 4), (4,)]),
    Case("Concatenate", {}, [(3, 4), (3, 2), (3, 1)]),
    Case("Concatenate", {"axis": 1}, [(3, 4), (2, 4)]),
    Case("Dot", {"axes": 1}, [(4,), (4,)]),
    Case("Dot", {"axes": (2, 1), "normalize": True}, [(3, 4), (4, 2)]),
    Case("Dot", {"axes": (1, -1)}, [(4, 3), (2, 5, 4)]),
    # ---- convolution
    Case("Conv1D", {"filters": 4, "kernel_size": 3, "activation": "relu"}, (9, 2)),
    Case("Conv1D", {"filters": 4, "kernel_size": 4, "strides": 3, "padding": "same"}, (10, 3)),
    Case("Conv1D", {"filters": 6, "kernel_size": 3, "dilation_rate": 2, "groups": 2, "padding": "causal"}, (9, 4)),
    Case("Conv2D", {"filters": 4, "kernel_size": 3, "activation": "relu"}, (7, 6, 2)),
    Case("Conv2D", {"filters": 4, "kernel_size": (2, 3), "strides": 2, "padding": "same"}, (7, 6, 3)),
    Case("Conv2D", {"filters": 4, "kernel_size": 2, "dilation_rate": 2, "groups": 2, "use_bias": False}, (7, 6, 4)),
    Case("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, (5, 4)),
    Case("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "activation": "relu"}, (4, 5, 2)),
    Case("Conv2DTranspose", {"filters": 5, "kernel_size": (2, 3), "strides": (3, 2), "use_bias": False}, (4, 3, 2)),
    Case("Conv2DTranspose", {"filters": 3, "kernel_size": 2, "strides": 2, "output_padding": 1}, (4, 3, 2)),
    Case("DepthwiseConv1D", {"kernel_size": 3, "dilation_rate": 2, "depth_multiplier": 2}, (9, 3)),
    Case("DepthwiseConv2D", {"kernel_size": 3, "padding": "same", "activation": "relu"}, (6, 5, 3)),
    Case("DepthwiseConv2D", {"kernel_size": (3, 2), "strides": 2, "padding": "same"}, (7, 6, 17)),
    Case("SeparableConv1D", {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, (9, 3)),
    Case("SeparableConv2D", {"filters": 4, "kernel_size": 3, "depth_multiplier": 2, "activation": "tanh"}, (6, 5, 3)),
    # ---- pooling
    Case("MaxPooling1D", {}, (7, 2)),
    Case("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, (8, 5)),
    Case("AveragePooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, (8, 2)),
    Case("AveragePooling1D", {"pool_size": (2,)}, (7, 2)),
    Case("GlobalAveragePooling1D", {}, (5, 3)),
    Case("GlobalMaxPooling1D", {"keepdims": True}, (5, 3)),
    Case("MaxPooling2D", {"pool_size": 2}, (7, 6, 2)),
    Case("MaxPooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, (7, 6, 2)),
    Case("AveragePooling2D", {"pool_size": (2, 3), "strides": 1, "padding": "same"}, (7, 6, 2)),
    Case("GlobalAveragePooling2D", {"keepdims": True}, (5, 4, 3)),
    Case("GlobalMaxPooling2D", {}, (5, 4, 3)),
    # ---- padding, cropping, up-sampling
    Case("ZeroPadding1D", {"padding": (1, 2)}, (4, 3)),
    Case("ZeroPadding2D", {"padding": ((1, 0), (2, 3))}, (4, 3, 2)),
    Case("Cropping1D", {"cropping": (1, 2)}, (5, 3)),
    Case("Cropping2D", {"cropping": ((1, 0), (0, 2))}, (4, 5, 3)),
    Case("UpSampling1D", {"size": 3}, (4, 2)),
    Case("UpSampling2D", {"size": (2, 3)}, (3, 4, 2)),
    Case("UpSampling2D", {"size": 2, "interpolation": "bilinear"}, (3, 4, 2)),
    # ---- reshaping
    Case("Flatten", {}, (3, 2, 2)),
    Case("Reshape", {"target_shape": (-1, 2)}, (3, 4)),
    Case("Permute", {"dims": (2, 3, 1)}, (3, 4, 2)),
    Case("RepeatVector", {"n": 3}, (4,)),
    # ---- activation layers
    Case("ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}, (9,)),
    Case("LeakyReLU", {}, (9,)),
    Case("ReLU", {"max_value": 6.0}, (9,)),
    Case("PReLU", {}, (3, 4)),
    Case("PReLU", {"alpha_initializer": "ones", "shared_axes": (1, 2), "alpha_regularizer": "l2"}, (5, 6, 3)),
    Case("PReLU", {"alpha_initializer": "ones", "shared_axes": 3}, (2, 4, 3)),
    Case("ELU", {"alpha": 0.5}, (9,)),
    Case("Softmax", {}, (3, 4)),
    Case("Softmax", {"axis": (1, 2)}, (3, 4)),
    # ---- regularization
    Case("Dropout", {"rate": 0.3}, (40,), random=True),
    # ---- normalization
    Case("BatchNormalization", {}, (6,)),
    Case("BatchNormalization", {"axis": 1, "momentum": 0.9, "epsilon": 1e-2, "center": False}, (4, 5, 3)),
    Case("BatchNormalization", {"scale": False, "momentum": 0.7, "beta_regularizer": "l2"}, (4, 4, 18)),
    Case("LayerNormalization", {}, (3, 20)),
    Case("LayerNormalization", {"axis": (1, -1), "epsilon": 1e-2, "scale": False}, (3, 2, 5)),
    Case("GroupNormalization", {"groups": 3}, (4, 2, 6)),
    Case("GroupNormalization", {"groups": -1, "axis": 1, "center": False}, (4, 3, 3)),
    Case("RMSNormalization", {}, (3, 8)),
    Case("UnitNormalization", {"axis": (1, 2)}, (3, 4)),
    Case("Normalization", {"mean": [1.0, 2.0], "variance": [4.0, 0.25]}, (3, 2)),
    Case("Dropout", {"rate": 0.3, "noise_shape": (None, 1, 4), "seed": 7}, (3, 4), random=True),
    Case("SpatialDropout1D", {"rate": 0.4}, (3, 9), random=True),
    Case("SpatialDropout2D", {"rate": 0.4}, (3, 2, 9), random=True),
    Case("SpatialDropout2D", {"rate": 0.4, "data_format": "channels_first"}, (9, 3, 2), random=True),
    Case("GaussianNoise", {"stddev": 0.5}, (9,), random=True),
    Case("GaussianDropout", {"rate": 0.3, "seed": 7}, (9,), random=True),
    Case("AlphaDropout", {"rate": 0.3}, (9,), random=True),
    Case("ActivityRegularization", {"l1": 0.01, "l2": 0.1}, (9,)),
    # ---- preprocessing
    Case("Rescaling", {"scale": 1 / 255, "offset": -0.5}, (4, 3, 2), data="image"),
    Case("Resizing", {"height": 5, "width": 9}, (7, 6, 2)),
    Case("Resizing", {"height": 5, "width": 4, "interpolation": "nearest", "crop_to_aspect_ratio": True}, (7, 9, 2)),
    Case("Resizing", {"height": 5, "width": 3, "interpolation": "bicubic", "antialias": True}, (9, 9, 2)),
    Case("Resizing", {"height": 6, "width": 6, "pad_to_aspect_ratio": True, "fill_value": 2.0}, (3, 9, 2)),
    Case("CenterCrop", {"height": 4, "width": 3}, (7, 6, 2)),
    Case("CenterCrop", {"height": 8, "width": 3}, (7, 6, 2)),
    Case("RandomFlip", {"mode": "horizontal", "seed": 1}, (4, 5, 2), random=True),
    Case("RandomTranslation", {"height_factor": 0.2, "width_factor": (-0.1, 0.3), "seed": 1}, (6, 5, 2), random=True),
    Case("RandomRotation", {"factor": 0.2, "fill_mode": "wrap", "seed": 1}, (6, 5, 2), random=True),
    Case("RandomZoom", {"height_factor": 0.3, "interpolation": "nearest", "seed": 1}, (6, 5, 2), random=True),
    Case("RandomContrast", {"factor": 0.4, "value_range": (-2, 2), "seed": 1}, (6, 5, 2), random=True),
    Case("RandomBrightness", {"factor": 0.4, "value_range": [-2, 2], "seed": 1}, (6, 5, 2), random=True),
    Case(
        "RandomCrop", {"height": 3, "width": 4, "seed": 1}, (6, 5, 2), random=True,
        alone="in inference Keras 3.15 leaves images as they are, though it says that it cuts and resizes them",
    ),
]


def network(case: Case, keras: Any, layer: Any) -> Any:
    """A model of either library around the layer: what it needs in front of it, and two numbers out.

    Parameters
    ----------
    case : Case
    keras : module
        fastnn or keras.
    layer : Layer
        Of that library.
    """
    make = keras.layers
    if not isinstance(case.shape, list):
        front = keras.Input(case.shape, dtype=case.input_dtype)
        return keras.Sequential([front, layer, make.Flatten(), make.Dense(2, name="head")])

    class Branches(keras.Model):  # type: ignore[misc,name-defined]  # a class that is known at run time
        """One branch per input: Dense and Reshape."""

        def __init__(self) -> None:
            super().__init__()
            self.fronts = [make.Dense(math.prod(shape)) for shape in case.shapes]
            self.forms = [make.Reshape(shape) for shape in case.shapes]
            self.layer = layer
            self.flatten = make.Flatten()
            self.head = make.Dense(2)

        def call(self, x: Any) -> Any:
            inputs = [form(front(x)) for front, form in zip(self.fronts, self.forms, strict=True)]
            return self.head(self.flatten(self.layer(inputs)))

    return Branches()


def make(case: Case, keras: Any = fastnn) -> Any:
    """The layer of that library."""
    return getattr(keras.layers, case.layer)(**case.config)
