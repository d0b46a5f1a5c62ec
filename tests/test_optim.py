"""Optimizers against plain NumPy, Keras's numbers, other thread counts and instruction sets."""

from __future__ import annotations

import contextlib
import copy

import numpy as np
import pytest

from fastnn import Tensor, Variable, _core, layers, models, ops, optimizers, utils
from fastnn.optimizers import (
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    Muon,
    Nadam,
    RMSprop,
)
from tests import reference
from tests.helpers import FMA_ISAS, assert_same_bits

# Sizes around the vector length, the alignment of segments and the pieces of norms.
SHAPES = [(), (1,), (0,), (3, 5), (16,), (17,), (2, 3, 4), (4096,), (4097,), (127, 83)]
SHARED = {"learning_rate": 0.1}
CASES = {
    "sgd": (SGD, reference.sgd, {}),
    "sgd momentum": (SGD, reference.sgd, {"momentum": 0.9}),
    "sgd nesterov": (SGD, reference.sgd, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "rmsprop": (RMSprop, reference.rmsprop, {}),
    "rmsprop momentum": (RMSprop, reference.rmsprop, {"momentum": 0.5, "rho": 0.8, "weight_decay": 0.01}),
    "rmsprop centered": (RMSprop, reference.rmsprop, {"centered": True, "epsilon": 1e-3}),
    "rmsprop both": (RMSprop, reference.rmsprop, {"centered": True, "momentum": 0.5, "epsilon": 1e-3}),
    "adam": (Adam, reference.adam, {}),
    "adam amsgrad": (Adam, reference.adam, {"amsgrad": True, "beta_1": 0.8, "beta_2": 0.9}),
    "adamw": (AdamW, reference.adam, {"weight_decay": 0.3, "epsilon": 1e-3}),
    "adamax": (Adamax, reference.adamax, {"weight_decay": 0.01}),
    "nadam": (Nadam, reference.nadam, {"beta_2": 0.9, "weight_decay": 0.01}),
    "adagrad": (Adagrad, reference.adagrad, {"initial_accumulator_value": 0.5, "weight_decay": 0.01}),
    "adadelta": (Adadelta, reference.adadelta, {"epsilon": 1e-3, "weight_decay": 0.01}),
    "ftrl": (Ftrl, reference.ftrl, {"l1_regularization_strength": 0.1, "beta": 0.2, "weight_decay": 0.01}),
    "ftrl power": (
        Ftrl, reference.ftrl,
        {"learning_rate_power": -0.7, "l2_regularization_strength": 0.1, "l2_shrinkage_regularization_strength": 0.2},
    ),
    "lion": (Lion, reference.lion, {"beta_1": 0.8, "weight_decay": 0.01}),
    "lamb": (Lamb, reference.lamb, {"beta_2": 0.9, "weight_decay": 0.01}),
    "adafactor": (Adafactor, reference.adafactor, {"clip_threshold": 0.5, "weight_decay": 0.01}),
}


ROUNDED = ("ftrl power", "lamb", "adafactor")  # sums and powers, which NumPy rounds otherwise


def values(seed: int, dtype: str = "float32", shapes: list = SHAPES) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def train(optimizer: optimizers.Optimizer, steps: int = 20, dtype: str = "float32") -> list[np.ndarray]:
    """The variables after some steps along random gradients."""
    variables = [Variable(w) for w in values(0, dtype)]
    for t in range(steps):
        optimizer.apply(values(1 + t, dtype), variables)
    return [v.numpy() for v in variables]


@pytest.mark.parametrize("case", CASES)
def test_step_matches_reference(case: str) -> None:
    """Bit for bit in float32: the kernels round where NumPy rounds. Adam's alpha may differ by one float64 rounding."""
    kind, rule, arguments = CASES[case]
    for dtype in ("float32", "float64"):
        got = train(kind(**SHARED, **arguments), dtype=dtype)
        grads = [values(1 + t, dtype) for t in range(20)]
        for i, start in enumerate(values(0, dtype)):
            want = rule(start, [g[i] for g in grads], **SHARED, **arguments)
            if case in ROUNDED:
                tolerance = 2e-5 if dtype == "float32" else 1e-12
                np.testing.assert_allclose(got[i], want, rtol=tolerance, atol=tolerance, err_msg=f"variable {i}")
            elif dtype == "float32":
                np.testing.assert_array_equal(got[i], want, err_msg=f"variable {i}")
            else:
                np.testing.assert_allclose(got[i], want, rtol=1e-13, atol=1e-14, err_msg=f"variable {i}")


@pytest.mark.parametrize("clip", [{"clipnorm": 1.0}, {"clipvalue": 0.5}, {"global_clipnorm": 2.0}, {"clipnorm": 1e6}])
def test_clipping_matches_reference(clip: dict[str, float]) -> None:
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-13)):
        got = train(SGD(0.1, **clip), steps=3, dtype=dtype)
        want = values(0, dtype)
        for t in range(3):
            grads = reference.clip_gradients(values(1 + t, dtype), **clip)
            want = [w - 0.1 * g for w, g in zip(want, grads, strict=True)]
        for g, w in zip(got, want, strict=True):
            np.testing.assert_allclose(g, w, rtol=tolerance, atol=tolerance)


# Keras 3.15.1 on TensorFlow 2.21, CPU: two variables after 20 steps.
KERAS = {
    "SGD(0.1)": [
        -1.0998222, -0.6111107, -0.0701422, 0.5038153, 1.0759785, 0.5437232, 0.8813131, 2.5615273, -0.8308979,
    ],
    "SGD(0.1, momentum=0.9)": [
        -1.7273711, -0.8233748, 0.2327101, 1.1793478, 1.8064774, -1.8674501, 4.9735513, 7.1620383, -2.4618742,
    ],
    "SGD(0.1, momentum=0.9, nesterov=True)": [
        -1.7544564, -0.9021482, 0.1392969, 1.1152283, 1.8018081, -1.586982, 5.5825095, 7.2073607, -3.0465844,
    ],
    "SGD(0.1, weight_decay=0.1)": [
        -0.9020569, -0.5136484, -0.0760001, 0.3973922, 0.8762222, 0.5011783, 0.8400981, 2.1024349, -0.7949343,
    ],
    "SGD(0.1, clipnorm=1.0)": [
        -1.062328, -0.5695442, -0.0440528, 0.5021572, 1.047353, 0.4962684, 0.0239718, 2.1503057, -0.1935585,
    ],
    "SGD(0.1, clipvalue=0.5)": [
        -1.0555964, -0.5552664, -0.0588732, 0.5014004, 1.0556914, 0.5224288, 0.0075637, 2.102375, -0.1575707,
    ],
    "SGD(0.1, global_clipnorm=1.0)": [
        -1.0155689, -0.5055892, 0.0070191, 0.5163263, 1.0179551, 0.4982333, 0.0057232, 2.1385777, -0.1815843,
    ],
    "RMSprop()": [
        -1.0037432, -0.5027987, -0.0012438, 0.4992935, 1.0042486, 0.4985129, -0.2419754, 2.0055614, -0.0041308,
    ],
    "RMSprop(0.01, momentum=0.5)": [
        -1.0644277, -0.5390307, -0.008901, 0.4929677, 1.0797567, 0.4471624, -0.1033637, 2.1276572, -0.0606443,
    ],
    "RMSprop(0.01, centered=True)": [
        -1.0424774, -0.5307384, -0.0126843, 0.4960939, 1.0488524, 0.4799969, -0.1595944, 2.0655708, -0.0437868,
    ],
    "RMSprop(0.01, rho=0.8, momentum=0.5, epsilon=1e-3, centered=True)": [
        -1.0580298, -0.5352772, -0.0089798, 0.5259911, 1.0720792, 0.4513671, -0.0994093, 2.1264167, -0.064607,
    ],
    "Adam()": [
        -1.0036126, -0.5021673, -3.71e-05, 0.5020195, 1.0040538, 0.4961138, -0.2456198, 2.0060859, -0.0004998,
    ],
    "Adam(0.05, beta_1=0.8, beta_2=0.95, epsilon=1e-3)": [
        -1.1381978, -0.5856894, -0.0090098, 0.568148, 1.1560308, 0.339653, -0.0502416, 2.2628579, -0.0327044,
    ],
    "Adam(0.05, amsgrad=True)": [
        -1.1806225, -0.6083602, -0.0018487, 0.6009808, 1.2026715, 0.3056874, -0.0309867, 2.30427, -0.0249838,
    ],
    "AdamW()": [
        -1.0035316, -0.5021268, -3.7e-05, 0.5019791, 1.0039728, 0.4960738, -0.2456, 2.005924, -0.0004998,
    ],
    "AdamW(0.05, weight_decay=0.3)": [
        -0.8794117, -0.4525459, 0.001024, 0.4509934, 0.8968783, 0.2168215, 0.0015155, 1.7237315, -0.0299369,
    ],
}


@pytest.mark.parametrize("text", KERAS)
def test_step_matches_keras(text: str) -> None:
    name, _, arguments = text.partition("(")
    optimizer = eval(f"{name}({arguments}", {c.__name__: c for c in (SGD, RMSprop, Adam, AdamW)})
    w = [Variable(np.linspace(-1, 1, 5, dtype="float32")), Variable(np.array([[0.5, -0.25], [2.0, 0.0]], "float32"))]
    for t in range(20):
        a = np.sin(1.0 + np.arange(5) * 0.7 + t).astype("float32")
        b = np.cos(np.arange(4) * 1.3 + 0.5 * t).reshape(2, 2).astype("float32") * 3
        optimizer.apply([a, b], w)
    got = np.concatenate([v.numpy().ravel() for v in w])
    np.testing.assert_allclose(got, KERAS[text], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("case", CASES)
def test_step_same_bits_for_1_and_n_threads_and_every_isa(case: str) -> None:
    kind, _, arguments = CASES[case]
    contexts: list = [_core.simulate_threads(n) for n in (2, 3, 7)]
    contexts += [_core.use_isa(name) for name in FMA_ISAS]
    clips = [{}, {"clipnorm": 1.0}, {"global_clipnorm": 2.0}, {"clipvalue": 0.5}]
    for clip in clips if case == "sgd" else clips[:1]:
        for dtype in ("float32", "float64"):
            want = train(kind(**SHARED, **arguments, **clip), steps=3, dtype=dtype)
            for context in contexts:
                with context:
                    got = train(kind(**SHARED, **arguments, **clip), steps=3, dtype=dtype)
                for g, w in zip(got, want, strict=True):
                    assert_same_bits(g, w, f"{clip}, {dtype}")


@pytest.mark.parametrize("case", CASES)
def test_replay_matches_eager(case: str) -> None:
    """A recorded step goes on counting, and reads the learning rate anew."""
    kind, _, arguments = CASES[case]
    grads = values(1)

    def prepared() -> tuple[list[Variable], optimizers.Optimizer]:
        variables = [Variable(w) for w in values(0)]
        optimizer = kind(**SHARED, **arguments)
        optimizer.build(variables)
        for variable, gradient in zip(variables, grads, strict=True):
            variable._grad_target[...] = gradient
        return variables, optimizer

    def step(variables: list[Variable], optimizer: optimizers.Optimizer) -> None:
        optimizer.apply([v._grad_target for v in variables], variables)

    eager, recorded = prepared(), prepared()
    program = _core.Program()
    with program.record():
        step(*recorded)
    step(*eager)
    for rate in (0.05, 0.02):
        recorded[1].learning_rate = rate
        eager[1].learning_rate = rate
        assert program.replay(3) == 3
        for _ in range(3):
            step(*eager)
    assert int(recorded[1].iterations) == int(eager[1].iterations) == 7
    for r, e in zip(recorded[0], eager[0], strict=True):
        assert_same_bits(r.numpy(), e.numpy(), case)


def test_gradients_are_computed_in_the_flat_buffer() -> None:
    w = Variable(np.ones((4, 3), np.float32))
    optimizer = SGD(0.5)
    optimizer.build([w])
    target = w._grad_target
    assert target is not None and target.ctypes.data % 64 == 0
    (w @ Tensor(np.eye(3, dtype=np.float32))).sum().backward()
    assert w.grad is not None and w.grad.data is target
    optimizer.apply([w.grad], [w])
    np.testing.assert_array_equal(w.numpy(), np.full((4, 3), 0.5))


def test_flat_buffer_keeps_segments_on_cache_lines_and_padding_zero() -> None:
    optimizer = Adam(0.1)
    variables = [Variable(w) for w in values(0)]
    optimizer.apply(values(1), variables)
    (segments,) = optimizer._segments
    assert all(view.ctypes.data % 64 == 0 for view in segments.grad_views)
    used = np.zeros(segments.total, bool)
    for begin, length in zip(segments.begin, segments.length, strict=True):
        assert not used[begin : begin + length].any()
        used[begin : begin + length] = True
    assert not segments.slots[:, ~used].any() and not segments.grads[~used].any()


def test_step_leaves_variables_without_gradient_alone_and_warns() -> None:
    a, b = Variable(np.ones(3, np.float32), name="a"), Variable(np.ones(20, np.float32), name="b")
    optimizer = AdamW(0.1)
    with pytest.warns(UserWarning, match="no gradients for b; they stay as they are"):
        optimizer.apply([np.ones(3), None], [a, b])
    assert (a.numpy() < 1).all() and (b.numpy() == 1).all()
    assert not optimizer.variables[4].numpy().any()  # b's momentum
    optimizer.apply([np.ones(3), np.ones(20)], [a, b])
    assert (b.numpy() < 1).all()


def test_weight_decay_passes_over_excluded_variables() -> None:
    names = ("kernel", "bias", "gamma")
    variables = [Variable(np.ones(3, np.float32), name=name) for name in names]
    optimizer = AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[variables[2]], var_names=["bias"])
    optimizer.apply([np.zeros(3)] * 3, variables)
    assert [round(float(v.numpy()[0]), 6) for v in variables] == [0.95, 1.0, 1.0]
    with pytest.raises(RuntimeError, match=r"the optimizer is built already\. Call it before"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])


def test_copies_keep_exclusions_and_state() -> None:
    variables = [Variable(np.ones(3, np.float32)) for _ in range(2)]
    optimizer = AdamW(0.1, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[variables[1]])
    for _ in range(2):  # before and after the optimizer is built
        twin, copies = copy.deepcopy((optimizer, variables))
        twin.apply([np.ones(3)] * 2, copies)
        optimizer.apply([np.ones(3)] * 2, variables)
        for one, other in zip(variables, copies, strict=True):
            assert_same_bits(other.numpy(), one.numpy(), "copy")
        assert int(twin.iterations) == int(optimizer.iterations)
    assert variables[0].numpy()[0] < variables[1].numpy()[0]


def test_variables_of_two_dtypes_are_updated_together() -> None:
    a, b = Variable(np.ones(3, np.float32)), Variable(np.ones(3, np.float64))
    optimizer = SGD(0.5)
    optimizer.apply([np.ones(3), np.ones(3)], [a, b])
    assert a.numpy().tolist() == b.numpy().tolist() == [0.5] * 3 and b.dtype == np.float64
    assert int(optimizer.iterations) == 1


def test_step_bumps_the_version_of_its_variables() -> None:
    w = Variable(np.ones(3, np.float32))
    before = w.version
    SGD().apply([np.ones(3)], [w])
    assert w.version > before


def test_variables_are_listed_as_keras_lists_them() -> None:
    def names(optimizer: optimizers.Optimizer) -> list[str]:
        optimizer.build([Variable(np.ones(2), name="w"), Variable(np.ones(2), name="u")])
        return [v.name for v in optimizer.variables][2:]

    assert names(SGD()) == []
    assert names(SGD(momentum=0.5)) == ["w_momentum", "u_momentum"]
    assert names(Adam(amsgrad=True)) == [
        "w_momentum", "w_velocity", "u_momentum", "u_velocity", "w_velocity_hat", "u_velocity_hat",
    ]
    assert names(RMSprop(momentum=0.5, centered=True)) == [
        "w_velocity", "u_velocity", "w_momentum", "u_momentum", "w_average_gradient", "u_average_gradient",
    ]


def test_state_can_be_put_back() -> None:
    def advance(optimizer: optimizers.Optimizer, w: Variable, first: int) -> None:
        for t in range(first, first + 5):
            optimizer.apply([values(t, shapes=[(9,)])[0]], [w])

    one, w = Adam(0.1), Variable(np.ones(9, np.float32))
    advance(one, w, 0)
    other, u = Adam(0.5), Variable(w.numpy())
    with pytest.raises(RuntimeError, match=r"Adam\.set_weights: the optimizer has no slots yet\. Call"):
        other.set_weights([])
    other.build([u])
    other.set_weights([v.numpy() for v in one.variables])
    advance(one, w, 5)
    advance(other, u, 5)
    assert_same_bits(u.numpy(), w.numpy(), "state put back")
    with pytest.raises(ValueError, match=r"weights must be a list of 4 arrays; got 1 arrays"):
        other.set_weights([0])
    changed = [v.numpy() + 1 for v in other.variables]
    before = [v.tolist() for v in other.variables]
    for read in (other.set_weights, lambda given: other.load_own_variables({str(i): v for i, v in enumerate(given)})):
        with pytest.raises(ValueError, match=r"_velocity must be of shape \(9,\)"):
            read([*changed[:-1], np.zeros(7)])
        assert [v.tolist() for v in other.variables] == before


@pytest.mark.parametrize("name", ["sgd", "SGD", "rmsprop", "RMSprop", "rms_prop", "adam", "Adam", "adamw", "AdamW"])
def test_get_takes_names_in_any_case(name: str) -> None:
    if name == "rms_prop":
        with pytest.raises(ValueError, match="Did you mean 'rmsprop'"):
            optimizers.get(name)
        return
    optimizer = optimizers.get(name)
    assert type(optimizer).__name__.lower() == name.lower()
    assert optimizers.get(optimizer) is optimizer


@pytest.mark.parametrize("case", CASES)
def test_config_makes_an_equal_optimizer(case: str) -> None:
    kind, _, arguments = CASES[case]
    optimizer = kind(0.02, **arguments, clipnorm=0.7, name="mine")
    config = optimizer.get_config()
    assert kind.from_config(config).get_config() == config
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert type(again) is kind and again.get_config() == config
    assert config["learning_rate"] == 0.02 and config["name"] == "mine" and config["clipnorm"] == 0.7


def test_learning_rate_is_a_variable_that_checks_its_values() -> None:
    optimizer = Adam()
    assert float(optimizer.learning_rate) == 0.001
    optimizer.learning_rate = 0.25
    assert float(optimizer.learning_rate.numpy()) == 0.25
    optimizer.learning_rate.assign(0.5)
    assert float(optimizer.learning_rate) == optimizer.get_config()["learning_rate"] == 0.5
    for bad in (float("nan"), -1.0, float("inf")):
        with pytest.raises(ValueError, match=r"Adam: learning_rate must be a finite number of at least 0; got"):
            optimizer.learning_rate = bad
        with contextlib.suppress(ValueError):
            optimizer.learning_rate.assign(bad)
    assert float(optimizer.learning_rate) == 0.5


def test_hyperparameters_can_be_changed_between_steps() -> None:
    w, u = Variable(np.ones(5, np.float32)), Variable(np.ones(5, np.float32))
    changed, made = SGD(0.1, momentum=0.9), SGD(0.1, momentum=0.5)
    changed.momentum = 0.5
    assert changed.momentum == 0.5
    for _ in range(3):
        changed.apply([np.ones(5)], [w])
        made.apply([np.ones(5)], [u])
    assert_same_bits(w.numpy(), u.numpy(), "changed momentum")
    plain = SGD(0.1)
    plain.build([w])
    with pytest.raises(RuntimeError, match="momentum cannot be turned on once the optimizer has been used"):
        plain.momentum = 0.9


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Adam(float("nan")), ValueError, r"Adam: learning_rate must be a finite number .*; got nan\."),
        (lambda: SGD(-0.1), ValueError, r"SGD: learning_rate must be a finite number of at least 0; got -0\.1\."),
        (lambda: SGD("fast"), TypeError, r"SGD: learning_rate must be a number; got 'fast'\."),
        (lambda: SGD({"class_name": "X"}), TypeError, r"learning_rate must be a number, a schedule or a callable"),
        (lambda: optimizers.Optimizer(0.1).apply([1.0], [Variable(1.0)]), NotImplementedError, r"an update_step"),
        (lambda: SGD(lr=0.1), TypeError, r"got \['lr'\]\. Write learning_rate=\."),
        (lambda: SGD(momentum=1.5), ValueError, r"SGD: momentum must be a number from 0 to 1; got 1\.5\."),
        (lambda: Adam(beta_2=1.0), ValueError, r"Adam: beta_2 must be at least 0 and below 1; got 1\.0\."),
        (lambda: Adam(epsilon=-1), ValueError, r"Adam: epsilon must be a finite number of at least 0; got -1\.0\."),
        (lambda: Adam(weight_decay=-1), ValueError, r"weight_decay must be a finite number of at least 0"),
        (lambda: AdamW(weight_decay=None), ValueError, r"AdamW: weight_decay must be a number; got None\. Use Adam"),
        (lambda: Adam(use_ema=True, ema_momentum=1.5), ValueError, r"ema_momentum must be a number from 0 to 1; got 1"),
        (lambda: Adam(use_ema=True, ema_overwrite_frequency=0.5), ValueError, r"must be an int of at least 1, or None"),
        (lambda: Adam(loss_scale_factor=0.0), ValueError, r"loss_scale_factor must be above 0"),
        (lambda: Adam(gradient_accumulation_steps=1), ValueError, r"an int of at least 2, or None; got 1\."),
        (lambda: Ftrl(learning_rate_power=0.5), ValueError, r"learning_rate_power must be a number of at most 0"),
        (lambda: Ftrl(initial_accumulator_value=-1.0), ValueError, r"initial_accumulator_value must be a finite"),
        (lambda: Lion(beta_1=0.0), ValueError, r"Lion: beta_1 must be above 0 and at most 1; got 0\.0\."),
        (lambda: Adam(clipnorm=0.0), ValueError, r"Adam: clipnorm must be above 0; got 0\.0\."),
        (lambda: Adam(clipnorm=1.0, clipvalue=1.0), ValueError, r"must be given one at a time"),
        (lambda: optimizers.get("adm"), ValueError, r"must be a known name; got 'adm'\. Did you mean 'adam'\?"),
        (lambda: optimizers.get(3), TypeError, r"must be a name, a configuration or an optimizer; got 3\."),
        (lambda: SGD().build([np.ones(3)]), TypeError, r"SGD: variables must be float32 or float64 variables"),
        (lambda: SGD().build([W, W]), ValueError, r"SGD: variables must be all different"),
        (lambda: SGD().apply([1.0]), RuntimeError, r"SGD\.apply: the optimizer does not know its variables yet\."),
        (lambda: SGD().apply([1.0], [W, V]), ValueError, r"grads must be a list of 2 gradients, .*; got 1 gradients\."),
        (lambda: SGD().apply([None], [W]), ValueError, r"gradients for at least one variable; got None for every"),
        (lambda: SGD().apply([np.ones(4)], [W]), ValueError, r"gradient of w must be of shape \(3,\); got an array"),
    ],
)
def test_rejects_bad_arguments(make, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        make()


W, V = Variable(np.ones(3, np.float32), name="w"), Variable(np.ones(3, np.float32), name="v")


def test_rejects_unknown_variables() -> None:
    optimizer = SGD()
    optimizer.build([W])
    with pytest.raises(ValueError, match=r"those the optimizer was built with; got v\. Make a new optimizer"):
        optimizer.apply([np.ones(3)], [V])
    with pytest.raises(ValueError, match=r"global_clipnorm must be None for variables of two dtypes"):
        SGD(global_clipnorm=1.0).build([W, Variable(np.ones(3))])


def test_clipping_lets_nan_through() -> None:
    for clip in ({"clipvalue": 1.0}, {"clipnorm": 1.0}, {"global_clipnorm": 1.0}):
        w = Variable(np.ones(3, np.float32))
        SGD(0.1, **clip).apply([[np.nan, 1.0, 5.0]], [w])
        assert np.isnan(w.numpy()[0]), clip


def test_many_steps_find_a_minimum() -> None:
    for kind, rate in ((SGD, 0.1), (RMSprop, 0.01), (Adam, 0.05), (AdamW, 0.05)):
        w = Variable(np.array([3.0, -2.0], np.float32))
        optimizer = kind(rate)
        for _ in range(600):
            optimizer.apply([2 * (w.numpy() - 1.0)], [w])
        np.testing.assert_allclose(w.numpy(), 1.0, atol=0.02)


# ---- averages, gathered gradients, scaled losses, optimizers of users' own

GATHERING = [SGD(momentum=0.9), Nadam(), Lamb(), Adafactor(), Muon(), RMSprop(centered=True)]


@pytest.mark.parametrize("kind", [type(optimizer) for optimizer in GATHERING])
def test_gathered_gradients_are_one_step_with_their_mean(kind: type[optimizers.Optimizer]) -> None:
    one, other = kind(0.1, gradient_accumulation_steps=3), kind(0.1)
    w, u = [Variable(v) for v in values(0)], [Variable(v) for v in values(0)]
    for update in range(3):
        grads = [values(10 * update + t) for t in range(3)]
        before = [v.numpy() for v in w]
        for t in range(3):
            for v, value in zip(w, before, strict=True):
                assert_same_bits(v.numpy(), value, "only the third step updates")
            one.apply(grads[t], w)
        other.apply([(a + b + c) / np.float32(3) for a, b, c in zip(*grads, strict=True)], u)
        assert int(one.iterations) == int(other.iterations) == update + 1
    for v, expected in zip(w, u, strict=True):
        np.testing.assert_allclose(v.numpy(), expected.numpy(), rtol=1e-6, atol=1e-7)
    assert [v.name for v in one.variables][2] == "variable_gradient_accumulator"


def test_missing_gradient_of_an_update_forgets_what_was_gathered() -> None:
    w = [Variable(np.ones(3, np.float32)), Variable(np.ones(2, np.float32), name="b")]
    optimizer = SGD(1.0, gradient_accumulation_steps=2)
    optimizer.apply([np.ones(3), np.ones(2)], w)
    with pytest.warns(UserWarning, match="no gradients for b"):
        optimizer.apply([np.ones(3), None], w)
    assert w[0].numpy().tolist() == [0.0] * 3 and w[1].numpy().tolist() == [1.0] * 2
    assert not any(v.numpy().any() for v in optimizer.variables[2:])


def test_loss_scale_is_undone_before_clipping() -> None:
    w = Variable(np.zeros(2, np.float32))
    optimizer = SGD(1.0, loss_scale_factor=8.0, clipvalue=1.0)
    assert float(optimizer.scale_loss(Tensor(np.float32(0.5)))) == 4.0
    optimizer.apply([np.array([4.0, 80.0])], [w])
    assert w.numpy().tolist() == [-0.5, -1.0]


@pytest.mark.parametrize("frequency", [None, 3])
def test_moving_averages(frequency: int | None) -> None:
    w = [Variable(v) for v in values(0)]
    optimizer = SGD(0.1, use_ema=True, ema_momentum=0.75, ema_overwrite_frequency=frequency)
    want = average = values(0)
    for t in range(7):
        grads = values(1 + t)
        optimizer.apply(grads, w)
        want = [v - g * np.float32(0.1) for v, g in zip(want, grads, strict=True)]
        keep = np.float32(0.75 if t else 0.0)
        average = [keep * a + (1 - keep) * v for a, v in zip(average, want, strict=True)]
        if frequency and (t + 1) % frequency == 0:
            want = average
    for v, value, mean, each in zip(w, want, average, optimizer._model_variables_moving_average, strict=True):
        np.testing.assert_allclose(v.numpy(), value, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(each.numpy(), mean, rtol=1e-6, atol=1e-7)
    optimizer.finalize_variable_values(w)
    for v, mean in zip(w, average, strict=True):
        np.testing.assert_allclose(v.numpy(), mean, rtol=1e-6, atol=1e-7)
    with pytest.raises(ValueError, match="var_list must be variables the optimizer was built with; got other"):
        optimizer.finalize_variable_values([Variable([1.0], name="other")])


class Signs(optimizers.Optimizer):
    """An optimizer as users write one."""

    def build(self, variables) -> None:
        if self.built:
            return
        super().build(variables)
        self.counts = self.add_optimizer_variables(variables, "count")

    def update_step(self, gradient, variable, learning_rate) -> None:
        count = self.counts[self._get_variable_index(variable)]
        self.assign_add(count, 1.0)
        self.assign_sub(variable, learning_rate * ops.sign(gradient) / count)


class Doubled(Adam):
    """A built-in optimizer with other gradients."""

    def update_step(self, gradient, variable, learning_rate) -> None:
        super().update_step(gradient * 2.0, variable, learning_rate)


def test_own_optimizer_may_build_on_a_kernel() -> None:
    w, u = [Variable(v) for v in values(0)], [Variable(v) for v in values(0)]
    one, other = Doubled(0.1, weight_decay=0.1), Adam(0.1, weight_decay=0.1)
    for t in range(3):
        one.apply(values(t), w)
        other.apply([2 * g for g in values(t)], u)
    for v, expected in zip(w, u, strict=True):
        np.testing.assert_allclose(v.numpy(), expected.numpy(), rtol=1e-6, atol=1e-7)


OPTIONS = {
    "gathered": {"gradient_accumulation_steps": 3, "weight_decay": 0.1, "clipnorm": 0.5},
    "averages": {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 4, "loss_scale_factor": 2.0},
    "schedule": {"learning_rate": optimizers.schedules.CosineDecayRestarts(0.1, 5)},
    "own schedule": {"learning_rate": lambda: Tensor(np.float32(0.05)) * 1.0},
}


def trained(kind: type[optimizers.Optimizer], arguments: dict, **kwargs) -> tuple[list[np.ndarray], models.Sequential]:
    utils.set_random_seed(1)
    x = np.random.default_rng(0).standard_normal((60, 3)).astype(np.float32)
    model = models.Sequential([layers.Input((3,)), layers.Dense(5, activation="relu"), layers.Dense(1)])
    model.compile(kind(**{"learning_rate": 0.01, **arguments}), "mse", **kwargs)
    for _ in range(2):
        model.fit(x, x[:, :1] * 5, batch_size=5, epochs=2, shuffle=False, verbose=0)
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)], model


@pytest.mark.parametrize(
    ("kind", "option"),
    [(Adam, option) for option in OPTIONS] + [(kind, "gathered") for kind in (Nadam, Lamb, Adafactor, Muon, Signs)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_options_replay_in_fit(kind: type[optimizers.Optimizer], option: str) -> None:
    """The steps are recorded, need no Python, and give the same bits as those that run as written."""
    got, model = trained(kind, OPTIONS[option])
    want, _ = trained(kind, OPTIONS[option], run_eagerly=True)
    assert not model._programs.hopeless and any(step.program for step in model._programs.steps.values())
    for one, other in zip(got, want, strict=True):
        assert_same_bits(one, other, option)


def test_grown_and_copied_own_optimizers_keep_their_state() -> None:
    a, b = Variable(np.zeros(2, np.float32), name="a"), Variable(np.zeros(2, np.float32), name="b")
    optimizer = Signs(1.0)
    for _ in range(2):
        optimizer.apply([np.ones(2)], [a])
    optimizer._include([a, b])
    twin, copies = copy.deepcopy((optimizer, [a, b]))
    for each, variables in ((optimizer, [a, b]), (twin, copies)):
        each.apply([np.ones(2)] * 2, variables)
        assert [v.numpy().tolist() for v in each.counts] == [[3.0, 3.0], [1.0, 1.0]]
        np.testing.assert_allclose(variables[0].numpy(), -(1 + 1 / 2 + 1 / 3), rtol=1e-6)


def test_own_variables_are_saved_and_loaded() -> None:
    one, other, w = Nadam(0.1), Nadam(0.5), Variable(np.ones(9, np.float32))
    one.apply([np.ones(9)], [w])
    store: dict = {}
    one.save_own_variables(store)
    with pytest.warns(UserWarning, match="nothing was loaded, because 5 arrays were saved.*before it is built"):
        other.load_own_variables(store)
    other.build([w])
    other.load_own_variables(store)
    for got, want in zip(other.variables, one.variables, strict=True):
        assert_same_bits(got.numpy(), want.numpy(), want.name)


def test_muon_makes_orthogonal_steps_of_matrices_only() -> None:
    rng = np.random.default_rng(0)
    kernel, bias = Variable(np.zeros((4, 6)), name="kernel"), Variable(np.ones(6), name="bias")
    skipped = Variable(np.ones((3, 3)), name="skipped")
    optimizer = Muon(0.1, rms_rate=None, weight_decay=0.5, adam_weight_decay=0.25)
    with pytest.warns(UserWarning, match="no gradients for skipped"):
        optimizer.apply([rng.standard_normal((4, 6)), np.zeros(6), None], [kernel, bias, skipped])
    lengths = np.linalg.svd(kernel.numpy(), compute_uv=False) / 0.1
    assert 0.6 < lengths.min() and lengths.max() < 1.3  # what five iterations reach
    np.testing.assert_allclose(bias.numpy(), 1 - 0.25 * 0.1)
    assert (skipped.numpy() == 1).all()
    assert [v.name for v in optimizer.variables[2:]] == [
        "kernel_momentum", "bias_momentum", "bias_velocity", "skipped_momentum",
    ]
