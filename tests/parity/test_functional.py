"""Graphs of layers beside Keras's: weights, outputs, training, configurations, summaries."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

import fastnn
from fastnn import registry

EQUAL = {"rtol": 1e-5, "atol": 1e-5}


def residual(k):
    x = k.Input((6,), name="x")
    h = k.layers.Dense(6, activation="relu", name="first")(x)
    h = k.layers.Dense(6, name="second")(h)
    y = k.layers.Activation("relu", name="act")(k.ops.add(h, x))
    return k.Model(x, k.layers.Dense(2, name="last")(y))


def branches(k):
    """Branches of different depths, whose layers Keras orders by depth."""
    x = k.Input((6,))
    long = k.layers.Dense(4, name="a")(x)
    long = k.layers.Dense(4, activation="tanh", name="b")(long)
    short = k.layers.Dense(4, name="c")(x)
    sum_ = long * 2 + short / 3.0 - k.ops.mean(x, axis=-1, keepdims=True)
    return k.Model(x, k.layers.Dense(2, name="d")(k.ops.concatenate([sum_, short[:, 1:3], x], axis=-1)))


def several(k):
    a, b = k.Input((4,), name="one"), k.Input((2,), name="two")
    joined = k.ops.concatenate([k.layers.Dense(3, name="left")(a), b], axis=1)
    return k.Model([a, b], [k.layers.Dense(2, name="p")(joined), k.layers.Dense(1, name="q")(joined)])


def in_dicts(k):
    a, b = k.Input((4,), name="one"), k.Input((2,), name="two")
    y = k.layers.Dense(3, name="left")(a)
    return k.Model({"two": b, "one": a}, {"z": y, "a": k.ops.sum(b, axis=1) + y[:, 0]})


def siamese(k):
    left, right = k.Input((4,), name="l"), k.Input((4,), name="r")
    tower = k.Sequential([k.layers.Dense(5, activation="relu", name="t1"), k.layers.Dense(3, name="t2")], name="tower")
    distance = k.ops.sum(k.ops.square(tower(left) - tower(right)), axis=1, keepdims=True)
    return k.Model([left, right], k.layers.Dense(1, name="out")(distance))


def shared_at_two_depths(k):
    x = k.Input((4,))
    shared = k.layers.Dense(4, activation="relu", name="shared")
    h = shared(k.layers.Dense(4, name="between")(shared(x)))
    return k.Model(x, [h, shared(h)])


def nested(k):
    inner_x = k.Input((5,), name="inner_x")
    inner = k.Model(inner_x, k.layers.Dense(5, activation="relu", name="i")(inner_x) + inner_x, name="inner")
    x = k.Input((5,), name="x")
    stack = k.Sequential([k.Input((5,)), k.layers.Dense(3, name="s")], name="stack")
    return k.Model(x, stack(inner(inner(x))), name="outer")


def convolutions(k):
    x = k.Input((8, 8, 2), name="image")
    h = k.layers.Conv2D(4, 3, padding="same", activation="relu", name="c1")(x)
    r = k.layers.Conv2D(4, 3, padding="same", name="c2")(h)
    h = k.layers.Activation("relu", name="r")(h + r)
    h = k.layers.MaxPooling2D(2, name="pool")(h)
    return k.Model(x, k.layers.Dense(2, name="out")(k.layers.Flatten(name="flat")(h)), name="cnn")


def chain(k):
    x = k.Input((6,), name="x")
    return k.Model(x, k.layers.Dense(2, name="d2")(k.layers.Dense(3, name="d1")(x)), name="chain")


NETS = [residual, branches, several, in_dicts, siamese, shared_at_two_depths, nested, convolutions, chain]
nets = pytest.mark.parametrize("net", NETS, ids=lambda net: net.__name__)


def both(net):
    keras.utils.clear_session()
    registry.reset_names()
    theirs, ours = net(keras), net(fastnn)
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    return theirs, ours


def inputs_of(model, n=10):
    rng = np.random.default_rng(3)
    return [rng.standard_normal((n, *x.shape[1:])).astype(np.float32) for x in model.inputs]


def as_given(model, arrays):
    return arrays if len(arrays) > 1 else arrays[0]


def compare(ours, theirs, arrays):
    got, want = ours.predict(as_given(ours, arrays), verbose=0), theirs.predict(as_given(theirs, arrays), verbose=0)
    got, want = fastnn.tree.flatten(got), keras.tree.flatten(want)
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, **EQUAL)


@nets
def test_same_layers_and_outputs(net):
    theirs, ours = both(net)
    assert [each.name for each in ours.operations] == [each.name for each in theirs.operations]
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert [type(each).__name__ for each in ours.operations] == [type(each).__name__ for each in theirs.operations]
    assert ours.name == theirs.name and ours.output_names == theirs.output_names
    assert ours.input_shape == theirs.input_shape and ours.output_shape == theirs.output_shape
    if net is in_dicts:
        arrays = inputs_of(theirs)
        named = dict(zip(["one", "two"], arrays, strict=True))
        got, want = ours.predict(named, verbose=0), theirs.predict(named, verbose=0)
        assert sorted(got) == sorted(want)
        for key in want:
            np.testing.assert_allclose(got[key], want[key], **EQUAL)
    else:
        compare(ours, theirs, inputs_of(theirs))


@pytest.mark.parametrize("net", [residual, branches, siamese, nested, convolutions], ids=lambda net: net.__name__)
def test_same_training(net):
    theirs, ours = both(net)
    arrays = inputs_of(theirs)
    x, y = as_given(theirs, arrays), np.random.default_rng(5).standard_normal((10, *theirs.output_shape[1:]))
    y = y.astype(np.float32)
    for library, model in ((keras, theirs), (fastnn, ours)):
        model.compile(library.optimizers.SGD(0.02), "mse")
    want = theirs.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0).history["loss"]
    got = ours.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(got, want, **EQUAL)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **EQUAL)


@nets
def test_configurations_are_read_both_ways(net):
    theirs, ours = both(net)
    read = fastnn.models.model_from_json(theirs.to_json())
    read.set_weights(theirs.get_weights())
    back = keras.models.model_from_json(ours.to_json())
    back.set_weights(theirs.get_weights())
    assert [each.name for each in read.operations] == [each.name for each in theirs.operations]
    assert [each.name for each in back.operations] == [each.name for each in ours.operations]
    if net is not in_dicts:
        arrays = inputs_of(theirs)
        compare(read, theirs, arrays)
        compare(ours, back, arrays)
    config = json.loads(json.dumps(ours.get_config()))
    want = json.loads(json.dumps(theirs.get_config()))
    for entry, expected in zip(config["layers"], want["layers"], strict=True):
        assert entry["name"] == expected["name"] and entry["class_name"] == expected["class_name"]
        assert [call["args"] for call in entry["inbound_nodes"]] == [
            call["args"] for call in expected["inbound_nodes"]
        ]
    assert config["input_layers"] == want["input_layers"] and config["output_layers"] == want["output_layers"]


def printed(model, **options):
    texts = []
    model.summary(print_fn=texts.append, **options)
    return "".join(texts)


@nets
@pytest.mark.parametrize(
    "options",
    [{}, {"expand_nested": True}, {"show_trainable": True, "line_length": 120}, {"layer_range": ["[a-z]", "[d-t]"]},
     {"line_length": 60}],
    ids=str,
)
def test_same_summary(net, options, monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")  # Keras cuts what is wider than the terminal
    theirs, ours = both(net)
    assert printed(ours, **options) == printed(theirs, **options)


def test_a_part_of_a_model():
    theirs, ours = both(residual)
    arrays = inputs_of(theirs)
    for begin, end in (("x", "second"), ("first", "second")):
        parts = [k.Model(m.get_layer(begin).output, m.get_layer(end).output)
                 for k, m in ((fastnn, ours), (keras, theirs))]  # fmt: skip
        compare(*parts, arrays)


def test_clones():
    for net in (residual, siamese, nested):
        theirs, ours = both(net)
        clone, expected = fastnn.models.clone_model(ours), keras.models.clone_model(theirs)
        assert [each.name for each in clone.operations] == [each.name for each in expected.operations]
        clone.set_weights(ours.get_weights())
        compare(clone, theirs, inputs_of(theirs))
        assert all(a is not b for a, b in zip(clone.weights, ours.weights, strict=True))


def test_transfer_learning():
    """A frozen base, a new head on an inner layer, training: as in Keras."""
    models = []
    for k in (keras, fastnn):
        base = convolutions(k)
        models.append((base, k))
    models[1][0].set_weights(models[0][0].get_weights())
    made = []
    for base, k in models:
        base.trainable = False
        features = base.get_layer("pool").output
        made.append(k.Model(base.input, k.layers.Dense(2, name="head")(k.layers.Flatten()(features))))
    theirs, ours = made
    ours.set_weights(theirs.get_weights())
    assert len(ours.trainable_weights) == len(theirs.trainable_weights) == 2
    x, y = inputs_of(theirs)[0], np.ones((10, 2), np.float32)
    for model, k in ((theirs, keras), (ours, fastnn)):
        model.compile(k.optimizers.SGD(0.01), "mse")
        model.fit(x, y, epochs=2, batch_size=5, shuffle=False, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, **EQUAL)
