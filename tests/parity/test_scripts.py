"""What scripts for Keras do beside layers and training: the same happens here."""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np
import pytest

import fastnn

BOTH = pytest.mark.parametrize("k", [keras, fastnn], ids=["keras", "fastnn"])
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (2, 8, 6, 3)).astype(np.uint8)


def enlarge(k: Any) -> Any:
    """A network for finer images, with ops of `ops.image` on KerasTensors."""
    x = k.Input((6, 8, 3))
    large = k.ops.image.resize(x, (12, 16))
    y = k.layers.Conv2D(12, 3, padding="same")(x)
    y = k.ops.image.crop_images(k.ops.depth_to_space(y, 2) + large, 1, 2, 1, 2)
    y = k.ops.image.pad_images(k.ops.sigmoid(y), 1, 1, target_height=12, target_width=14)
    hsv = k.ops.image.rgb_to_hsv(y)
    parts = k.ops.image.extract_patches(k.ops.concatenate([hsv, k.ops.image.rgb_to_grayscale(y)], -1), 3, 2)
    return k.Model(x, parts)


def test_ops_of_images_in_graphs_and_configurations():
    x = RNG.random((2, 6, 8, 3)).astype(np.float32)
    theirs, ours = enlarge(keras), enlarge(fastnn)
    ours.set_weights(theirs.get_weights())
    want = theirs.predict(x, verbose=0)
    np.testing.assert_allclose(ours.predict(x, verbose=0), want, rtol=1e-4, atol=1e-5)
    read = fastnn.models.model_from_json(theirs.to_json())
    read.set_weights(theirs.get_weights())
    np.testing.assert_allclose(read.predict(x, verbose=0), want, rtol=1e-4, atol=1e-5)
    entries = [json.loads(model.to_json())["config"]["layers"] for model in (theirs, ours)]
    of_images = [[(e["class_name"], e["config"]) for e in each if e["module"].endswith("image")] for each in entries]
    assert of_images[1][:5] == of_images[0][:5] and len(of_images[0]) == len(of_images[1]) == 6


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_resizing_keeps_whole_numbers(interpolation):
    made = [k.layers.Resizing(5, 9, interpolation=interpolation)(IMAGES) for k in (keras, fastnn)]
    want, got = (np.asarray(each) for each in made)
    assert got.dtype == want.dtype == np.uint8
    assert np.abs(got.astype(int) - want).max() <= 1  # a half may be rounded either way


@BOTH
def test_older_spellings_of_inputs(k):
    stack = k.Sequential([k.layers.InputLayer(input_shape=(3,)), k.layers.Dense(2)])
    assert stack.output_shape == (None, 2)
    assert k.layers.InputLayer(batch_input_shape=(4, 3)).batch_shape == (4, 3)
    assert k.Sequential([k.layers.Dense(2, input_dim=3)]).output_shape == (None, 2)


@BOTH
def test_arguments_that_a_call_does_not_take(k):
    for arguments in ({"foo": 1}, {"mask": None}):
        with pytest.raises(TypeError):
            k.layers.Dense(3)(k.Input((2,)), **arguments)


@BOTH
def test_a_file_that_is_not_there(k, tmp_path):
    with pytest.raises(ValueError):
        k.models.load_model(tmp_path / "none.keras")


@BOTH
def test_classes_whose_methods_call_the_object_otherwise(k):
    class Twice(k.layers.Layer):
        def __init__(this, factor=2, **kwargs):
            super().__init__(**kwargs)
            this.factor = factor

        def call(this, x):
            return x * this.factor

    again = Twice.from_config(Twice(3, name="t").get_config())
    assert again.factor == 3


@BOTH
def test_registered_functions_and_classes_in_files(k, tmp_path):
    """An activation, a regularizer and an initializer of one's own, each registered, are found again."""
    package = f"scripts_{k.__name__}"

    @k.saving.register_keras_serializable(package)
    def double(x):
        return x * 2

    @k.saving.register_keras_serializable(package)
    class Cubes(k.regularizers.Regularizer):
        def __init__(self, rate=0.5):
            self.rate = rate

        def __call__(self, x):
            return self.rate * k.ops.sum(k.ops.abs(x) ** 3)

        def get_config(self):
            return {"rate": self.rate}

    @k.saving.register_keras_serializable(package)
    class Halves(k.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return k.ops.full(shape, 0.5, dtype=dtype)

    dense = k.layers.Dense(2, activation=double, kernel_regularizer=Cubes(0.25), kernel_initializer=Halves())
    model = k.Sequential([k.Input((3,)), dense])
    model.save(tmp_path / "m.keras")
    again = k.models.load_model(tmp_path / "m.keras")
    x = np.ones((1, 3), np.float32)
    assert again.predict(x, verbose=0).tolist() == [[3.0, 3.0]]
    assert float(np.asarray(again.losses[0])) == pytest.approx(0.25 * 6 / 8)


@BOTH
def test_variables_change_in_place(k):
    v = k.Variable([1.0, 2.0])
    v.assign_add([1.0, 1.0])
    v.assign_sub(np.array([0.5, 0.0]))
    assert np.asarray(v).tolist() == [1.5, 3.0]
    assert np.asarray(k.Variable("ones", shape=(2,), dtype="float32")).tolist() == [1.0, 1.0]


def test_counts_in_a_layer_are_replayed():
    class Counting(fastnn.layers.Layer):
        def build(self, input_shape):
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

        def call(self, x, training=False):
            if training:
                self.calls.assign_add(1.0)
            return x

    model = fastnn.Sequential([fastnn.Input((2,)), Counting(), fastnn.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((12, 2)), np.ones((12, 1)), batch_size=4, epochs=2, verbose=0)
    assert float(model.layers[0].calls) == 6
