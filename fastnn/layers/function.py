"""Identity and Lambda: a layer that does nothing, and one around a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import errors, registry
from fastnn.layers.base import Layer, standardize_shape


class Identity(Layer):
    """Return the input as it is.

    Examples
    --------
    >>> from fastnn.layers import Identity
    >>> Identity()([1.0, 2.0]).numpy()
    array([1., 2.], dtype=float32)
    """

    supports_masking = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class Lambda(Layer):
    """A function, written with `fastnn.ops`, as a layer without weights.

    A file never brings a function along, only its name: it is looked up among the functions that are given as
    ``custom_objects`` or registered (`fastnn.saving.register_keras_serializable`). A class derived from `Layer` has no
    such limit.

    Parameters
    ----------
    function : callable
        ``function(inputs)``; also given ``training`` and ``mask`` where it has arguments of these names.
    output_shape : tuple or callable, optional
        One sample's shape, or a function from the input's shape to the output's; default: found out.
    mask : tensor or callable, optional
        The output's mask, or a function of the input and its mask that gives it; default: the output has none.
    arguments : dict, optional
        Further arguments of the function by name.

    Examples
    --------
    >>> from fastnn.layers import Lambda
    >>> Lambda(lambda x: 2 * x)([1.0, 2.0]).numpy()
    array([2., 4.], dtype=float32)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise errors.type_error(self._who, "function", "callable", function)
        if arguments is not None and not isinstance(arguments, dict):
            raise errors.type_error(self._who, "arguments", "a dict or None", arguments)
        self.function = function
        self.arguments = arguments or {}
        self.mask = mask
        self.supports_masking = mask is not None
        self._output_shape = output_shape
        self._takes = {"training", "mask"} & set(inspect.signature(function).parameters)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        further = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{name: further[name] for name in self._takes})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        first = input_shape[0] if isinstance(input_shape, list) else input_shape
        return (first[0], *standardize_shape(self._who, self._output_shape))

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            "name": self.name, "trainable": self.trainable, "dtype": self.dtype,
            "function": _describe(self.function), "arguments": dict(self.arguments),
        }  # fmt: skip
        if self._output_shape is not None:
            shape = self._output_shape
            config["output_shape"] = _describe(shape) if callable(shape) else tuple(shape)
        if self.mask is not None:
            config["mask"] = _describe(self.mask) if callable(self.mask) else np.asarray(self.mask).tolist()
        return config

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: registry.CustomObjects | None = None, safe_mode: bool | None = None
    ) -> Lambda:
        """Make a layer from what `get_config` returned, with functions given or registered under its names.

        Parameters
        ----------
        config : dict
            Its ``function`` may also be the function itself.
        custom_objects : dict, optional
            Functions by name.
        safe_mode : bool, optional
            For Keras's signature: also False loads no code.
        """
        config = dict(config)
        for name in ("function", "output_shape", "mask"):
            if isinstance(config.get(name), (dict, str)):
                config[name] = _find(cls.__name__, name, config[name], custom_objects)
        return cls(**config)


def _describe(function: Any) -> Any:
    """A function in a configuration: its name, never its code."""
    name = getattr(function, "__name__", "<lambda>")
    if name == "<lambda>" and not hasattr(function, "get_config"):
        return {"class_name": "__lambda__", "config": {}}
    return registry.serialize(function)


def _find(who: str, argument: str, description: Any, custom_objects: registry.CustomObjects | None) -> Any:
    registered = "" if isinstance(description, str) else description.get("registered_name")
    name = description if isinstance(description, str) else description.get("config")
    found = registry.find_custom(name, custom_objects, registered or "") if isinstance(name, str) else None
    if found is not None:
        return found
    what = repr(name) if isinstance(name, str) else "a lambda"
    fix = "custom_objects={name: function}" if isinstance(name, str) else f"config | {{{argument!r}: function}}"
    raise errors.value_error(
        f"{who}.from_config", argument, "given, because no code is loaded from a configuration", errors.Shown(what),
        f"Pass {fix}.",
    )
