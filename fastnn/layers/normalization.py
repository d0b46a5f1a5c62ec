"""Normalization of activations: by the batch, by rows, by groups of channels, to unit length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn import config, constraints, errors, initializers, ops, regularizers
from fastnn.autograd import Tensor, Variable, is_grad_enabled
from fastnn.layers.base import InputSpec, Layer, Shape, standardize_shape
from fastnn.layers.edge import add_weight, check_positive_int
from fastnn.ops.fused import PLAIN, Affine, Fusion
from fastnn.ops.normalization import affine, along, by_batch, by_groups, by_moments, move_statistics


class _Normalization(Layer):
    """What normalizations share: axes that must exist, and the weights gamma and beta."""

    _float_input = True
    supports_masking = True
    axis: Any
    scale: Any

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = standardize_shape(self._who, input_shape)
        self._axes(len(shape))
        return shape

    def _axes(self, rank: int) -> tuple[int, ...]:
        """The layer's axes, counted from 0."""
        axes = self.axis if isinstance(self.axis, (list, tuple)) else (self.axis,)
        for axis in axes:
            if not -rank <= axis < rank:
                raise errors.value_error(self._who, "axis", f"one of the {rank} axes of x", self.axis)
        return tuple(axis % rank for axis in axes)

    def _sizes(self, input_shape: Shape) -> tuple[int, ...]:
        sizes = tuple(input_shape[axis] for axis in self._axes(len(input_shape)))
        if None in sizes:
            raise errors.value_error(
                self._who, "the normalized axes of x", "of known size", errors.Shown(f"shape {tuple(input_shape)}")
            )
        return sizes  # type: ignore[return-value]  # none of them is None

    def _weight_arguments(self, **arguments: Any) -> None:
        """Store ``center``, ``scale`` and what is said about gamma and beta."""
        self.center, self.scale = bool(arguments["center"]), bool(arguments["scale"])
        self.beta_initializer = initializers.get(arguments["beta_initializer"])
        self.gamma_initializer = initializers.get(arguments["gamma_initializer"])
        self.beta_regularizer = regularizers.get(arguments["beta_regularizer"])
        self.gamma_regularizer = regularizers.get(arguments["gamma_regularizer"])
        self.beta_constraint = constraints.get(arguments["beta_constraint"])
        self.gamma_constraint = constraints.get(arguments["gamma_constraint"])
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def _add_gamma_and_beta(self, shape: tuple[int, ...], scale: bool, center: bool) -> None:
        if scale:
            self.gamma = add_weight(self, "gamma", shape)
        if center:
            self.beta = add_weight(self, "beta", shape)

    def _forget_weights(self) -> None:
        super()._forget_weights()
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            if not hasattr(self, name):
                setattr(self, name, None)


class BatchNormalization(_Normalization):
    """Normalize each channel: in training by the batch's mean and variance, else by moving averages of them.

    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta

    While training, ``moving = moving * momentum + batch's * (1 - momentum)``, of the mean and of the variance (the
    mean squared distance from the mean, not corrected for the batch's size). A layer with ``trainable = False`` uses
    and keeps its moving averages even while training.

    Parameters
    ----------
    axis : int
        The channels; statistics are over all other axes.
    momentum : float
    epsilon : float
    center, scale : bool
        Whether there is a beta, and a gamma.
    beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer : str or callable
    beta_regularizer, gamma_regularizer : str or callable, optional
    beta_constraint, gamma_constraint : str, Constraint or callable, optional
    renorm, renorm_clipping, renorm_momentum
        Batch renormalization is left out: only ``renorm=False``.
    synchronized : bool
        Accepted: there is one device, whose batch is the whole batch.
    **kwargs
        ``name``, ``dtype``, ``trainable``.

    Shapes
    ------
    x of any rank -> y the same; all weights (channels,). The call's ``mask``, of x's shape without the last axis, says
    which positions count for the statistics.

    Source
    ------
    Ioffe, Szegedy, Batch Normalization, arXiv:1502.03167

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import BatchNormalization
    >>> BatchNormalization(epsilon=0.0)(np.array([[1.0], [3.0]]), training=True).numpy()
    array([[-1.],
           [ 1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = _int(self._who, axis)
        if renorm:
            raise errors.value_error(self._who, "renorm", "False: batch renormalization is not offered", renorm)
        self.renorm, self.renorm_clipping, self.renorm_momentum = False, renorm_clipping, renorm_momentum
        self.synchronized = bool(synchronized)
        self.momentum, self.epsilon = float(momentum), float(epsilon)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self._weight_arguments(
            center=center, scale=scale, beta_initializer=beta_initializer, gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer, gamma_regularizer=gamma_regularizer, beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
        )  # fmt: skip
        self.moving_mean: Variable | None = None
        self.moving_variance: Variable | None = None

    def build(self, input_shape: Shape) -> None:
        shape = self._sizes(input_shape)
        self._add_gamma_and_beta(shape, self.scale, self.center)
        self.moving_mean = self.add_weight(
            shape=shape, initializer=self.moving_mean_initializer, trainable=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            shape=shape, initializer=self.moving_variance_initializer, trainable=False, name="moving_variance"
        )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(self, inputs: Tensor, training: bool | None = None, mask: Any = None) -> Tensor:
        (axis,) = self._axes(inputs.ndim)
        if mask is not None and training and self.trainable:
            return self._masked(inputs, ops.cast(mask, "bool"), axis)
        return along(axis, lambda x: self.fused(x, bool(training)), inputs)

    def fused(self, x: Tensor, training: bool, fusion: Fusion = PLAIN) -> Tensor:
        """The layer along the last axis, with what is joined to it."""
        moving = self.moving_mean, self.moving_variance
        if training and self.trainable:
            return by_batch(x, self.gamma, self.beta, moving, self.momentum, self.epsilon, fusion)  # type: ignore[arg-type]  # built, so there are moving averages
        return by_moments(x, *moving, self.gamma, self.beta, self.epsilon, fusion)  # type: ignore[arg-type]  # built, so there are moving averages

    def is_affine(self, training: bool) -> bool:
        """Whether a call maps each channel by given statistics, and no gradient of gamma and beta is wanted."""
        wanted = is_grad_enabled() and any(w is not None and w.requires_grad for w in (self.gamma, self.beta))
        return self.built and not wanted and not (training and self.trainable)

    def affine(self) -> Affine:
        """That map, from what the weights are now."""
        return affine(self.moving_mean, self.moving_variance, self.gamma, self.beta, self.epsilon)  # type: ignore[arg-type]  # built, so there are moving averages

    def _masked(self, x: Tensor, mask: Tensor, axis: int) -> Tensor:
        """Statistics of the positions where mask is true alone."""
        if mask.ndim != x.ndim - 1:
            raise errors.value_error(self._who, "mask", f"of rank {x.ndim - 1}, one less than x", mask.data)
        counts = ops.broadcast_to(ops.expand_dims(mask, -1), x.shape)
        others = tuple(i for i in range(x.ndim) if i != axis)
        shape = (x.shape[axis],)
        number = ops.add(ops.sum(ops.cast(counts, self.dtype), others, keepdims=True), config.epsilon())
        mean = ops.divide(ops.sum(ops.where(counts, x, 0.0), others, keepdims=True), number)
        distance = ops.where(counts, ops.subtract(x, mean), 0.0)
        variance = ops.divide(ops.sum(ops.square(distance), others), ops.reshape(number, shape))
        mean = ops.reshape(mean, shape)
        move_statistics((self.moving_mean, self.moving_variance), mean.data, variance.data, self.momentum)  # type: ignore[arg-type]  # built, so there are moving averages
        return ops.batch_normalization(x, mean, variance, axis, self.beta, self.gamma, self.epsilon)


class LayerNormalization(_Normalization):
    """Normalize each sample (or position) over axes: ``(x - mean) / sqrt(variance + epsilon) * gamma + beta``.

    Parameters
    ----------
    axis : int or sequence of int
        What mean and variance are over.
    epsilon : float
    center, scale : bool
        Whether there is a beta, and a gamma, with the sizes of the axes.
    beta_initializer, gamma_initializer : str or callable
    beta_regularizer, gamma_regularizer : str or callable, optional
    beta_constraint, gamma_constraint : str, Constraint or callable, optional
    **kwargs
        ``name``, ``dtype``, ``trainable``; ``rms_scaling=True`` (deprecated, as in Keras) for
        ``x / sqrt(variance + epsilon) * gamma``.

    Source
    ------
    Ba, Kiros, Hinton, Layer Normalization, arXiv:1607.06450

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import LayerNormalization
    >>> LayerNormalization(epsilon=0.0)(np.array([[0.0, 2.0], [0.0, 4.0]])).numpy()
    array([[-1.,  1.],
           [-1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        self.rms_scaling = bool(kwargs.pop("rms_scaling", False))
        super().__init__(**kwargs)
        self.axis = _axis_or_list(self._who, axis)
        self.epsilon = epsilon
        self._weight_arguments(
            center=center, scale=scale, beta_initializer=beta_initializer, gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer, gamma_regularizer=gamma_regularizer, beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
        )  # fmt: skip

    def build(self, input_shape: Shape) -> None:
        self.axis = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        shape = self._sizes(input_shape)
        self._add_gamma_and_beta(shape, self.scale or self.rms_scaling, self.center and not self.rms_scaling)

    def call(self, inputs: Tensor) -> Tensor:
        extra = {"rms_scaling": True} if self.rms_scaling else {}
        return ops.layer_normalization(inputs, self.gamma, self.beta, self.axis, self.epsilon, **extra)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rms_scaling": self.rms_scaling}


class GroupNormalization(_Normalization):
    """Normalize each sample over all positions and the channels of each of some groups.

    y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, gamma and beta per channel

    Parameters
    ----------
    groups : int
        Into how many groups the channels are split, evenly; -1: each channel by itself (instance normalization).
    axis : int
        The channels.
    epsilon : float
    center, scale : bool
        Whether there is a beta, and a gamma.
    beta_initializer, gamma_initializer : str or callable
    beta_regularizer, gamma_regularizer : str or callable, optional
    beta_constraint, gamma_constraint : str, Constraint or callable, optional
    **kwargs
        ``name``, ``dtype``, ``trainable``.

    Source
    ------
    Wu, He, Group Normalization, arXiv:1803.08494

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import GroupNormalization
    >>> GroupNormalization(2, epsilon=0.0)(np.array([[0.0, 2.0, 3.0, 5.0]])).numpy()
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.groups = groups if groups == -1 else check_positive_int(self._who, "groups", groups)
        self.axis = _int(self._who, axis)
        self.epsilon = epsilon
        self._weight_arguments(
            center=center, scale=scale, beta_initializer=beta_initializer, gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer, gamma_regularizer=gamma_regularizer, beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
        )  # fmt: skip

    def build(self, input_shape: Shape) -> None:
        shape = self._sizes(input_shape)
        if self.groups == -1:
            self.groups = shape[0]
        if shape[0] % self.groups:
            rule = f"a divisor of the number of channels ({shape[0]})"
            raise errors.value_error(self._who, "groups", rule, self.groups)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})
        self._add_gamma_and_beta(shape, self.scale, self.center)

    def call(self, inputs: Tensor) -> Tensor:
        (axis,) = self._axes(inputs.ndim)
        return along(axis, lambda x: by_groups(x, self.groups, self.gamma, self.beta, self.epsilon), inputs)


class RMSNormalization(_Normalization):
    """Divide by the root mean square over axes: ``x / sqrt(mean(x^2) + epsilon) * scale``.

    Parameters
    ----------
    axis : int or sequence of int
        The last axes, since ``scale`` has their sizes and is broadcast as it is.
    epsilon : float
    **kwargs
        ``name``, ``dtype``, ``trainable``.

    Source
    ------
    Zhang, Sennrich, Root Mean Square Layer Normalization, arXiv:1910.07467

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import RMSNormalization
    >>> RMSNormalization(epsilon=0.0)(np.array([[2.0, -2.0]])).numpy()
    array([[ 1., -1.]], dtype=float32)
    """

    supports_masking = False  # as in Keras

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = _axis_or_list(self._who, axis)
        self.epsilon = epsilon

    def build(self, input_shape: Shape) -> None:
        self.axis = sorted(self.axis) if isinstance(self.axis, list) else [self.axis]
        self.scale = self.add_weight(shape=self._sizes(input_shape), initializer="ones", name="scale")

    def call(self, x: Tensor) -> Tensor:
        return ops.rms_normalization(x, scale=self.scale, axis=self.axis, epsilon=self.epsilon)


class UnitNormalization(_Normalization):
    """Scale to a Euclidean length of 1 over axes.

    Parameters
    ----------
    axis : int or sequence of int
    **kwargs
        ``name``, ``dtype``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import UnitNormalization
    >>> UnitNormalization()(np.array([[3.0, 4.0]])).numpy()
    array([[0.6, 0.8]], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = _axis_or_list(self._who, axis)
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        return ops.normalize(inputs, axis=self.axis, order=2, epsilon=1e-12)


def _int(who: str, axis: Any) -> int:
    if isinstance(axis, bool) or not hasattr(axis, "__index__"):
        raise errors.type_error(who, "axis", "one integer", axis)
    return int(axis)


def _axis_or_list(who: str, axis: Any) -> int | list[int]:
    if isinstance(axis, (list, tuple)):
        return [_int(who, one) for one in axis]
    return _int(who, axis)
