"""Optimizers beside Keras's: ten steps along the same gradients, all state, and what saved configurations say."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest

import fastnn

STEPS = 10
SHAPES = {"kernel": (5, 3), "bias": (3,), "filters": (3, 3, 2, 4), "gain": ()}

# Names and arguments; the learning rates are large enough for the steps to be seen.
KINDS = {
    "SGD": [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
    "RMSprop": [{}, {"momentum": 0.5, "centered": True, "rho": 0.8}],
    "Adam": [{}, {"amsgrad": True, "beta_1": 0.8, "beta_2": 0.95}],
    "AdamW": [{}],
    "Adadelta": [{"learning_rate": 1.0}, {"rho": 0.8, "epsilon": 1e-3}],
    "Adagrad": [{}, {"initial_accumulator_value": 0.5, "epsilon": 1e-3}],
    "Adamax": [{}, {"beta_1": 0.8, "beta_2": 0.95}],
    "Nadam": [{}, {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}],
    "Ftrl": [
        {},
        {"l1_regularization_strength": 0.1, "l2_regularization_strength": 0.2, "beta": 0.3},
        {"learning_rate_power": -0.7, "l2_shrinkage_regularization_strength": 0.1, "initial_accumulator_value": 0.2},
    ],
    "Lion": [{}, {"beta_1": 0.8, "beta_2": 0.95}],
    "Lamb": [{}, {"beta_1": 0.8, "epsilon": 1e-3}],
    "Muon": [{"momentum": 0.8}, {"nesterov": False, "rms_rate": None, "adam_lr_ratio": 0.5, "exclude_layers": ["ker"]}],
    "Adafactor": [{}, {"relative_step": False, "clip_threshold": 0.5, "epsilon_2": 0.1, "beta_2_decay": -0.5}],
}
OPTIONS = [
    {"weight_decay": 0.1, "clipnorm": 0.5},
    {"clipvalue": 0.2, "learning_rate": "schedule"},
    {"global_clipnorm": 0.7, "use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3},
    {"gradient_accumulation_steps": 3, "use_ema": True, "ema_momentum": 0.8, "weight_decay": 0.1},
]
CASES = [(name, arguments) for name, kinds in KINDS.items() for arguments in kinds]
CASES += [(name, {**kinds[-1], **option}) for name, kinds in KINDS.items() for option in OPTIONS]
CASES += [("SGD", {"loss_scale_factor": 8.0}), ("SGD", {"use_ema": True}), ("Adam", {"gradient_accumulation_steps": 2})]


def made(library, name, arguments):
    arguments = {"learning_rate": 0.05, **arguments}
    if arguments["learning_rate"] == "schedule":
        arguments["learning_rate"] = library.optimizers.schedules.ExponentialDecay(0.1, 4, 0.5)
    optimizer = getattr(library.optimizers, name)(**arguments)
    if "weight_decay" in arguments:
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def variables(library):
    rng = np.random.default_rng(0)
    values = [rng.standard_normal(shape).astype(np.float32) for shape in SHAPES.values()]
    return [library.Variable(value, name=name) for name, value in zip(SHAPES, values, strict=True)]


def gradients(step):
    rng = np.random.default_rng(100 + step)
    return [rng.standard_normal(shape).astype(np.float32) for shape in SHAPES.values()]


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)
def test_steps(name, arguments):
    ours, theirs = made(fastnn, name, arguments), made(keras, name, arguments)
    w, u = variables(fastnn), variables(keras)
    for step in range(STEPS):
        grads = gradients(step)
        ours.apply(grads, w)
        theirs.apply([keras.ops.convert_to_tensor(g) for g in grads], u)
        for got, want in zip(w, u, strict=True):
            np.testing.assert_allclose(got.numpy(), np.asarray(want), rtol=2e-6, atol=2e-6, err_msg=f"step {step}")
    assert int(ours.iterations) == int(theirs.iterations)
    np.testing.assert_allclose(float(ours.learning_rate), float(theirs.learning_rate), rtol=1e-6)
    assert [v.shape for v in ours.variables] == [tuple(v.shape) for v in theirs.variables]
    for got, want in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(got.numpy(), np.asarray(want), rtol=1e-4, atol=2e-6, err_msg=want.path)
    ours.finalize_variable_values(w)
    theirs.finalize_variable_values(u)
    for got, want in zip(w, u, strict=True):
        np.testing.assert_allclose(got.numpy(), np.asarray(want), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("name", KINDS)
def test_configs_and_variables(name):
    ours, theirs = getattr(fastnn.optimizers, name)(name="one"), getattr(keras.optimizers, name)(name="one")
    want = {k: pytest.approx(v) if isinstance(v, float) else v for k, v in theirs.get_config().items()}
    assert ours.get_config() == want and list(ours.get_config()) == list(want)
    again = fastnn.optimizers.deserialize(keras.optimizers.serialize(theirs))
    assert type(again) is type(ours) and again.get_config() == want
    if name != "Lamb":  # which Keras does not find by its name
        assert keras.optimizers.deserialize(fastnn.optimizers.serialize(ours)).get_config() == want
    scheduled = made(keras, name, {"learning_rate": "schedule"})
    again = fastnn.optimizers.deserialize(keras.optimizers.serialize(scheduled))
    assert again.get_config()["learning_rate"] == scheduled.get_config()["learning_rate"]
    ours.build(variables(fastnn)), theirs.build(variables(keras))
    names = [(v.name, tuple(v.shape)) for v in theirs.variables]
    got = [(v.name, v.shape) for v in ours.variables]
    assert [shape for _, shape in got] == [shape for _, shape in names]
    if name not in ("Nadam", "Adafactor"):  # Keras numbers variables without a name through
        assert got == names


@pytest.mark.parametrize("name", ["SGD", "Adam", "Lamb", "Adafactor"])
@pytest.mark.parametrize(
    "option",
    [
        {"gradient_accumulation_steps": 3, "weight_decay": 0.1},
        {"use_ema": True, "ema_overwrite_frequency": 4},
        {"learning_rate": "schedule", "global_clipnorm": 1.0},
    ],
    ids=str,
)
def test_fit(name, option):
    """In fit: no Python in the steps, the same losses, and at its end the averages in the weights."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((40, 6)).astype(np.float32), rng.standard_normal((40, 2)).astype(np.float32)
    models = []
    for library in (keras, fastnn):
        layers = library.layers
        model = library.Sequential([layers.Input((6,)), layers.Dense(5, activation="tanh"), layers.Dense(2)])
        model.compile(made(library, name, {"learning_rate": 0.02, **option}), "mse")
        models.append(model)
    theirs, ours = models
    ours.set_weights(theirs.get_weights())
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        got = ours.fit(x, y, batch_size=5, epochs=4, shuffle=False, verbose=0).history["loss"]
    want = theirs.fit(x, y, batch_size=5, epochs=4, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(got, want, rtol=1e-5)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)


def test_own_optimizer_runs_unchanged():
    """The same class, written for Keras, over both libraries."""

    def optimizer(library):
        ops = library.ops

        class Momentum(library.optimizers.Optimizer):
            def __init__(self, learning_rate=0.1, factor=0.9, **kwargs):
                super().__init__(learning_rate=learning_rate, **kwargs)
                self.factor = factor

            def build(self, variables):
                if self.built:
                    return
                super().build(variables)
                self.momentums = [self.add_variable_from_reference(v, name="momentum") for v in variables]

            def update_step(self, gradient, variable, learning_rate):
                rate = ops.cast(learning_rate, variable.dtype)
                gradient = ops.cast(gradient, variable.dtype)
                m = self.momentums[self._get_variable_index(variable)]
                self.assign(m, ops.subtract(ops.multiply(m, self.factor), ops.multiply(gradient, rate)))
                self.assign_add(variable, m)

        return Momentum

    for option in ({}, {"weight_decay": 0.1}, {"gradient_accumulation_steps": 3}, {"use_ema": True, "clipnorm": 1.0}):
        ours, theirs = optimizer(fastnn)(**option), optimizer(keras)(**option)
        w, u = variables(fastnn), variables(keras)
        for step in range(STEPS):
            ours.apply(gradients(step), w)
            theirs.apply([keras.ops.convert_to_tensor(g) for g in gradients(step)], u)
        for got, want in zip([*w, *ours.variables], [*u, *theirs.variables], strict=True):
            np.testing.assert_allclose(got.numpy(), np.asarray(want), rtol=2e-6, atol=2e-6)
