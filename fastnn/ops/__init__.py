"""Differentiable operations on tensors, under the names of `keras.ops`."""

from typing import TYPE_CHECKING

from fastnn import errors

# One block per family.
# isort: off

# ---- linalg -------------------------------------------------------------------------------------------------------
from fastnn.ops.linalg import dot as dot
from fastnn.ops.linalg import linear as linear
from fastnn.ops.linalg import matmul as matmul

# ---- conv ---------------------------------------------------------------------------------------------------------
from fastnn.ops.conv import conv as conv
from fastnn.ops.conv import conv2d as conv2d
from fastnn.ops.conv_pool import conv2d_max_pool as conv2d_max_pool

# ---- elementwise --------------------------------------------------------------------------------------------------
from fastnn.ops.elementwise import abs as abs
from fastnn.ops.elementwise import absolute as absolute
from fastnn.ops.elementwise import add as add
from fastnn.ops.elementwise import cast as cast
from fastnn.ops.elementwise import ceil as ceil
from fastnn.ops.elementwise import clip as clip
from fastnn.ops.elementwise import divide as divide
from fastnn.ops.elementwise import equal as equal
from fastnn.ops.elementwise import exp as exp
from fastnn.ops.elementwise import expm1 as expm1
from fastnn.ops.elementwise import floor as floor
from fastnn.ops.elementwise import greater as greater
from fastnn.ops.elementwise import greater_equal as greater_equal
from fastnn.ops.elementwise import isfinite as isfinite
from fastnn.ops.elementwise import isinf as isinf
from fastnn.ops.elementwise import isnan as isnan
from fastnn.ops.elementwise import leaky_relu as leaky_relu
from fastnn.ops.elementwise import less as less
from fastnn.ops.elementwise import less_equal as less_equal
from fastnn.ops.elementwise import log as log
from fastnn.ops.elementwise import log1p as log1p
from fastnn.ops.elementwise import logical_and as logical_and
from fastnn.ops.elementwise import logical_not as logical_not
from fastnn.ops.elementwise import logical_or as logical_or
from fastnn.ops.elementwise import logical_xor as logical_xor
from fastnn.ops.elementwise import maximum as maximum
from fastnn.ops.elementwise import minimum as minimum
from fastnn.ops.elementwise import multiply as multiply
from fastnn.ops.elementwise import negative as negative
from fastnn.ops.elementwise import not_equal as not_equal
from fastnn.ops.elementwise import power as power
from fastnn.ops.elementwise import reciprocal as reciprocal
from fastnn.ops.elementwise import relu as relu
from fastnn.ops.elementwise import round as round
from fastnn.ops.elementwise import rsqrt as rsqrt
from fastnn.ops.elementwise import sigmoid as sigmoid
from fastnn.ops.elementwise import sign as sign
from fastnn.ops.elementwise import sqrt as sqrt
from fastnn.ops.elementwise import square as square
from fastnn.ops.elementwise import step as step
from fastnn.ops.elementwise import subtract as subtract
from fastnn.ops.elementwise import tanh as tanh
from fastnn.ops.elementwise import true_divide as true_divide
from fastnn.ops.elementwise import where as where

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

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
