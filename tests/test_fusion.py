"""Fused layers give what they give one by one; what must not be fused is not."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import _core, fusion, layers, losses, models, ops, utils
from tests.helpers import assert_same_bits, random_array

X = random_array((7, 14, 13, 3)).astype(np.float32)


def conv(filters=5, activation=None, name="conv", **kwargs):
    return layers.Conv2D(filters, 3, activation=activation, name=name, **kwargs)


def patterns(*stack):
    """The names of the layers that are computed together."""
    found, at = [], 0
    while at < len(stack):
        fused = fusion.match(stack, at)
        names = [layer.name for layer in fused.layers] if fused else [stack[at].name]
        found.append("+".join(names))
        at += len(names)
    return found


def relu(name="act", **kwargs):
    return layers.ReLU(name=name, **kwargs)


def pool(size=2, name="pool", **kwargs):
    return layers.MaxPooling2D(size, name=name, **kwargs)


def dense(activation=None, name="dense", **kwargs):
    return layers.Dense(4, activation, name=name, **kwargs)


def activation(function, name="act"):
    return layers.Activation(function, name=name)


class OwnConv(layers.Conv2D):
    def call(self, x):
        return super().call(x)


class OwnPool(layers.MaxPooling2D):
    pass


FUSED = {
    "pool": lambda: [conv(), pool()],
    "relu in the layer": lambda: [conv(activation="relu"), pool(3)],
    "leaky_relu in the layer": lambda: [conv(activation="leaky_relu", padding="same"), pool((2, 3))],
    "ReLU": lambda: [conv(), relu(), pool()],
    "ReLU with a slope": lambda: [conv(), relu(negative_slope=0.4), pool(3, strides=2)],
    "LeakyReLU": lambda: [conv(strides=2), layers.LeakyReLU(name="act"), pool()],
    "Activation": lambda: [conv(dilation_rate=2), activation("leaky_relu"), pool()],
    "no pool": lambda: [conv(), relu()],
    "no pool, leaky": lambda: [conv(), layers.LeakyReLU(0.1, name="act")],
    "groups without pool": lambda: [conv(6, groups=3), activation("relu")],
    "dense": lambda: [dense(), relu()],
    "dense, leaky": lambda: [dense(use_bias=False), layers.LeakyReLU(name="act")],
    "dense, activation": lambda: [dense(), activation("leaky_relu")],
    "normalization": lambda: [layers.BatchNormalization(name="norm"), relu()],
    "normalization along axis 3": lambda: [layers.BatchNormalization(3, name="norm"), layers.LeakyReLU(name="act")],
    "a regularised weight": lambda: [conv(kernel_regularizer="l2"), pool()],
}
APART = {
    "another activation": lambda: [conv(activation="tanh"), pool()],
    "another activation layer": lambda: [conv(), activation("tanh"), pool()],
    "linear Activation": lambda: [conv(), activation("linear"), pool()],
    "no slope": lambda: [conv(), layers.LeakyReLU(0.0, name="act")],
    "a bound": lambda: [dense(), relu(max_value=6.0)],
    "a threshold": lambda: [dense(), relu(threshold=0.5)],
    "average": lambda: [conv(activation="relu"), layers.AveragePooling2D(2, name="pool")],
    "same pool": lambda: [conv(activation="relu"), pool(padding="same")],
    "groups": lambda: [conv(6, groups=3), pool()],
    "large window": lambda: [conv(padding="same"), pool((16, 16))],
    "subclass": lambda: [OwnConv(5, 3, name="conv"), pool()],
    "subclass of the pool": lambda: [conv(), OwnPool(2, name="pool")],
    "regularised output": lambda: [conv(activity_regularizer="l2"), pool()],
    "channels first": lambda: [conv(data_format="channels_first"), pool(data_format="channels_first")],
    "mixed order": lambda: [conv(), pool(data_format="channels_first")],
    "mixed dtypes": lambda: [conv(dtype="float64"), pool()],
    "normalization along the height": lambda: [layers.BatchNormalization(1, name="norm"), relu()],
    "normalization and another activation": lambda: [layers.BatchNormalization(name="norm"), activation("tanh")],
    "dense and pool": lambda: [dense(), pool()],
}


def by_themselves(stack, x):
    for layer in stack:
        x = layer(x)
    return x


@pytest.mark.parametrize("name", FUSED)
def test_fused_layers_have_the_bits_of_single_ones(name):
    stack = FUSED[name]()
    model = models.Sequential(stack)
    got = model(X)
    assert patterns(*stack) == ["+".join(layer.name for layer in stack)]
    assert_same_bits(got.numpy(), by_themselves(stack, X).numpy(), name)
    with _core.trace() as launches:
        model(X)
    kernels = {kernel for kernel, _, _ in launches}
    assert not kernels & {"max_pool_fwd", "unary_fwd"}, kernels
    assert ("conv2d_max_pool_fwd" in kernels) == (stack[-1].name == "pool")


@pytest.mark.parametrize("name", APART)
def test_other_layers_stay_by_themselves(name):
    stack = APART[name]()
    assert patterns(*stack) == [layer.name for layer in stack]


def test_a_relu_before_a_fused_pool_is_taken_once():
    assert patterns(conv(activation="relu"), relu(), pool()) == ["conv", "act", "pool"]
    assert patterns(conv(), relu("a"), relu("b"), pool()) == ["conv+a", "b", "pool"]
    assert patterns(dense(), conv(name="c"), relu("a"), pool(name="p"), pool(name="q")) == ["dense", "c+a+p", "q"]


def test_a_layer_whose_call_was_replaced_stays_by_itself(monkeypatch):
    model = models.Sequential([conv(), pool()])
    whole = model(X).numpy()
    model.layers[1].call = lambda x: x * 2
    assert patterns(*model.layers) == ["conv", "pool"]
    assert model(X).shape != whole.shape
    monkeypatch.setattr(layers.Dense, "call", lambda self, x: x)
    assert patterns(dense(), relu()) == ["dense", "act"]


def test_changes_of_a_model_change_what_is_fused():
    model = models.Sequential([conv(), pool()])
    first = model(X).numpy()
    model.layers[0].activation = fastnn.activations.relu
    assert_same_bits(model(X).numpy(), np.maximum(first, 0), "relu after max is max after relu")
    model.pop()
    assert model(X).shape == (7, 12, 11, 5)
    model.add(layers.MaxPooling2D(3))
    assert model(X).shape == (7, 4, 3, 5)
    model.layers[1].pool_size = (2, 2)
    assert model(X).shape == (7, 4, 4, 5)  # strides are still 3
    model.layers[1].strides = (2, 2)
    assert model(X).shape == (7, 6, 5, 5)


def test_layers_called_outside_the_model_stay_by_themselves():
    model = models.Sequential([conv(), pool()])
    model(X)
    assert model.layers[0](X).shape == (7, 12, 11, 5)


def net():
    utils.set_random_seed(3)
    model = models.Sequential([
        layers.Input((14, 13, 3)),
        conv(20, activation="relu"), pool(2),
        conv(18, name="second", padding="same"), layers.LeakyReLU(), pool(3, name="last", strides=2),
        layers.BatchNormalization(), layers.ReLU(), layers.Flatten(), layers.Dense(8), layers.ReLU(), layers.Dense(4),
    ])  # fmt: skip
    model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def test_fit_has_the_same_losses_with_and_without_fusion(monkeypatch):
    y = np.arange(7) % 4
    with _core.trace() as launches:
        fused = net().fit(X, y, batch_size=3, epochs=4, verbose=0, shuffle=False).history["loss"]
    assert "conv2d_max_pool_fwd" in {kernel for kernel, _, _ in launches}
    assert "unary_bwd" not in {kernel for kernel, _, _ in launches}
    monkeypatch.setattr(fusion, "match", lambda *_: None)
    with _core.trace() as launches:
        single = net().fit(X, y, batch_size=3, epochs=4, verbose=0, shuffle=False).history["loss"]
    assert "max_pool_fwd" in {kernel for kernel, _, _ in launches}
    np.testing.assert_allclose(fused, single, rtol=1e-5)


@pytest.mark.parametrize(
    "x, message",
    [
        (X[..., :2], "Conv2D 'conv': the last axis of x must be 3, as built; got 2"),
        (X[:, :2], "Conv2D 'conv': the image must be at least as large as the kernel"),
        (X[:, :3], r"MaxPooling2D 'pool': the image must be at least as large as the pooling window \(2, 2\)"),
    ],
)
def test_errors_name_the_layer(x, message):
    model = models.Sequential([conv(), relu(), pool()])
    model(X)
    with pytest.raises(ValueError, match=message):
        model(x)


def test_a_fused_dense_layer_names_itself():
    model = models.Sequential([dense(), relu()])
    model(np.ones((2, 3)))
    with pytest.raises(ValueError, match="Dense 'dense': the last axis of x must be 3, as built; got 5"):
        model(np.ones((2, 5)))


def residual_net(add, after, shape=(6, 5, 4)):
    """A block around a shortcut, twice."""
    utils.set_random_seed(4)
    x = inputs = layers.Input(shape)
    for _ in range(2):
        y = layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
        y = layers.BatchNormalization(momentum=0.5)(y)
        x = add(y, x)
        for layer in after():
            x = layer(x)
    return models.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))


SUMS = {
    "Add": (lambda a, b: layers.Add()([a, b]), lambda: [relu(None)]),
    "the operator, the other way round": (lambda a, b: b + a, lambda: [layers.LeakyReLU()]),
    "two convolutions behind": (lambda a, b: a + b, lambda: [layers.ReLU(), layers.Conv2D(4, 1), layers.ReLU()]),
    "no activation": (lambda a, b: layers.Add()([a, b]), lambda: [layers.AveragePooling2D(1)]),
}
NO_SUMS = {
    "three": (lambda a, b: layers.Add()([a, b, b]), lambda: [layers.ReLU()]),
    "itself": (lambda a, b: a + a, lambda: [layers.ReLU()]),
    "used twice": (lambda a, b: a + b + layers.ReLU()(a), lambda: [layers.ReLU()]),
    "a product": (lambda a, b: layers.Multiply()([a, b]), lambda: [layers.ReLU()]),
    "regularised": (lambda a, b: layers.Add(activity_regularizer="l2")([a, b]), lambda: [layers.ReLU()]),
}


def trained(case, monkeypatch, apart=False):
    """Weights and predictions after some steps, and whether a sum was computed with its normalization."""
    x, y = random_array((8, 6, 5, 4)).astype(np.float32), random_array((8, 2)).astype(np.float32)
    with monkeypatch.context() as patched, _core.trace() as launches:
        if apart:
            patched.setattr(fusion, "match_sum", lambda *_: None)
        model = residual_net(*case)
        model.compile(fastnn.optimizers.SGD(0.05), "mse")
        model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0)
        result = [*model.get_weights(), model.predict(x, verbose=0)]
    joined = any(name == "norm_apply" and fields["residual"] is not None for name, _, fields in launches)
    return [array.tobytes() for array in result], joined


@pytest.mark.parametrize("name", SUMS)
def test_sums_behind_a_normalization_are_computed_with_it(name, monkeypatch):
    fused, joined = trained(SUMS[name], monkeypatch)
    single, apart = trained(SUMS[name], monkeypatch, apart=True)
    assert joined and not apart
    assert fused == single


@pytest.mark.parametrize("name", NO_SUMS)
def test_other_sums_stay_by_themselves(name, monkeypatch):
    assert not trained(NO_SUMS[name], monkeypatch)[1]


def test_a_sum_that_is_an_output_is_one():
    x = layers.Input((3,))
    y = layers.BatchNormalization()(layers.Dense(3)(x))
    total = y + x
    model = models.Model(x, [layers.ReLU()(total), total, y])
    outputs = model(random_array((4, 3)))
    assert_same_bits(outputs[0].numpy(), np.maximum(outputs[1].numpy(), 0), "relu of the sum")


def test_a_sum_of_masked_values_is_computed_by_itself():
    x = random_array((4, 5, 3)).astype(np.float32)
    x[:, 3:] = 0
    given = inputs = layers.Input((5, 3))
    given = layers.Masking()(given)
    norm = layers.BatchNormalization(momentum=0.0)
    model = models.Model(inputs, layers.ReLU()(layers.Add()([norm(given), given])))
    model(x, training=True)
    np.testing.assert_allclose(norm.moving_mean.numpy(), x[:, :3].mean((0, 1)), rtol=1e-5)


# ---- normalization behind convolutions ------------------------------------------------------------------------------


def norm(name="norm", **kwargs):
    return layers.BatchNormalization(name=name, **kwargs)


LINE = random_array((7, 25, 3)).astype(np.float32)
NORMALIZED = {
    "conv": lambda: [conv(use_bias=False), norm()],
    "conv, relu": lambda: [conv(18), norm(), relu()],
    "conv, leaky, pool": lambda: [conv(), norm(), layers.LeakyReLU(0.1, name="act"), pool()],
    "conv, pool": lambda: [conv(33, padding="same"), norm(axis=3, scale=False), pool(3, strides=2)],
    "strides and groups": lambda: [conv(32, groups=1, strides=2), norm(center=False), activation("relu")],
    "1d": lambda: [layers.Conv1D(20, 3, padding="causal", name="conv"), norm(), relu()],
    "1d, pool": lambda: [layers.Conv1D(4, 3, name="conv"), norm(), relu(), layers.MaxPooling1D(2, name="pool")],
    "depthwise": lambda: [layers.DepthwiseConv2D(3, padding="same", name="conv"), norm(), relu()],
    "separable": lambda: [layers.SeparableConv2D(16, 3, name="conv"), norm(), relu()],
    "transposed": lambda: [layers.Conv2DTranspose(17, 3, strides=2, padding="same", name="conv"), norm(), relu()],
}
NOT_NORMALIZED = {
    "an activation between": (lambda: [conv(activation="relu"), norm()], ["conv", "norm"]),
    "dense": (lambda: [dense(), norm(), relu()], ["dense", "norm+act"]),
    "another axis": (lambda: [conv(), norm(axis=1), relu()], ["conv", "norm", "act"]),
    "regularised": (lambda: [conv(activity_regularizer="l2"), norm(), relu()], ["conv", "norm+act"]),
}


def randomized(model, seed=0):
    """The same model with random weights, positive where they must be."""
    model.set_weights([np.abs(random_array(w.shape, seed + i)) + 0.1 for i, w in enumerate(model.get_weights())])
    return model


def one_by_one(monkeypatch, call):
    with monkeypatch.context() as patched:
        patched.setattr(fusion, "match", lambda *_: None)
        patched.setattr(fusion, "match_sum", lambda *_: None)
        return call()


@pytest.mark.parametrize("name", NORMALIZED)
def test_a_normalization_by_given_statistics_is_computed_with_the_convolution(name, monkeypatch):
    x = LINE if name.startswith("1d") else X
    stack = NORMALIZED[name]()
    model = models.Sequential(stack)
    model(x)
    randomized(model)
    with fastnn.no_grad():
        assert patterns(*stack) == ["+".join(layer.name for layer in stack)]
    want = one_by_one(monkeypatch, lambda: by_themselves(stack, x).numpy())
    for changed in (False, True):
        if changed:  # weights are memory: what was recorded reads them
            randomized(model, 20)
            want = one_by_one(monkeypatch, lambda: by_themselves(stack, x).numpy())
        for _ in range(4):
            assert_same_bits(model.predict(x, verbose=0), want, name)
    with _core.trace() as launches:
        model.predict(x, verbose=0)
    assert not {kernel for kernel, _, _ in launches} & {"norm_apply", "unary_fwd", "max_pool_fwd"}


@pytest.mark.parametrize("name", NOT_NORMALIZED)
def test_a_normalization_that_stays_by_itself(name):
    make, want = NOT_NORMALIZED[name]
    stack = make()
    models.Sequential(stack)(X[:, :3, :3].reshape(7, 27) if name == "dense" else X)
    with fastnn.no_grad():
        assert patterns(*stack) == want


def test_a_normalization_that_is_trained_stays_by_itself():
    stack = [conv(), norm(), relu()]
    models.Sequential(stack)(X)
    assert patterns(*stack) == ["conv", "norm+act"]  # gradients of gamma and beta are wanted
    stack[1].trainable = False
    assert patterns(*stack) == ["conv+norm+act"]


def frozen_net(shape=(6, 5, 4)):
    utils.set_random_seed(5)
    x = inputs = layers.Input(shape)
    for channels in (4, 20):
        y = layers.Conv2D(channels, 3, padding="same", use_bias=False)(x)
        y = layers.ReLU()(layers.BatchNormalization(momentum=0.5)(y))
        y = layers.BatchNormalization(momentum=0.5)(layers.Conv2D(channels, 3, padding="same")(y))
        z = x if channels == 4 else layers.Conv2D(channels, 1)(x)
        x = layers.ReLU()(layers.Add()([y, z]))
    model = models.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    return model


def trained_with_flips():
    """Weights and predictions: all trained, normalizations frozen, all trained again."""
    x, y = random_array((8, 6, 5, 4)).astype(np.float32), random_array((8, 2)).astype(np.float32)
    model, found = frozen_net(), []
    for trainable in (True, False, True):
        for layer in model.layers:
            if isinstance(layer, layers.BatchNormalization):
                layer.trainable = trainable
        model.compile(fastnn.optimizers.SGD(0.05), "mse")
        model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0)
        found += [*model.get_weights(), model.predict(x, verbose=0), model(x).numpy()]
    return [array.tobytes() for array in found]


def test_frozen_normalizations_train_and_predict_the_same_bits(monkeypatch):
    assert trained_with_flips() == one_by_one(monkeypatch, trained_with_flips)


def test_residual_blocks_are_predicted_by_convolutions_alone():
    model, x = frozen_net(), random_array((8, 6, 5, 4)).astype(np.float32)
    with _core.trace() as launches:
        model.predict(x, verbose=0)
    kernels = [kernel for kernel, _, _ in launches]
    assert "norm_apply" not in kernels and "binary_fwd" not in kernels and kernels.count("conv2d_fwd") == 5


def test_a_convolution_is_computed_with_a_sum_in_training_too(monkeypatch):
    def run():
        utils.set_random_seed(6)
        x = inputs = layers.Input((6, 5, 4))
        for channels in (4, 20):
            z = x if channels == 4 else layers.Conv2D(channels, 1)(x)
            x = layers.ReLU()(layers.Add()([z, layers.Conv2D(channels, 3, padding="same")(layers.ReLU()(x))]))
        model = models.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
        model.compile(fastnn.optimizers.SGD(0.05), "mse")
        with _core.trace() as launches:
            model.fit(X[..., :6, :5, :1].repeat(4, -1)[:, :6], X[:, 0, :2, 0], epochs=3, shuffle=False, verbose=0)
        joined = any(name == "conv2d_fwd" and fields["residual"] is not None for name, _, fields in launches)
        return [weight.tobytes() for weight in model.get_weights()], joined

    fused, single = run(), one_by_one(monkeypatch, run)
    assert fused[1] and not single[1]
    assert fused[0] == single[0]


@pytest.mark.parametrize("op", [ops.relu, lambda x: ops.leaky_relu(x, 0.1)])
def test_ops_of_a_graph_are_applied_by_the_layers_before_them(op, monkeypatch):
    x = inputs = layers.Input((14, 13, 3))
    x = op(layers.Conv2D(5, 3)(x))
    x = layers.MaxPooling2D(2)(op(layers.Conv2D(4, 3)(x)))
    x = op(layers.Dense(3)(layers.Flatten()(x)) + 1.0)
    model = models.Model(inputs, op(layers.Dense(3)(x)))
    with _core.trace() as launches:
        got = model.predict(X, verbose=0)
    kernels = [kernel for kernel, _, _ in launches]
    assert kernels.count("unary_fwd") == 1 and "max_pool_fwd" not in kernels  # behind the sum
    assert_same_bits(got, one_by_one(monkeypatch, lambda: model(X).numpy()), "ops")


def test_a_line_is_convolved_and_pooled_at_once():
    stack = [layers.Conv1D(5, 3, activation="relu", name="conv"), layers.MaxPooling1D(2, name="pool")]
    model = models.Sequential([*stack, layers.Flatten(), layers.Dense(2)])
    model.compile("sgd", "mse")
    with _core.trace() as launches:
        model.fit(LINE, X[:, 0, :2, 0], verbose=0)
    assert patterns(*stack) == ["conv+pool"]
    assert "conv2d_max_pool_fwd" in {kernel for kernel, _, _ in launches}
