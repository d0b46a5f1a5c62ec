"""Conv2D."""

import numpy as np
import pytest

from fastnn import layers
from tests.helpers import check_layer


def pads(size, window, stride, dilation, padding):
    if padding == "valid":
        return 0, 0
    total = max((-(-size // stride) - 1) * stride + (window - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def conv2d(x, kernel, bias=0.0, strides=(1, 1), padding="valid", dilation=(1, 1), groups=1):
    kh, kw, cg, o = kernel.shape
    rows, columns = (pads(x.shape[1 + i], kernel.shape[i], strides[i], dilation[i], padding) for i in (0, 1))
    x = np.pad(x, ((0, 0), rows, columns, (0, 0)))
    oh, ow = ((x.shape[1 + i] - (kernel.shape[i] - 1) * dilation[i] - 1) // strides[i] + 1 for i in (0, 1))
    y = np.zeros((len(x), oh, ow, o))
    for r in range(kh):
        for s in range(kw):
            top, left = r * dilation[0], s * dilation[1]
            part = x[:, top : top + oh * strides[0] : strides[0], left : left + ow * strides[1] : strides[1]][
                :, :oh, :ow
            ]
            for g in range(groups):
                out = slice(g * o // groups, (g + 1) * o // groups)
                y[..., out] += part[..., g * cg : (g + 1) * cg] @ kernel[r, s][:, out]
    return y + bias


@pytest.mark.parametrize(
    "case",
    [
        {"kernel_size": 1},
        {"kernel_size": 3},
        {"kernel_size": (2, 4)},
        {"kernel_size": 3, "padding": "same"},
        {"kernel_size": 3, "padding": "SAME", "strides": 2},
        {"kernel_size": (3, 2), "strides": (2, 3)},
        {"kernel_size": 2, "dilation_rate": 2},
        {"kernel_size": 3, "dilation_rate": (1, 2), "padding": "same"},
        {"kernel_size": 3, "groups": 2, "filters": 6},
    ],
    ids=str,
)
def test_conv2d_matches_reference(case):
    case = {"filters": 5, **case}
    layer = layers.Conv2D(**case)
    check_layer(
        layers.Conv2D,
        (2, 7, 6, 4),
        lambda x, k, b: conv2d(
            x, k, b, layer.strides, layer.padding, dilation=layer.dilation_rate, groups=layer.groups
        ),
        64,
        **case,
    )


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_conv2d_activation(activation):
    function = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh}[activation]
    check_layer(
        layers.Conv2D,
        (2, 5, 5, 1),
        lambda x, k, b: function(conv2d(x, k, b)),
        64,
        filters=3,
        kernel_size=2,
        activation=activation,
    )


def test_conv2d_without_bias():
    check_layer(
        layers.Conv2D, (1, 4, 4, 2), lambda x, k: conv2d(x, k), 32, filters=3, kernel_size=2, use_bias=False
    )


def test_conv2d_channels_first():
    check_layer(
        layers.Conv2D,
        (2, 3, 5, 6),
        lambda x, k, b: conv2d(x.transpose(0, 2, 3, 1), k, b).transpose(0, 3, 1, 2),
        64,
        filters=4,
        kernel_size=3,
        data_format="channels_first",
    )


def test_conv2d_weights_and_shapes():
    layer = layers.Conv2D(32, 4)
    layer.build((None, 28, 28, 1))
    assert [w.shape for w in layer.weights] == [(4, 4, 1, 32), (32,)]
    assert layer.compute_output_shape((None, 28, 28, 1)) == (None, 25, 25, 32)
    assert layer.compute_output_shape((None, None, None, 1)) == (None, None, None, 32)


def test_conv2d_empty_batch():
    assert layers.Conv2D(2, 3)(np.ones((0, 5, 5, 1))).shape == (0, 3, 3, 2)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"filters": 0, "kernel_size": 3}, "filters must be a positive int; got 0"),
        ({"filters": 2, "kernel_size": 0}, "kernel_size must be a positive int or two of them; got 0"),
        (
            {"filters": 2, "kernel_size": (1, 2, 3)},
            r"kernel_size must be a positive int or two of them; got \(1, 2, 3\)",
        ),
        (
            {"filters": 2, "kernel_size": 3, "strides": 0},
            "strides must be a positive int or two of them; got 0",
        ),
        ({"filters": 2, "kernel_size": 3, "padding": "sam"}, "padding must be 'valid' or 'same'; got 'sam'"),
        (
            {"filters": 2, "kernel_size": 3, "data_format": "nhwc"},
            "data_format must be 'channels_last' or 'channels_first'",
        ),
        ({"filters": 3, "kernel_size": 3, "groups": 2}, "filters must be a multiple of groups=2; got 3"),
    ],
    ids=str,
)
def test_conv2d_rejects_arguments(arguments, text):
    with pytest.raises(ValueError, match=f"Conv2D 'c': {text}"):
        layers.Conv2D(**arguments, name="c")


def test_conv2d_rejects_rank():
    text = (
        r"Conv2D 'c': x must be of rank 4 \(batch, height, width, channels\); got rank 3 \(shape \(2, 28, 28\)\)\. "
        r"Images of one channel need a channel axis, x\[\.\.\., None\]; a single image needs a batch axis, x\[None\]\."
    )
    with pytest.raises(ValueError, match=text):
        layers.Conv2D(2, 3, name="c")(np.ones((2, 28, 28)))


def test_conv2d_rejects_channels():
    layer = layers.Conv2D(2, 3, name="c")
    layer(np.ones((1, 5, 5, 3)))
    text = r"Conv2D 'c': the last axis of x must be 3, as built; got 1 \(shape \(1, 5, 5, 1\)\)\."
    with pytest.raises(ValueError, match=text):
        layer(np.ones((1, 5, 5, 1)))


def test_conv2d_rejects_small_images():
    layer = layers.Conv2D(2, 5, name="c")
    with pytest.raises(
        ValueError,
        match=r"the image must be at least as large as the kernel \(5, 5\).*got shape \(1, 3, 3, 1\)",
    ):
        layer(np.ones((1, 3, 3, 1)))
    assert not layer.built and layer.weights == []


def test_conv2d_rejects_small_images_when_built():
    layer = layers.Conv2D(2, 5, name="c")
    layer(np.ones((1, 8, 8, 1)))
    with pytest.raises(ValueError, match=r"\(1, 3, 3, 1\)"):
        layer(np.ones((1, 3, 3, 1)))


def test_conv2d_rejects_groups_of_channels():
    with pytest.raises(
        ValueError, match="Conv2D 'c': the number of channels of x must be a multiple of groups=2; got 3"
    ):
        layers.Conv2D(2, 1, groups=2, name="c")(np.ones((1, 3, 3, 3)))


# ---- lines ---------------------------------------------------------------------------------------------------------


def conv1d(x, kernel, bias=0.0, stride=1, padding="valid", dilation=1, groups=1):
    if padding == "causal":
        x, padding = np.pad(x, ((0, 0), (dilation * (len(kernel) - 1), 0), (0, 0))), "valid"
    return conv2d(x[:, None], kernel[None], bias, (1, stride), padding, (1, dilation), groups)[:, 0]


@pytest.mark.parametrize(
    "case",
    [
        {"kernel_size": 3},
        {"kernel_size": (4,), "strides": 3, "padding": "same"},
        {"kernel_size": 2, "dilation_rate": 3, "padding": "causal"},
        {"kernel_size": 3, "strides": (2,), "padding": "causal"},
        {"kernel_size": 3, "groups": 2, "filters": 6},
    ],
    ids=str,
)
def test_conv1d_matches_reference(case):
    case = {"filters": 5, **case}
    layer = layers.Conv1D(**case)
    (stride,), (dilation,) = layer.strides, layer.dilation_rate
    check_layer(
        layers.Conv1D, (2, 11, 4),
        lambda x, k, b: conv1d(x, k, b, stride, layer.padding, dilation, layer.groups), 32, **case,
    )  # fmt: skip


def test_conv1d_channels_first():
    check_layer(
        layers.Conv1D, (2, 3, 8),
        lambda x, k, b: np.tanh(conv1d(x.transpose(0, 2, 1), k, b, padding="causal")).transpose(0, 2, 1), 32,
        filters=4, kernel_size=3, padding="causal", data_format="channels_first", activation="tanh",
    )  # fmt: skip


def test_conv1d_causal_outputs_do_not_see_what_comes_after():
    layer, x = layers.Conv1D(3, 4, padding="causal"), np.random.default_rng(0).standard_normal((1, 9, 2))
    y = layer(x).numpy()
    x[:, 5:] = np.nan
    np.testing.assert_array_equal(layer(x).numpy()[:, :5], y[:, :5])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"kernel_size": (2, 2)}, r"kernel_size must be a positive int or a tuple of one; got \(2, 2\)"),
        ({"kernel_size": 2, "padding": "full"}, "padding must be 'valid', 'same' or 'causal'; got 'full'"),
        ({"kernel_size": 2, "strides": 2, "dilation_rate": 2}, r"dilation_rate must be 1 with strides=\(2,\)"),
    ],
    ids=str,
)
def test_conv1d_rejects_arguments(arguments, text):
    with pytest.raises(ValueError, match=f"Conv1D 'c': {text}"):
        layers.Conv1D(3, **arguments, name="c")


def test_conv1d_rejects_inputs():
    text = r"Conv1D 'c': x must be of rank 3 \(batch, length, channels\); got rank 2 .* Lines of one channel need"
    with pytest.raises(ValueError, match=text):
        layers.Conv1D(2, 3, name="c")(np.ones((2, 28)))
    text = r"the line must be at least as large as the kernel \(3,\) \(dilation \(2,\)\)"
    with pytest.raises(ValueError, match=text):
        layers.Conv1D(2, 3, dilation_rate=2)(np.ones((2, 4, 1)))


def test_conv2d_padding_is_not_causal():
    with pytest.raises(ValueError, match="padding must be 'valid' or 'same'; got 'causal'"):
        layers.Conv2D(2, 3, padding="causal")
