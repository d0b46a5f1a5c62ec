"""Input, Dense and Activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn import activations, constraints, errors, initializers, ops, registry, regularizers
from fastnn.autograd import Tensor
from fastnn.layers.base import InputSpec, Layer, Shape, standardize_shape
from fastnn.layers.edge import FUSED, add_kernel_and_bias, check_positive_int
from fastnn.symbolic import KerasTensor, Node, standardize_dtype


class InputLayer(Layer):
    """The place where data enters a model: it states the shape and computes nothing.

    Parameters
    ----------
    shape : tuple of int, optional
        One sample's shape, without the batch axis.
    batch_size : int, optional
        A fixed batch size; any size where it is None.
    dtype : str, optional
        What the data is converted to, such as "int32"; default `fastnn.config.floatx`.
    sparse, ragged : bool, optional
        There are dense tensors only.
    batch_shape : tuple, optional
        The shape with the batch axis, instead of ``shape`` and ``batch_size``.
    input_tensor : KerasTensor, optional
        The KerasTensor to use, instead of a new one.
    optional : bool
        Whether None may be given in place of data, where the layers take that.
    name : str, optional
    """

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: str | None = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        shape = kwargs.pop("input_shape", None) if shape is None else shape
        batch_shape = kwargs.pop("batch_input_shape", None) if batch_shape is None else batch_shape
        super().__init__(name=name or registry.auto_name("InputLayer"), **kwargs)
        if sparse or ragged:
            raise errors.value_error(self._who, "sparse and ragged", "False", (sparse, ragged))
        if input_tensor is not None:
            if not isinstance(input_tensor, KerasTensor):
                raise errors.type_error(self._who, "input_tensor", "a KerasTensor", input_tensor)
            if batch_size is not None and (batch_size,) != input_tensor.shape[:1]:
                raise errors.value_error(self._who, "batch_size", f"that of {input_tensor}", batch_size)
            if shape is not None and tuple(shape) != input_tensor.shape[1:]:
                raise errors.value_error(self._who, "shape", f"that of {input_tensor}", shape)
            if batch_shape is not None and tuple(batch_shape) != input_tensor.shape:
                raise errors.value_error(self._who, "batch_shape", f"that of {input_tensor}", batch_shape)
            if dtype is not None and standardize_dtype(self._who, dtype) != input_tensor.dtype:
                raise errors.value_error(self._who, "dtype", f"that of {input_tensor}", dtype)
            shape, batch_size, dtype, batch_shape = None, None, input_tensor.dtype, input_tensor.shape
        if (shape is None) == (batch_shape is None):
            raise errors.value_error(
                self._who, "shape", "given, or else batch_shape", (shape, batch_shape), "Write Input((28, 28, 1))."
            )
        if batch_shape is not None:
            if batch_size is not None:
                raise errors.value_error(self._who, "batch_size", "left out beside batch_shape", batch_size)
            self.batch_shape: Shape = standardize_shape(self._who, tuple(batch_shape))
            if not self.batch_shape:
                raise errors.value_error(self._who, "batch_shape", "a tuple with a batch axis", batch_shape)
        else:
            if isinstance(shape, int):
                raise errors.type_error(self._who, "shape", "a tuple of sizes", shape, f"Write ({shape},).")
            self.batch_shape = (batch_size, *standardize_shape(self._who, tuple(shape or ())))
        self._input_dtype = standardize_dtype(self._who, dtype)
        self.optional = bool(optional)
        self._enter_graph(input_tensor, name)
        self.built = True

    def _enter_graph(self, tensor: KerasTensor | None = None, name: str | None = None) -> None:
        """Make the node whose output is the model's input, and hold on to it."""
        self._tensor = tensor if tensor is not None else KerasTensor(self.batch_shape, self._input_dtype, name=name)
        Node(self, (), {}, self._tensor)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_tensor"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._enter_graph(name=self.name)

    @property
    def dtype(self) -> str:
        """What the data is converted to."""
        return self._input_dtype

    def call(self, x: Any) -> Any:
        return x

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return self.batch_shape

    def get_config(self) -> dict[str, Any]:
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": self.optional,
        }


def Input(
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """An input of a model: call layers on it, or make it the first entry of `Sequential`.

    Parameters
    ----------
    shape : tuple of int
        One sample's shape, without the batch axis.
    batch_size : int, optional
    dtype : str, optional
        What the data is converted to, such as "int32"; default `fastnn.config.floatx`.
    sparse, ragged : bool, optional
        There are dense tensors only.
    batch_shape : tuple, optional
        Instead of ``shape`` and ``batch_size``.
    name : str, optional
    tensor : KerasTensor, optional
        The KerasTensor to use, instead of a new one.
    optional : bool
        Whether None may be given in place of data, where the layers take that.

    Examples
    --------
    >>> import fastnn as keras
    >>> x = keras.Input((28, 28, 1))
    >>> y = keras.layers.Dense(10)(keras.layers.Flatten()(x))
    >>> keras.Model(x, y).output_shape
    (None, 10)
    """
    layer = InputLayer(
        shape=shape, batch_size=batch_size, dtype=dtype, sparse=sparse, ragged=ragged, batch_shape=batch_shape,
        name=name, input_tensor=tensor, optional=optional,
    )  # fmt: skip
    return layer.output  # type: ignore[no-any-return]  # one KerasTensor, or else a list


class Dense(Layer):
    """Fully connected layer: ``activation(x @ kernel + bias)``.

    Parameters
    ----------
    units : int
        Number of outputs.
    activation : str or callable, optional
        Default: none (linear).
    use_bias : bool
    kernel_initializer, bias_initializer : str or callable
        Default Glorot's uniform distribution, and zeros.
    kernel_regularizer, bias_regularizer, activity_regularizer : str or callable, optional
        Penalties that are added to the loss.
    kernel_constraint, bias_constraint : str, Constraint or callable, optional
        ``constraint(weight)`` is assigned to the weight after each optimizer step.
    lora_rank, lora_alpha, quantization_config
        Keras's; left out here, only None is accepted.
    **kwargs
        ``name``, ``dtype``, ``trainable``, ``input_shape``.

    Shapes
    ------
    x (n, ..., inputs) -> y (n, ..., units); kernel (inputs, units), bias (units,)

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Dense
    >>> Dense(3, activation="relu")(np.ones((2, 4))).shape
    (2, 3)
    """

    _float_input = True
    supports_masking = True

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: None = None,
        lora_alpha: None = None,
        quantization_config: None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        errors.check_left_out(
            self._who, lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config
        )
        self.lora_rank = self.lora_alpha = self.quantization_config = None
        self.units = check_positive_int(self._who, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Shape) -> None:
        inputs = input_shape[-1]
        if inputs is None:
            raise errors.value_error(self._who, "the last axis of x", "of known size", errors.Shown(str(input_shape)))
        self.kernel, self.bias = add_kernel_and_bias(self, (inputs, self.units))
        self.input_spec = InputSpec(min_ndim=2, axes={-1: inputs})

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        fused = FUSED.get(self.activation)
        y = ops.linear(inputs, self.kernel, self.bias, activation=fused)
        return y if fused else self.activation(y)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shape = standardize_shape(self._who, input_shape)
        self._check_shape(shape)
        return (*shape[:-1], self.units)

    def _size_fix(self) -> str:
        return "Flatten the input, or build the layer again."

    def _rank_fix(self, rank: int) -> str:
        return "Add the missing axis: x[:, None] for one feature, x[None] for one sample."


class Activation(Layer):
    """Apply an activation function.

    Parameters
    ----------
    activation : str or callable
    **kwargs
        ``name``, ``dtype``, ``input_shape``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.layers import Activation
    >>> Activation("relu")(np.array([-1.0, 2.0])).numpy()
    array([0., 2.], dtype=float32)
    """

    _float_input = True
    supports_masking = True

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        return self.activation(inputs)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        return standardize_shape(self._who, input_shape)
