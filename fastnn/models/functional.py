"""Functional: the model of a graph between inputs and outputs."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import Any

from fastnn import errors, tree
from fastnn.layers.base import Layer, Shape, in_training
from fastnn.models import graph, inputs
from fastnn.models.graph_config import graph_config, graph_from_config
from fastnn.models.model import Model
from fastnn.symbolic import KerasTensor


class Functional(Model):
    """What ``Model(inputs, outputs)`` makes.

    Parameters
    ----------
    inputs : KerasTensor, or list, tuple or dict of them
        From `Input`, or from layers: then the model begins there.
    outputs : KerasTensor, or list, tuple or dict of them
    name : str, optional
    **kwargs
        ``trainable``.

    Raises
    ------
    ValueError
        Where an output needs an input that is not listed, or two layers have the same name.

    Examples
    --------
    >>> import fastnn as keras
    >>> x = keras.Input((8,), name="x")
    >>> hidden = keras.layers.Dense(8, activation="relu", name="hidden")(x)
    >>> model = keras.Model(x, keras.layers.Dense(2)(x + hidden))
    >>> [layer.name for layer in model.layers][:2], model.output_shape
    (['x', 'hidden'], (None, 2))
    >>> keras.Model(model.input, model.get_layer("hidden").output).output_shape
    (None, 8)
    """

    _bookkeeping = Model._bookkeeping | {"_graph", "_plan_of_graph"}

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        trainable = kwargs.pop("trainable", None)
        super().__init__(name=name, **kwargs)
        for argument, structure in (("inputs", inputs), ("outputs", outputs)):
            flat = tree.flatten(structure)
            for x in flat:
                if not isinstance(x, KerasTensor):
                    fix = "Begin with Input(shape)." if argument == "inputs" else "Call layers on the inputs."
                    raise errors.value_error(self._who, argument, "made of KerasTensors", x, fix)
            if not flat:
                raise errors.value_error(self._who, argument, "one KerasTensor or more", structure)
        if isinstance(inputs, dict):
            for key, x in inputs.items():
                if isinstance(x, KerasTensor) and key != x.name:
                    warnings.warn(
                        f"{self._who}: the input {x.name!r} is called {key!r} in the dict of inputs; "
                        f"write Input(..., name={key!r}).",
                        stacklevel=3,
                    )
        if not all(map(graph.is_input, tree.flatten(inputs))):
            inputs, outputs = graph.with_new_inputs(inputs, outputs)
        self._connect(inputs, outputs)
        self.built = True
        if trainable is not None and not trainable:
            self.trainable = False

    def _connect(self, inputs: Any, outputs: Any) -> None:
        self._inputs_struct = tree.map_structure(lambda x: x, inputs)
        self._outputs_struct = tree.map_structure(lambda x: x, outputs)
        self._graph = graph.trace(self._who, tree.flatten(inputs), tree.flatten(outputs))
        self._plan_of_graph = graph.Plan(self._graph)
        self._layers = [each for each in self._graph.operations if isinstance(each, Layer)]
        self._np_dtype = next(
            (layer._np_dtype for layer in self._layers if not graph.is_input_layer(layer)), self._np_dtype
        )

    # ---- the graph

    @property
    def layers(self) -> list[Layer]:
        """The layers, inputs included, from the inputs to the outputs."""
        return list(self._layers)

    @property
    def operations(self) -> list[Any]:
        """The layers and ops, from the inputs to the outputs."""
        return list(self._graph.operations)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The inputs as a list."""
        return list(self._graph.inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The outputs as a list."""
        return list(self._graph.outputs)

    @property
    def input(self) -> Any:
        """The inputs as they were given."""
        return self._inputs_struct

    @property
    def output(self) -> Any:
        """The outputs as they were given."""
        return self._outputs_struct

    @property
    def input_names(self) -> list[str]:
        """The names under which inputs can be given in a dict."""
        return [x.name for x in self._graph.inputs]

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that give the outputs."""
        return [x._keras_history.operation.name for x in self._graph.outputs]

    @property
    def input_shape(self) -> Any:
        """The input's shape; a list of shapes where there are several inputs."""
        return _alone([x.shape for x in self._graph.inputs])

    @property
    def output_shape(self) -> Any:
        """The output's shape; a list of shapes where there are several outputs."""
        return _alone([x.shape for x in self._graph.outputs])

    @property
    def _output_shape(self) -> Shape | None:
        """What labels are checked against."""
        outputs = self._graph.outputs
        return outputs[0].shape if len(outputs) == 1 else None

    def _wanted_dtypes(self) -> list[str]:
        return [x.dtype for x in self._graph.inputs]

    # ---- running

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The outputs for the inputs, in the structure in which the model was given them."""
        for x, own in zip(self._arranged(inputs), tree.flatten(mask), strict=False):
            if own is not None:
                x._keras_mask = own
        with in_training(training):
            results = self._plan_of_graph.run(self._arranged(inputs))
        if not tree.is_nested(self._outputs_struct) or (
            len(results) == 1 and isinstance(self._outputs_struct, (list, tuple))
        ):
            return results[0]
        return tree.pack_sequence_as(self._outputs_struct, results)

    def _arranged(self, given: Any) -> list[Any]:
        return inputs.arrange(self._who, given, self._inputs_struct, self._graph.inputs)

    def _convert(self, x: Any) -> Any:
        places = self._graph.inputs
        several = len(places) > 1
        flat = []
        for each, place in zip(self._arranged(x), places, strict=True):
            value = inputs.convert(self._who, each, place, several)
            sizes = zip(() if value is None else value.shape[1:], place.shape[1:], strict=value is not None)
            if any(n != m and None not in (n, m) for n, m in sizes):
                argument = f"the input {place.name!r}" if several else "x"
                rule = f"of shape {place.shape}"
                raise errors.value_error(self._who, argument, rule, errors.Shown(f"shape {tuple(value.shape)}"))
            flat.append(value)
        return tree.pack_sequence_as(self._inputs_struct, flat)

    def _arrange_data(self, who: str, x: Any) -> Any:
        """The data for one input, with a last axis of size 1 added or dropped where the input shape says so."""
        if len(self._graph.inputs) != 1:
            return x
        x = self._only_input(who, x)
        expected = self._graph.inputs[0].shape
        if x.ndim == len(expected):
            return x
        shape = inputs.fitting_shape(self._who, "x", x.shape, expected)
        return x[..., None] if len(shape) > x.ndim else x[..., 0]

    def _prepare(self, x: Any) -> None:
        """The inputs were checked as they were converted, and all layers are built."""

    def _check_structure(self, x: Any) -> None:
        self._convert(x)

    # ---- calls on KerasTensors

    def build(self, input_shape: Any = None) -> None:
        """Nothing is left to do: a graph is built as it grows."""

    def compute_output_spec(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """What a call on KerasTensors gives."""
        flat = tree.flatten(self._convert(inputs))
        if all(x.shape == place.shape for x, place in zip(flat, self._graph.inputs, strict=True)):
            found = [KerasTensor(x.shape, dtype=x.dtype) for x in self._graph.outputs]
        else:
            found = graph.run_symbolically(
                self._graph, flat, lambda operation, *args, **kwargs: operation.compute_output_spec(*args, **kwargs)
            )
        packed = tree.pack_sequence_as(self._outputs_struct, found)
        return packed[0] if isinstance(packed, (list, tuple)) and len(packed) == 1 else packed

    def compute_output_shape(self, input_shape: Any) -> Any:
        shapes: list[Shape] = []
        tree.map_shape_structure(shapes.append, input_shape)
        given = [
            KerasTensor(shape, dtype=place.dtype) for shape, place in zip(shapes, self._graph.inputs, strict=True)
        ]
        found = self.compute_output_spec(tree.pack_sequence_as(self._inputs_struct, given))
        return tree.map_structure(lambda x: x.shape, found)

    # ---- configuration

    def get_config(self) -> dict[str, Any]:
        """The graph as plain values: layers with their calls, inputs and outputs."""
        if not takes_inputs_and_outputs(type(self)):
            return super().get_config()
        config = graph_config(
            self._graph, self._inputs_struct, self._outputs_struct, lambda each: isinstance(each, Functional)
        )
        return {"name": self.name, "trainable": self.trainable, **config}

    # ---- copies

    def __getstate__(self) -> dict[str, Any]:
        """The graph as a list of calls, so that copies of deep ones need no deep recursion."""
        state = super().__getstate__()
        for attribute in ("_graph", "_plan_of_graph", "_inputs_struct", "_outputs_struct"):
            del state[attribute]
        state["_calls"] = graph.listed(self._graph, self._inputs_struct, self._outputs_struct)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        calls = state.pop("_calls")
        vars(self).update(state)
        self._connect(*graph.relisted(calls))


def make_functional(cls: type) -> type:
    """Put Functional in the place of Model among the bases of a subclass that gives inputs and outputs."""
    if cls is Model:
        return Functional
    if issubclass(cls, Model) and not issubclass(cls, Functional):
        cls.__bases__ = tuple(make_functional(base) for base in cls.__bases__)
    return cls


def functional_from_config(cls: Any, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model of a graph that a configuration describes; what else is in it goes to the constructor."""
    inputs, outputs = graph_from_config(
        f"{cls.__name__}.from_config", config, custom_objects, lambda each: isinstance(each, Functional)
    )
    further = {key: value for key, value in config.items() if key not in ("layers", "input_layers", "output_layers")}
    return cls(inputs=inputs, outputs=outputs, **further)


def takes_inputs_and_outputs(cls: type) -> bool:
    """Whether a subclass's constructor is like that of Functional, so that a configuration can be revived."""
    parameters = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]  # of this very class
    names = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD][1:]
    kinds = {p.kind for p in parameters}
    free = inspect.Parameter.VAR_POSITIONAL in kinds and inspect.Parameter.VAR_KEYWORD in kinds
    return free or names == ["inputs", "outputs", "name"]


def _alone(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values
