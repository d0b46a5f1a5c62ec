"""Models of graphs: `Model(inputs, outputs)`."""

import copy
import pickle

import numpy as np
import pytest

import fastnn as keras
from fastnn import _core, layers, ops


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


def test_training_replays_without_python(programs):
    def train(eager):
        keras.utils.set_random_seed(1)
        x = keras.Input((6, 6, 2))
        h = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
        h = layers.Dropout(0.2)(layers.Conv2D(4, 3, padding="same")(h) + h)
        h = layers.MaxPooling2D(2)(layers.Activation("relu")(h))
        model = keras.Model(x, layers.Dense(2)(layers.Flatten()(h)))
        model.compile("adam", "mse", run_eagerly=eager)
        model.fit(data(24, 6, 6, 2), data(24, 2), batch_size=4, epochs=2, verbose=0)
        return [w.tobytes() for w in model.get_weights()]

    first = train(eager=False)
    assert len(programs) == 1
    assert first == train(eager=True)


def test_calls_are_replayed(programs):
    model, x = residual(), data(1, 8)
    results = [model(x).numpy().tobytes() for _ in range(5)]
    assert len(set(results)) == 1 and len(programs) == 1


def launches(model, x):
    with _core.trace() as found:
        model(keras.Tensor(x))
    return [name for name, _, _ in found]


def test_chains_are_fused_unless_what_lies_between_is_wanted():
    def net(wanted=False, shared=False, regularizer=None):
        x = keras.Input((8, 8, 1))
        c = layers.Conv2D(4, 3, activity_regularizer=regularizer)(x)
        r = layers.ReLU()(c)
        p = layers.MaxPooling2D(2)(r)
        y = layers.Flatten()(p)
        return keras.Model(x, [y, c] if wanted else y + layers.Flatten()(c)[:, :36] if shared else y)

    x = data(2, 8, 8, 1)
    fused = launches(net(), x)
    assert "conv2d_max_pool_fwd" in fused
    for options in ({"wanted": True}, {"shared": True}, {"regularizer": "l2"}):
        assert "conv2d_max_pool_fwd" not in launches(net(**options), x), options


def test_configuration_round_trip():
    model, x = residual("net"), data(3, 8)
    twin = keras.Model.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    np.testing.assert_array_equal(twin(x).numpy(), model(x).numpy())
    again = keras.models.model_from_json(model.to_json())
    assert [each.name for each in again.operations] == [each.name for each in model.operations]
    assert again.name == "net"


def test_configuration_of_classes_of_the_users():
    class Scale(layers.Layer):
        def __init__(self, factor, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, x):
            return x * self.factor

    class Net(keras.Model):
        pass

    x = keras.Input((3,))
    model = Net(x, Scale(2.0, name="scale")(x))
    assert type(model) is Net and isinstance(model, keras.models.Functional)
    twin = Net.from_config(model.get_config(), custom_objects={"Scale": Scale})
    assert type(twin) is Net and twin.get_layer("scale").factor == 2.0
    with pytest.raises(ValueError, match="'Scale'"):
        Net.from_config(model.get_config())


def test_a_subclass_that_gives_inputs_and_outputs():
    class Tower(keras.Model):
        def __init__(self, units):
            x = keras.Input((4,))
            super().__init__(inputs=x, outputs=layers.Dense(units)(x), name="tower")
            self.units = units

    model = Tower(3)
    assert model.output_shape == (None, 3) and len(model.weights) == 2 and Tower(2).built
    model.compile("sgd", "mse")
    model.fit(data(8, 4), data(8, 3), verbose=0)
    assert model.get_config()["units"] == 3


def test_clones():
    model, x = residual(), data(3, 8)
    clone = keras.models.clone_model(model)
    assert clone.get_layer("first").kernel is not model.get_layer("first").kernel
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone(x).numpy(), model(x).numpy())
    assert not clone.compiled
    model.compile(keras.optimizers.SGD(0.25), "mse")
    compiled = keras.models.clone_model(model)
    assert compiled.optimizer.learning_rate == 0.25 and compiled.optimizer is not model.optimizer

    def wider(layer):
        config = layer.get_config()
        if "units" in config and layer.name == "last":
            config["units"] = 5
        return type(layer).from_config(config)

    assert keras.models.clone_model(model, clone_function=wider).output_shape == (None, 5)
    start = keras.Input((8,), name="other")
    assert keras.models.clone_model(model, input_tensors=start).input is start

    def with_dropout(layer, *args, **kwargs):
        y = layer(*args, **kwargs)
        return layers.Dropout(0.5)(y) if isinstance(layer, layers.Dense) else y

    same = keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=with_dropout)
    assert len(same.layers) == 7 and same.get_layer("first") is model.get_layer("first")
    outer = keras.Sequential([layers.Input((8,)), model])
    assert keras.models.clone_model(outer, recursive=True).layers[0].name == model.name
    shared = keras.Input((8,))
    twice = layers.Dense(8)
    both = keras.Model(shared, twice(keras.Sequential([keras.Input((8,)), twice])(shared)))
    assert len(keras.models.clone_model(both, recursive=True).weights) == len(both.weights)
    with pytest.raises(ValueError, match="call_function must be None for a Sequential"):
        keras.models.clone_model(outer, call_function=with_dropout)


def test_a_sequential_is_a_graph_too():
    base = keras.Sequential([layers.Input((4,)), layers.Dense(3, name="a"), layers.Dense(2, name="b")])
    model = keras.Model(base.inputs, layers.Dense(5)(base.layers[-2].output))
    assert model.output_shape == (None, 5) and model.get_layer("a") is base.layers[0]
    assert base.input_names == [base.input.name] and base.output_names == ["b"]
    base.pop()
    assert base.output_shape == (None, 3) and base.output is base.layers[-1].output
    late = keras.Sequential([layers.Dense(2)])
    with pytest.raises(AttributeError, match="inputs is not known before the model is built"):
        _ = late.inputs
    assert late(keras.Input((3,))).shape == (None, 2) and late.input_shape == (None, 3)


def test_training_is_given_by_call():
    x = keras.Input((50,))
    for model in (
        keras.Model(x, layers.Dropout(0.5)(x)),
        keras.Sequential([layers.Input((50,)), layers.Dropout(0.5)]),
    ):
        z = keras.Tensor(np.ones((4, 50), np.float32))
        assert (model.call(z, training=True).numpy() == 0).any() and (model.call(z).numpy() == 1).all()
        assert (model(z, training=True).numpy() == 0).any() and (model(z).numpy() == 1).all()
    with pytest.raises(TypeError, match="'speed' is not one of its arguments"):
        model.call(z, speed=2)


def test_frozen_parts_do_not_learn():
    base, x = residual(name="base"), data(32, 8)
    base.trainable = False
    model = keras.Model(base.input, layers.Dense(1)(base.output))
    assert len(model.trainable_weights) == 2 and len(model.non_trainable_weights) == 6
    model.compile("adam", "mse")
    before = base.get_weights()
    model.fit(x, x[:, :1], verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, base.get_weights(), strict=True))
    base.trainable = True
    model.fit(x, x[:, :1], verbose=0)
    assert not any(np.array_equal(a, b) for a, b in zip(before, base.get_weights(), strict=True))


def test_inputs_of_whole_numbers_and_fixed_tensors():
    x = keras.Input((3,), dtype="int32")
    table = keras.Variable(np.arange(10, dtype=np.float32).reshape(5, 2))
    model = keras.Model(x, ops.take(table, x, axis=0))
    assert model(np.array([[1, 0, 4]], np.int64)).numpy()[0, 2].tolist() == [8.0, 9.0]
    tensor = keras.KerasTensor((None, 3), dtype="int32", name="given")
    assert keras.Input(tensor=tensor) is tensor and keras.Input((2,), optional=True).shape == (None, 2)
    with pytest.raises(ValueError, match="dtype must be that of"):
        keras.Input(tensor=tensor, dtype="float32")


def test_inputs_get_or_lose_a_last_axis():
    x, y = keras.Input((1,)), keras.Input((2,))
    model = keras.Model([x, y], x + y)
    a, b = data(4), data(4, 2, 1)
    np.testing.assert_array_equal(model([a, b]).numpy(), a[:, None] + b[..., 0])


def test_summary_names_what_a_layer_is_connected_to(capsys):
    residual("net").summary(line_length=100)
    text = capsys.readouterr().out
    assert "Connected to" in text and "add_" in text or "add (Add)" in text
    assert "x[0][0]," in text or "x[0][0], second[0][0]" in text


def test_saved_and_loaded(tmp_path):
    model, x = residual(), data(3, 8)
    keras.saving.save_npz(model, tmp_path / "net.npz")
    np.testing.assert_array_equal(keras.saving.load_npz(tmp_path / "net.npz")(x).numpy(), model(x).numpy())
