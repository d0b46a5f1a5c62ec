"""Images by maps and of other sizes beside Keras; its backends fold places outside of images in different ways."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from fastnn import layers, ops
from tests.test_image import MAPS

X = np.random.default_rng(0).standard_normal((2, 7, 5, 3)).astype(np.float32)
ON_TENSORFLOW = keras.config.backend() == "tensorflow"


@pytest.mark.parametrize("fill", ["constant", "nearest", *(["reflect", "wrap"] if ON_TENSORFLOW else [])])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("name", [name for name in MAPS if ON_TENSORFLOW or name != "perspective"])
def test_affine_transform(name, interpolation, fill):
    maps = np.float32([MAPS[name]] * 2)
    want = np.asarray(keras.ops.image.affine_transform(X, maps, interpolation, fill, 0.5))
    got = ops.image.affine_transform(X, maps, interpolation, fill, 0.5).numpy()
    np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("size", [(14, 10), (3, 4), (5, 9)])
def test_resize(size, method, antialias):
    if ON_TENSORFLOW and method == "bicubic" and not antialias:
        pytest.skip("TensorFlow rounds places to 1/1024 there")
    want = np.asarray(keras.ops.image.resize(X, size, method, antialias=antialias))
    np.testing.assert_allclose(ops.image.resize(X, size, method, antialias).numpy(), want, rtol=1e-5, atol=2e-5)


def test_center_crop_of_small_images():
    want = np.asarray(keras.layers.CenterCrop(9, 4)(X))
    np.testing.assert_allclose(layers.CenterCrop(9, 4)(X).numpy(), want, rtol=1e-5, atol=1e-5)
