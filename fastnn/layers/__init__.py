"""Layers, under the names of `keras.layers`."""

from typing import TYPE_CHECKING

from fastnn import errors
from fastnn.layers.activation import LeakyReLU, ReLU, Softmax
from fastnn.layers.base import InputSpec, Layer
from fastnn.layers.conv import Conv1D, Conv2D, Convolution1D, Convolution2D
from fastnn.layers.core import Activation, Dense, Input, InputLayer
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
from fastnn.layers.preprocess import Rescaling
from fastnn.layers.regularize import Dropout
from fastnn.layers.reshape import Flatten, Reshape

__all__ = [
    "Activation",
    "AveragePooling1D",
    "AveragePooling2D",
    "AvgPool1D",
    "AvgPool2D",
    "Conv1D",
    "Conv2D",
    "Convolution1D",
    "Convolution2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "Input",
    "InputLayer",
    "InputSpec",
    "Layer",
    "LeakyReLU",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
]

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
