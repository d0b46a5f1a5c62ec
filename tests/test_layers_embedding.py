"""Embedding: rows of a table, and their gradients."""

from __future__ import annotations

import re

import numpy as np
import pytest

import fastnn
from fastnn import _core, layers, optimizers
from tests.helpers import THREADS, assert_same_bits, random_array

TABLE = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "float32", "float64", "bool"])
def test_rows_of_the_table(dtype):
    layer = layers.Embedding(4, 3, weights=TABLE)
    x = np.array([[0, 1], [1, 1]], dtype)
    y = layer(x)
    assert y.dtype == "float32" and y.shape == layer.compute_output_shape(x.shape) == (2, 2, 3)
    np.testing.assert_array_equal(y.numpy(), TABLE[x.astype(int)])


def test_weights():
    layer = layers.Embedding(4, 3)
    layer.build()
    assert [w.path for w in layer.weights] == [f"{layer.name}/embeddings"]
    assert layer.embeddings.shape == (4, 3) and np.abs(layer.embeddings.numpy()).max() <= 0.05
    np.testing.assert_array_equal(layers.Embedding(4, 3, weights=[TABLE]).get_weights()[0], TABLE)


def gradient(x, dy, table):
    layer = layers.Embedding(*table.shape, weights=table)
    layer(x).backward(dy)
    return layer.embeddings.grad.numpy()


@pytest.mark.parametrize("columns", [1, 3, 16, 37])
def test_gradient_is_dense_and_in_the_order_of_the_batch(columns):
    rng = np.random.default_rng(columns)
    table, x = random_array((50, columns)).astype(np.float32), rng.integers(0, 40, (13, 7))
    dy = random_array((13, 7, columns)).astype(np.float32)
    want = np.zeros_like(table)
    np.add.at(want, x, dy)  # one after the other, in float32
    got = gradient(x, dy, table)
    assert_same_bits(got, want, "scatter-add")
    for n in THREADS:
        with _core.simulate_threads(n):
            assert_same_bits(gradient(x, dy, table), want, f"{n} threads")


def test_training_visits_every_row():
    """As in Keras the gradient is dense: Adam's moments go on for rows that a batch does not name."""
    model = fastnn.Sequential([layers.Embedding(4, 1), layers.Flatten()])
    model.compile(optimizers.Adam(0.1), "mse")
    for x in ([[0, 1]], [[2, 3]]):
        before = model.predict(np.array([[0, 1]]), verbose=0)
        model.train_on_batch(np.array(x), np.ones((1, 2)))
    assert (model.predict(np.array([[0, 1]]), verbose=0) != before).all()


def test_index_out_of_range():
    layer = layers.Embedding(4, 3, name="e")
    with pytest.raises(IndexError, match=re.escape("at least -4 and below 4; got 4 at position 1")):
        layer(np.array([[0, 4]]))


def test_configuration():
    config = layers.Embedding(4, 3, embeddings_constraint="max_norm").get_config()
    assert not {"weights", "lora_rank", "lora_alpha"} & set(config)
    assert config["quantization_config"] is None
    with pytest.raises(ValueError, match="lora_rank must be None"):
        layers.Embedding(4, 3, lora_rank=2)
    with pytest.raises(ValueError, match="input_dim must be a positive int; got 0"):
        layers.Embedding(0, 3)
    with pytest.warns(UserWarning, match="input_length"):
        layers.Embedding(4, 3, input_length=5)
