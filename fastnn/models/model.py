"""Model: a layer that can be trained."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fastnn import errors, registry, tree
from fastnn.autograd import Tensor, no_grad
from fastnn.layers.base import Layer, _state
from fastnn.models.data import Data
from fastnn.models.files import Files
from fastnn.models.replay import CALL, INFERENCE, Programs, as_result
from fastnn.models.summary import print_summary, summary_html
from fastnn.models.trainer import Trainer


def _inputs_and_outputs(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a model's arguments are those of a graph."""
    return len(args) == 2 or "outputs" in kwargs and (len(args) == 1 or "inputs" in kwargs)


def _holds_tensors(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a call got tensors, anywhere in its arguments."""
    if len(args) == 1 and not kwargs and not tree.is_nested(args[0]):
        return isinstance(args[0], Tensor)
    return any(isinstance(leaf, Tensor) for leaf in tree.flatten((args, kwargs)))


class Model(Trainer, Files):
    """The base of models: subclass it, make layers in ``__init__`` and use them in ``call``.

    A model is itself a layer: it has weights, can be called and can be part of another model. For a plain stack of
    layers use `Sequential`.

    `fit`, `evaluate`, `predict`, their single batches, and calls on plain arrays note the launches of the first steps
    of a kind and repeat them without Python, with the same bits. Weights, learning rate and random states are read at
    every step, and setting an attribute of a layer, loss, metric, optimizer or regularizer has effect at once. Other
    Python state is not looked at again: a global variable, a counter, the contents of a list, the time. Where ``call``
    depends on such things, or must run for what it does beside its result, set ``run_eagerly = True``.

    Parameters
    ----------
    trainable : bool
    dtype : str, optional
    name : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn as keras
    >>> class Twice(keras.Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.first = keras.layers.Dense(8, activation="relu")
    ...         self.second = keras.layers.Dense(1)
    ...     def call(self, x):
    ...         return self.second(self.first(x))
    >>> model = Twice()
    >>> model.compile("adam", "mse")
    >>> history = model.fit(np.ones((4, 3)), np.ones(4), verbose=0)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and _inputs_and_outputs(args, kwargs):
            from fastnn.models.functional import Functional  # which is built on this class

            return super().__new__(Functional)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if _inputs_and_outputs(args, kwargs):
            from fastnn.models import functional

            functional.make_functional(type(self))
            functional.Functional.__init__(self, *args, **kwargs)  # type: ignore[arg-type]  # it is one now
            return
        if args:
            fix = "Write Model(inputs, outputs), or a subclass with call(self, x)."
            raise errors.type_error("Model", "its arguments", "inputs and outputs, or keywords", args, fix)
        super().__init__(**kwargs)
        self._programs = Programs()

    @property
    def layers(self) -> list[Layer]:
        """The layers directly below, in the order in which they were set."""
        found = {id(layer): layer for layer in self._layers_below()}
        return list(found.values())

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or its place.

        Parameters
        ----------
        name : str, optional
        index : int, optional
        """
        layers = self.layers
        if (name is None) == (index is None):
            raise errors.value_error(f"{self._who}.get_layer", "name or index", "given, one of them", (name, index))
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise errors.value_error(f"{self._who}.get_layer", "index", f"below {len(layers)}", index)
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise errors.unknown_name(f"{self._who}.get_layer", "name", name, [layer.name for layer in layers])

    def __call__(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """The output for an input.

        For plain arrays nothing is recorded for gradients, unless ``training=True``; give a `Tensor` to differentiate,
        or a structure with one.
        """
        mode = None
        if not (training or kwargs) and len(args) == 1:
            mode = CALL if training is None else INFERENCE
            found = self._programs.run(args[0], mode, sys.maxsize)
            if found is not None:
                return as_result(*found)
        if training or _state.depth or _holds_tensors(args, kwargs):
            return super().__call__(*args, training=training, **kwargs)
        with no_grad():
            written = super().__call__
            if mode is not None and type(args[0]) in (np.ndarray, list, tuple, dict) and self.built:
                return self._programs.call(self, args[0], mode, lambda x: written(x, training=training))
            return written(*args, training=training, **kwargs)

    def _prepare(self, x: Any) -> None:
        """A subclass builds its layers as its call reaches them."""
        if type(self).build is not Layer.build:
            super()._prepare(x)
        elif not self.built:
            Layer.build(self, (None, *x.shape[1:]) if isinstance(x, Tensor) else None)

    def _build_from(self, given: Data) -> None:
        """Make all weights, from a few samples of the data; a model that only has steps of its own makes them there."""
        plan = self._make_plan()
        if plan.built or type(self).call is Layer.call:
            return
        if not all(layer.built for layer in self._flatten()):
            with no_grad():
                self(given.top())
        plan.built = True

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Make a model from what `get_config` returned.

        Parameters
        ----------
        config : dict
        custom_objects : dict, optional
            Classes and functions of your own by name.
        """
        from fastnn.models import functional

        if {"name", "layers", "input_layers", "output_layers"} <= config.keys():
            if cls in (Model, functional.Functional) or functional.takes_inputs_and_outputs(cls):
                return functional.functional_from_config(
                    functional.Functional if cls is Model else cls, config, custom_objects
                )
        return cls(**config)

    def to_json(self, **kwargs: Any) -> str:
        """Class and configuration as JSON, for `fastnn.models.model_from_json`.

        Parameters
        ----------
        **kwargs
            For `json.dumps`.
        """
        return json.dumps(registry.serialize(self), **{"default": registry.serialize, **kwargs})

    def _repr_html_(self) -> str:
        """What notebooks show."""
        return summary_html(self)

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print a table of the layers, their output shapes and parameter counts.

        Parameters
        ----------
        line_length : int, optional
            Default: the terminal's, at most 88.
        positions : sequence of float, optional
            Where the columns end, as shares of the line.
        print_fn : callable, optional
            Called once with the whole text instead of `print`.
        expand_nested : bool
            Also show the layers of models within the model.
        show_trainable : bool
            A column that says which layers are trained.
        layer_range : two str, optional
            Names (or patterns) of the first and last layer to show.
        """
        print_summary(
            self,
            print_fn,
            line_length=line_length,
            positions=positions,
            expand_nested=expand_nested,
            show_trainable=show_trainable,
            layer_range=layer_range,
        )
