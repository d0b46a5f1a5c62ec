"""Small data sets, under the names and with the shapes of `keras.datasets`.

`digits` comes with fastnn. The others are read from ``$FASTNN_DATA_DIR/<name>``, else from the cache directory, else
downloaded into it by pooch (``pip install "fastnn[datasets]"``).
"""

from typing import TYPE_CHECKING

from fastnn import errors
from fastnn.datasets import cifar10 as cifar10
from fastnn.datasets import digits as digits
from fastnn.datasets import fashion_mnist as fashion_mnist
from fastnn.datasets import mnist as mnist

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
