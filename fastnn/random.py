"""Random tensors, under the names of `keras.random`.

Every function takes ``seed``: an int gives the same numbers at every call, a `SeedGenerator` moves on with each call,
None uses the global generator that `fastnn.utils.set_random_seed` seeds. The numbers do not depend on the number of
threads or the instruction set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fastnn import config, errors, ops
from fastnn._core import values_are_read
from fastnn.autograd import Tensor, TensorLike, as_float, as_tensor
from fastnn.ops import random as random_ops
from fastnn.ops.random import Seed as Seed
from fastnn.ops.random import SeedGenerator as SeedGenerator
from fastnn.ops.random import as_shape as as_shape
from fastnn.ops.random import check_seed as check_seed
from fastnn.ops.random import global_seed_generator as global_seed_generator
from fastnn.ops.random import make_default_seed as make_default_seed
from fastnn.ops.random import normal as normal
from fastnn.ops.random import randint as randint
from fastnn.ops.random import set_global_seed as set_global_seed
from fastnn.ops.random import truncated_normal as truncated_normal
from fastnn.ops.random import uniform as uniform
from fastnn.ops.strided import axis_of

__all__ = [
    "SeedGenerator", "beta", "binomial", "categorical", "dropout", "gamma", "normal", "randint", "shuffle",
    "truncated_normal", "uniform",
]  # fmt: skip


def dropout(
    inputs: TensorLike, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Seed = None
) -> Tensor:
    """Zero a share of the inputs and scale the others by ``1 / (1 - rate)``.

    Parameters
    ----------
    inputs : array_like
    rate : float
        The share, 0 <= rate <= 1.
    noise_shape : tuple, optional
        Shape of the mask, broadcast to the inputs; None stands for the inputs' size. ``(None, 1, 1, None)`` drops whole
        channels of images.
    seed : int, SeedGenerator or None

    Examples
    --------
    >>> from fastnn import random
    >>> random.dropout([[1.0, 1.0], [1.0, 1.0]], 0.0).numpy()
    array([[1., 1.],
           [1., 1.]], dtype=float32)
    """
    if noise_shape is None:
        return random_ops.dropout(inputs, rate, seed)
    x = as_float(inputs)
    shape = tuple(noise_shape)
    fits = len(shape) == x.ndim and all(m in (None, 1, n) for m, n in zip(shape, x.shape, strict=True))
    if not fits:
        raise errors.value_error("random.dropout", "noise_shape", f"a shape that broadcasts to {x.shape}", shape)
    sizes = tuple(n if m is None else m for m, n in zip(shape, x.shape, strict=True))
    return ops.multiply(x, random_ops.dropout(ops.ones(sizes, x.dtype), rate, seed))


def categorical(logits: TensorLike, num_samples: int, dtype: npt.DTypeLike = "int32", seed: Seed = None) -> Tensor:
    """Classes drawn with the probabilities softmax(logits).

    The class with the largest ``logits + g`` is drawn, where g has Gumbel's distribution, -log(-log(u)).

    Parameters
    ----------
    logits : array_like
        (n, classes), logarithms of probabilities up to a constant.
    num_samples : int
    dtype : str
    seed : int, SeedGenerator or None

    Returns
    -------
    Tensor
        (n, num_samples)

    Examples
    --------
    >>> from fastnn import random
    >>> random.categorical([[0.0, -1e9]], 3).numpy()
    array([[0, 0, 0]], dtype=int32)
    """
    x = as_float(logits)
    if x.ndim != 2:
        raise errors.value_error("random.categorical", "logits", "of rank 2 (n, classes)", errors.Shown(f"{x.shape}"))
    tiny = float(np.finfo(x.dtype).tiny)
    u = random_ops.uniform((x.shape[0], num_samples, x.shape[1]), tiny, 1.0, x.dtype, seed)
    gumbel = ops.negative(ops.log(ops.negative(ops.log(u))))
    return ops.cast(ops.argmax(ops.add(ops.expand_dims(x, 1), gumbel), axis=-1), np.dtype(dtype).name)


# ---- draws that NumPy makes: by rejection, so that a recorded step cannot repeat them -----------------------------


def _numpy_generator(who: str, seed: Seed) -> np.random.Generator:
    """A generator of NumPy's from the state of ours, which moves on."""
    values_are_read(who)
    if seed is None:
        seed = global_seed_generator()
    if not isinstance(seed, SeedGenerator):
        return np.random.default_rng(check_seed(who, seed))
    key, low, high = (int(word) for word in seed.state.numpy())
    following = (low + (high << 64) + random_ops.GROUP_BLOCKS) % 2**128
    seed.state.assign(np.array([key, following % 2**64, following >> 64], np.uint64))
    return np.random.default_rng([key, low, high])


def _drawn(values: np.ndarray, dtype: npt.DTypeLike | None) -> Tensor:
    return Tensor(np.asarray(values, np.dtype(dtype or config.floatx())))


def gamma(shape: Sequence[int], alpha: TensorLike, dtype: npt.DTypeLike | None = None, seed: Seed = None) -> Tensor:
    """Numbers of the gamma distribution with scale 1: density x^(alpha - 1) exp(-x) / Gamma(alpha).

    Parameters
    ----------
    shape : tuple of int
    alpha : float or array_like
        Above 0; broadcast to the shape.
    dtype : str, optional
    seed : int, SeedGenerator or None

    Examples
    --------
    >>> from fastnn import random
    >>> random.gamma((2, 3), 0.5, seed=1).shape
    (2, 3)
    """
    size = as_shape("random.gamma", shape)
    a = _positive("random.gamma", "alpha", alpha)
    return _drawn(_numpy_generator("random.gamma", seed).gamma(a, 1.0, size), dtype)


def beta(
    shape: Sequence[int], alpha: TensorLike, beta: TensorLike, dtype: npt.DTypeLike | None = None, seed: Seed = None
) -> Tensor:
    """Numbers of the beta distribution: density proportional to x^(alpha - 1) (1 - x)^(beta - 1).

    Parameters
    ----------
    shape : tuple of int
    alpha, beta : float or array_like
        Above 0; broadcast to the shape.
    dtype : str, optional
    seed : int, SeedGenerator or None

    Examples
    --------
    >>> from fastnn import random
    >>> random.beta((4,), 2.0, 2.0, seed=1).shape
    (4,)
    """
    size = as_shape("random.beta", shape)
    a, b = (_positive("random.beta", name, value) for name, value in (("alpha", alpha), ("beta", beta)))
    return _drawn(_numpy_generator("random.beta", seed).beta(a, b, size), dtype)


def binomial(
    shape: Sequence[int], counts: TensorLike, probabilities: TensorLike, dtype: npt.DTypeLike | None = None,
    seed: Seed = None,
) -> Tensor:
    """How many of ``counts`` trials succeed that each do so with a probability.

    Parameters
    ----------
    shape : tuple of int
    counts : int or array_like
        At least 0; broadcast to the shape.
    probabilities : float or array_like
        From 0 to 1; broadcast to the shape.
    dtype : str, optional
        Default: floating point, as in Keras.
    seed : int, SeedGenerator or None

    Examples
    --------
    >>> from fastnn import random
    >>> random.binomial((2,), 5, 1.0).tolist()
    [5.0, 5.0]
    """
    size = as_shape("random.binomial", shape)
    n, p = as_tensor(counts).numpy(), as_tensor(probabilities).numpy()
    if not (np.all(n >= 0) and np.all((p >= 0) & (p <= 1))):
        rule = "at least 0, and from 0 to 1"
        raise errors.value_error("random.binomial", "counts and probabilities", rule, (counts, probabilities))
    return _drawn(_numpy_generator("random.binomial", seed).binomial(n.astype(np.int64), p, size), dtype)


def shuffle(x: TensorLike, axis: int = 0, seed: Seed = None) -> Tensor:
    """x with its parts along an axis in a new order.

    Parameters
    ----------
    x : array_like
    axis : int
    seed : int, SeedGenerator or None

    Examples
    --------
    >>> from fastnn import random
    >>> sorted(random.shuffle([3, 1, 2]).tolist())
    [1, 2, 3]
    """
    tensor = as_tensor(x)
    axis = axis_of("random.shuffle", axis, tensor.ndim)
    order = _numpy_generator("random.shuffle", seed).permutation(tensor.shape[axis])
    return ops.take(tensor, order, axis=axis)


def _positive(who: str, argument: str, value: TensorLike) -> np.ndarray:
    array = as_tensor(value).numpy()
    if not np.all(array > 0):
        raise errors.value_error(who, argument, "above 0", value)
    return np.asarray(array)


if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
