"""Layers, under the names of `keras.layers`."""

from typing import TYPE_CHECKING, Any

from fastnn import errors
from fastnn.layers.activation import ELU, LeakyReLU, PReLU, ReLU, Softmax
from fastnn.layers.augmentation import (
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
)
from fastnn.layers.base import InputSpec, Layer
from fastnn.layers.conv import Conv1D, Conv2D, Convolution1D, Convolution2D
from fastnn.layers.conv_transpose import (
    Conv1DTranspose,
    Conv2DTranspose,
    Convolution1DTranspose,
    Convolution2DTranspose,
)
from fastnn.layers.core import Activation, Dense, Input, InputLayer
from fastnn.layers.depthwise import DepthwiseConv1D, DepthwiseConv2D
from fastnn.layers.embedding import Embedding, Masking
from fastnn.layers.function import Identity, Lambda
from fastnn.layers.global_pool import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
)
from fastnn.layers.merge import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from fastnn.layers.normalization import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from fastnn.layers.padding import Cropping1D, Cropping2D, ZeroPadding1D, ZeroPadding2D
from fastnn.layers.pool import (
    AveragePooling1D,
    AveragePooling2D,
    AvgPool1D,
    AvgPool2D,
    MaxPool1D,
    MaxPool2D,
    MaxPooling1D,
    MaxPooling2D,
)
from fastnn.layers.regularize import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
)
from fastnn.layers.reshape import Flatten, Permute, RepeatVector, Reshape
from fastnn.layers.resizing import CenterCrop, Resizing
from fastnn.layers.separable import (
    SeparableConv1D,
    SeparableConv2D,
    SeparableConvolution1D,
    SeparableConvolution2D,
)
from fastnn.layers.standardization import Normalization, Rescaling
from fastnn.layers.upsampling import UpSampling1D, UpSampling2D
from fastnn.registry import deserialize as deserialize_any
from fastnn.registry import serialize as serialize_any

__all__ = [
    "deserialize",
    "serialize",
    "CenterCrop",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
    "Activation",
    "ActivityRegularization",
    "Add",
    "AlphaDropout",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNormalization",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "ELU",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "Masking",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "Subtract",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]


def serialize(layer: Any) -> Any:
    """The configuration from which `deserialize` makes a layer equal to this one."""
    return serialize_any(layer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The layer that a configuration describes.

    Examples
    --------
    >>> from fastnn import layers
    >>> layers.deserialize(layers.serialize(layers.Dense(3))).units
    3
    """
    return deserialize_any(config, custom_objects)


if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
