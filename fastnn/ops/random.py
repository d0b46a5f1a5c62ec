"""Random numbers: the generator's state, draws from it, and dropout.

Philox4x32-10 (Salmon et al., SC 2011) turns a key and a counter into random bits; the state is the three 64-bit numbers
(key, counter low, counter high) in memory. A draw reads the state and a second launch moves the counter past what was
used, so recorded steps draw afresh at every replay, and a state that is put back repeats the same draws.
"""

from __future__ import annotations

import random as python_random
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from fastnn import config, errors, registry
from fastnn._core import empty, launch
from fastnn.autograd import (
    FLOAT32,
    FLOAT64,
    Array,
    Tensor,
    TensorLike,
    Variable,
    as_float,
    dense,
    grad_buffer,
    record,
)

Seed: TypeAlias = "int | SeedGenerator | None"

BLOCK_BYTES = 16  # four words of 32 bits
GROUP_BLOCKS = 8  # a draw uses whole groups


class SeedGenerator:
    """The state of a random generator, moved on by every draw that uses it.

    Parameters
    ----------
    seed : int, optional
        0 <= seed < 2**64; equal seeds give equal sequences. Left out: taken from Python's ``random``, which
        `fastnn.utils.set_random_seed` seeds.
    name : str, optional

    Examples
    --------
    >>> from fastnn import random
    >>> generator = random.SeedGenerator(7)
    >>> a, b = random.uniform((2,), seed=generator), random.uniform((2,), seed=generator)
    >>> bool((a.numpy() == b.numpy()).any())
    False
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self._initial_seed = seed
        self.name = name or registry.auto_name("SeedGenerator")
        key = check_seed("SeedGenerator", make_default_seed() if seed is None else seed)
        self.state = Variable(np.array([key, 0, 0], np.uint64), trainable=False, name="seed_generator_state")
        self.state.path = f"{self.name}/{self.state.name}"

    @property
    def seed(self) -> int | None:
        """The seed it was made with."""
        return self._initial_seed

    def get_config(self) -> dict[str, Any]:
        return {"seed": self._initial_seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        return cls(**config)


def make_default_seed() -> int:
    """A seed for what was not given one."""
    return python_random.randint(1, 10**9)


def check_seed(who: str, seed: Any) -> int:
    """An integer seed, or the error."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise errors.type_error(who, "seed", "an integer, a SeedGenerator or None", seed)
    if not 0 <= seed < 2**64:
        raise errors.value_error(who, "seed", "in 0 ... 2**64 - 1", seed)
    return int(seed)


_global_generator: SeedGenerator | None = None


def global_seed_generator() -> SeedGenerator:
    """The generator behind draws without a seed."""
    global _global_generator
    if _global_generator is None:
        _global_generator = SeedGenerator(name="global_seed_generator")
    return _global_generator


def set_global_seed(seed: int) -> None:
    """Start the generator behind draws without a seed afresh, in place."""
    global _global_generator
    key = check_seed("set_global_seed", seed)
    if _global_generator is None:
        _global_generator = SeedGenerator(key, "global_seed_generator")
    _global_generator.state.assign(np.array([key, 0, 0], np.uint64))


def draw(who: str, kernel: str, dtype: np.dtype[Any], seed: Seed, width: int, n: int, **fields: Any) -> None:
    """Launch a kernel that draws n times `width` bytes, then move the state on.

    An integer seed stands for a fresh state, so it gives the same numbers at every call.
    """
    if seed is None:
        seed = global_seed_generator()
    if isinstance(seed, SeedGenerator):
        state = seed.state.data
    else:
        state = np.array([check_seed(who, seed), 0, 0], np.uint64)  # NumPy's memory: a recorded step keeps its contents
    launch(kernel, dtype, state=state, n=n, **fields)
    if isinstance(seed, SeedGenerator):
        group_bytes = BLOCK_BYTES * GROUP_BLOCKS
        launch("random_advance", dtype, state=state, blocks=-(-n * width // group_bytes) * GROUP_BLOCKS)


# ---- draws --------------------------------------------------------------------------------------------------------


def uniform(
    shape: Sequence[int], minval: float = 0.0, maxval: float = 1.0, dtype: npt.DTypeLike | None = None,
    seed: Seed = None,
) -> Tensor:
    """Uniform numbers in [minval, maxval).

    Parameters
    ----------
    shape : tuple of int
    minval, maxval : float
        maxval itself is never drawn.
    dtype : str, optional
        "float32" or "float64"; default `fastnn.config.floatx`.
    seed : int, SeedGenerator or None
        An int gives the same numbers at every call; a generator moves on; None uses the global generator.

    Examples
    --------
    >>> from fastnn import random
    >>> random.uniform((2, 3), seed=1).shape
    (2, 3)
    """
    y = _new("random.uniform", shape, dtype)
    low, high = _number("random.uniform", "minval", minval), _number("random.uniform", "maxval", maxval)
    if low > high:
        raise errors.value_error("random.uniform", "maxval", f"at least minval ({low})", high)
    draw("random.uniform", "random_uniform", y.dtype, seed, y.itemsize, y.size, y=y, minval=low, maxval=high)
    return Tensor.wrap(y)


def normal(
    shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: npt.DTypeLike | None = None,
    seed: Seed = None,
) -> Tensor:
    """Normal numbers: ``mean + stddev * z``, z the standard normal quantile of a uniform number (AS 241).

    Parameters as of `uniform`, with the mean and the standard deviation.

    Examples
    --------
    >>> from fastnn import random
    >>> random.normal((3,), mean=5.0, stddev=0.0).numpy()
    array([5., 5., 5.], dtype=float32)
    """
    return _normal("random.normal", shape, mean, stddev, dtype, seed, truncated=0)


def truncated_normal(
    shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: npt.DTypeLike | None = None,
    seed: Seed = None,
) -> Tensor:
    """Normal numbers within two standard deviations of the mean: what lies further out is as if drawn again.

    Parameters as of `normal`; ``stddev`` is the one before truncation.

    Examples
    --------
    >>> from fastnn import random
    >>> bool((abs(random.truncated_normal((1000,), seed=1).numpy()) <= 2).all())
    True
    """
    return _normal("random.truncated_normal", shape, mean, stddev, dtype, seed, truncated=1)


def randint(
    shape: Sequence[int], minval: int, maxval: int, dtype: npt.DTypeLike = "int32", seed: Seed = None
) -> Tensor:
    """Integers from minval to maxval - 1, all equally likely.

    Parameters
    ----------
    shape : tuple of int
    minval, maxval : int
        minval < maxval; maxval itself is never drawn.
    dtype : str
        "int32" or "int64".
    seed : int, SeedGenerator or None

    Examples
    --------
    >>> from fastnn import random
    >>> sorted(set(random.randint((100,), 0, 3, seed=1).tolist()))
    [0, 1, 2]
    """
    who = "random.randint"
    kind = np.dtype(dtype)
    if kind not in (np.int32, np.int64):
        raise errors.value_error(who, "dtype", "'int32' or 'int64'", kind.name)
    low, high = _integer(who, "minval", minval), _integer(who, "maxval", maxval)
    if low >= high:
        raise errors.value_error(who, "maxval", f"above minval ({low})", high)
    limits = np.iinfo(kind)
    if low < limits.min or high - 1 > limits.max:
        raise errors.value_error(who, "minval and maxval", f"within the range of {kind}", (low, high))
    y = empty(as_shape(who, shape), kind)
    high = min(high, np.iinfo(np.int64).max)
    narrow, wide = (y, None) if kind == np.int32 else (None, y)
    draw(who, "random_integers", FLOAT32, seed, 8, y.size, y32=narrow, y64=wide, minval=low, maxval=high)
    return Tensor.wrap(y)


def _normal(
    who: str, shape: Sequence[int], mean: float, stddev: float, dtype: npt.DTypeLike | None, seed: Seed, truncated: int
) -> Tensor:
    y = _new(who, shape, dtype)
    centre, width = _number(who, "mean", mean), _number(who, "stddev", stddev)
    if width < 0:
        raise errors.value_error(who, "stddev", "at least 0", width)
    draw(who, "random_normal", y.dtype, seed, y.itemsize, y.size, y=y, truncated=truncated, mean=centre, stddev=width)
    return Tensor.wrap(y)


def _new(who: str, shape: Sequence[int], dtype: npt.DTypeLike | None) -> Array:
    kind = np.dtype(config.floatx() if dtype is None else dtype)
    if kind not in (FLOAT32, FLOAT64):
        raise errors.value_error(who, "dtype", "'float32' or 'float64'", kind.name, "For integers use randint.")
    return empty(as_shape(who, shape), kind)


def as_shape(who: str, shape: Any) -> tuple[int, ...]:
    """A shape as a tuple of ints, or the error."""
    sizes = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0:
            raise errors.value_error(who, "shape", "a tuple of non-negative ints", tuple(sizes))
    return tuple(int(size) for size in sizes)


def _number(who: str, argument: str, value: Any) -> float:
    number = float(value)
    if not np.isfinite(number):
        raise errors.value_error(who, argument, "a finite number", number)
    return number


def _integer(who: str, argument: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise errors.type_error(who, argument, "an int", value)
    return int(value)


# ---- dropout ------------------------------------------------------------------------------------------------------


def dropout(x: TensorLike, rate: float, seed: Seed = None) -> Tensor:
    """Zero each element with probability ``rate`` and scale the others by ``1 / (1 - rate)``.

    Parameters
    ----------
    x : array_like
    rate : float
        0 <= rate <= 1.
    seed : int, SeedGenerator or None
        An int gives the same mask at every call; a generator moves on; None uses the global generator.

    Examples
    --------
    >>> from fastnn import ops
    >>> sorted(set(ops.dropout([1.0] * 100, 0.5, seed=1).tolist()))
    [0.0, 2.0]
    """
    x = as_float(x)
    if not 0 <= rate <= 1:
        raise errors.value_error("ops.dropout", "rate", "a number from 0 to 1", rate)
    if rate == 0:
        return x
    share = float(rate)
    y, mask = empty(x.shape, x.dtype), empty(x.shape, np.uint8)
    draw("ops.dropout", "dropout_fwd", x.dtype, seed, x.data.itemsize, x.size, x=dense(x), y=y, mask=mask, rate=share)

    def gradient(dy: Array) -> tuple[Array | None, ...]:
        dx = grad_buffer(x)
        launch("dropout_bwd", x.dtype, dy=dy, mask=mask, dx=dx, n=dx.size, rate=share)
        return (dx,)

    return record("dropout", y, (x,), gradient)
