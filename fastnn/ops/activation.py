"""Activation functions: forward and gradient are kernels of csrc/activation.c.

Derivatives at kinks are those of Keras on TensorFlow. `relu`, `leaky_relu`, `sigmoid`, `tanh` and `step` are in
`maths`, `softmax` and `log_softmax` in `softmax`.
"""

from __future__ import annotations

import math

import fastnn.ops as ops  # for movement, looked up when used
from fastnn import errors
from fastnn._core import empty, launch
from fastnn.autograd import Array, Tensor, TensorLike, as_float, dense, grad_buffer, record
from fastnn.ops.axes import normalize_axes, sum_to_shape
from fastnn.ops.softmax import over_rows

# Op codes, as the enum of csrc/activation.c has them.
RELU, RELU6, ELU, SELU, CELU, GELU, GELU_TANH, SILU, MISH, SOFTPLUS, SOFTSIGN, LOG_SIGMOID = range(12)
HARD_SIGMOID, HARD_SILU, HARD_SHRINK, SOFT_SHRINK, TANH_SHRINK, THRESHOLD, SPARSE_PLUS = range(12, 19)
SPARSE_SIGMOID, SQUAREPLUS, ERF = range(19, 22)


def _map(name: str, op: int, x: TensorLike, alpha: float = 0.0, beta: float = 0.0, gamma: float = 0.0) -> Tensor:
    """y = f(x), the gradient from x."""
    x = as_float(x)
    source = dense(x)
    y = empty(x.shape, x.dtype)
    launch("activation_fwd", x.dtype, x=source, y=y, n=y.size, op=op, alpha=alpha, beta=beta, gamma=gamma)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch(
            "activation_bwd", x.dtype, x=source, dy=dy, dx=dx, n=dx.size, op=op, alpha=alpha, beta=beta, gamma=gamma
        )
        return (dx,)

    return record(name, y, (x,), gradient)


def bounded_relu(
    x: TensorLike, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """x above the threshold, ``negative_slope * (x - threshold)`` elsewhere; ``max_value`` bounds what is above.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.bounded_relu([-1.0, 0.5, 9.0], negative_slope=0.5, max_value=6.0, threshold=1.0).numpy()
    array([-1.  , -0.25,  6.  ], dtype=float32)
    """
    limit = math.inf if max_value is None else float(max_value)
    return _map("relu", RELU, x, float(negative_slope), limit, float(threshold))


def relu6(x: TensorLike) -> Tensor:
    """min(max(x, 0), 6). Its derivative at 0 and 6 is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.relu6([-1.0, 2.0, 9.0]).numpy().round(4)
    array([0., 2., 6.], dtype=float32)
    """
    return _map("relu6", RELU6, x)


def elu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """x above 0, ``alpha * (exp(x) - 1)`` elsewhere.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.elu([-1.0, 2.0]).numpy().round(4)
    array([-0.6321,  2.    ], dtype=float32)
    """
    return _map("elu", ELU, x, float(alpha))


def selu(x: TensorLike) -> Tensor:
    """1.0507 * x from 0 on, 1.7581 * (exp(x) - 1) below: keeps mean 0 and variance 1 from layer to layer.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.selu([-1.0, 2.0]).numpy().round(4)
    array([-1.1113,  2.1014], dtype=float32)
    """
    return _map("selu", SELU, x)


def celu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """x above 0, ``alpha * (exp(x / alpha) - 1)`` elsewhere.

    Its derivative at 0 is 1; on TensorFlow, which adds two branches there, Keras has 2.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.celu([-1.0, 2.0]).numpy().round(4)
    array([-0.6321,  2.    ], dtype=float32)
    """
    return _map("celu", CELU, x, float(alpha))


def gelu(x: TensorLike, approximate: bool = True) -> Tensor:
    """x times the standard normal distribution function: ``x * (1 + erf(x / sqrt(2))) / 2``.

    With ``approximate`` it is ``x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2``.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.gelu([-1.0, 2.0]).numpy().round(4)
    array([-0.1588,  1.9546], dtype=float32)
    """
    return _map("gelu", GELU_TANH if approximate else GELU, x)


def silu(x: TensorLike) -> Tensor:
    """x * sigmoid(x).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.silu([-1.0, 2.0]).numpy().round(4)
    array([-0.2689,  1.7616], dtype=float32)
    """
    return _map("silu", SILU, x)


swish = silu  # Keras has both names


def mish(x: TensorLike) -> Tensor:
    """x * tanh(softplus(x)).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.mish([-1.0, 2.0]).numpy().round(4)
    array([-0.3034,  1.944 ], dtype=float32)
    """
    return _map("mish", MISH, x)


def softplus(x: TensorLike) -> Tensor:
    """log(1 + exp(x)), without overflow.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.softplus([0.0, 1000.0]).numpy().round(4)
    array([6.931e-01, 1.000e+03], dtype=float32)
    """
    return _map("softplus", SOFTPLUS, x)


def softsign(x: TensorLike) -> Tensor:
    """x / (1 + |x|).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.softsign([-1.0, 3.0]).numpy().round(4)
    array([-0.5 ,  0.75], dtype=float32)
    """
    return _map("softsign", SOFTSIGN, x)


def log_sigmoid(x: TensorLike) -> Tensor:
    """log(sigmoid(x)), without overflow.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.log_sigmoid([0.0, -1000.0]).numpy().round(4)
    array([-6.931e-01, -1.000e+03], dtype=float32)
    """
    return _map("log_sigmoid", LOG_SIGMOID, x)


def hard_sigmoid(x: TensorLike) -> Tensor:
    """min(max(x + 3, 0), 6) / 6. Its derivative at -3 and 3 is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.hard_sigmoid([-4.0, 0.0, 1.5]).numpy().round(4)
    array([0.  , 0.5 , 0.75], dtype=float32)
    """
    return _map("hard_sigmoid", HARD_SIGMOID, x)


def hard_silu(x: TensorLike) -> Tensor:
    """x * hard_sigmoid(x).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.hard_silu([-4.0, 0.0, 1.5]).numpy().round(4)
    array([-0.   ,  0.   ,  1.125], dtype=float32)
    """
    return _map("hard_silu", HARD_SILU, x)


hard_swish = hard_silu  # Keras has both names


def hard_tanh(x: TensorLike) -> Tensor:
    """x, but -1 below -1 and 1 above 1. Its derivative at -1 and 1 is 1.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.hard_tanh([-4.0, 0.5, 1.5]).numpy().round(4)
    array([-1. ,  0.5,  1. ], dtype=float32)
    """
    return ops.clip(as_float(x), -1.0, 1.0)


def hard_shrink(x: TensorLike, threshold: float = 0.5) -> Tensor:
    """x where its magnitude is above the threshold, else 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.hard_shrink([-1.0, 0.3, 2.0]).numpy().round(4)
    array([-1.,  0.,  2.], dtype=float32)
    """
    return _map("hard_shrink", HARD_SHRINK, x, float(threshold))


def soft_shrink(x: TensorLike, threshold: float = 0.5) -> Tensor:
    """x moved towards 0 by the threshold, 0 where it would change its sign.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.soft_shrink([-1.0, 0.3, 2.0]).numpy().round(4)
    array([-0.5,  0. ,  1.5], dtype=float32)
    """
    return _map("soft_shrink", SOFT_SHRINK, x, float(threshold))


def tanh_shrink(x: TensorLike) -> Tensor:
    """x - tanh(x).

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.tanh_shrink([0.0, 100.0]).numpy().round(4)
    array([ 0., 99.], dtype=float32)
    """
    return _map("tanh_shrink", TANH_SHRINK, x)


def threshold(x: TensorLike, threshold: float, default_value: float) -> Tensor:
    """x where it is above the threshold, else ``default_value``.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.threshold([-1.0, 0.3, 2.0], 0.5, -7.0).numpy().round(4)
    array([-7., -7.,  2.], dtype=float32)
    """
    return _map("threshold", THRESHOLD, x, float(threshold), float(default_value))


def sparse_plus(x: TensorLike) -> Tensor:
    """0 up to -1, ``(x + 1)**2 / 4`` between -1 and 1, x from there on.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.sparse_plus([-2.0, 0.0, 2.0]).numpy().round(4)
    array([0.  , 0.25, 2.  ], dtype=float32)
    """
    return _map("sparse_plus", SPARSE_PLUS, x)


def sparse_sigmoid(x: TensorLike) -> Tensor:
    """min(max((x + 1) / 2, 0), 1). Its derivative at -1 and 1 is 0.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.sparse_sigmoid([-2.0, 0.0, 2.0]).numpy().round(4)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    return _map("sparse_sigmoid", SPARSE_SIGMOID, x)


def squareplus(x: TensorLike, b: float = 4) -> Tensor:
    """(x + sqrt(x**2 + b)) / 2.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.squareplus([0.0, 1.5]).numpy().round(4)
    array([1., 2.], dtype=float32)
    """
    return _map("squareplus", SQUAREPLUS, x, float(b))


def erf(x: TensorLike) -> Tensor:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t**2) from 0 to x.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.erf([0.0, 1.0]).numpy().round(4)
    array([0.    , 0.8427], dtype=float32)
    """
    return _map("erf", ERF, x)


# ---- along an axis ------------------------------------------------------------------------------------------------


def glu(x: TensorLike, axis: int = -1) -> Tensor:
    """The first half of x along an axis, times the sigmoid of the second half.

    Parameters
    ----------
    x : array_like
        Its size along the axis must be even.
    axis : int

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.glu([[3.0, 4.0, 0.0, 1000.0]]).numpy()
    array([[1.5, 4. ]], dtype=float32)
    """
    x = as_float(x)
    (place,) = normalize_axes("glu", axis, x.ndim)
    if x.shape[place] % 2:
        raise errors.value_error("ops.glu", f"x's size along axis {axis}", "even", x.shape[place])
    source, shape = dense(x), (*x.shape[:place], x.shape[place] // 2, *x.shape[place + 1 :])
    y = empty(shape, x.dtype)
    outer, n = math.prod(shape[:place]), math.prod(shape[place:])
    launch("glu_fwd", x.dtype, x=source, y=y, outer=outer, n=n)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("glu_bwd", x.dtype, x=source, dy=dy, dx=dx, outer=outer, n=n)
        return (dx,)

    return record("glu", y, (x,), gradient)


def sparsemax(x: TensorLike, axis: int = -1) -> Tensor:
    """The probabilities nearest to x along an axis: ``max(x - t, 0)`` with t such that they sum to 1; many are 0.

    (Keras 3.15 computes another t where more than one element is left, with which they do not sum to 1.)

    Parameters
    ----------
    x : array_like
    axis : int

    Source
    ------
    Martins, Astudillo, From softmax to sparsemax, ICML 2016

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.sparsemax([1.0, 0.5, -1.0]).numpy()
    array([0.75, 0.25, 0.  ], dtype=float32)
    """
    x = as_float(x)
    return over_rows(_sparsemax_rows, x, normalize_axes("sparsemax", axis, x.ndim))


def _sparsemax_rows(x: Tensor, cols: int) -> Tensor:
    y = empty(x.shape, x.dtype)
    rows = x.size // cols if cols else 0
    launch("sparsemax_fwd", x.dtype, x=dense(x), y=y, rows=rows, cols=cols)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("sparsemax_bwd", x.dtype, y=y, dy=dy, dx=dx, rows=rows, cols=cols)
        return (dx,)

    return record("sparsemax", y, (x,), gradient)


# ---- with a weight ------------------------------------------------------------------------------------------------


def prelu(x: TensorLike, slope: TensorLike) -> Tensor:
    """``max(x, 0) + slope * min(x, 0)``. The derivative by x at 0 is 0.

    Parameters
    ----------
    x : array_like
    slope : array_like
        Of the last axes' sizes, as many as it has.

    Examples
    --------
    >>> from fastnn import ops
    >>> ops.prelu([[-1.0, 2.0, -3.0]], [0.5, 0.5, 0.0]).numpy()
    array([[-0.5,  2. ,  0. ]], dtype=float32)
    """
    x, slope = as_float(x), as_float(slope)
    if slope.shape != x.shape[x.ndim - slope.ndim :] or x.dtype != slope.dtype:
        raise errors.value_error("ops.prelu", "slope", f"of the last sizes of {x.shape}, and {x.dtype}", slope.data)
    source, factor, y = dense(x), dense(slope), empty(x.shape, x.dtype)
    n = slope.size
    outer = x.size // n if n else 0
    launch("prelu_fwd", x.dtype, x=source, slope=factor, y=y, outer=outer, n=n)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x) if x.requires_grad else None
        terms = empty(x.shape, x.dtype) if slope.requires_grad else None
        launch("prelu_bwd", x.dtype, x=source, slope=factor, dy=dy, dx=dx, dslope=terms, outer=outer, n=n)
        return dx, None if terms is None else sum_to_shape(terms, slope.shape)

    return record("prelu", y, (x, slope), gradient)
