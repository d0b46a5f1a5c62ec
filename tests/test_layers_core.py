"""Input, Dense, Activation."""

import numpy as np
import pytest

from fastnn import Input, layers
from tests.helpers import check_layer


def relu(x):
    return np.maximum(x, 0)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (2, 17), (2, 3, 4)])
def test_dense_matches_reference(shape):
    check_layer(layers.Dense, shape, lambda x, k, b: x @ k + b, shape[-1], units=5)


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("relu", relu),
        ("tanh", np.tanh),
        ("leaky_relu", lambda x: np.where(x > 0, x, 0.2 * x)),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        (None, lambda x: x),
    ],
)
def test_dense_activation(activation, function):
    check_layer(layers.Dense, (3, 4), lambda x, k, b: function(x @ k + b), 64, units=3, activation=activation)


def test_dense_without_bias():
    check_layer(layers.Dense, (3, 4), lambda x, k: x @ k, 4, units=2, use_bias=False)


def test_dense_activation_may_be_a_function():
    layer = layers.Dense(2, activation=lambda x: x * 0 + 7)
    assert layer(np.ones((1, 2))).tolist() == [[7, 7]]


def test_dense_empty_batch():
    assert layers.Dense(4)(np.ones((0, 3))).shape == (0, 4)


def test_dense_initializers_and_shapes():
    layer = layers.Dense(2, kernel_initializer="ones", bias_initializer="ones")
    assert layer(np.ones((1, 3))).tolist() == [[4.0, 4.0]]
    assert (layer.kernel.shape, layer.bias.shape) == ((3, 2), (2,))


def test_dense_rejects_another_size():
    layer = layers.Dense(2, name="fc1")
    layer.build((None, 784))
    text = (
        r"Dense 'fc1': the last axis of x must be 784, as built; got 512 \(shape \(32, 512\)\)\. "
        r"Flatten the input, or build the layer again\."
    )
    with pytest.raises(ValueError, match=text):
        layer(np.ones((32, 512)))


def test_dense_rejects_a_vector():
    with pytest.raises(
        ValueError, match=r"Dense 'fc1': x must be of rank 2 or more; got rank 1 \(shape \(3,\)\)\."
    ):
        layers.Dense(2, name="fc1")(np.ones(3))


@pytest.mark.parametrize(
    ("units", "error", "text"),
    [
        (0, ValueError, "got 0"),
        (-1, ValueError, "got -1"),
        (2.5, TypeError, "got 2.5"),
        (None, TypeError, "got None"),
        (True, TypeError, "got True"),
    ],
)
def test_dense_rejects_units(units, error, text):
    with pytest.raises(error, match=f"Dense 'd': units must be a positive int; {text}"):
        layers.Dense(units, name="d")


def test_dense_rejects_unknown_names():
    with pytest.raises(ValueError, match="Did you mean 'relu'"):
        layers.Dense(2, activation="rellu")
    with pytest.raises(ValueError, match="Did you mean 'glorot_uniform'"):
        layers.Dense(2, kernel_initializer="glorot_unifrom")


@pytest.mark.parametrize("name", ["relu", "softmax", "sigmoid", "tanh", "linear"])
def test_activation_layer(name):
    functions = {
        "relu": relu,
        "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "tanh": np.tanh,
        "linear": lambda x: x,
    }
    check_layer(layers.Activation, (3, 5), functions[name], 64, activation=name)


def test_input_states_a_shape():
    x = Input((28, 28, 1), name="image")
    assert (x.shape, x.dtype, x.name, x.ndim) == ((None, 28, 28, 1), "float32", "image", 4)
    assert Input(batch_shape=(4, 3)).shape == (4, 3)
    assert Input((3,), batch_size=2, dtype="float64").shape == (2, 3)
    assert layers.Input is Input


def test_input_errors():
    with pytest.raises(ValueError, match=r"shape must be given, or else batch_shape; got \(None, None\)"):
        Input()
    with pytest.raises(TypeError, match=r"shape must be a tuple of sizes; got 784\. Write \(784,\)"):
        Input(784)
    with pytest.raises(ValueError, match="shape must be a tuple of non-negative ints and None"):
        Input((28, "28"))
    with pytest.raises(ValueError, match="sparse and ragged must be False"):
        Input((3,), sparse=True)
