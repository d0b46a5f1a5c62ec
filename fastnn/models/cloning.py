"""clone_model, model_from_json: models like others, with weights of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fastnn import errors, registry, tree
from fastnn.layers.base import KerasTensor
from fastnn.layers.core import Input
from fastnn.models.functional import Functional, takes_inputs_and_outputs
from fastnn.models.graph import run_symbolically
from fastnn.models.model import Model
from fastnn.models.sequential import Sequential

AnyModel = TypeVar("AnyModel", bound=Model)


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """A model of new layers like those of another one, with new weights.

    Parameters
    ----------
    model : Model
    input_tensors : structure of KerasTensor, optional
        What the new model begins with, structured like ``model.input``; default new Inputs.
    clone_function : callable, optional
        ``clone_function(layer)`` is the layer to use in place of each but the inputs; default one of the same
        configuration.
    call_function : callable, optional
        ``call_function(layer, *args, **kwargs)`` calls a new layer; default the call itself. Not for `Sequential`.
    recursive : bool
        Clone models within the model in the same way, rather than by ``clone_function``.

    Raises
    ------
    ValueError
        For arguments that the kind of model does not take.

    Examples
    --------
    >>> import fastnn as keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> keras.models.clone_model(model).count_params()
    8
    """
    cache = kwargs.pop("cache", None)
    known: dict[int, Any] = {} if cache is None else cache
    for unknown in kwargs:
        accepted = ["input_tensors", "clone_function", "call_function", "recursive"]
        raise errors.unknown_argument("clone_model", unknown, accepted)
    if not isinstance(model, (Sequential, Functional)):
        if clone_function or input_tensors or call_function:
            rule = "a Sequential or a model of a graph, where it is cloned by other than its configuration"
            raise errors.value_error("clone_model", "model", rule, model)
        return type(model).from_config(model.get_config())
    make = clone_function or _by_configuration

    def clone(layer: Any) -> Any:
        if id(layer) not in known:
            if recursive and isinstance(layer, Sequential):
                known[id(layer)] = clone_model(layer, clone_function=make, recursive=True, cache=known)
            elif recursive and isinstance(layer, Functional):
                known[id(layer)] = clone_model(
                    layer, clone_function=make, call_function=call_function, recursive=True, cache=known
                )
            else:
                known[id(layer)] = make(layer)
        return known[id(layer)]

    if isinstance(model, Functional):
        return _clone_graph(model, input_tensors, clone, call_function)
    if call_function is not None:
        raise errors.value_error("clone_model", "call_function", "None for a Sequential", call_function)
    return _clone_stack(model, input_tensors, clone)


def _by_configuration(layer: Any) -> Any:
    return type(layer).from_config(layer.get_config())


def _clone_stack(model: Sequential, input_tensors: Any, clone: Callable[[Any], Any]) -> Sequential:
    layers: list[Any] = [clone(layer) for layer in model.layers]
    entry = model._entry()
    if input_tensors is not None:
        given = tree.flatten(input_tensors)
        if len(given) != 1 or not isinstance(given[0], KerasTensor):
            raise errors.value_error("clone_model", "input_tensors", "one KerasTensor for a Sequential", input_tensors)
        layers.insert(0, Input(tensor=given[0], name=None if entry is None else entry.name))
    elif entry is not None:
        layers.insert(0, Input(batch_shape=entry.batch_shape, dtype=entry.dtype, name=entry.name))
    return _compiled_like(model, Sequential(layers, name=model.name, trainable=model.trainable))


def _clone_graph(
    model: Functional, input_tensors: Any, clone: Callable[[Any], Any], call_function: Callable[..., Any] | None
) -> Any:
    if input_tensors is None:
        inputs = tree.map_structure(lambda x: Input(batch_shape=x.shape, dtype=x.dtype, name=x.name), model.input)
    else:
        inputs = input_tensors
        if not all(isinstance(x, KerasTensor) for x in tree.flatten(inputs)):
            raise errors.value_error("clone_model", "input_tensors", "made of KerasTensors", inputs)
        tree.assert_same_structure(inputs, model.input)

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        new = clone(operation)
        return new(*args, **kwargs) if call_function is None else call_function(new, *args, **kwargs)

    found = run_symbolically(model._graph, tree.flatten(inputs), call)
    outputs = tree.pack_sequence_as(model.output, found)
    cls: Any = type(model) if takes_inputs_and_outputs(type(model)) else Functional
    return _compiled_like(model, cls(inputs, outputs, name=model.name))


def _compiled_like(model: Model, clone: AnyModel) -> AnyModel:
    """The clone, compiled as the model is, with an optimizer of its own."""
    if model.compiled:
        clone.compile_from_config(model.get_compile_config())
    return clone


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model that ``model.to_json()`` described, ours or Keras's, with new weights.

    Parameters
    ----------
    json_string : str
    custom_objects : dict, optional
        Classes and functions of your own by name.

    Examples
    --------
    >>> import fastnn as keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> keras.models.model_from_json(model.to_json()).output_shape
    (None, 2)
    """
    return registry.deserialize(json.loads(json_string), custom_objects)
