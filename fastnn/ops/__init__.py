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
from fastnn.ops.loss import binary_crossentropy as binary_crossentropy
from fastnn.ops.loss import categorical_crossentropy as categorical_crossentropy
from fastnn.ops.loss import l1_l2_penalty as l1_l2_penalty
from fastnn.ops.loss import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from fastnn.ops.softmax import log_softmax as log_softmax
from fastnn.ops.softmax import logsumexp as logsumexp
from fastnn.ops.softmax import softmax as softmax

# ---- pool ---------------------------------------------------------------------------------------------------------
from fastnn.ops.pool import average_pool as average_pool
from fastnn.ops.pool import global_average_pool as global_average_pool
from fastnn.ops.pool import global_max_pool as global_max_pool
from fastnn.ops.pool import max_pool as max_pool

# ---- movement, creation -------------------------------------------------------------------------------------------
from fastnn.ops.movement import arange as arange
from fastnn.ops.movement import broadcast_to as broadcast_to
from fastnn.ops.movement import concatenate as concatenate
from fastnn.ops.movement import convert_to_numpy as convert_to_numpy
from fastnn.ops.movement import convert_to_tensor as convert_to_tensor
from fastnn.ops.movement import copy as copy
from fastnn.ops.movement import expand_dims as expand_dims
from fastnn.ops.movement import eye as eye
from fastnn.ops.movement import flip as flip
from fastnn.ops.movement import full as full
from fastnn.ops.movement import full_like as full_like
from fastnn.ops.movement import gather_rows as gather_rows
from fastnn.ops.movement import getitem as getitem
from fastnn.ops.movement import moveaxis as moveaxis
from fastnn.ops.movement import one_hot as one_hot
from fastnn.ops.movement import ones as ones
from fastnn.ops.movement import ones_like as ones_like
from fastnn.ops.movement import pad as pad
from fastnn.ops.movement import ravel as ravel
from fastnn.ops.movement import reshape as reshape
from fastnn.ops.movement import shape as shape
from fastnn.ops.movement import split as split
from fastnn.ops.movement import squeeze as squeeze
from fastnn.ops.movement import stack as stack
from fastnn.ops.movement import stop_gradient as stop_gradient
from fastnn.ops.movement import swapaxes as swapaxes
from fastnn.ops.movement import take as take
from fastnn.ops.movement import transpose as transpose
from fastnn.ops.movement import zeros as zeros
from fastnn.ops.movement import zeros_like as zeros_like

# ---- random -------------------------------------------------------------------------------------------------------
from fastnn.ops.random import dropout as dropout
