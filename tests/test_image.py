"""Images by maps, resized, and changed at random."""

import numpy as np
import pytest

from fastnn import _core, layers, ops
from tests.helpers import check_op

RNG = np.random.default_rng(0)
MAPS = {
    "identity": [1, 0, 0, 0, 1, 0, 0, 0],
    "shift": [1, 0, 1.37, 0, 1, -2.61, 0, 0],
    "turn": [0.81, -0.59, 1.13, 0.59, 0.81, -0.71, 0, 0],
    "far": [2.31, 0.07, -9.73, 0.23, 3.11, -11.37, 0, 0],
    "perspective": [1.1, 0.2, -0.3, 0.1, 0.9, 0.4, 0.011, -0.013],
}
MAPS = {name: np.array(numbers, float) for name, numbers in MAPS.items()}


def folded(at, length, fill):
    """The index of a position that may lie outside; None for nowhere."""
    if fill == "constant":
        return at if 0 <= at < length else None
    return min(max(at, 0), length - 1)


def reference(x, m, interpolation, fill, value):
    """By the pixels of an image that goes on beyond its border: exact where folding is done on whole pixels."""
    n, h, w, c = x.shape
    y = np.empty(x.shape)

    def pixel(row, column):
        i, j = folded(row, h, fill), folded(column, w, fill)
        return np.full((n, c), value) if i is None or j is None else x[:, i, j]

    for row in range(h):
        for column in range(w):
            k = m[6] * column + m[7] * row + 1
            u, v = (m[0] * column + m[1] * row + m[2]) / k, (m[3] * column + m[4] * row + m[5]) / k
            if interpolation == "nearest":
                y[:, row, column] = pixel(int(np.floor(v + 0.5)), int(np.floor(u + 0.5)))
                continue
            i, j = int(np.floor(v)), int(np.floor(u))
            for di, wi in ((0, i + 1 - v), (1, v - i)):
                for dj, wj in ((0, j + 1 - u), (1, u - j)):
                    if di == dj == 0:
                        y[:, row, column] = 0
                    y[:, row, column] += wi * wj * pixel(i + di, j + dj)
    return y


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("name", MAPS)
def test_affine_transform(name, interpolation):
    # The reference folds pixels, the kernel (as TensorFlow) places, which is the same in these two modes;
    # tests/parity/test_image.py compares the others.
    for fill in ("constant", "nearest"):
        check_op(
            lambda x, **k: ops.image.affine_transform(x, MAPS[name], interpolation, **k),
            lambda x, fill_mode, fill_value: reference(x, MAPS[name], interpolation, fill_mode, fill_value),
            (2, 6, 5, 3), reduction=400, fill_mode=fill, fill_value=0.5,
        )


def test_one_map_for_each_image_and_other_layouts():
    x = RNG.standard_normal((2, 4, 5, 3)).astype(np.float32)
    maps = np.stack([MAPS["shift"], MAPS["turn"]])
    both = ops.image.affine_transform(x, maps).numpy()
    for i in range(2):
        np.testing.assert_array_equal(ops.image.affine_transform(x[i], maps[i]).numpy(), both[i])
    first = ops.image.affine_transform(x.transpose(0, 3, 1, 2), maps, data_format="channels_first").numpy()
    np.testing.assert_array_equal(first, both.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("numbers", [[np.nan] * 8, [1e30, 0, 0, 0, 1e30, 1e38, 0, 0], [1, 0, 0, 0, 1, 0, -1, 0]])
def test_places_that_are_nowhere(numbers):
    for fill in ("constant", "nearest", "reflect", "wrap"):
        y = ops.image.affine_transform(np.ones((3, 1, 1), np.float32), numbers, fill_mode=fill, fill_value=7.0)
        assert y.shape == (3, 1, 1)


def test_arguments_that_do_not_fit():
    x = np.ones((2, 4, 4, 1))
    with pytest.raises(ValueError, match=r"transform must be of shape \(8,\) or \(2, 8\)"):
        ops.image.affine_transform(x, np.ones((3, 8)))
    with pytest.raises(ValueError, match="fill_mode must be"):
        ops.image.affine_transform(x, np.ones(8), fill_mode="mirror")
    with pytest.raises(ValueError, match="images must be images"):
        ops.image.resize(np.ones((4, 4)), (2, 2))
    with pytest.raises(ValueError, match="size must be two positive ints"):
        ops.image.resize(x, (2, 0))
    with pytest.raises(ValueError, match="one at a time"):
        layers.Resizing(2, 2, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True)
    with pytest.raises(ValueError, match="factor must be a number or two"):
        layers.RandomRotation(2.0)
    with pytest.raises(ValueError, match="height_factor must be a number or two, above -1"):
        layers.RandomZoom(-1.0)
    with pytest.raises(ValueError, match="mode must be"):
        layers.RandomFlip("left")


def test_antialias_averages():
    x = np.arange(16.0).reshape(1, 16, 1, 1)
    y = ops.image.resize(x, (4, 1), antialias=True).numpy().ravel()
    np.testing.assert_allclose(np.diff(y)[1:2], 4.0)
    assert abs(y[1] - 5.5) < 1e-12
    assert ops.image.resize(x, (4, 1), "nearest").numpy().ravel().tolist() == [2.0, 6.0, 10.0, 14.0]


# ---- layers -------------------------------------------------------------------------------------------------------

IMAGES = RNG.integers(0, 256, (200, 6, 5, 2)).astype(np.float32)


def test_flip():
    y = layers.RandomFlip("horizontal", seed=3)(IMAGES).numpy()
    flipped = (y == IMAGES[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (flipped | (y == IMAGES).all(axis=(1, 2, 3))).all()
    assert 70 < flipped.sum() < 130
    y = layers.RandomFlip(seed=3)(IMAGES).numpy()
    both = (y == IMAGES[:, ::-1, ::-1]).all(axis=(1, 2, 3))
    assert 70 < both.sum() < 130


def test_translation_by_whole_pixels():
    y = layers.RandomTranslation((0.5, 0.5), (-0.2, -0.2), "constant", fill_value=-1.0)(IMAGES).numpy()
    want = np.full(IMAGES.shape, -1.0)
    want[:, 3:, :-1] = IMAGES[:, :-3, 1:]
    np.testing.assert_allclose(y, want, rtol=1e-6)


def test_rotation_by_quarters_and_zoom():
    square = IMAGES[:, :5]
    y = layers.RandomRotation((0.25, 0.25))(square).numpy()
    np.testing.assert_allclose(y, np.rot90(square, axes=(1, 2)), atol=2e-3)
    y = layers.RandomZoom((1.0, 1.0), fill_mode="constant")(square).numpy()  # every second pixel, the middle fixed
    np.testing.assert_allclose(y[:, 1:4, 1:4], square[:, ::2, ::2], rtol=1e-6)
    assert (y[:, 0] == 0).all()


def test_brightness_and_contrast():
    delta = layers.RandomBrightness(0.5, seed=1)(np.full((200, 2, 2, 1), 100.0)).numpy() - 100
    assert (delta == delta[:, :1, :1]).all() and delta.min() >= -100 and delta.max() <= 127.5
    assert delta.std() > 50
    y = layers.RandomContrast((0.0, 1.0), (0, 255), seed=1)(IMAGES).numpy()
    assert y.min() == 0 and y.max() == 255
    calm = 100 + IMAGES / 100
    y = layers.RandomContrast((0.5, 0.5), seed=1)(calm).numpy()
    np.testing.assert_allclose(y.mean(axis=(1, 2)), calm.mean(axis=(1, 2)), rtol=1e-5)
    factors = y.std(axis=(1, 2, 3)) / calm.std(axis=(1, 2, 3))
    assert 0.45 < factors.min() < 0.6 and 1.4 < factors.max() < 1.55


def test_crop():
    layer = layers.RandomCrop(3, 2, seed=2)
    seen = set()
    for _ in range(200):
        y = layer(IMAGES[:4]).numpy()
        places = [(i, j) for i in range(4) for j in range(4) if (y == IMAGES[:4, i : i + 3, j : j + 2]).all()]
        assert len(places) == 1
        seen.update(places)
    assert len(seen) == 16
    np.testing.assert_array_equal(layer(IMAGES[:, :3, :2]).numpy(), IMAGES[:, :3, :2])
    assert layer(IMAGES[0], training=False).shape == (3, 2, 2)


@pytest.mark.parametrize("name", ["RandomFlip", "RandomRotation", "RandomCrop"])
def test_single_images_and_channels_first(name):
    arguments = {"RandomRotation": (0.3,), "RandomCrop": (3, 2)}.get(name, ())
    last = getattr(layers, name)(*arguments, seed=5)
    first = getattr(layers, name)(*arguments, seed=5, data_format="channels_first")
    y = last(IMAGES[0]).numpy()
    np.testing.assert_array_equal(first(IMAGES[0].transpose(2, 0, 1)).numpy(), y.transpose(2, 0, 1))
    np.testing.assert_array_equal(getattr(layers, name)(*arguments, seed=5)(IMAGES[:1]).numpy()[0], y)


def test_inference_changes_nothing():
    for layer in (layers.RandomFlip(), layers.RandomZoom(0.5), layers.RandomBrightness(0.5)):
        np.testing.assert_array_equal(layer(IMAGES, training=False).numpy(), IMAGES)


def test_same_bits_for_any_number_of_threads():
    base = layers.RandomRotation(0.5, seed=9)(IMAGES).numpy()
    for threads in (2, 3, 7):
        with _core.simulate_threads(threads):
            np.testing.assert_array_equal(layers.RandomRotation(0.5, seed=9)(IMAGES).numpy(), base)
