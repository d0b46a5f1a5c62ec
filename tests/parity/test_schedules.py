"""Learning-rate schedules beside Keras's: values, configurations, and training."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import fastnn

CASES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 10, 20], "values": [1.0, 0.5, 0.25, 0.1]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 8, "power": 0.5, "cycle": True}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "end_learning_rate": 0.02, "power": 2.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5, "staircase": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 25}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "alpha": 0.1}),
    ("CosineDecay", {"initial_learning_rate": 0.0, "decay_steps": 20, "warmup_target": 0.1, "warmup_steps": 10}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 5}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 8, "t_mul": 1.0, "m_mul": 0.5}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 7, "m_mul": 0.8, "alpha": 0.05}),
]


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_values_and_configs(name, arguments):
    ours, theirs = (getattr(library.optimizers.schedules, name)(**arguments) for library in (fastnn, keras))
    for step in [*range(45), 1000, 10**6]:
        got, want = ours(step), theirs(step)
        np.testing.assert_allclose(float(got), float(want), rtol=1e-6, atol=3e-8, err_msg=f"step {step}")
    assert ours(0).numpy().dtype == np.float32 and ours(0).shape == ()
    assert ours.get_config() == theirs.get_config()
    assert fastnn.optimizers.schedules.serialize(ours) == keras.optimizers.schedules.serialize(theirs)
    again = fastnn.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(theirs))
    assert type(again) is type(ours) and again.get_config() == ours.get_config()


def warm_up(library):
    """A schedule as users of Keras write one."""
    ops = library.ops

    class WarmUp(library.optimizers.schedules.LearningRateSchedule):
        def __init__(self, top, steps):
            self.top = top
            self.steps = steps

        def __call__(self, step):
            step = ops.cast(step, "float32") + 1.0
            return self.top * ops.minimum(step / self.steps, ops.rsqrt(step / self.steps))

    return WarmUp(0.1, 5)


@pytest.mark.parametrize("case", [*CASES[::3], ("own", None), ("callable", None)], ids=str)
def test_fit_follows_the_schedule(case):
    name, arguments = case
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((40, 6)).astype(np.float32), rng.standard_normal((40, 2)).astype(np.float32)
    models = []
    for library in (keras, fastnn):
        if name == "own":
            rate = warm_up(library)
        elif name == "callable":
            rate = lambda: 0.05  # noqa: E731 - Keras takes a callable here
        else:
            rate = getattr(library.optimizers.schedules, name)(**arguments)
        layers = library.layers
        model = library.Sequential([layers.Input((6,)), layers.Dense(5, activation="tanh"), layers.Dense(2)])
        model.compile(library.optimizers.SGD(rate, momentum=0.5), "mse")
        models.append(model)
    theirs, ours = models
    ours.set_weights(theirs.get_weights())
    histories = [m.fit(x, y, batch_size=5, epochs=4, shuffle=False, verbose=0).history["loss"] for m in (ours, theirs)]
    np.testing.assert_allclose(*histories, rtol=1e-5)
    for got, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-6)
    assert not ours._programs.hopeless and any(step.program for step in ours._programs.steps.values())


@pytest.mark.parametrize("library", [fastnn, keras], ids=lambda library: library.__name__)
def test_a_schedule_is_not_replaced_by_a_number(library):
    """Which is what callbacks that set the rate run into."""
    optimizer = library.optimizers.SGD(library.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5))
    with pytest.raises(TypeError):
        optimizer.learning_rate = 0.01
