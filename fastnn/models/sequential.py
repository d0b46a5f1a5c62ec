"""Sequential: a stack of layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastnn import errors, fusion, locks, registry, tree
from fastnn.autograd import Tensor, as_tensor
from fastnn.layers.base import KerasTensor, Layer, Shape, in_training, standardize_shape
from fastnn.layers.core import InputLayer
from fastnn.models import inputs
from fastnn.models.data import Data
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
        self._tensors: list[Any] = []  # what comes out of each, as far as that is known
        self._found_input = False  # by building, not stated
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
        before = list(self._layers), self.built
        try:
            self._append(layer)
            if rebuild:
                self._build_if_possible()
        except BaseException:
            self._layers, self.built = before
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
        if len(self._tensors) == len(self._layers):
            self._disconnect()
        layer = self._layers.pop()
        self.built = False
        if rebuild:
            self._build_if_possible()
        return layer

    def _append(self, layer: Any) -> None:
        if isinstance(layer, KerasTensor) and isinstance(layer._keras_history.operation, InputLayer):
            layer = layer._keras_history.operation
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
            self._np_dtype = layer._np_dtype
        elif not self.layers:
            self._np_dtype = layer._np_dtype
        self._layers.append(layer)
        self.built = False

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        return self._layers[1:] if self._entry() is not None else list(self._layers)

    def _entry(self) -> InputLayer | None:
        """The input, where it is known."""
        return self._layers[0] if self._layers and isinstance(self._layers[0], InputLayer) else None

    # ---- the graph

    def _ends(self, which: str) -> list[KerasTensor]:
        if not self.built or len(self._tensors) != len(self._layers):
            raise AttributeError(f"{self._who}: {which} is not known before the model is built.")
        return tree.flatten(self._tensors[0 if which.startswith("input") else -1])

    @property
    def inputs(self) -> list[KerasTensor]:
        """The input, in a list."""
        return self._ends("inputs")

    @property
    def outputs(self) -> list[KerasTensor]:
        """The outputs as a list."""
        return self._ends("outputs")

    @property
    def input(self) -> Any:
        """The input's KerasTensor."""
        return self._ends("input")[0]

    @property
    def output(self) -> Any:
        """The output's KerasTensor, or the structure of them."""
        self._ends("output")
        return self._tensors[-1]

    @property
    def input_names(self) -> list[str]:
        """The name under which data can be given in a dict."""
        return [x.name for x in self._ends("input_names")]

    @property
    def output_names(self) -> list[str]:
        """The name of the layer that gives the output."""
        return [x._keras_history.operation.name for x in self._ends("output_names")]

    @property
    def input_shape(self) -> Shape:
        """The input's shape; None where any size fits."""
        return self._ends("input_shape")[0].shape

    @property
    def output_shape(self) -> Any:
        """The output's shape; None where it depends on the input."""
        shapes = [x.shape for x in self._ends("output_shape")]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def _output_shape(self) -> Shape | None:
        """What labels are checked against."""
        if not self.built or len(self._tensors) != len(self._layers):
            return None
        outputs = tree.flatten(self._tensors[-1])
        return outputs[0].shape if len(outputs) == 1 else None

    @property
    def input_dtype(self) -> str:
        """What the data is converted to."""
        entry = self._entry()
        return self.dtype if entry is None else entry.dtype

    def _wanted_dtypes(self) -> list[str]:
        return [self.input_dtype]

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
        entry = self._entry()
        if input_shape is None:
            if entry is None:
                raise errors.value_error(f"{self._who}.build", "input_shape", "a tuple with the batch axis", None)
            input_shape = entry.batch_shape
        shape = standardize_shape(f"{self._who}.build", input_shape)
        if entry is not None and entry.batch_shape[1:] != shape[1:]:
            raise errors.value_error(self._who, "input_shape", f"{entry.batch_shape}, as built or stated", shape)
        stack = self.layers
        if entry is None:
            entry = InputLayer(batch_shape=(None, *shape[1:]), dtype=self.dtype)
        made: list[Layer] = []
        tensors = list(self._tensors) or [entry.output]
        known = len(tensors)
        try:
            for layer in stack[known - 1 :]:
                if not layer.built:
                    made.append(layer)
                tensors.append(layer(tensors[-1]))
        except BaseException:
            for layer in made:
                layer._forget_weights()
            self._tensors, tensors = tensors, self._tensors
            while len(self._tensors) > max(len(tensors), 1):
                self._disconnect()
            self._tensors = tensors
            raise
        registry.auto_name("Functional")  # Keras makes a model of its own here, which takes a name
        self._found_input = self._found_input or self._entry() is None
        self._layers, self._tensors = [entry, *stack], tensors

    def _disconnect(self) -> None:
        """Take the topmost call out of the graph."""
        for x in tree.flatten(self._tensors.pop()):
            node = x._node
            if node is not None and not node.is_input and node.operation._calls[-1]() is node:
                node.operation._calls.pop()  # the last one: places of others stay what they are

    def _build_if_possible(self) -> None:
        entry = self._entry()
        shape = None if entry is None else entry.batch_shape
        if entry is None and self._layers and isinstance(self._layers[0], Model) and self._layers[0].built:
            shape = getattr(self._layers[0], "input_shape", None)
        if not tree.is_shape(shape) or not self.layers:
            return
        try:
            self.build(shape)
        except NotImplementedError:  # a layer cannot tell its output shape: wait for data
            self.built = False

    def _undo_build(self) -> None:
        """`build` has cleaned up itself: layers that were built before keep their weights."""

    def _forget_weights(self) -> None:
        for layer in self.layers:
            layer._forget_weights()
        while len(self._tensors) > 1:
            self._disconnect()
        if self._found_input:
            self._layers, self._found_input = self.layers, False
        self._tensors = []
        super()._forget_weights()

    def _prepare(self, x: Any) -> None:
        if not self.built and isinstance(x, Tensor):
            self._build_for_rows(x.shape)

    def _build_from(self, given: Data) -> None:
        if not self.built:
            self._build_for_rows(given.first.shape)
        if not self.built:
            super()._build_from(given)

    def _build_for_rows(self, shape: tuple[int, ...]) -> None:
        """Build, unless another thread has done so meanwhile or a layer cannot tell its output shape."""
        with locks.building:
            if self.built:
                return
            if not self.layers:
                raise errors.order_error(self._who, "there is no layer", "Add layers first: model.add(layer).")
            try:
                self.build((None, *shape[1:]))
            except NotImplementedError:
                self.built = False

    # ---- running

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None, **kwargs: Any) -> Any:
        """What the topmost layer gives."""
        for unknown in kwargs:
            raise errors.unknown_argument(f"{self._who}.call", unknown, ["training", "mask"])
        if mask is not None and isinstance(inputs, Tensor):
            inputs._keras_mask = as_tensor(mask)
        with in_training(training):
            y = fusion.call_chain(self.layers, inputs)
        if not self.built:  # a layer cannot tell its output shape, but now all have their weights
            self.built = all(layer.built for layer in self.layers)
        return y

    def _convert(self, x: Any) -> Any:
        entry = self._entry()
        if entry is None:
            return super()._convert(x)
        place = entry.output
        if isinstance(x, (list, tuple, dict)) and any(hasattr(each, "shape") for each in tree.flatten(x)):
            x = inputs.arrange(self._who, x, place, [place])[0]
        return inputs.convert(self._who, x, place)

    def _check_structure(self, x: Any) -> None:
        if self._entry() is not None:
            self._convert(x)

    def _arrange_data(self, who: str, x: Any) -> Any:
        """The data with a last axis of size 1 added or dropped where the input shape says so."""
        x = self._only_input(who, x)
        entry = self._entry()
        if entry is None or x.ndim == len(entry.batch_shape):
            return x
        shape = inputs.fitting_shape(self._who, "x", x.shape, entry.batch_shape)
        return x[..., None] if len(shape) > x.ndim else x[..., 0]

    def compute_output_spec(self, inputs: Any, training: bool | None = None, mask: Any = None, **kwargs: Any) -> Any:
        """What a call on KerasTensors gives."""
        x = self._convert(inputs) if isinstance(inputs, KerasTensor) else inputs
        known = self.built and len(self._tensors) == len(self._layers)
        if known and isinstance(x, KerasTensor) and x.shape == self.input_shape:
            return tree.map_structure(lambda y: KerasTensor(y.shape, dtype=y.dtype), self._tensors[-1])
        for layer in self.layers:
            x = layer.compute_output_spec(x)
        return x

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = input_shape
        for layer in self.layers:
            shape = layer.compute_output_shape(shape)
        return shape

    # ---- copies

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_tensors": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        entry = self._entry()
        if entry is not None and self.built:
            self._tensors = [entry.output]
            for layer in self.layers:
                self._tensors.append(layer(self._tensors[-1]))

    # ---- configuration

    def get_config(self) -> dict[str, Any]:
        """The layers' configurations: ``Sequential.from_config(config)`` makes an equal model with new weights."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable}
        config["layers"] = [registry.serialize(layer) for layer in self._layers]
        entry = self._entry()
        if entry is not None:
            config["build_input_shape"] = entry.batch_shape
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Sequential:
        """Make a model from what `get_config` returned.

        Parameters
        ----------
        config : dict
        custom_objects : dict, optional
            Classes and functions of your own by name.
        """
        model = cls(name=config["name"], trainable=config.get("trainable", True))
        for entry in config["layers"]:
            model._append(registry.deserialize(entry, custom_objects))
        shape = config.get("build_input_shape")
        if shape is not None and model._entry() is None:
            model.build(tuple(shape))
        else:
            model._build_if_possible()
        return model
