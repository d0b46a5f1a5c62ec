"""Embedding: a row of a table for every whole number; Masking: steps that do not count."""

from __future__ import annotations

import warnings
from typing import Any

from fastnn import constraints, errors, initializers, ops, regularizers
from fastnn.autograd import Tensor
from fastnn.layers.base import Layer, Shape, standardize_shape
from fastnn.layers.edge import add_weight, check_positive_int


class Embedding(Layer):
    """Replace each whole number by a vector that is learned: ``y = embeddings[x]``.

    The gradient is dense, as Keras's: rows that a batch does not name get 0, and the optimizer visits all of them. A
    row's gradients are added in the order of the batch.

    Parameters
    ----------
    input_dim : int
        Numbers are from 0 to input_dim - 1; anything beyond is an IndexError (negative numbers count from the end).
    output_dim : int
        Length of the vectors.
    embeddings_initializer : str or callable
        Default uniform in [-0.05, 0.05).
    embeddings_regularizer, embeddings_constraint : str or callable, optional
    mask_zero : bool
        Whether 0 stands for a step that does not count: the output has the mask ``x != 0``.
    weights : array or list of one array, optional
        The table to begin with.
    lora_rank, lora_alpha, quantization_config
        Not here: anything but None is an error.

    Shapes
    ------
    x (n, ...) whole numbers -> y (n, ..., output_dim); embeddings (input_dim, output_dim)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Embedding
    >>> layer = Embedding(3, 2, weights=np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
    >>> layer([[2, 0]]).numpy()
    array([[[4., 5.],
            [0., 1.]]], dtype=float32)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("input_length", None) is not None:
            warnings.warn("Embedding: input_length means nothing in Keras 3; leave it out.", stacklevel=2)
        super().__init__(**kwargs)
        errors.check_left_out(
            self._who, lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config
        )
        self.input_dim = check_positive_int(self._who, "input_dim", input_dim)
        self.output_dim = check_positive_int(self._who, "output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = self.supports_masking = bool(mask_zero)
        self.lora_rank = self.lora_alpha = self.quantization_config = None
        self.autocast = False  # a float64 holds numbers that a float32 does not
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) and len(weights) == 1 else [weights])

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        self.embeddings = add_weight(self, "embeddings", (self.input_dim, self.output_dim))

    def call(self, inputs: Tensor) -> Tensor:
        if inputs.dtype.kind not in "iu":
            inputs = ops.cast(inputs, "int32")
        return ops.take(self.embeddings, inputs, axis=0)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return (*standardize_shape(self._who, input_shape), self.output_dim)

    def get_config(self) -> dict[str, Any]:
        left_out = ("weights", "lora_rank", "lora_alpha")  # as Keras does
        return {name: value for name, value in super().get_config().items() if name not in left_out}


class Masking(Layer):
    """Leave out the steps of a sequence whose values all equal one number: they become 0, and the output has a mask.

    Parameters
    ----------
    mask_value : float

    Shapes
    ------
    (n, steps, features) -> the same, with a mask (n, steps)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Masking
    >>> Masking(-1.0)(np.array([[[1.0, -1.0], [-1.0, -1.0]]])).numpy()
    array([[[ 1., -1.],
            [ 0.,  0.]]], dtype=float32)
    """

    _float_input = True

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        counts = self.compute_mask(inputs)
        y = ops.where(ops.expand_dims(counts, -1), inputs, 0.0)
        y._keras_mask = counts
        return y

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return standardize_shape(self._who, input_shape)
