"""Sequential: a stack of layers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastnn import errors, fusion, ops, registry
from fastnn.autograd import Array, Tensor
from fastnn.layers.base import KerasTensor, Layer, Shape, standardize_shape
from fastnn.layers.core import InputLayer
from fastnn.models.model import Model


class Sequential(Model):
    """Layers one after the other.

    The weights exist as soon as the input's shape is known: from an `Input` in front, from ``input_shape=`` of the
    first layer, or from the first data.

    Parameters
    ----------
    layers : iterable of Layer, optional
        More can be added with `add`.
    trainable : bool
    name : str, optional

    Examples
    --------
    >>> from fastnn import layers, models
    >>> model = models.Sequential([
    ...     layers.Input((28, 28, 1)),
    ...     layers.Conv2D(32, 4, activation="relu"),
    ...     layers.MaxPooling2D(3),
    ...     layers.Flatten(),
    ...     layers.Dense(10),
    ... ])
    >>> model.output_shape
    (None, 10)
    """

    _float_input = True

    def __init__(self, layers: Iterable[Any] | None = None, trainable: bool = True, name: str | None = None) -> None:
        super().__init__(trainable=trainable, name=name)
        self._layers: list[Layer] = []
        self._input_shape: Shape | None = None
        self._output_shape: Shape | None = None
        if layers is not None:
            if isinstance(layers, (Layer, KerasTensor)):
                raise errors.type_error(self._who, "layers", "a list of layers", layers, "Write Sequential([layer]).")
            for layer in layers:
                self._append(layer)
            self._build_if_possible()

    # ---- the stack

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top.

        Parameters
        ----------
        layer : Layer
            Or `Input`, as the first.
        rebuild : bool
            Make its weights at once where the input's shape is known.
        """
        before = list(self._layers), self.built, self._input_shape, self._output_shape
        try:
            self._append(layer)
            if rebuild:
                self._build_if_possible()
        except BaseException:
            self._layers, self.built, self._input_shape, self._output_shape = before
            raise

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the topmost layer off and return it.

        Parameters
        ----------
        rebuild : bool
            Work out the output shape of what is left at once.
        """
        if not self.layers:
            raise errors.order_error(f"{self._who}.pop", "there is no layer", "Add one first.")
        layer = self._layers.pop()
        self.built = False
        self._output_shape = None
        if rebuild:
            self._build_if_possible()
        return layer

    def _append(self, layer: Any) -> None:
        if isinstance(layer, KerasTensor):
            layer = layer.layer
        if not isinstance(layer, Layer):
            fix = "Give an instance: Flatten()." if isinstance(layer, type) else ""
            raise errors.type_error(self._who, "every layer", "a fastnn.layers.Layer", layer, fix)
        if not self._layers and layer._input_shape_arg is not None:
            self._append(InputLayer(shape=layer._input_shape_arg, dtype=layer.dtype))
        if any(layer.name == other.name for other in self._layers):
            raise errors.value_error(self._who, "the layers' names", "different", layer.name, "Give it another name=.")
        if isinstance(layer, InputLayer):
            if self._layers:
                raise errors.value_error(self._who, "Input", "the first entry", errors.Shown("a later place"))
            self._input_shape = layer.batch_shape
            self._np_dtype = layer._np_dtype
        elif not self.layers:
            self._np_dtype = layer._np_dtype
        self._layers.append(layer)
        self.built = False
        self._output_shape = None

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        return [layer for layer in self._layers if not isinstance(layer, InputLayer)]

    @property
    def input_shape(self) -> Shape:
        """The input's shape; None where any size fits."""
        if self._input_shape is None:
            raise AttributeError(f"{self._who}: input_shape is not known before the model is built.")
        return self._input_shape

    @property
    def output_shape(self) -> Shape:
        """The output's shape; None where it depends on the input."""
        if self._output_shape is None:
            raise AttributeError(f"{self._who}: output_shape is not known before the model is built.")
        return self._output_shape

    # ---- building

    def build(self, input_shape: Any = None) -> None:
        """Make all weights.

        Parameters
        ----------
        input_shape : tuple
            With the batch axis, which may be None.
        """
        if not self.layers:
            raise errors.order_error(f"{self._who}.build", "there is no layer", "Add layers first: model.add(layer).")
        if input_shape is None:
            input_shape = self._input_shape
            if input_shape is None:
                raise errors.value_error(f"{self._who}.build", "input_shape", "a tuple with the batch axis", None)
        shape = standardize_shape(f"{self._who}.build", input_shape)
        if self._input_shape is not None and self._input_shape[1:] != shape[1:]:
            raise errors.value_error(self._who, "input_shape", f"{self._input_shape}, as built or stated", shape)
        if self._input_shape is None:
            shape = (None, *shape[1:])
        made: list[Layer] = []
        output: Any = shape
        try:
            for layer in self.layers:
                after = layer.compute_output_shape(output) if layer.built else None
                if not layer.built:
                    made.append(layer)
                    layer.build(output)
                    after = layer.compute_output_shape(output)
                if layer._build_shape is None:
                    layer._build_shape = output
                output = after
        except BaseException:
            for layer in made:
                layer._forget_weights()
            raise
        self._input_shape = shape
        self._output_shape = output

    def _build_if_possible(self) -> None:
        shape = self._input_shape
        if shape is None and self._layers and isinstance(self._layers[0], Sequential):
            shape = self._layers[0]._input_shape
        if shape is None or not self.layers:
            return
        try:
            self.build(shape)
        except NotImplementedError:  # a layer cannot tell its output shape: wait for data
            self.built = False

    def _undo_build(self) -> None:
        """`build` has cleaned up itself: layers that were built before keep their weights."""

    def _forget_weights(self) -> None:
        stated = None
        for layer in self._layers:
            if isinstance(layer, InputLayer):
                stated = layer.batch_shape
            else:
                layer._forget_weights()
        self._input_shape, self._output_shape = stated, None
        super()._forget_weights()

    def _prepare(self, x: Any) -> None:
        if not self.built and isinstance(x, Tensor):
            if not self.layers:
                raise errors.order_error(self._who, "there is no layer", "Add layers first: model.add(layer).")
            try:
                self.build((None, *x.shape[1:]))
            except NotImplementedError:
                self.built = False

    def _build_from(self, sample: Any) -> None:
        if self.built:
            return
        if not self.layers:
            raise errors.order_error(self._who, "there is no layer", "Add layers first: model.add(layer).")
        try:
            self.build((None, *sample.shape[1:]))
        except NotImplementedError:
            self.built = False
            super()._build_from(sample)

    # ---- running

    def call(self, x: Any) -> Any:
        return fusion.call_chain(self._layers, x)

    def _convert(self, x: Any) -> Any:
        x = super()._convert(x)
        if self._input_shape is not None and isinstance(x, Tensor) and x.ndim != len(self._input_shape):
            shape = self._fit_rank(x.shape)
            x = ops.reshape(x, shape)
        return x

    def _input_dtypes(self) -> list[str]:
        """What `fit` and its like convert the data to."""
        return [self.dtype]

    def _fit_data(self, x: Array) -> Array:
        """The data with a last axis of size 1 added or dropped where the input shape says so."""
        if self._input_shape is None or x.ndim == len(self._input_shape):
            return x
        shape = self._fit_rank(x.shape)
        return x[..., None] if len(shape) > x.ndim else x[..., 0]

    def _fit_rank(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        expected = self._input_shape or ()
        fitting: tuple[int, ...] | None = None
        if len(shape) == len(expected) - 1 and expected[-1] == 1:
            fitting = (*shape, 1)
        elif len(shape) == len(expected) + 1 and shape[-1] == 1:
            fitting = shape[:-1]
        if fitting is None or any(n not in (None, m) for n, m in zip(expected[1:], fitting[1:], strict=True)):
            single = tuple(expected[1:]) == tuple(shape)
            fix = "A single sample needs a batch axis: x[None]." if single else ""
            raise errors.value_error(
                self._who, "x", f"of shape {expected}", errors.Shown(f"shape {tuple(shape)}"), fix
            )
        return fitting

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = input_shape
        for layer in self._layers:
            shape = layer.compute_output_shape(shape) if not isinstance(layer, InputLayer) else shape
        return shape

    # ---- configuration

    def get_config(self) -> dict[str, Any]:
        """The layers' configurations: ``Sequential.from_config(config)`` makes an equal model with new weights."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable}
        config["layers"] = [registry.serialize(layer) for layer in self._layers]
        if self._input_shape is not None:
            config["build_input_shape"] = self._input_shape
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Sequential:
        """Make a model from what `get_config` returned."""
        model = cls(name=config["name"], trainable=config.get("trainable", True))
        for entry in config["layers"]:
            model._append(registry.deserialize(entry))
        shape = config.get("build_input_shape")
        if shape is not None and model._input_shape is None:
            model.build(tuple(shape))
        else:
            model._build_if_possible()
        return model
