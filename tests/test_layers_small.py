"""The activation layers, Flatten, Reshape, Permute, RepeatVector, Dropout, Rescaling."""

import warnings

import numpy as np
import pytest

import fastnn
from fastnn import layers, models, utils
from tests.helpers import check_layer


def keras_relu(x, max_value=np.inf, negative_slope=0.0, threshold=0.0):
    y = np.where(x >= threshold, x, negative_slope * (x - threshold))
    return np.where(x >= max_value, max_value, y)


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"max_value": 1.0},
        {"negative_slope": 0.25},
        {"threshold": 0.5},
        {"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.7},
    ],
    ids=str,
)
def test_relu(case):
    x = np.array([[-2.0, -0.3, 0.2, 0.6, 0.9, 1.2, 7.0]])
    check_layer(layers.ReLU, x, lambda x: keras_relu(x, **case), **case)


def test_leaky_relu():
    check_layer(layers.LeakyReLU, (3, 4), lambda x: np.where(x > 0, x, 0.3 * x))
    check_layer(layers.LeakyReLU, (3, 4), lambda x: np.where(x > 0, x, 0.5 * x), negative_slope=0.5)


@pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
def test_softmax(axis):
    def softmax(x):
        e = np.exp(x - x.max(axis, keepdims=True))
        return e / e.sum(axis, keepdims=True)

    check_layer(layers.Softmax, (2, 3, 4), softmax, 64, axis=axis)


def test_softmax_with_a_mask():
    layer, x = layers.Softmax(), np.array([[1.0, 2.0, 5.0], [1.0, 1.0, 1.0]])
    e = np.exp([1.0, 2.0])
    for mask in ([[True, True, False], [False] * 3], [[1.0, 1.0, 0.5], [0.0] * 3]):
        y = layer(x, mask=np.array(mask)).numpy()
        np.testing.assert_allclose(y, [[*e / e.sum(), 0], [0, 0, 0]], rtol=1e-6)
    assert layer(x, mask=np.array([True, False, True])).numpy()[:, 1].tolist() == [0, 0]
    with pytest.raises(ValueError, match=r"mask must be of a shape that broadcasts to \(2, 3\)"):
        layer(x, mask=np.ones((2, 2)))


def test_elu():
    check_layer(layers.ELU, (3, 4), lambda x: np.where(x > 0, x, 0.5 * np.expm1(x)), alpha=0.5)


def test_leaky_relu_takes_the_name_of_keras_2():
    with pytest.warns(UserWarning, match="write negative_slope for alpha"):
        assert layers.LeakyReLU(alpha=0.5).negative_slope == 0.5


@pytest.mark.parametrize("shared", [None, 1, [1, 2], (2,), [3], [1, 3], [1, 2, 3]])
def test_prelu(shared):
    def prelu(x, alpha):
        return np.where(x > 0, x, alpha * x)

    check_layer(layers.PReLU, (4, 3, 5, 2), prelu, 30, shared_axes=shared)
    axes = [shared] if isinstance(shared, int) else shared or []
    layer = layers.PReLU(shared_axes=shared)
    layer.build((None, 3, 5, 2))
    assert layer.alpha.shape == tuple(1 if axis in axes else size for axis, size in ((1, 3), (2, 5), (3, 2)))
    assert not layer.alpha.numpy().any()


def test_prelu_rejects_axes():
    with pytest.raises(ValueError, match=r"shared_axes must be axes from 1 to 2; got \[3\]"):
        layers.PReLU(shared_axes=3)(np.ones((2, 3, 4)))


@pytest.mark.parametrize("dims", [(1,), (2, 1), (3, 1, 2)])
def test_permute(dims):
    check_layer(layers.Permute, (2, 3, 4, 5)[: len(dims) + 1], lambda x: x.transpose(0, *dims), dims=dims)
    with pytest.raises(ValueError, match="dims must be the numbers from 1 on, each once"):
        layers.Permute((0, 1))


def test_repeat_vector():
    check_layer(layers.RepeatVector, (2, 3), lambda x: np.repeat(x[:, None], 4, 1), n=4)
    with pytest.raises(ValueError, match="n must be a positive int; got 0"):
        layers.RepeatVector(0)
    with pytest.raises(ValueError, match="x must be of rank 2"):
        layers.RepeatVector(2)(np.ones((2, 3, 4)))


@pytest.mark.parametrize("argument", ["max_value", "negative_slope", "threshold"])
def test_relu_rejects_negative_arguments(argument):
    with pytest.raises(ValueError, match=f"ReLU 'r': {argument} must be at least 0; got -1"):
        layers.ReLU(**{argument: -1}, name="r")


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3), (3,), (0, 3, 4), (1, 1, 1, 1)])
def test_flatten(shape):
    check_layer(layers.Flatten, np.ones(shape) * 2.5, lambda x: x.reshape(len(x), int(np.prod(x.shape[1:]))))


def test_flatten_channels_first():
    check_layer(
        layers.Flatten,
        (2, 3, 4, 5),
        lambda x: x.transpose(0, 2, 3, 1).reshape(2, -1),
        data_format="channels_first",
    )


@pytest.mark.parametrize(
    ("target", "shape"), [((8, 3), (2, 24)), ((-1,), (2, 3, 4)), ((2, -1, 3), (5, 12)), ((), (4, 1))]
)
def test_reshape(target, shape):
    want = np.zeros(shape[1:]).reshape(target).shape
    check_layer(layers.Reshape, shape, lambda x: x.reshape(len(x), *want), target_shape=target)


def test_reshape_errors():
    with pytest.raises(
        ValueError, match=r"Reshape 'r': target_shape must be a shape of 6 elements; got \(4, 2\)"
    ):
        layers.Reshape((4, 2), name="r")(np.ones((1, 6)))
    with pytest.raises(ValueError, match="target_shape must be sizes of which at most one is -1"):
        layers.Reshape((-1, -1))


def test_dropout_is_off_outside_training():
    x = np.ones((3, 4), "float32")
    layer = layers.Dropout(0.5)
    np.testing.assert_array_equal(layer(x).numpy(), x)
    np.testing.assert_array_equal(layer(x, training=False).numpy(), x)


def test_dropout_scales_what_it_keeps():
    utils.set_random_seed(1)
    y = layers.Dropout(0.25)(np.ones((100, 100)), training=True).numpy()
    assert set(np.unique(y)) == {0, np.float32(1 / 0.75)}
    assert abs((y == 0).mean() - 0.25) < 0.02


def test_dropout_masks_differ_and_can_be_repeated():
    x = np.ones((10, 10))
    layer, twin = layers.Dropout(0.5, seed=3), layers.Dropout(0.5, seed=3)
    first, second = (layer(x, training=True).numpy() for _ in range(2))
    assert (first != second).any()
    np.testing.assert_array_equal(twin(x, training=True).numpy(), first)


def test_dropout_gradient_uses_the_same_mask():
    x = fastnn.Tensor(np.ones((5, 6), "float32"), requires_grad=True)
    y = layers.Dropout(0.5, seed=1)(x, training=True)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.numpy())


def test_dropout_noise_shape_drops_whole_channels():
    y = layers.Dropout(0.5, noise_shape=(None, 1, None), seed=0)(np.ones((8, 5, 7)), training=True).numpy()
    assert (y == y[:, :1]).all() and 0 < (y == 0).mean() < 1
    with pytest.raises(
        ValueError, match=r"noise_shape must be a shape that broadcasts to x's \(2, 3\); got \(None, 2\)"
    ):
        layers.Dropout(0.5, noise_shape=(None, 2))(np.ones((2, 3)), training=True)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), "half", None])
def test_dropout_rejects_rate(rate):
    with pytest.raises(ValueError, match="Dropout 'd': rate must be a number from 0 to 1; got"):
        layers.Dropout(rate, name="d")


def test_dropout_of_everything():
    assert not layers.Dropout(1.0)(np.ones((3, 3)), training=True).numpy().any()


@pytest.mark.parametrize(
    "case",
    [
        {"scale": 1 / 255},
        {"scale": 2.0, "offset": -1.0},
        {"scale": [1.0, 2.0, 3.0], "offset": [0.0, 1.0, 0.5]},
    ],
    ids=str,
)
def test_rescaling(case):
    check_layer(
        layers.Rescaling,
        (2, 4, 3),
        lambda x: x * np.array(case["scale"]) + np.array(case.get("offset", 0.0)),
        **case,
    )


def test_rescaling_of_pixels():
    pixels = np.array([[0, 51, 255]], "uint8")
    np.testing.assert_allclose(layers.Rescaling(1 / 255)(pixels).numpy(), [[0, 0.2, 1]], rtol=1e-6)


def test_rescaling_by_an_array_is_replayed():
    layer = layers.Rescaling(np.linspace(1, 2, 40))
    model = models.Sequential([layers.Input((40,)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as for steps that cannot be replayed
        model.fit(np.ones((64, 40)), np.ones(64), batch_size=8, verbose=0)
    layer.scale = [2.0] * 40
    np.testing.assert_array_equal(layer(np.ones((1, 40))).numpy(), np.full((1, 40), 2.0))
