"""LBFGS: minima that are known, conditions of the line search, training by replayed evaluations."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from fastnn import Variable, layers, losses, models, ops, optimizers, utils
from fastnn.optimizers import LBFGS
from fastnn.optimizers.lbfgs import CURVATURE, SUFFICIENT, line_search
from tests.helpers import assert_same_bits


def rosenbrock(w: Variable) -> ops.Tensor:
    a, b = w[:-1], w[1:]
    return ops.sum(100.0 * ops.square(b - ops.square(a)) + ops.square(1.0 - a))


def minimize(optimizer: LBFGS, w: Variable, steps: int, function=rosenbrock) -> None:
    def evaluate() -> None:
        w.zero_grad()
        optimizer.scale_loss(function(w)).backward()
        optimizer.apply([w.grad], [w])

    for _ in range(steps):
        optimizer.step(evaluate)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-8), ("float32", 1e-2)])
def test_finds_the_minimum_of_a_curved_valley(dtype: str, tolerance: float) -> None:
    w, optimizer = Variable(np.full(6, -1.0, dtype)), LBFGS()
    minimize(optimizer, w, 60)
    np.testing.assert_allclose(w.numpy(), 1.0, atol=tolerance)
    assert int(optimizer.iterations) == 60 and [v.name for v in optimizer.variables] == ["iteration", "learning_rate"]


def test_stays_where_the_gradient_is_below_the_tolerance() -> None:
    w = Variable(np.full(3, 0.9))
    before = w.numpy()
    minimize(LBFGS(tolerance=1e3), w, 3)
    np.testing.assert_array_equal(w.numpy(), before)


def test_infinite_losses_are_steps_too_long() -> None:
    w = Variable(np.array([1e-3]))
    minimize(LBFGS(learning_rate=1e3), w, 30, lambda w: ops.sum(w - ops.log(w)))  # not a number for negative w
    np.testing.assert_allclose(w.numpy(), 1.0, rtol=1e-6)


@pytest.mark.parametrize("first", [1e-4, 0.1, 1.0, 30.0])
@pytest.mark.parametrize(
    "function",
    [
        lambda t: ((t - 2.0) ** 2, 2 * (t - 2.0)),
        lambda t: (np.cos(t) + 0.1 * t, 0.1 - np.sin(t)),
        lambda t: (np.exp(-t) + 0.01 * t, 0.01 - np.exp(-t)),
    ],
)
def test_line_search_meets_the_strong_wolfe_conditions(first: float, function) -> None:
    offset = 0.3
    loss, slope = function(offset)

    def along(length: float):
        value, rise = function(offset + length)
        return value, rise, np.array([rise])

    length, gradient = line_search(along, loss, slope, first, 40)
    value, rise = function(offset + length)
    assert value <= loss + SUFFICIENT * length * slope and abs(rise) <= -CURVATURE * slope and gradient[0] == rise


def trained(**kwargs) -> tuple[models.Sequential, list[float]]:
    utils.set_random_seed(1)
    x = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
    model = models.Sequential(
        [layers.Input((3,)), layers.Dense(6, activation="tanh", kernel_constraint="max_norm"), layers.Dense(1)]
    )
    model.compile(LBFGS(), "mse", metrics=["mae"], **kwargs)
    history = model.fit(x, np.tanh(x[:, :1] * 2), batch_size=60, epochs=25, shuffle=False, verbose=0).history
    return model, history


def test_fit_replays_the_evaluations() -> None:
    model, history = trained()
    assert history["loss"][-1] < 1e-3 < 0.1 * history["loss"][0]
    assert not model._programs.hopeless and any(step.program for step in model._programs.steps.values())
    eager, same = trained(run_eagerly=True)
    assert same == history  # each step counts once, with the loss before it
    for one, other in zip(model.get_weights(), eager.get_weights(), strict=True):
        assert_same_bits(one, other, "eager")
    before = model.evaluate(np.ones((8, 3)), np.ones((8, 1)), verbose=0)
    assert model.train_on_batch(np.ones((8, 3)), np.ones((8, 1))) == pytest.approx(before, rel=1e-5)
    assert model.evaluate(np.ones((8, 3)), np.ones((8, 1)), verbose=0)[0] < before[0]


def test_error_in_a_step_leaves_the_weights_alone() -> None:
    w, optimizer = Variable(np.full(3, -1.0)), LBFGS()
    minimize(optimizer, w, 2)
    before, left = w.numpy(), [2]

    def function(w: Variable):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return rosenbrock(w)

    with pytest.raises(KeyboardInterrupt):
        minimize(optimizer, w, 5, function)
    assert not np.array_equal(w.numpy(), np.full(3, -1.0)) and np.isfinite(w.numpy()).all()
    left[0] = 1
    before = w.numpy()
    with pytest.raises(KeyboardInterrupt):
        minimize(optimizer, w, 1, function)
    np.testing.assert_array_equal(w.numpy(), before)
    assert int(optimizer.iterations) == 3


def test_config_and_copies() -> None:
    optimizer = LBFGS(0.5, history_size=3, tolerance=1e-4, name="mine")
    config = optimizer.get_config()
    assert optimizers.deserialize(optimizers.serialize(optimizer)).get_config() == config
    assert type(optimizers.get("lbfgs")) is LBFGS
    w = Variable(np.full(4, -1.0))
    minimize(optimizer, w, 5)
    twin, u = copy.deepcopy((optimizer, w))
    minimize(optimizer, w, 3)
    minimize(twin, u, 3)
    assert_same_bits(u.numpy(), w.numpy(), "copy")


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: LBFGS(history_size=0), ValueError, r"LBFGS: history_size must be an int of at least 1; got 0\."),
        (lambda: LBFGS().apply([1.0], [Variable(1.0)]), RuntimeError, r"gradients alone are not enough.*Use fit"),
        (lambda: LBFGS(weight_decay=0.1), TypeError, r"weight_decay"),
    ],
)
def test_rejects_bad_arguments(make, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_losses_that_are_wrapped_work() -> None:
    model = models.Sequential([layers.Input((2,)), layers.Dense(2, activation="softmax")])
    model.compile(LBFGS(), losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    x = np.random.default_rng(0).standard_normal((40, 2)).astype(np.float32)
    history = model.fit(x, (x[:, 0] > x[:, 1]).astype(int), batch_size=40, epochs=20, verbose=0).history
    assert history["loss"][-1] < 0.05 and history["accuracy"][-1] == 1.0
