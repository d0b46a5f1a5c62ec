"""Differentiable operations on tensors, under the names of `keras.ops`."""

from typing import TYPE_CHECKING

from fastnn import errors, symbolic

# One block per family.
# isort: off

# ---- linalg -------------------------------------------------------------------------------------------------------
from fastnn.ops.linalg import dot as dot
from fastnn.ops.linalg import linear as linear
from fastnn.ops.linalg import matmul as matmul

# ---- conv ---------------------------------------------------------------------------------------------------------
from fastnn.ops.conv import conv as conv
from fastnn.ops.conv import conv1d as conv1d
from fastnn.ops.conv import conv2d as conv2d
from fastnn.ops.conv_pool import conv2d_max_pool as conv2d_max_pool
from fastnn.ops.conv_transpose import conv1d_transpose as conv1d_transpose
from fastnn.ops.conv_transpose import conv2d_transpose as conv2d_transpose
from fastnn.ops.conv_transpose import conv_transpose as conv_transpose
from fastnn.ops.depthwise import depthwise_conv as depthwise_conv
from fastnn.ops.depthwise import depthwise_conv1d as depthwise_conv1d
from fastnn.ops.depthwise import depthwise_conv2d as depthwise_conv2d
from fastnn.ops.depthwise import separable_conv as separable_conv

# ---- elementwise --------------------------------------------------------------------------------------------------
from fastnn.ops.maths import abs as abs
from fastnn.ops.maths import absolute as absolute
from fastnn.ops.arithmetic import add as add
from fastnn.ops.logic import allclose as allclose
from fastnn.ops.trigonometry import arccos as arccos
from fastnn.ops.trigonometry import arccosh as arccosh
from fastnn.ops.trigonometry import arcsin as arcsin
from fastnn.ops.trigonometry import arcsinh as arcsinh
from fastnn.ops.trigonometry import arctan as arctan
from fastnn.ops.arithmetic import arctan2 as arctan2
from fastnn.ops.trigonometry import arctanh as arctanh
from fastnn.ops.integers import bitwise_and as bitwise_and
from fastnn.ops.integers import bitwise_invert as bitwise_invert
from fastnn.ops.integers import bitwise_left_shift as bitwise_left_shift
from fastnn.ops.integers import bitwise_not as bitwise_not
from fastnn.ops.integers import bitwise_or as bitwise_or
from fastnn.ops.integers import bitwise_right_shift as bitwise_right_shift
from fastnn.ops.integers import bitwise_xor as bitwise_xor
from fastnn.ops.dtypes import cast as cast
from fastnn.ops.maths import cbrt as cbrt
from fastnn.ops.maths import ceil as ceil
from fastnn.ops.maths import clip as clip
from fastnn.ops.trigonometry import cos as cos
from fastnn.ops.trigonometry import cosh as cosh
from fastnn.ops.trigonometry import deg2rad as deg2rad
from fastnn.ops.arithmetic import divide as divide
from fastnn.ops.arithmetic import divide_no_nan as divide_no_nan
from fastnn.ops.logic import equal as equal
from fastnn.ops.maths import erfc as erfc
from fastnn.ops.maths import erfinv as erfinv
from fastnn.ops.maths import exp as exp
from fastnn.ops.maths import exp2 as exp2
from fastnn.ops.maths import expm1 as expm1
from fastnn.ops.maths import fabs as fabs
from fastnn.ops.maths import floor as floor
from fastnn.ops.arithmetic import floor_divide as floor_divide
from fastnn.ops.arithmetic import fmax as fmax
from fastnn.ops.arithmetic import fmin as fmin
from fastnn.ops.arithmetic import fmod as fmod
from fastnn.ops.integers import gcd as gcd
from fastnn.ops.logic import greater as greater
from fastnn.ops.logic import greater_equal as greater_equal
from fastnn.ops.arithmetic import heaviside as heaviside
from fastnn.ops.arithmetic import hypot as hypot
from fastnn.ops.logic import isclose as isclose
from fastnn.ops.logic import isfinite as isfinite
from fastnn.ops.logic import isin as isin
from fastnn.ops.logic import isinf as isinf
from fastnn.ops.logic import isnan as isnan
from fastnn.ops.logic import isneginf as isneginf
from fastnn.ops.logic import isposinf as isposinf
from fastnn.ops.logic import isreal as isreal
from fastnn.ops.integers import lcm as lcm
from fastnn.ops.arithmetic import ldexp as ldexp
from fastnn.ops.maths import leaky_relu as leaky_relu
from fastnn.ops.integers import left_shift as left_shift
from fastnn.ops.logic import less as less
from fastnn.ops.logic import less_equal as less_equal
from fastnn.ops.maths import log as log
from fastnn.ops.maths import log10 as log10
from fastnn.ops.maths import log1p as log1p
from fastnn.ops.maths import log2 as log2
from fastnn.ops.arithmetic import logaddexp as logaddexp
from fastnn.ops.arithmetic import logaddexp2 as logaddexp2
from fastnn.ops.logic import logical_and as logical_and
from fastnn.ops.logic import logical_not as logical_not
from fastnn.ops.logic import logical_or as logical_or
from fastnn.ops.logic import logical_xor as logical_xor
from fastnn.ops.arithmetic import maximum as maximum
from fastnn.ops.arithmetic import minimum as minimum
from fastnn.ops.arithmetic import mod as mod
from fastnn.ops.arithmetic import multiply as multiply
from fastnn.ops.maths import nan_to_num as nan_to_num
from fastnn.ops.maths import negative as negative
from fastnn.ops.arithmetic import nextafter as nextafter
from fastnn.ops.logic import not_equal as not_equal
from fastnn.ops.arithmetic import power as power
from fastnn.ops.trigonometry import rad2deg as rad2deg
from fastnn.ops.maths import reciprocal as reciprocal
from fastnn.ops.maths import relu as relu
from fastnn.ops.integers import right_shift as right_shift
from fastnn.ops.maths import round as round
from fastnn.ops.maths import rsqrt as rsqrt
from fastnn.ops.logic import select as select
from fastnn.ops.maths import sigmoid as sigmoid
from fastnn.ops.maths import sign as sign
from fastnn.ops.logic import signbit as signbit
from fastnn.ops.trigonometry import sin as sin
from fastnn.ops.trigonometry import sinc as sinc
from fastnn.ops.trigonometry import sinh as sinh
from fastnn.ops.maths import sqrt as sqrt
from fastnn.ops.maths import square as square
from fastnn.ops.maths import step as step
from fastnn.ops.arithmetic import subtract as subtract
from fastnn.ops.trigonometry import tan as tan
from fastnn.ops.maths import tanh as tanh
from fastnn.ops.arithmetic import true_divide as true_divide
from fastnn.ops.maths import trunc as trunc
from fastnn.ops.logic import where as where

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

# ---- activation ---------------------------------------------------------------------------------------------------
from fastnn.ops.activation import bounded_relu as bounded_relu
from fastnn.ops.activation import celu as celu
from fastnn.ops.activation import elu as elu
from fastnn.ops.activation import erf as erf
from fastnn.ops.activation import gelu as gelu
from fastnn.ops.activation import glu as glu
from fastnn.ops.activation import hard_shrink as hard_shrink
from fastnn.ops.activation import hard_sigmoid as hard_sigmoid
from fastnn.ops.activation import hard_silu as hard_silu
from fastnn.ops.activation import hard_swish as hard_swish
from fastnn.ops.activation import hard_tanh as hard_tanh
from fastnn.ops.activation import log_sigmoid as log_sigmoid
from fastnn.ops.activation import mish as mish
from fastnn.ops.activation import prelu as prelu
from fastnn.ops.activation import relu6 as relu6
from fastnn.ops.activation import selu as selu
from fastnn.ops.activation import silu as silu
from fastnn.ops.activation import soft_shrink as soft_shrink
from fastnn.ops.activation import softplus as softplus
from fastnn.ops.activation import softsign as softsign
from fastnn.ops.activation import sparse_plus as sparse_plus
from fastnn.ops.activation import sparse_sigmoid as sparse_sigmoid
from fastnn.ops.activation import sparsemax as sparsemax
from fastnn.ops.activation import squareplus as squareplus
from fastnn.ops.activation import swish as swish
from fastnn.ops.activation import tanh_shrink as tanh_shrink
from fastnn.ops.activation import threshold as threshold
# ---- normalization ------------------------------------------------------------------------------------------------
from fastnn.ops.normalization import batch_normalization as batch_normalization
from fastnn.ops.normalization import layer_normalization as layer_normalization
from fastnn.ops.normalization import moments as moments
from fastnn.ops.normalization import normalize as normalize
from fastnn.ops.normalization import rms_normalization as rms_normalization

# ---- pool ---------------------------------------------------------------------------------------------------------
from fastnn.ops.pool import average_pool as average_pool
from fastnn.ops.pool import global_average_pool as global_average_pool
from fastnn.ops.pool import global_max_pool as global_max_pool
from fastnn.ops.pool import max_pool as max_pool

# ---- movement, creation -------------------------------------------------------------------------------------------
from fastnn.ops.creation import arange as arange
from fastnn.ops.movement import broadcast_to as broadcast_to
from fastnn.ops.movement import concatenate as concatenate
from fastnn.ops.creation import convert_to_numpy as convert_to_numpy
from fastnn.ops.creation import convert_to_tensor as convert_to_tensor
from fastnn.ops.movement import copy as copy
from fastnn.ops.movement import expand_dims as expand_dims
from fastnn.ops.creation import eye as eye
from fastnn.ops.movement import flip as flip
from fastnn.ops.creation import full as full
from fastnn.ops.creation import full_like as full_like
from fastnn.ops.gather import gather_rows as gather_rows
from fastnn.ops.gather import getitem as getitem
from fastnn.ops.movement import moveaxis as moveaxis
from fastnn.ops.gather import nonzero as nonzero
from fastnn.ops.gather import one_hot as one_hot
from fastnn.ops.creation import ones as ones
from fastnn.ops.creation import ones_like as ones_like
from fastnn.ops.movement import pad as pad
from fastnn.ops.movement import ravel as ravel
from fastnn.ops.movement import reshape as reshape
from fastnn.ops.creation import shape as shape
from fastnn.ops.movement import split as split
from fastnn.ops.movement import squeeze as squeeze
from fastnn.ops.movement import stack as stack
from fastnn.ops.creation import stop_gradient as stop_gradient
from fastnn.ops.movement import swapaxes as swapaxes
from fastnn.ops.gather import take as take
from fastnn.ops.movement import transpose as transpose
from fastnn.ops.creation import zeros as zeros
from fastnn.ops.creation import zeros_like as zeros_like

# ---- order, segments, scatters --------------------------------------------------------------------------------------
from fastnn.ops.order import argpartition as argpartition
from fastnn.ops.order import argsort as argsort
from fastnn.ops.segment import bincount as bincount
from fastnn.ops.cumulative import cumprod as cumprod
from fastnn.ops.cumulative import cumsum as cumsum
from fastnn.ops.cumulative import diff as diff
from fastnn.ops.order import digitize as digitize
from fastnn.ops.segment import histogram as histogram
from fastnn.ops.order import in_top_k as in_top_k
from fastnn.ops.order import median as median
from fastnn.ops.order import nanmedian as nanmedian
from fastnn.ops.order import nanpercentile as nanpercentile
from fastnn.ops.order import nanquantile as nanquantile
from fastnn.ops.order import percentile as percentile
from fastnn.ops.order import quantile as quantile
from fastnn.ops.scatter import scatter as scatter
from fastnn.ops.scatter import scatter_update as scatter_update
from fastnn.ops.order import searchsorted as searchsorted
from fastnn.ops.segment import segment_max as segment_max
from fastnn.ops.segment import segment_min as segment_min
from fastnn.ops.segment import segment_prod as segment_prod
from fastnn.ops.segment import segment_sum as segment_sum
from fastnn.ops.scatter import slice as slice
from fastnn.ops.scatter import slice_update as slice_update
from fastnn.ops.order import sort as sort
from fastnn.ops.scatter import take_along_axis as take_along_axis
from fastnn.ops.order import top_k as top_k
from fastnn.ops.cumulative import trapezoid as trapezoid
from fastnn.ops.order import unique as unique
from fastnn.ops.scatter import unravel_index as unravel_index

# ---- what is made of others ---------------------------------------------------------------------------------------
from fastnn.ops.statistics import amax as amax
from fastnn.ops.statistics import amin as amin
from fastnn.ops.statistics import angle as angle
from fastnn.ops.shaping import append as append
from fastnn.ops.creation import array as array
from fastnn.ops.shaping import array_split as array_split
from fastnn.ops.control import associative_scan as associative_scan
from fastnn.ops.statistics import average as average
from fastnn.ops.creation import bartlett as bartlett
from fastnn.ops.creation import blackman as blackman
from fastnn.ops.algebra import cdist as cdist
from fastnn.ops.control import cond as cond
from fastnn.ops.statistics import conj as conj
from fastnn.ops.statistics import conjugate as conjugate
from fastnn.ops.algebra import corrcoef as corrcoef
from fastnn.ops.algebra import correlate as correlate
from fastnn.ops.statistics import count_nonzero as count_nonzero
from fastnn.ops.algebra import cross as cross
from fastnn.ops.control import custom_gradient as custom_gradient
from fastnn.ops.python import py_function as py_function
from fastnn.ops.shaping import depth_to_space as depth_to_space
from fastnn.ops.algebra import diag as diag
from fastnn.ops.algebra import diagflat as diagflat
from fastnn.ops.algebra import diagonal as diagonal
from fastnn.ops.shaping import dsplit as dsplit
from fastnn.ops.shaping import dstack as dstack
from fastnn.ops.creation import dtype as dtype
from fastnn.ops.algebra import einsum as einsum
from fastnn.ops.creation import empty_like as empty_like
from fastnn.ops.shaping import extract_sequences as extract_sequences
from fastnn.ops.shaping import fliplr as fliplr
from fastnn.ops.shaping import flipud as flipud
from fastnn.ops.control import fori_loop as fori_loop
from fastnn.ops.creation import geomspace as geomspace
from fastnn.ops.shaping import get_item as get_item
from fastnn.ops.creation import hamming as hamming
from fastnn.ops.creation import hanning as hanning
from fastnn.ops.shaping import hsplit as hsplit
from fastnn.ops.shaping import hstack as hstack
from fastnn.ops.creation import identity as identity
from fastnn.ops.statistics import imag as imag
from fastnn.ops.algebra import inner as inner
from fastnn.ops.creation import is_tensor as is_tensor
from fastnn.ops.creation import kaiser as kaiser
from fastnn.ops.algebra import kron as kron
from fastnn.ops.creation import linspace as linspace
from fastnn.ops.creation import logspace as logspace
from fastnn.ops.control import map as map
from fastnn.ops.shaping import meshgrid as meshgrid
from fastnn.ops.gather import multi_hot as multi_hot
from fastnn.ops.statistics import nanargmax as nanargmax
from fastnn.ops.statistics import nanargmin as nanargmin
from fastnn.ops.statistics import nancumprod as nancumprod
from fastnn.ops.statistics import nancumsum as nancumsum
from fastnn.ops.statistics import nanmax as nanmax
from fastnn.ops.statistics import nanmean as nanmean
from fastnn.ops.statistics import nanmin as nanmin
from fastnn.ops.statistics import nanprod as nanprod
from fastnn.ops.statistics import nanstd as nanstd
from fastnn.ops.statistics import nansum as nansum
from fastnn.ops.statistics import nanvar as nanvar
from fastnn.ops.shaping import ndim as ndim
from fastnn.ops.algebra import norm as norm
from fastnn.ops.algebra import outer as outer
from fastnn.ops.algebra import psnr as psnr
from fastnn.ops.statistics import ptp as ptp
from fastnn.ops.statistics import real as real
from fastnn.ops.shaping import rearrange as rearrange
from fastnn.ops.shaping import repeat as repeat
from fastnn.ops.shaping import roll as roll
from fastnn.ops.shaping import rot90 as rot90
from fastnn.ops.creation import saturate_cast as saturate_cast
from fastnn.ops.control import scan as scan
from fastnn.ops.shaping import size as size
from fastnn.ops.shaping import space_to_depth as space_to_depth
from fastnn.ops.control import switch as switch
from fastnn.ops.algebra import tensordot as tensordot
from fastnn.ops.shaping import tile as tile
from fastnn.ops.algebra import trace as trace
from fastnn.ops.creation import tri as tri
from fastnn.ops.algebra import tril as tril
from fastnn.ops.algebra import triu as triu
from fastnn.ops.shaping import unstack as unstack
from fastnn.ops.algebra import vander as vander
from fastnn.ops.algebra import vdot as vdot
from fastnn.ops.control import vectorize as vectorize
from fastnn.ops.control import vectorized_map as vectorized_map
from fastnn.ops.shaping import view as view
from fastnn.ops.shaping import vsplit as vsplit
from fastnn.ops.shaping import vstack as vstack
from fastnn.ops.control import while_loop as while_loop
from fastnn.ops.creation import empty as empty
# ---- images, as a module of its own -------------------------------------------------------------------------------
from fastnn.ops import image as image

# ---- random -------------------------------------------------------------------------------------------------------
from fastnn.ops.random import dropout as dropout

# ---- the same names again, as Keras has them ----------------------------------------------------------------------
from fastnn.ops import nn as nn
from fastnn.ops import numpy as numpy

# On a KerasTensor each of these makes a node of a graph.
symbolic.make_symbolic_too(globals(), list(globals()))
symbolic.make_symbolic_too(vars(image), image.__all__, "image.")

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
