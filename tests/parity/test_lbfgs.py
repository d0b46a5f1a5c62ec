"""LBFGS beside scikit-learn's MLP(solver="lbfgs"): the same network, penalty and start; where the loss ends."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fastnn

neural_network = pytest.importorskip("sklearn.neural_network")

ALPHA, STEPS = 1e-3, 150


def data(classes: int):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 6))
    score = np.tanh(x @ rng.standard_normal((6, 4))) @ rng.standard_normal((4, max(classes, 1)))
    noisy = score + 0.1 * rng.standard_normal(score.shape)
    return x, noisy.argmax(1) if classes else noisy[:, 0]


@pytest.mark.parametrize("classes", [0, 3])
def test_ends_where_scikit_learn_ends(classes):
    x, y = data(classes)
    penalty = fastnn.regularizers.L2(0.5 * ALPHA / len(x))
    last = {"activation": "softmax"} if classes else {}
    layers = fastnn.layers
    fastnn.utils.set_random_seed(0)
    model = fastnn.Sequential(
        [
            layers.Input((6,), dtype="float64"),
            layers.Dense(8, activation="tanh", kernel_regularizer=penalty, dtype="float64"),
            layers.Dense(max(classes, 1), kernel_regularizer=penalty, dtype="float64", **last),
        ]
    )
    loss = "sparse_categorical_crossentropy" if classes else "mse"
    model.compile(fastnn.optimizers.LBFGS(tolerance=1e-5), loss, loss_weights=None if classes else 0.5)
    start = model.get_weights()

    kind = neural_network.MLPClassifier if classes else neural_network.MLPRegressor
    theirs = kind(
        hidden_layer_sizes=(8,), activation="tanh", solver="lbfgs", alpha=ALPHA, max_iter=STEPS, tol=1e-5, max_fun=10**6
    )
    weights = iter(range(0, 4, 2))

    def init_coef(fan_in, fan_out, dtype):
        i = next(weights)
        return start[i].copy(), start[i + 1].copy()

    theirs._init_coef = init_coef
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it would go on
        theirs.fit(x, y)
    history = model.fit(x, y, batch_size=len(x), epochs=STEPS, shuffle=False, verbose=0).history["loss"]
    ended = model.evaluate(x, y, batch_size=len(x), verbose=0)
    assert ended < 1.15 * theirs.loss_ and ended < 0.2 * history[0]
    assert not model._programs.hopeless
