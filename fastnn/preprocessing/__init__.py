"""Preparing data before it is given to a model, under the names of `keras.preprocessing`."""

from fastnn.preprocessing import sequence as sequence
