"""Learning-rate schedules: values against NumPy, steps that follow them, configurations."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastnn import Variable, _core, ops, optimizers, registry
from fastnn.optimizers import schedules
from tests.helpers import FMA_ISAS

STEPS = np.arange(60)


def restarts(step: int, first: float, t_mul: float, m_mul: float, alpha: float) -> float:
    period, height = first, 1.0
    while step >= period:
        step, period, height = step - period, period * t_mul, height * m_mul
    return (1 - alpha) * height * (1 + math.cos(math.pi * step / period)) / 2 + alpha


CASES = [
    (schedules.ExponentialDecay(0.1, 7, 0.9), lambda t: 0.1 * 0.9 ** (t / 7)),
    (schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True), lambda t: 0.1 * 0.5 ** (t // 10)),
    (schedules.InverseTimeDecay(0.1, 7, 0.9), lambda t: 0.1 / (1 + 0.9 * t / 7)),
    (schedules.InverseTimeDecay(0.1, 10, 0.5, staircase=True), lambda t: 0.1 / (1 + 0.5 * (t // 10))),
    (
        schedules.PiecewiseConstantDecay([3, 10], [1.0, 0.5, 0.25]),
        lambda t: 1.0 if t <= 3 else 0.5 if t <= 10 else 0.25,
    ),
    (schedules.PiecewiseConstantDecay([], [0.3]), lambda t: 0.3),
    (
        schedules.PolynomialDecay(0.1, 20, end_learning_rate=0.02, power=2.5),
        lambda t: 0.08 * (1 - min(t, 20) / 20) ** 2.5 + 0.02,
    ),
    (
        schedules.PolynomialDecay(0.1, 8, end_learning_rate=0.01, cycle=True),
        lambda t: 0.09 * (1 - t / (8 * max(1, math.ceil(t / 8)))) + 0.01,
    ),
    (
        schedules.CosineDecay(0.1, 25, alpha=0.2),
        lambda t: 0.1 * (0.4 * (1 + math.cos(math.pi * min(t, 25) / 25)) + 0.2),
    ),
    (
        schedules.CosineDecay(0.01, 20, warmup_target=0.1, warmup_steps=10),
        lambda t: 0.01 + 0.09 * t / 10 if t < 10 else 0.05 * (1 + math.cos(math.pi * min(t - 10, 20) / 20)),
    ),
    (schedules.CosineDecayRestarts(1.0, 5), lambda t: restarts(t, 5, 2.0, 1.0, 0.0)),
    (schedules.CosineDecayRestarts(1.0, 8, 1.0, 0.5, 0.1), lambda t: restarts(t, 8, 1.0, 0.5, 0.1)),
    (schedules.CosineDecayRestarts(1.0, 7, 1.5, 0.8), lambda t: restarts(t, 7, 1.5, 0.8, 0.0)),
]


@pytest.mark.parametrize(("schedule", "formula"), CASES)
def test_matches_reference(schedule, formula) -> None:
    want = [formula(int(t)) for t in STEPS]
    np.testing.assert_allclose(schedule(STEPS).numpy(), want, rtol=1e-6, atol=1e-8)
    steps = Variable(STEPS[:, None])
    np.testing.assert_allclose(schedule._rates(steps)[:, 0], want, rtol=1e-12, atol=1e-16)
    bits = schedule._rates(steps).tobytes()
    with _core.simulate_threads(3):
        assert schedule._rates(steps).tobytes() == bits
    for isa in FMA_ISAS:
        with _core.use_isa(isa):
            assert schedule._rates(steps).tobytes() == bits


@pytest.mark.parametrize(("schedule", "formula"), CASES)
def test_config_makes_an_equal_schedule(schedule, formula) -> None:
    envelope = schedules.serialize(schedule)
    assert envelope["module"] == "keras.optimizers.schedules"
    for again in (schedules.deserialize(envelope), registry.deserialize(envelope)):
        assert type(again) is type(schedule) and again.get_config() == schedule.get_config()
    optimizer = optimizers.SGD(schedule)
    twin = optimizers.deserialize(optimizers.serialize(optimizer))
    assert twin.get_config() == optimizer.get_config()


@pytest.mark.parametrize(("schedule", "formula"), CASES[::3])
def test_steps_follow_the_schedule_in_a_program(schedule, formula) -> None:
    w = Variable(np.zeros(1))
    optimizer = optimizers.SGD(schedule)
    program = _core.Program()
    optimizer.build([w])
    with program.record():
        optimizer.apply([np.ones(1)], [w])
    assert program.replay(30) == 30
    np.testing.assert_allclose(-w.numpy()[0], sum(formula(t) for t in range(31)), rtol=1e-12)
    assert float(optimizer.learning_rate) == pytest.approx(formula(31))


class Doubling(schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.5 * ops.power(2.0, ops.cast(step, "float32"))


def test_schedules_and_callables_of_ones_own() -> None:
    w = Variable(np.zeros(1))
    optimizer = optimizers.SGD(Doubling())
    for _ in range(3):
        optimizer.apply([np.ones(1)], [w])
    assert w.numpy().tolist() == [-0.5 - 1 - 2] and float(optimizer.learning_rate) == 4.0
    assert [v.name for v in optimizer.variables] == ["iteration"]
    assert repr(optimizer).endswith("learning_rate=Doubling>")
    with pytest.raises(TypeError, match="SGD: learning_rate must be a schedule or a callable, as it was made with one"):
        optimizer.learning_rate = 0.1
    optimizer.learning_rate = lambda: 0.25
    optimizer.apply([np.ones(1)], [w])
    assert w.numpy().tolist() == [-3.75]
    optimizer = optimizers.SGD(0.1)
    optimizer.learning_rate = schedules.InverseTimeDecay(1.0, 1, 1.0)
    optimizer.apply([np.ones(1)], [w])
    assert w.numpy().tolist() == [-4.75] and float(optimizer.learning_rate) == 0.5


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), ValueError, r"ExponentialDecay: decay_steps must be above 0"),
        (lambda: schedules.CosineDecay(0.1, -1), ValueError, r"CosineDecay: decay_steps must be above 0; got -1"),
        (lambda: schedules.CosineDecayRestarts(0.1, 0), ValueError, r"first_decay_steps must be above 0; got 0"),
        (lambda: schedules.PiecewiseConstantDecay([1], [1.0]), ValueError, r"values must be of length 2"),
        (lambda: schedules.LearningRateSchedule()(0), NotImplementedError, r"a schedule needs a __call__"),
        (lambda: optimizers.SGD(Doubling()).get_config(), NotImplementedError, r"Doubling: a schedule needs"),
        (lambda: optimizers.SGD(lambda: "x").learning_rate, TypeError, r"SGD: learning_rate must be a number; got 'x'"),
    ],
)  # fmt: skip
def test_rejects_bad_arguments(make, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()
