"""Identity and Lambda."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fastnn
from fastnn import layers, ops


def twice(x):
    return 2 * x


def scaled(x, factor, training=None):
    return x * factor if training else x


def test_identity_returns_what_it_is_given():
    x = fastnn.Tensor(np.ones((2, 3), np.float32))
    assert layers.Identity()(x) is x
    assert layers.Identity().compute_output_shape((None, 3)) == (None, 3)


def test_lambda():
    layer = layers.Lambda(lambda x: ops.concatenate([x, x], axis=-1))
    assert layer(np.ones((2, 3))).shape == (2, 6)
    assert layer.compute_output_shape((5, 3)) == (5, 6)
    given = layers.Lambda(twice, output_shape=(7, 8))
    assert given.compute_output_shape((5, 3)) == (5, 7, 8)
    assert layers.Lambda(twice, output_shape=lambda shape: (*shape, 1)).compute_output_shape((5, 3)) == (5, 3, 1)


def test_lambda_passes_arguments_and_training():
    layer = layers.Lambda(scaled, arguments={"factor": 3.0})
    assert layer(np.ones((1, 1)), training=True).item() == 3
    assert layer(np.ones((1, 1))).item() == 1


def test_lambda_in_a_training(programs):
    model = fastnn.Sequential([layers.Dense(3), layers.Lambda(lambda x: ops.square(x)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 2)), np.ones((8, 1)), batch_size=4, epochs=2, verbose=0)
    assert len(programs) == 1


def test_configuration_holds_the_name_and_no_code():
    config = layers.Lambda(twice, arguments={"a": 1}, output_shape=(3,), name="l").get_config()
    assert json.loads(json.dumps(config))["function"]["config"] == "twice"
    assert layers.Lambda(lambda x: x).get_config()["function"] == {"class_name": "__lambda__", "config": {}}


def test_configuration_is_read_with_the_function_at_hand():
    config = layers.Lambda(scaled, arguments={"factor": 2.0}, name="l").get_config()
    twin = layers.Lambda.from_config(config, custom_objects={"scaled": scaled})
    assert twin.function is scaled and twin.arguments == {"factor": 2.0} and twin.name == "l"
    assert twin.get_config() == config
    assert layers.Lambda.from_config({**config, "function": twice}).function is twice


def test_registered_functions_are_found():
    @fastnn.saving.register_keras_serializable("tests")
    def thrice(x):
        return 3 * x

    config = layers.Lambda(thrice).get_config()
    assert layers.Lambda.from_config(config).function is thrice
    with fastnn.saving.custom_object_scope({"twice": twice}):
        assert layers.Lambda.from_config(layers.Lambda(twice).get_config()).function is twice


@pytest.mark.parametrize("function", [twice, lambda x: x])
@pytest.mark.parametrize("safe_mode", [None, True, False])
def test_no_code_is_loaded(function, safe_mode):
    config = layers.Lambda(function).get_config()
    with pytest.raises(ValueError, match=r"^Lambda\.from_config: function must be given, because no code is loaded"):
        layers.Lambda.from_config(config, safe_mode=safe_mode)


def test_lambda_rejects():
    with pytest.raises(TypeError, match="function must be callable; got 'relu'"):
        layers.Lambda("relu")
    with pytest.raises(TypeError, match="arguments must be a dict or None"):
        layers.Lambda(twice, arguments=[1])
