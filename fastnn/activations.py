"""Activation functions under Keras's names; each is one or two ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from fastnn import errors, ops, registry
from fastnn.autograd import Tensor, TensorLike, as_float
from fastnn.symbolic import is_keras_tensor

Activation = Callable[[Any], Tensor]

_registry = registry.Registry("activations", "activation")


@_registry.add
def linear(x: TensorLike) -> Tensor:
    """x itself.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.linear([-1.0, 2.0]).numpy()
    array([-1.,  2.], dtype=float32)
    """
    return x if is_keras_tensor(x) else as_float(x)


@_registry.add
def relu(
    x: TensorLike, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """Rectifier: ``max(x, 0)`` with the default arguments.

    ``max_value`` where x >= max_value; x where threshold < x; else ``negative_slope * (x - threshold)``.

    Parameters
    ----------
    x : array_like
    negative_slope : float
    max_value : float, optional
        No bound where None.
    threshold : float

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.relu([-1.0, 0.5, 9.0]).numpy()
    array([0. , 0.5, 9. ], dtype=float32)
    >>> activations.relu([-1.0, 0.5, 9.0], negative_slope=0.5, max_value=6.0, threshold=1.0).numpy()
    array([-1.  , -0.25,  6.  ], dtype=float32)
    """
    if not threshold and max_value is None:
        return ops.relu(x) if not negative_slope else ops.leaky_relu(x, negative_slope)
    if max_value == 6 and not threshold and not negative_slope:
        return ops.relu6(x)
    return ops.bounded_relu(x, negative_slope, max_value, threshold)


@_registry.add
def leaky_relu(x: TensorLike, negative_slope: float = 0.2) -> Tensor:
    """x where positive, else ``negative_slope * x``.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.leaky_relu([-1.0, 2.0]).numpy()
    array([-0.2,  2. ], dtype=float32)
    """
    return ops.leaky_relu(x, negative_slope)


@_registry.add
def sigmoid(x: TensorLike) -> Tensor:
    """``1 / (1 + exp(-x))``.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.sigmoid([0.0]).numpy()
    array([0.5], dtype=float32)
    """
    return ops.sigmoid(x)


@_registry.add
def tanh(x: TensorLike) -> Tensor:
    """The hyperbolic tangent.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.tanh([0.0]).numpy()
    array([0.], dtype=float32)
    """
    return ops.tanh(x)


@_registry.add
def softmax(x: TensorLike, axis: int | Sequence[int] = -1) -> Tensor:
    """``exp(x) / sum(exp(x))`` along an axis, computed without overflow.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.softmax([[1000.0, 1000.0]]).numpy()
    array([[0.5, 0.5]], dtype=float32)
    """
    if not is_keras_tensor(x) and not as_float(x).ndim:
        raise errors.value_error("softmax", "x", "of at least one axis", as_float(x).data)
    return ops.softmax(x, axis=axis)


@_registry.add
def log_softmax(x: TensorLike, axis: int | Sequence[int] = -1) -> Tensor:
    """The logarithm of `softmax`, computed without overflow.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.log_softmax([[0.0, 0.0]]).numpy().round(4)
    array([[-0.6931, -0.6931]], dtype=float32)
    """
    return ops.log_softmax(x, axis=axis)


@_registry.add
def relu6(x: TensorLike) -> Tensor:
    """min(max(x, 0), 6).

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.relu6([-1.0, 2.0, 9.0]).numpy().round(4)
    array([0., 2., 6.], dtype=float32)
    """
    return ops.relu6(x)


@_registry.add
def elu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """x above 0, ``alpha * (exp(x) - 1)`` elsewhere.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.elu([-1.0, 2.0]).numpy().round(4)
    array([-0.6321,  2.    ], dtype=float32)
    """
    return ops.elu(x, alpha)


@_registry.add
def selu(x: TensorLike) -> Tensor:
    """``scale * elu(x, alpha)`` with scale 1.0507 and alpha 1.6733; use it with `lecun_normal` kernels.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.selu([-1.0, 2.0]).numpy().round(4)
    array([-1.1113,  2.1014], dtype=float32)
    """
    return ops.selu(x)


@_registry.add
def celu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """x above 0, ``alpha * (exp(x / alpha) - 1)`` elsewhere.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.celu([-1.0, 2.0]).numpy().round(4)
    array([-0.6321,  2.    ], dtype=float32)
    """
    return ops.celu(x, alpha)


@_registry.add
def gelu(x: TensorLike, approximate: bool = False) -> Tensor:
    """x times the standard normal distribution function; with ``approximate``, by way of tanh.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.gelu([-1.0, 2.0]).numpy().round(4)
    array([-0.1587,  1.9545], dtype=float32)
    """
    return ops.gelu(x, approximate)


def silu(x: TensorLike) -> Tensor:
    """``x * sigmoid(x)``.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.silu([-1.0, 2.0]).numpy().round(4)
    array([-0.2689,  1.7616], dtype=float32)
    """
    return ops.silu(x)


swish = _registry.add(silu, "swish")


@_registry.add
def mish(x: TensorLike) -> Tensor:
    """``x * tanh(softplus(x))``.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.mish([-1.0, 2.0]).numpy().round(4)
    array([-0.3034,  1.944 ], dtype=float32)
    """
    return ops.mish(x)


@_registry.add
def softplus(x: TensorLike) -> Tensor:
    """``log(1 + exp(x))``, computed without overflow.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.softplus([0.0, 1000.0]).numpy().round(4)
    array([6.931e-01, 1.000e+03], dtype=float32)
    """
    return ops.softplus(x)


@_registry.add
def softsign(x: TensorLike) -> Tensor:
    """``x / (1 + |x|)``.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.softsign([-1.0, 3.0]).numpy().round(4)
    array([-0.5 ,  0.75], dtype=float32)
    """
    return ops.softsign(x)


@_registry.add
def log_sigmoid(x: TensorLike) -> Tensor:
    """The logarithm of `sigmoid`, computed without overflow.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.log_sigmoid([0.0, -1000.0]).numpy().round(4)
    array([-6.931e-01, -1.000e+03], dtype=float32)
    """
    return ops.log_sigmoid(x)


@_registry.add
def hard_sigmoid(x: TensorLike) -> Tensor:
    """``min(max(x + 3, 0), 6) / 6``.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.hard_sigmoid([-4.0, 0.0, 1.5]).numpy().round(4)
    array([0.  , 0.5 , 0.75], dtype=float32)
    """
    return ops.hard_sigmoid(x)


def hard_silu(x: TensorLike) -> Tensor:
    """``x * hard_sigmoid(x)``.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.hard_silu([0.0, 1.5]).numpy().round(4)
    array([0.   , 1.125], dtype=float32)
    """
    return ops.hard_silu(x)


hard_swish = _registry.add(hard_silu, "hard_swish")


@_registry.add
def hard_tanh(x: TensorLike) -> Tensor:
    """x, but -1 below -1 and 1 above 1.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.hard_tanh([-4.0, 0.5, 1.5]).numpy().round(4)
    array([-1. ,  0.5,  1. ], dtype=float32)
    """
    return ops.hard_tanh(x)


@_registry.add
def hard_shrink(x: TensorLike, threshold: float = 0.5) -> Tensor:
    """x where its magnitude is above the threshold, else 0.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.hard_shrink([-1.0, 0.3, 2.0]).numpy().round(4)
    array([-1.,  0.,  2.], dtype=float32)
    """
    return ops.hard_shrink(x, threshold)


@_registry.add
def soft_shrink(x: TensorLike, threshold: float = 0.5) -> Tensor:
    """x moved towards 0 by the threshold, 0 where it would change its sign.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.soft_shrink([-1.0, 0.3, 2.0]).numpy().round(4)
    array([-0.5,  0. ,  1.5], dtype=float32)
    """
    return ops.soft_shrink(x, threshold)


@_registry.add
def tanh_shrink(x: TensorLike) -> Tensor:
    """``x - tanh(x)``.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.tanh_shrink([0.0, 100.0]).numpy().round(4)
    array([ 0., 99.], dtype=float32)
    """
    return ops.tanh_shrink(x)


@_registry.add
def threshold(x: TensorLike, threshold: float, default_value: float) -> Tensor:
    """x where it is above the threshold, else ``default_value``.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.threshold([-1.0, 2.0], 0.5, -7.0).numpy().round(4)
    array([-7.,  2.], dtype=float32)
    """
    return ops.threshold(x, threshold, default_value)


@_registry.add
def sparse_plus(x: TensorLike) -> Tensor:
    """0 up to -1, ``(x + 1)**2 / 4`` between -1 and 1, x from there on.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.sparse_plus([-2.0, 0.0, 2.0]).numpy().round(4)
    array([0.  , 0.25, 2.  ], dtype=float32)
    """
    return ops.sparse_plus(x)


@_registry.add
def sparse_sigmoid(x: TensorLike) -> Tensor:
    """``min(max((x + 1) / 2, 0), 1)``.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.sparse_sigmoid([-2.0, 0.0, 2.0]).numpy().round(4)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    return ops.sparse_sigmoid(x)


@_registry.add
def squareplus(x: TensorLike, b: float = 4) -> Tensor:
    """``(x + sqrt(x**2 + b)) / 2``.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.squareplus([0.0, 1.5]).numpy().round(4)
    array([1., 2.], dtype=float32)
    """
    return ops.squareplus(x, b)


@_registry.add
def glu(x: TensorLike, axis: int = -1) -> Tensor:
    """The first half of x along an axis, times the sigmoid of the second half.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.glu([[3.0, 4.0, 0.0, 1000.0]]).numpy().round(4)
    array([[1.5, 4. ]], dtype=float32)
    """
    return ops.glu(x, axis)


@_registry.add
def sparsemax(x: TensorLike, axis: int = -1) -> Tensor:
    """The probabilities nearest to x along an axis, many of them 0: ``max(x - t, 0)`` with t such that they sum to 1.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.sparsemax([1.0, 0.5, -1.0]).numpy().round(4)
    array([0.75, 0.25, 0.  ], dtype=float32)
    """
    return ops.sparsemax(x, axis)


@_registry.add
def step(x: TensorLike) -> Tensor:
    """1 where x is positive, else 0; the gradient is 0.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.step([-1.0, 0.0, 2.0]).numpy()
    array([0., 0., 1.], dtype=float32)
    """
    return ops.step(x)


@_registry.add
def exponential(x: TensorLike) -> Tensor:
    """``exp(x)``.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.exponential([0.0]).numpy()
    array([1.], dtype=float32)
    """
    return ops.exp(x)


def get(identifier: str | dict[str, Any] | Activation | None) -> Activation:
    """The function an identifier stands for; None is `linear`.

    Examples
    --------
    >>> from fastnn import activations
    >>> activations.get("relu") is activations.relu
    True
    """
    return cast(Activation, linear if identifier is None else _registry.get(identifier))



def serialize(activation: Any) -> Any:
    """The name of an activation, or what `deserialize` makes an equal one from."""
    return _registry.serialize(activation)


deserialize = _registry.deserialize

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
