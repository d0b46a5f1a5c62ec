"""Random tensors, under the names of `keras.random`.

Every function takes ``seed``: an int gives the same numbers at every call, a `SeedGenerator` moves on with each call,
None uses the global generator that `fastnn.utils.set_random_seed` seeds. The numbers do not depend on the number of
threads or the instruction set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnn import errors, ops
from fastnn.autograd import Tensor, TensorLike, as_float
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

__all__ = ["SeedGenerator", "dropout", "normal", "randint", "truncated_normal", "uniform"]


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


if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
