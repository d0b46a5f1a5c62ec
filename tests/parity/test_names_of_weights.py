"""Paths of weights and variables beside Keras's: the layers that a layer was built in, then its own name."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import fastnn

X = np.random.default_rng(0).standard_normal((2, 4)).astype(np.float32)


def classes(k: Any) -> tuple[Any, Any]:
    """A layer that builds a layer in `build` and others as it is called, and a model of two of them."""

    class Block(k.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.inner, self.norm = k.layers.Dense(units), k.layers.BatchNormalization(name="norm")
            self.early = self.add_weight(shape=(1,), initializer="zeros", name="early")

        def build(self, input_shape):
            self.ready = k.layers.Dense(self.inner.units, name="ready")
            self.ready.build(input_shape)
            self.late = self.add_weight(shape=(1,), initializer="zeros", name="late")

        def call(self, x):
            return self.norm(self.inner(x)) + self.early + self.late + self.ready(x)

    class Net(k.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.blocks = [Block(3), Block(3, name="second")]
            self.tail = k.Sequential([k.layers.Dense(2), k.layers.Dropout(0.5), k.layers.Dense(2, name="out")])
            self.stated = k.Sequential([k.Input((2,)), k.layers.Dense(2)], name="stated")

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return self.stated(self.tail(x))

    return Block, Net


def called(k: Any) -> Any:
    net = classes(k)[1](name="net")
    net(X)
    return net


def fitted(k: Any) -> Any:
    net = classes(k)[1]()
    net.compile("sgd", "mse")
    net.fit(X, X[:, :2], verbose=0)
    return net


def in_a_graph(k: Any) -> Any:
    block, net = classes(k)
    x = k.Input((4,))
    return k.Model(x, net(name="inner")(block(4)(x)))


def in_a_graph_in_a_stack(k: Any) -> Any:
    return k.Sequential([k.Input((4,)), in_a_graph(k), k.layers.GaussianNoise(0.1), k.layers.Dense(1)], name="top")


def in_stacks(k: Any) -> Any:
    block, net = classes(k)
    stack = k.Sequential([k.Input((4,)), k.Sequential([net(), block(2)]), k.layers.PReLU()])
    stack.add(k.layers.Dense(3, name="added"))
    return stack


def built_before(k: Any) -> Any:
    inner = k.Sequential([k.layers.Dense(2)])
    inner.build((None, 4))
    outer = k.Sequential([inner, k.layers.LayerNormalization()])
    outer(X)
    return outer


@pytest.mark.parametrize(
    "make", [called, fitted, in_a_graph, in_a_graph_in_a_stack, in_stacks, built_before], ids=lambda f: f.__name__
)
def test_same_paths(make):
    found = []
    for k in (keras, fastnn):
        k.utils.clear_session()
        model = make(k)
        names = [[v.path for v in getattr(model, kind)] for kind in ("weights", "variables", "non_trainable_variables")]
        if model.compiled:
            names.append([v.path for v in model.optimizer.variables])
        found.append(names)
    assert found[1] == found[0]
