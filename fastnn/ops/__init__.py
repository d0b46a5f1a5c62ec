"""Differentiable operations on tensors, under the names of `keras.ops`."""

# One block per family.
# isort: off

# ---- linalg -------------------------------------------------------------------------------------------------------
from fastnn.ops.linalg import dot as dot
from fastnn.ops.linalg import linear as linear
from fastnn.ops.linalg import matmul as matmul

# ---- conv ---------------------------------------------------------------------------------------------------------

# ---- elementwise --------------------------------------------------------------------------------------------------

# ---- reduce -------------------------------------------------------------------------------------------------------
from fastnn.ops.reduce import all as all
from fastnn.ops.reduce import any as any
from fastnn.ops.reduce import argmax as argmax
from fastnn.ops.reduce import argmin as argmin
from fastnn.ops.reduce import max as max
from fastnn.ops.reduce import mean as mean
from fastnn.ops.reduce import min as min
from fastnn.ops.reduce import prod as prod
from fastnn.ops.reduce import std as std
from fastnn.ops.reduce import sum as sum
from fastnn.ops.reduce import var as var

# ---- softmax and losses -------------------------------------------------------------------------------------------

# ---- pool ---------------------------------------------------------------------------------------------------------

# ---- movement, creation -------------------------------------------------------------------------------------------

# ---- random -------------------------------------------------------------------------------------------------------
from fastnn.ops.random import dropout as dropout
