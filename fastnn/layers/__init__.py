"""Layers, under the names of `keras.layers`."""

from typing import TYPE_CHECKING

from fastnn import errors
from fastnn.layers.activation import LeakyReLU, ReLU, Softmax
from fastnn.layers.base import InputSpec, Layer
from fastnn.layers.conv import Conv2D, Convolution2D
from fastnn.layers.core import Activation, Dense, Input, InputLayer
from fastnn.layers.pool import (
    AveragePooling2D,
    AvgPool2D,
    GlobalAveragePooling2D,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    GlobalMaxPooling2D,
    MaxPool2D,
    MaxPooling2D,
)
from fastnn.layers.preprocess import Rescaling
from fastnn.layers.regularize import Dropout
from fastnn.layers.reshape import Flatten, Reshape

__all__ = [
    "Activation",
    "AveragePooling2D",
    "AvgPool2D",
    "Conv2D",
    "Convolution2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalAvgPool2D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling2D",
    "Input",
    "InputLayer",
    "InputSpec",
    "Layer",
    "LeakyReLU",
    "MaxPool2D",
    "MaxPooling2D",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Softmax",
]

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
