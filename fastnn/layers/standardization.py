"""Rescaling by given numbers, and Normalization by the mean and variance of data that was looked at before."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from fastnn import config, errors, ops
from fastnn.autograd import Tensor
from fastnn.layers.base import Layer, Shape, as_numeric, standardize_shape
from fastnn.utils import PyDataset

PIECE = 1 << 20  # elements of an array that `adapt` reads at a time: no copy of the whole array is made


class Rescaling(Layer):
    """``x * scale + offset``, for instance pixels 0..255 to 0..1.

    Parameters
    ----------
    scale : float or array_like
        An array broadcasts against the input's last axes.
    offset : float or array_like

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Rescaling
    >>> Rescaling(1 / 255)(np.array([[0, 255]], dtype="uint8")).numpy()
    array([[0., 1.]], dtype=float32)
    """

    _float_input = True
    supports_masking = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = _number_or_list(self._who, "scale", scale)
        self.offset = _number_or_list(self._who, "offset", offset)
        self._operands: dict[str, tuple[Any, Tensor]] = {}

    def call(self, inputs: Tensor) -> Tensor:
        scale, offset = self._operand("scale"), self._operand("offset")
        y = ops.multiply(inputs, scale)
        if isinstance(offset, float) and offset == 0:
            return y
        return ops.add(y, offset)

    def _operand(self, which: str) -> float | Tensor:
        """Scale or offset; an array is kept, as a recorded step reads it where it is."""
        value = getattr(self, which)
        if isinstance(value, float):
            return value
        kept = self._operands.get(which)
        if kept is None or kept[0] is not value:
            kept = self._operands[which] = value, Tensor(np.asarray(value, dtype=self.dtype))
        return kept[1]

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = standardize_shape(self._who, input_shape)
        full = [1 if n is None else n for n in shape]
        return (*shape[:1], *np.broadcast_shapes(tuple(full), np.shape(self.scale), np.shape(self.offset))[1:])


class Normalization(Layer):
    """``(x - mean) / max(sqrt(variance), epsilon)``, with statistics that are given or learned by `adapt`.

    Parameters
    ----------
    axis : int, sequence of int or None
        The axes whose indices have statistics of their own; None: one mean and variance for everything.
    mean, variance : float or array_like, optional
        Both or none; broadcast to the sizes of the kept axes.
    invert : bool
        Compute ``mean + x * max(sqrt(variance), epsilon)`` instead.
    **kwargs
        ``name``, ``dtype``.

    Raises
    ------
    ValueError
        If only one of mean and variance is given, or they do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Normalization
    >>> layer = Normalization()
    >>> layer.adapt(np.array([[0.0, 7.0], [2.0, 9.0]], dtype="float32"))
    >>> layer(np.array([[0.0, 9.0]])).numpy()
    array([[-1.,  1.]], dtype=float32)
    """

    _float_input = True
    supports_masking = True

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.invert = bool(invert)
        if (mean is None) != (variance is None):
            raise errors.value_error(self._who, "mean and variance", "both given, or neither", (mean, variance))
        self.input_mean, self.input_variance = (
            None if value is None else as_numeric(self._who, name, value)
            for name, value in (("mean", mean), ("variance", variance))
        )
        if self.input_mean is not None and self.input_variance is not None:
            if self.input_mean.shape != self.input_variance.shape:
                raise errors.value_error(self._who, "variance", f"of mean's shape {self.input_mean.shape}", variance)
            if self.input_mean.ndim > len(self.axis):
                rule = f"of at most {len(self.axis)} axes, those of axis={self.axis}"
                raise errors.value_error(self._who, "mean", rule, self.input_mean)

    def build(self, input_shape: Shape) -> None:
        rank = len(input_shape)
        if any(not -rank <= axis < rank for axis in self.axis):
            raise errors.value_error(self._who, "axis", f"among the {rank} axes of x", self.axis)
        self._kept = tuple(sorted(axis % rank for axis in self.axis))
        self._built_for = tuple(input_shape)
        sizes = tuple(input_shape[axis] for axis in self._kept)
        if None in sizes:
            shown = errors.Shown(f"shape {tuple(input_shape)}")
            raise errors.value_error(self._who, "the kept axes of x", "of known size", shown)
        self._broadcast = tuple(n if i in self._kept and n is not None else 1 for i, n in enumerate(input_shape))
        if self.input_mean is None:
            self.adapt_mean = self.add_weight(shape=sizes, initializer="zeros", trainable=False, name="mean")  # type: ignore[arg-type]  # no size is None
            self.adapt_variance = self.add_weight(shape=sizes, initializer="ones", trainable=False, name="variance")  # type: ignore[arg-type]  # no size is None
            self.count = self.add_weight(shape=(), initializer="zeros", dtype="int64", trainable=False, name="count")
        else:
            given = {"mean": self.input_mean, "variance": self.input_variance}  # kept: a recorded step reads them
            self._given = {name: Tensor(self._spread(np.asarray(value))) for name, value in given.items()}

    def adapt(self, data: Any) -> None:
        """Learn mean and variance from data, forgetting what was learned before.

        Parameters
        ----------
        data : ndarray, Tensor, PyDataset or iterable of batches
            A batch is an array, or a tuple that begins with one. Statistics are summed in float64, batch by batch.

        Raises
        ------
        ValueError
            If there is no batch, or sizes differ from those the layer was built for, or the layer was given its mean.
        TypeError
            For anything else than arrays with a shape.
        """
        if self.input_mean is not None:
            raise errors.value_error(
                self._who, "adapt", "called without a given mean and variance", errors.Shown("both given")
            )
        mean = squares = np.float64(0)
        count = 0.0
        for batch in _batches(self._who, data):
            if not self.built:
                self.build((None, *batch.shape[1:]) if 0 not in self._positive(batch.ndim) else batch.shape)
            self._check_batch(batch.shape)
            others = tuple(axis for axis in range(batch.ndim) if axis not in self._kept)
            for piece in _pieces(batch, 0 in others):
                number = float(math.prod(piece.shape[axis] for axis in others))
                middle = piece.mean(axis=others, dtype=np.float64)
                distance = np.subtract(piece, np.expand_dims(middle, others), dtype=np.float64)
                total = count + number
                shift = middle - mean
                squares = squares + np.square(distance).sum(axis=others) + np.square(shift) * (count * number / total)
                mean, count = mean + shift * (number / total), total
        if not count:
            raise errors.value_error(self._who, "data", "one batch or more", data)
        self.adapt_mean.assign(mean.astype(self.dtype))
        self.adapt_variance.assign(np.asarray(squares / count, self.dtype))

    def _positive(self, rank: int) -> tuple[int, ...]:
        return tuple(axis % rank for axis in self.axis)

    def _check_batch(self, shape: tuple[int, ...]) -> None:
        wanted = self._built_for
        if len(shape) != len(wanted) or any(shape[axis] != wanted[axis] for axis in self._kept):
            raise errors.value_error(self._who, "data", f"of shape {wanted}, as built", errors.Shown(f"shape {shape}"))

    def _spread(self, value: np.ndarray) -> np.ndarray:
        """A given mean or variance, aligned with the kept axes from the right, in the shape that x is combined with."""
        shape = [1] * len(self._broadcast)
        for axis, size in zip(self._kept[len(self._kept) - value.ndim :], value.shape, strict=True):
            shape[axis] = size
        try:
            return np.broadcast_to(value.reshape(shape), self._broadcast).astype(self.dtype)
        except ValueError:
            rule = f"broadcastable to {self._broadcast}"
            raise errors.value_error(self._who, "mean and variance", rule, value) from None

    def _statistic(self, which: str) -> Tensor | None:
        if not self.built:
            return None
        if self.input_mean is not None:
            return self._given[which]
        return ops.reshape(getattr(self, f"adapt_{which}"), self._broadcast)

    @property
    def mean(self) -> Tensor | None:
        """The mean, with x's number of axes; None before the layer is built."""
        return self._statistic("mean")

    @property
    def variance(self) -> Tensor | None:
        """The variance, with x's number of axes; None before the layer is built."""
        return self._statistic("variance")

    def call(self, inputs: Tensor) -> Tensor:
        mean, variance = self.mean, self.variance
        deviation = ops.maximum(ops.sqrt(variance), config.epsilon())  # type: ignore[arg-type]  # built, so there is one
        if self.invert:
            return ops.add(mean, ops.multiply(inputs, deviation))  # type: ignore[arg-type]  # built, so there is one
        return ops.divide(ops.subtract(inputs, mean), deviation)  # type: ignore[arg-type]  # built, so there is one

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return standardize_shape(self._who, input_shape)

    def get_config(self) -> dict[str, Any]:
        given = {"mean": self.input_mean, "variance": self.input_variance}
        lists = {name: None if value is None else value.tolist() for name, value in given.items()}
        return {
            "name": self.name, "trainable": self.trainable, "dtype": self.dtype, "axis": self.axis,
            "invert": self.invert, **lists,
        }  # fmt: skip


def _number_or_list(who: str, argument: str, value: Any) -> Any:
    array = as_numeric(who, argument, value)
    return float(array) if array.ndim == 0 else array.tolist()


def _batches(who: str, data: Any) -> Iterator[np.ndarray]:
    """What `adapt` looks at, one array after the other."""
    if isinstance(data, np.ndarray) or hasattr(data, "__array__"):
        yield as_numeric(who, "data", data)
        return
    items: Iterable[Any]
    if isinstance(data, PyDataset):
        items = (data[i] for i in range(data.num_batches or 0))
    elif hasattr(data, "__iter__"):
        items = data
    else:
        raise errors.type_error(who, "data", "an array, a PyDataset or an iterable of batches", data)
    for item in items:
        batch = item[0] if isinstance(item, tuple) else item
        if not hasattr(batch, "shape"):
            raise errors.type_error(who, "data", "an iterable of batches that are arrays", batch)
        yield as_numeric(who, "data", batch)


def _pieces(batch: np.ndarray, cut: bool) -> Iterator[np.ndarray]:
    """Rows of a batch, some at a time; the whole of it where its first axis is kept."""
    rows = max(PIECE // max(math.prod(batch.shape[1:]), 1), 1) if cut else len(batch)
    for first in range(0, len(batch) if batch.ndim else 0, max(rows, 1)):
        yield batch[first : first + rows]
