"""Models of graphs: `Model(inputs, outputs)`."""

import copy
import pickle

import numpy as np
import pytest

import fastnn as keras
from fastnn import layers, ops


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def residual(name=None):
    x = keras.Input((8,), name="x")
    h = layers.Dense(8, activation="relu", name="first")(x)
    y = layers.Dense(3, name="last")(ops.add(x, layers.Dense(8, name="second")(h)))
    return keras.Model(x, y, name=name)


def test_a_residual_net_computes_what_its_layers_do():
    model, x = residual(), data(5, 8)
    first, second, last = (model.get_layer(name) for name in ("first", "second", "last"))
    expected = last(x + second(first(x)).numpy()).numpy()
    np.testing.assert_array_equal(model(x).numpy(), expected)
    np.testing.assert_array_equal(model.predict(x), expected)
    assert [layer.name for layer in model.layers] == ["x", "first", "second", "last"]
    assert model.input_shape == (None, 8) and model.output_shape == (None, 3)
    assert [w.shape for w in model.weights] == [(8, 8), (8,), (8, 8), (8,), (8, 3), (3,)]


def test_training_changes_all_weights_and_lowers_the_loss():
    model, x = residual(), data(64, 8)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    before = model.get_weights()
    history = model.fit(x, x[:, :3], epochs=20, verbose=0).history["loss"]
    assert history[-1] < history[0] / 1.5
    assert all(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_several_inputs_and_outputs_in_structures():
    a, b = keras.Input((4,), name="a"), keras.Input((3,), dtype="int32", name="b")
    total = ops.sum(a, axis=1, keepdims=True) + ops.cast(b, "float32")[:, :1]
    model = keras.Model({"a": a, "b": b}, {"t": total, "same": [a]})
    x, n = data(2, 4), np.array([[1, 2, 3], [4, 5, 6]])
    for given in ({"a": x, "b": n}, [x, n], {"b": n, "a": x}):
        y = model(given)
        np.testing.assert_allclose(y["t"].numpy(), x.sum(1, keepdims=True) + n[:, :1], rtol=1e-6)
        np.testing.assert_array_equal(y["same"][0].numpy(), x)
    assert model.input_names == ["a", "b"]
    with pytest.raises(ValueError, match=r"an array for each of the inputs \['a', 'b'\]; got one array"):
        model(x)


def test_a_shared_layer_has_its_weights_once():
    left, right = keras.Input((4,)), keras.Input((4,))
    shared = layers.Dense(2)
    model = keras.Model([left, right], ops.subtract(shared(left), shared(right)))
    assert len(model.weights) == 2 and len(shared._inbound_nodes) == 2
    x = data(3, 4)
    np.testing.assert_array_equal(model([x, x]).numpy(), np.zeros((3, 2)))


def test_models_within_models():
    inner = residual(name="inner")
    x = keras.Input((8,))
    model = keras.Model(x, layers.Dense(2)(inner(x * 2)))
    sequential = keras.Sequential([layers.Input((8,)), inner, layers.Softmax()])
    assert model.layers[1] is inner and len(model.weights) == 8
    z = data(4, 8)
    np.testing.assert_array_equal(
        model(z).numpy(), model.layers[-1](inner(2 * z)).numpy()
    )
    np.testing.assert_array_equal(sequential(z).numpy(), ops.softmax(inner(z)).numpy())


def test_a_part_of_a_model_shares_its_layers():
    model, x = residual(), data(3, 8)
    features = keras.Model(model.input, [model.get_layer("first").output, model.output])
    first, last = features(x)
    np.testing.assert_array_equal(first.numpy(), model.get_layer("first")(x).numpy())
    np.testing.assert_array_equal(last.numpy(), model(x).numpy())
    tail = keras.Model(model.get_layer("first").output, model.get_layer("second").output)
    np.testing.assert_array_equal(tail(x).numpy(), model.get_layer("second")(x).numpy())


def test_copies_compute_the_same():
    model, x = residual(), data(3, 8)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin(x).numpy(), model(x).numpy())
        assert twin.get_layer("first").kernel is not model.get_layer("first").kernel
        assert keras.Model(twin.input, twin.get_layer("first").output)(x).shape == (3, 8)


def test_errors():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    with pytest.raises(ValueError, match=r"disconnected: .*name=b.* 'add.*does not come from the inputs \['a'\]"):
        keras.Model(a, a + b)
    with pytest.raises(ValueError, match=r"names of its layers must be different; got 'd' 2 times"):
        keras.Model(a, layers.Dense(1, name="d")(layers.Dense(1, name="d")(a)))
    with pytest.raises(ValueError, match=r"outputs must be made of KerasTensors; got 3"):
        keras.Model(a, 3)
    with pytest.raises(ValueError, match=r"x must be of shape \(None, 4\); got shape \(2, 5\)"):
        keras.Model(a, layers.Dense(1)(a))(np.ones((2, 5)))
