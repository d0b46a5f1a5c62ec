"""Initial values of weights, under Keras's names, with Keras's formulas.

An initializer is called with a shape and returns a tensor. With an int seed, or none, it gives the same values at every
call (None picks the seed when the initializer is made); with a `fastnn.random.SeedGenerator` each call moves on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastnn import config, errors, random, registry
from fastnn.autograd import Tensor, TensorLike, to_array

Axes = Sequence[int] | None

# The standard deviation of a standard normal variable cut to [-2, 2].
TRUNCATED_STDDEV = 0.87962566103423978

_registry = registry.Registry("initializers", "initializer")


@_registry.add
class Initializer:
    """The base of initializers: subclass it and write ``__call__(self, shape, dtype=None)`` and ``get_config(self)``.

    Examples
    --------
    >>> from fastnn import initializers
    >>> class Sevens(initializers.Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return initializers.Constant(7.0)(shape, dtype)
    >>> Sevens()((2,)).numpy()
    array([7., 7.], dtype=float32)
    """

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}: an initializer needs a __call__(self, shape, dtype=None).")

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """Make an initializer from what `get_config` returned."""
        return cls(**config)

    def clone(self) -> Initializer:
        """An initializer of the same configuration."""
        return type(self).from_config(self.get_config())


# ---- constants ----------------------------------------------------------------------------------------------------


def _constant(who: str, shape: Sequence[int], value: TensorLike, dtype: npt.DTypeLike | None) -> Tensor:
    kind = np.dtype(config.floatx() if dtype is None else dtype)
    source, sizes = to_array(value, who), random.as_shape(who, shape)
    try:
        values = np.broadcast_to(source, sizes)
    except ValueError:
        raise errors.value_error(who, "value", f"of a shape that broadcasts to {sizes}", source) from None
    return Tensor(values.astype(kind))


@_registry.add
class Constant(Initializer):
    """One value everywhere, or an array that broadcasts to the shape.

    Parameters
    ----------
    value : float or array_like

    Examples
    --------
    >>> from fastnn import initializers
    >>> initializers.Constant(3.0)((2,)).numpy()
    array([3., 3.], dtype=float32)
    """

    def __init__(self, value: TensorLike = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> Tensor:
        return _constant("Constant", shape, self.value, dtype)

    def get_config(self) -> dict[str, Any]:
        value = to_array(self.value, "Constant")
        return {"value": value.tolist()}


@_registry.add
class Zeros(Initializer):
    """All zeros.

    Examples
    --------
    >>> from fastnn import initializers
    >>> initializers.Zeros()((2,)).numpy()
    array([0., 0.], dtype=float32)
    """

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> Tensor:
        return _constant("Zeros", shape, 0.0, dtype)


@_registry.add
class Ones(Initializer):
    """All ones.

    Examples
    --------
    >>> from fastnn import initializers
    >>> initializers.Ones()((2,)).numpy()
    array([1., 1.], dtype=float32)
    """

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> Tensor:
        return _constant("Ones", shape, 1.0, dtype)


@_registry.add
class Identity(Initializer):
    """``gain`` on the diagonal of a matrix, zeros elsewhere.

    Examples
    --------
    >>> from fastnn import initializers
    >>> initializers.Identity(2.0)((2, 3)).numpy()
    array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> Tensor:
        if len(shape) != 2:
            raise errors.value_error("Identity", "shape", "that of a matrix", tuple(shape))
        rows, columns = shape
        return Tensor((self.gain * np.eye(rows, columns)).astype(config.floatx() if dtype is None else dtype))

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}


# ---- random -------------------------------------------------------------------------------------------------------


class RandomInitializer(Initializer):
    """An initializer with a seed."""

    def __init__(self, seed: random.Seed | dict[str, Any] = None) -> None:
        if isinstance(seed, dict):
            seed = registry.deserialize(seed)
        self._init_seed = seed
        if seed is None:
            seed = random.make_default_seed()
        elif not isinstance(seed, random.SeedGenerator):
            seed = random.check_seed(type(self).__name__, seed)
        self.seed = seed

    def get_config(self) -> dict[str, Any]:
        return {"seed": registry.serialize(self._init_seed)}


@_registry.add
class RandomNormal(RandomInitializer):
    """Normal numbers.

    Parameters
    ----------
    mean, stddev : float
    seed : int, SeedGenerator or None

    Examples
    --------
    >>> from fastnn import initializers
    >>> initializers.RandomNormal(stddev=0.01)((3, 2)).shape
    (3, 2)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: random.Seed = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> Tensor:
        return random.normal(shape, self.mean, self.stddev, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


@_registry.add
class TruncatedNormal(RandomInitializer):
    """Normal numbers within two standard deviations of the mean.

    Parameters
    ----------
    mean, stddev : float
        Before truncation.
    seed : int, SeedGenerator or None

    Examples
    --------
    >>> from fastnn import initializers
    >>> initializers.TruncatedNormal()((3, 2)).shape
    (3, 2)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: random.Seed = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> Tensor:
        return random.truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


@_registry.add
class RandomUniform(RandomInitializer):
    """Uniform numbers in [minval, maxval).

    Parameters
    ----------
    minval, maxval : float
    seed : int, SeedGenerator or None

    Examples
    --------
    >>> from fastnn import initializers
    >>> initializers.RandomUniform(-1.0, 1.0)((3, 2)).shape
    (3, 2)
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: random.Seed = None) -> None:
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> Tensor:
        return random.uniform(shape, self.minval, self.maxval, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


def compute_fans(shape: Sequence[int], input_axes: Axes = None, output_axes: Axes = None) -> tuple[int, int]:
    """Inputs of one output unit and outputs of one input unit, of a weight of that shape.

    Dense kernels are (in, out); convolution kernels (kh, kw, in, out) count every position of the window. Where both
    axes arguments are given, the products of their sizes.

    Examples
    --------
    >>> from fastnn.initializers import compute_fans
    >>> compute_fans((784, 10)), compute_fans((3, 3, 16, 32))
    ((784, 10), (144, 288))
    """
    sizes = tuple(int(n) for n in shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(sizes[i] for i in input_axes), math.prod(sizes[i] for i in output_axes)
    if len(sizes) < 2:
        fan = sizes[0] if sizes else 1
        return fan, fan
    window = math.prod(sizes[:-2])
    return window * sizes[-2], window * sizes[-1]


@_registry.add
class VarianceScaling(RandomInitializer):
    """Random numbers of variance ``scale / n``, n the weight's fan.

    Parameters
    ----------
    scale : float
        Above 0.
    mode : str
        n is "fan_in" (inputs of a unit), "fan_out" or "fan_avg" (their mean), at least 1.
    distribution : str
        "truncated_normal" (or "normal"), "untruncated_normal" or "uniform".
    seed : int, SeedGenerator or None
    input_axes, output_axes : sequence of int, optional
        The axes whose sizes make the fans; both or neither. Default: see `compute_fans`.

    Examples
    --------
    >>> from fastnn import initializers
    >>> initializers.VarianceScaling(2.0, mode="fan_out", distribution="uniform")((3, 2)).shape
    (3, 2)
    """

    def __init__(
        self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal",
        seed: random.Seed = None, input_axes: Axes = None, output_axes: Axes = None,
    ) -> None:
        super().__init__(seed)
        who = type(self).__name__
        if not scale > 0:
            raise errors.value_error(who, "scale", "above 0", scale)
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise errors.value_error(who, "mode", "'fan_in', 'fan_out' or 'fan_avg'", mode)
        kinds = {"normal": "truncated_normal"} | {k: k for k in ("truncated_normal", "untruncated_normal", "uniform")}
        if str(distribution).lower() not in kinds:
            raise errors.unknown_name(who, "distribution", distribution, kinds)
        if (input_axes is None) != (output_axes is None):
            raise errors.value_error(
                who, "input_axes and output_axes", "given together or not at all", (input_axes, output_axes)
            )
        self.scale = scale
        self.mode = mode
        self.distribution = kinds[distribution.lower()]
        self.input_axes = input_axes
        self.output_axes = output_axes

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> Tensor:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, fan))
        if self.distribution == "truncated_normal":
            return random.truncated_normal(shape, 0.0, stddev / TRUNCATED_STDDEV, dtype, self.seed)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, stddev, dtype, self.seed)
        limit = math.sqrt(3.0) * stddev
        return random.uniform(shape, -limit, limit, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "scale": self.scale, "mode": self.mode, "distribution": self.distribution,
            "input_axes": self.input_axes, "output_axes": self.output_axes,
        }


class _Scaled(VarianceScaling):
    """A named choice of scale, mode and distribution."""

    _choice: tuple[float, str, str]

    def __init__(self, seed: random.Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(*self._choice, seed=seed, input_axes=input_axes, output_axes=output_axes)

    def get_config(self) -> dict[str, Any]:
        return {**RandomInitializer.get_config(self), "input_axes": self.input_axes, "output_axes": self.output_axes}


@_registry.add
class GlorotUniform(_Scaled):
    """Uniform in +-sqrt(6 / (fan_in + fan_out)); the default of Dense and Conv2D (Glorot, Bengio 2010).

    Examples
    --------
    >>> from fastnn import initializers
    >>> bool(abs(initializers.GlorotUniform()((3, 3)).numpy()).max() <= 1.0)
    True
    """

    _choice = (1.0, "fan_avg", "uniform")


@_registry.add
class GlorotNormal(_Scaled):
    """Truncated normal of standard deviation sqrt(2 / (fan_in + fan_out)) (Glorot, Bengio 2010).

    Examples
    --------
    >>> from fastnn import initializers
    >>> initializers.GlorotNormal(seed=1)((3, 3)).shape
    (3, 3)
    """

    _choice = (1.0, "fan_avg", "truncated_normal")


@_registry.add
class HeUniform(_Scaled):
    """Uniform in +-sqrt(6 / fan_in) (He et al. 2015).

    Examples
    --------
    >>> from fastnn import initializers
    >>> initializers.HeUniform(seed=1)((3, 3)).shape
    (3, 3)
    """

    _choice = (2.0, "fan_in", "uniform")


@_registry.add
class HeNormal(_Scaled):
    """Truncated normal of standard deviation sqrt(2 / fan_in) (He et al. 2015).

    Examples
    --------
    >>> from fastnn import initializers
    >>> initializers.HeNormal(seed=1)((3, 3)).shape
    (3, 3)
    """

    _choice = (2.0, "fan_in", "truncated_normal")


@_registry.add
class LecunUniform(_Scaled):
    """Uniform in +-sqrt(3 / fan_in) (LeCun et al. 1998).

    Examples
    --------
    >>> from fastnn import initializers
    >>> initializers.LecunUniform(seed=1)((3, 3)).shape
    (3, 3)
    """

    _choice = (1.0, "fan_in", "uniform")


@_registry.add
class LecunNormal(_Scaled):
    """Truncated normal of standard deviation sqrt(1 / fan_in) (Klambauer et al. 2017).

    Examples
    --------
    >>> from fastnn import initializers
    >>> initializers.LecunNormal(seed=1)((3, 3)).shape
    (3, 3)
    """

    _choice = (1.0, "fan_in", "truncated_normal")


@_registry.add
class Orthogonal(RandomInitializer):
    """A matrix with orthonormal rows or columns, whichever are fewer, times ``gain`` (Saxe et al. 2014).

    All axes but the last make up the rows.

    Parameters
    ----------
    gain : float
    seed : int, SeedGenerator or None

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import initializers
    >>> q = initializers.Orthogonal(seed=1)((4, 3)).numpy()
    >>> bool(np.allclose(q.T @ q, np.eye(3), atol=1e-6))
    True
    """

    def __init__(self, gain: float = 1.0, seed: random.Seed = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> Tensor:
        if len(shape) < 2:
            raise errors.value_error("Orthogonal", "shape", "of at least two axes", tuple(shape))
        rows, columns = math.prod(shape[:-1]), shape[-1]
        normal = random.normal((max(rows, columns), min(rows, columns)), dtype="float64", seed=self.seed).data
        q, r = np.linalg.qr(normal)
        q = q * np.sign(np.diag(r))  # makes q unique, so that it is distributed uniformly
        values = self.gain * (q if rows >= columns else q.T).reshape(shape)
        return Tensor(values.astype(config.floatx() if dtype is None else dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}


_registry.add(Orthogonal, "OrthogonalInitializer")
_registry.add(Identity, "IdentityInitializer")
_registry.add(RandomUniform, "uniform")
_registry.add(RandomNormal, "normal")
_registry.add(Zeros, "zero")
_registry.add(Ones, "one")

# Keras offers every class under both names.
OrthogonalInitializer = orthogonal = Orthogonal
IdentityInitializer = Identity
constant, zeros, ones, identity = Constant, Zeros, Ones, Identity
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
variance_scaling = VarianceScaling
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal


def get(identifier: Any, custom_objects: registry.CustomObjects | None = None) -> Any:
    """The initializer that an identifier stands for.

    Parameters
    ----------
    identifier : str, dict, class, callable, array, Tensor or None
        A name (a class is instantiated with its defaults), a configuration, the initializer itself, or the initial
        values, of the shape of the weight.

    Raises
    ------
    ValueError
        For an unknown name, with the nearest known one.
    TypeError
        For anything that is no initializer.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import initializers
    >>> initializers.get("he_normal").scale
    2.0
    >>> initializers.get(np.array([1, 2]))((2,)).numpy()
    array([1., 2.], dtype=float32)
    """
    if not isinstance(identifier, (Tensor, np.ndarray, np.generic)):
        return _registry.get(identifier, custom_objects)
    values = identifier

    def given(shape: Sequence[int], dtype: npt.DTypeLike | None = None) -> Tensor:
        source = to_array(values, "initializers.get")
        if random.as_shape("initializers.get", shape) != source.shape:
            rule = f"that of the given values, {source.shape}"
            raise errors.value_error("initializers.get", "shape", rule, tuple(shape))
        return Tensor(source.astype(config.floatx() if dtype is None else dtype))

    return given


def serialize(initializer: Any) -> Any:
    """The configuration from which `deserialize` makes an initializer equal to this one."""
    return _registry.serialize(initializer)


deserialize = _registry.deserialize

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
