"""Padding, cropping and up-sampling layers, and the kernel `resample` behind the last."""

from __future__ import annotations

import numpy as np
import pytest

from fastnn import layers
from fastnn.autograd import as_tensor
from fastnn.ops.resample import repeated, resized, resizing
from tests.helpers import check_layer, check_op, random_array


def matrix(size, outputs, method):
    """The table as a matrix (outputs, inputs)."""
    table, _ = resizing(size, outputs, method, "float64")
    result = np.zeros((outputs, size))
    for i in range(outputs):
        for entry in range(table.first[i], table.first[i + 1]):
            result[i, table.source[entry]] += table.weight[entry]
    return result


def test_bilinear_weights():
    want = [[1, 0, 0], [0.75, 0.25, 0], [0.25, 0.75, 0], [0, 0.75, 0.25], [0, 0.25, 0.75], [0, 0, 1]]
    np.testing.assert_allclose(matrix(3, 6, "bilinear"), want)


@pytest.mark.parametrize("method", ["bilinear", "bicubic", "lanczos3", "lanczos5"])
def test_weights_sum_to_1_and_are_symmetric(method):
    weights = matrix(5, 15, method)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights, weights[::-1, ::-1], atol=1e-12)
    np.testing.assert_allclose(weights[1::3], np.eye(5), atol=1e-12)  # centres that meet


@pytest.mark.parametrize("inner", [1, 3, 16, 17, 64, 150])
def test_resample_matches_reference(inner):
    weights = matrix(4, 9, "bicubic")
    check_op(
        lambda x: resized(as_tensor(x), 1, 9, "bicubic"), lambda x: np.einsum("ij,njk->nik", weights, x),
        (2, 4, inner), reduction=9,
    )  # fmt: skip


@pytest.mark.parametrize("shape, axis", [((2, 3, 4, 5), 1), ((2, 3, 4, 5), 2), ((0, 3, 2), 1), ((1, 40, 70), 1)])
def test_repeated_matches_reference(shape, axis):
    check_op(lambda x: repeated(as_tensor(x), axis, 3), lambda x: np.repeat(x, 3, axis), shape, reduction=3)


def test_repeated_keeps_every_bit():
    x = np.array([[-0.0, np.nan, np.inf, 1e-45]], np.float32)
    assert repeated(as_tensor(x), 1, 2).numpy().tobytes() == np.repeat(x, 2, 1).tobytes()


# ---- layers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "interpolation"), [({}, "nearest"), ({"size": (3, 1)}, "nearest"), ({"size": (2, 3)}, "bilinear")]
)
@pytest.mark.parametrize("first", [False, True])
def test_upsampling_of_images(config, interpolation, first):
    rows, columns = config.get("size", (2, 2))

    def want(x):
        x = x.transpose(0, 2, 3, 1) if first else x
        if interpolation == "nearest":
            y = x.repeat(rows, 1).repeat(columns, 2)
        else:
            y = np.einsum("ij,njkc->nikc", matrix(4, 4 * rows, interpolation), x)
            y = np.einsum("ij,nkjc->nkic", matrix(3, 3 * columns, interpolation), y)
        return y.transpose(0, 3, 1, 2) if first else y

    check_layer(
        layers.UpSampling2D, (2, 5, 4, 3) if first else (2, 4, 3, 5), want, 9, interpolation=interpolation,
        data_format="channels_first" if first else "channels_last", **config,
    )  # fmt: skip


def test_upsampling_of_lines():
    check_layer(layers.UpSampling1D, (2, 4, 3), lambda x: x.repeat(3, 1), size=3)


@pytest.mark.parametrize("first", [False, True])
def test_padding_and_cropping(first):
    data_format = {"data_format": "channels_first" if first else "channels_last"}
    line, image = ((2, 3, 6), (2, 3, 6, 5)) if first else ((2, 6, 3), (2, 6, 5, 3))
    none, behind = ((0, 0),), (((0, 0),), ()) if first else ((), ((0, 0),))

    def padded(*pairs):
        return lambda x: np.pad(x, (*none, *behind[0], *pairs, *behind[1]))

    check_layer(layers.ZeroPadding1D, line, padded((2, 1)), padding=(2, 1), **data_format)
    check_layer(layers.ZeroPadding2D, image, padded((1, 1), (2, 2)), padding=(1, 2), **data_format)
    check_layer(layers.ZeroPadding2D, image, padded((1, 0), (2, 3)), padding=((1, 0), (2, 3)), **data_format)
    cropped = (slice(None),) * (2 if first else 1) + (slice(1, 6), slice(0, 3))
    check_layer(layers.Cropping2D, image, lambda x: x[cropped], cropping=((1, 0), (0, 2)), **data_format)
    if not first:
        check_layer(layers.Cropping1D, line, lambda x: x[:, 2:5], cropping=(2, 1))


def test_integers_stay_integers_between_zeros():
    y = layers.ZeroPadding1D()(np.arange(6).reshape(1, 3, 2))
    assert y.dtype == np.int64 and y.shape == (1, 5, 2)


def test_defaults_are_kept_as_keras_keeps_them():
    assert layers.ZeroPadding1D().padding == layers.Cropping1D().cropping == (1, 1)
    assert layers.ZeroPadding2D(2).padding == ((2, 2), (2, 2))
    assert layers.Cropping2D().cropping == ((0, 0), (0, 0))
    assert random_array((1, 2, 2, 1)).shape == layers.Cropping2D()(random_array((1, 2, 2, 1))).shape


def test_errors():
    text = r"Cropping1D 'c': cropping must be less than the input's size; got \(2, 1\) for shape \(1, 3, 2\)"
    with pytest.raises(ValueError, match=text):
        layers.Cropping1D((2, 1), name="c")(np.ones((1, 3, 2)))
    with pytest.raises(ValueError, match="padding must be an int, two of them, or two pairs of them; got"):
        layers.ZeroPadding2D((1, 2, 3))
    with pytest.raises(ValueError, match="cropping must be an int of at least 0 or two of them; got -1"):
        layers.Cropping2D(-1)
    with pytest.raises(ValueError, match="UpSampling2D 'u': interpolation must be a known name; got 'bilinea'"):
        layers.UpSampling2D(interpolation="bilinea", name="u")
    with pytest.raises(TypeError, match="size must be a positive int; got 1.5"):
        layers.UpSampling1D(1.5)
