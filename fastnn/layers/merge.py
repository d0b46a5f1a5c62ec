"""Layers that make one tensor of several: sums, products, extremes, concatenation, dot products."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from fastnn import errors, ops
from fastnn.autograd import Tensor
from fastnn.layers.base import Layer, Shape, standardize_shape


class Merge(Layer):
    """The base: a list of tensors whose shapes broadcast from the last axis; missing axes follow the batch axis."""

    _exactly: int | None = None  # inputs, where their number is not free

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)
        self.built = True

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        return self._merge(self._same_rank(self._checked(inputs)))

    def _merge(self, inputs: Sequence[Tensor]) -> Tensor:
        raise NotImplementedError

    def _fold(self, op: Callable[[Any, Any], Tensor], inputs: Sequence[Tensor]) -> Tensor:
        """op over the inputs, from the first on."""
        y = inputs[0]
        for x in inputs[1:]:
            y = op(y, x)
        return y

    def _checked(self, inputs: Any) -> Sequence[Any]:
        """A list of as many inputs as the layer takes, or the error."""
        if not isinstance(inputs, (list, tuple)):
            fix = "Call it as layer([a, b])."
            raise errors.value_error(self._who, "inputs", "a list of tensors", errors.Shown(f"{inputs!r}"), fix)
        if not inputs or (self._exactly is not None and len(inputs) != self._exactly):
            rule = "of at least 1 tensor" if self._exactly is None else f"of exactly {self._exactly} tensors"
            raise errors.value_error(self._who, "inputs", f"a list {rule}", errors.Shown(f"{len(inputs)}"))
        return inputs

    def _shapes(self, input_shape: Any) -> list[Shape]:
        """The inputs' shapes, which must be several."""
        if not isinstance(input_shape, (list, tuple)) or not all(isinstance(s, (list, tuple)) for s in input_shape):
            got = errors.Shown(f"one of shape {input_shape}")
            raise errors.value_error(self._who, "inputs", "a list of tensors", got, "Call it as layer([a, b]).")
        return [standardize_shape(self._who, shape) for shape in self._checked(input_shape)]

    @staticmethod
    def _same_rank(inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        rank = max(x.ndim for x in inputs)
        return [
            x if x.ndim == rank else ops.reshape(x, (*x.shape[:1], *[1] * (rank - x.ndim), *x.shape[1:]))
            for x in inputs
        ]

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """A step counts if it does in any of the inputs; no mask where one of them has none."""
        masks = self._masks(inputs, mask)
        return None if any(mask is None for mask in masks) else self._fold(ops.logical_or, masks)

    def _masks(self, inputs: Any, masks: Any) -> list[Any]:
        if masks is None:
            return [None]
        if not isinstance(masks, (list, tuple)) or len(masks) != len(self._checked(inputs)):
            raise errors.value_error(self._who, "mask", f"a list of {len(inputs)} masks", errors.Shown(f"{masks!r}"))
        return list(masks)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shapes = self._shapes(input_shape)
        batches = {shape[0] for shape in shapes if shape} - {None}
        if len(batches) > 1:
            raise self._mismatch("of one batch size", shapes)
        rest: Shape = shapes[0][1:]
        for shape in shapes[1:]:
            rest = self._broadcast(rest, shape[1:], shapes)
        return (batches.pop() if batches else None, *rest)

    def _broadcast(self, a: Shape, b: Shape, shapes: list[Shape]) -> Shape:
        if len(a) < len(b):
            a, b = b, a
        result = list(a[: len(a) - len(b)])
        for m, n in zip(a[len(a) - len(b) :], b, strict=True):
            if None not in (m, n) and 1 not in (m, n) and m != n:
                raise self._mismatch("of shapes that broadcast", shapes)
            result.append(None if m is None or n is None else n if m == 1 else m)
        return tuple(result)

    def _mismatch(self, rule: str, shapes: list[Shape]) -> ValueError:
        return errors.value_error(self._who, "inputs", rule, errors.Shown(" and ".join(map(str, shapes))))


class Add(Merge):
    """The sum of the inputs.

    Shapes
    ------
    a list of (n, ...) that broadcast -> (n, ...)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Add
    >>> Add()([np.ones((1, 2)), np.full((1, 2), 3.0)]).numpy()
    array([[4., 4.]], dtype=float32)
    """

    def _merge(self, inputs: Sequence[Tensor]) -> Tensor:
        return self._fold(ops.add, inputs)


class Subtract(Merge):
    """The first of two inputs minus the second.

    Shapes
    ------
    two of (n, ...) that broadcast -> (n, ...)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Subtract
    >>> Subtract()([np.ones((1, 2)), np.full((1, 2), 3.0)]).numpy()
    array([[-2., -2.]], dtype=float32)
    """

    _exactly = 2

    def _merge(self, inputs: Sequence[Tensor]) -> Tensor:
        return ops.subtract(*inputs)


class Multiply(Merge):
    """The product of the inputs, element by element.

    Shapes
    ------
    a list of (n, ...) that broadcast -> (n, ...)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Multiply
    >>> Multiply()([np.full((1, 2), 2.0), np.full((1, 2), 3.0)]).numpy()
    array([[6., 6.]], dtype=float32)
    """

    def _merge(self, inputs: Sequence[Tensor]) -> Tensor:
        """Masked elements are left out, and where all are, the product is 0."""
        masks = [_spread(x) for x in inputs]
        inputs = [x if mask is None else ops.where(mask, x, 1.0) for x, mask in zip(inputs, masks, strict=True)]
        y = self._fold(ops.multiply, inputs)
        if any(mask is None for mask in masks):
            return y
        return ops.where(self._fold(ops.logical_or, masks), y, 0.0)


class Average(Merge):
    """The mean of the inputs.

    Shapes
    ------
    a list of (n, ...) that broadcast -> (n, ...)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Average
    >>> Average()([np.ones((1, 2)), np.full((1, 2), 3.0)]).numpy()
    array([[2., 2.]], dtype=float32)
    """

    def _merge(self, inputs: Sequence[Tensor]) -> Tensor:
        return ops.divide(self._fold(ops.add, inputs), len(inputs))


class _Extreme(Merge):
    """The base of Maximum and Minimum: masked elements are left out."""

    def _extreme(self, op: Callable[[Any, Any], Tensor], inputs: Sequence[Tensor]) -> Tensor:
        y, counts = inputs[0], _spread(inputs[0])
        for x in inputs[1:]:
            mask = _spread(x)
            if mask is not None:
                x = ops.where(mask, x, y)
            if counts is not None:
                y = ops.where(counts, y, x)
            counts = None if counts is None or mask is None else ops.logical_or(counts, mask)
            y = op(y, x)
        return y


class Maximum(_Extreme):
    """The largest of the inputs, element by element.

    Shapes
    ------
    a list of (n, ...) that broadcast -> (n, ...)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Maximum
    >>> Maximum()([np.ones((1, 2)), np.full((1, 2), 3.0)]).numpy()
    array([[3., 3.]], dtype=float32)
    """

    def _merge(self, inputs: Sequence[Tensor]) -> Tensor:
        return self._extreme(ops.maximum, inputs)


class Minimum(_Extreme):
    """The smallest of the inputs, element by element.

    Shapes
    ------
    a list of (n, ...) that broadcast -> (n, ...)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Minimum
    >>> Minimum()([np.ones((1, 2)), np.full((1, 2), 3.0)]).numpy()
    array([[1., 1.]], dtype=float32)
    """

    def _merge(self, inputs: Sequence[Tensor]) -> Tensor:
        return self._extreme(ops.minimum, inputs)


class Concatenate(Merge):
    """The inputs one behind the other along an axis.

    Parameters
    ----------
    axis : int
        The batch axis is 0.

    Shapes
    ------
    a list of shapes that are equal but along the axis -> their sum along it

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Concatenate
    >>> Concatenate()([np.ones((1, 2)), np.zeros((1, 1))]).numpy()
    array([[1., 1., 0.]], dtype=float32)
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise errors.type_error(self._who, "axis", "an int", axis)
        self.axis = axis

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        return ops.concatenate(self._checked(inputs), axis=self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """What lies behind each other where the values do; an input without a mask counts."""
        masks = self._masks(inputs, mask)
        if all(mask is None for mask in masks):
            return None
        whole = [
            ops.ones_like(x, dtype="bool") if mask is None
            else ops.broadcast_to(ops.expand_dims(mask, -1), x.shape) if mask.ndim < x.ndim
            else mask
            for x, mask in zip(inputs, masks, strict=True)
        ]  # fmt: skip
        return ops.any(ops.concatenate(whole, axis=self.axis), axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shapes = self._shapes(input_shape)
        rank = len(shapes[0])
        if not -rank <= self.axis < rank:
            raise self._mismatch(f"of more axes, for axis={self.axis}", shapes)
        joined = self.axis % rank
        result: list[int | None] = list(shapes[0])
        for shape in shapes[1:]:
            if len(shape) != rank:
                raise self._mismatch("of one rank", shapes)
            for axis, size in enumerate(shape):
                known = result[axis]
                if axis == joined:
                    result[axis] = None if known is None or size is None else known + size
                elif known is None:
                    result[axis] = size
                elif size not in (None, known):
                    raise self._mismatch(f"of shapes that differ along axis {self.axis} only", shapes)
        return tuple(result)


class Dot(Merge):
    """Scalar products along one axis of each of two inputs, sample by sample.

    The axes that are left follow each other: those of the first, then those of the second; ``(n, 1)`` where none is.

    Parameters
    ----------
    axes : int or tuple of two int
        The axis of each input that is summed over, not the batch axis.
    normalize : bool
        Divide the vectors by their Euclidean lengths before, which gives cosines.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Dot
    >>> Dot(axes=1)([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).numpy()
    array([[11.]], dtype=float32)
    """

    _exactly = 2

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(axes, bool) or not isinstance(axes, (int, list, tuple)):
            raise errors.type_error(self._who, "axes", "an int or two of them", axes)
        if not isinstance(axes, int) and (len(axes) != 2 or not all(isinstance(axis, int) for axis in axes)):
            raise errors.value_error(self._who, "axes", "an int or two of them", axes)
        self.axes = axes if isinstance(axes, int) else tuple(axes)
        self.normalize = normalize

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        a, b = self._checked(inputs)
        first, second = self._places([a.shape, b.shape])
        if self.normalize:
            a, b = ops.normalize(a, first), ops.normalize(b, second)
        # (n, what is left of a, summed) @ (n, summed, what is left of b)
        left = [axis for axis in range(1, a.ndim) if axis != first]
        right = [axis for axis in range(1, b.ndim) if axis != second]
        shape = (a.shape[0], *(a.shape[axis] for axis in left), *(b.shape[axis] for axis in right))
        rows, columns = math.prod(a.shape[axis] for axis in left), math.prod(b.shape[axis] for axis in right)
        a = ops.reshape(ops.transpose(a, (0, *left, first)), (a.shape[0], rows, a.shape[first]))
        b = ops.reshape(ops.transpose(b, (0, second, *right)), (b.shape[0], b.shape[second], columns))
        return ops.reshape(ops.matmul(a, b), shape if len(shape) > 1 else (*shape, 1))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """None: the steps are summed over."""
        return None

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shapes = self._shapes(input_shape)
        first, second = self._places(shapes)
        rest = [
            size
            for shape, summed in zip(shapes, (first, second), strict=True)
            for axis, size in enumerate(shape)
            if axis not in (0, summed)
        ]
        return (shapes[0][0], *(rest or [1]))

    def _places(self, shapes: Sequence[Shape]) -> tuple[int, int]:
        """The two axes, counted from 0."""
        found = []
        for axis, shape in zip((self.axes,) * 2 if isinstance(self.axes, int) else self.axes, shapes, strict=True):
            if not -len(shape) < axis < len(shape) or not axis:
                raise errors.value_error(self._who, "axes", f"behind the batch axis of shape {shape}", self.axes)
            found.append(axis % len(shape))
        sizes = {shape[axis] for axis, shape in zip(found, shapes, strict=True)} - {None}
        if len(sizes) > 1:
            raise self._mismatch(f"of equal sizes along the axes {self.axes}", list(shapes))
        return found[0], found[1]


def _spread(x: Tensor) -> Any:
    """A Tensor's mask, broadcast to its values; None if it has none."""
    mask = x._keras_mask
    return None if mask is None else ops.broadcast_to(ops.expand_dims(mask, -1), x.shape)


# ---- the same as functions ----------------------------------------------------------------------------------------


def add(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """``Add(**kwargs)(inputs)``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import layers
    >>> layers.add([np.array([[1.0]]), np.array([[2.0]])]).numpy()
    array([[3.]], dtype=float32)
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """``Subtract(**kwargs)(inputs)``."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """``Multiply(**kwargs)(inputs)``."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """``Average(**kwargs)(inputs)``."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """``Maximum(**kwargs)(inputs)``."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """``Minimum(**kwargs)(inputs)``."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """``Concatenate(axis, **kwargs)(inputs)``."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Sequence[Any], axes: int | Sequence[int] = -1, **kwargs: Any) -> Any:
    """``Dot(axes, **kwargs)(inputs)``."""
    return Dot(axes=axes, **kwargs)(inputs)
