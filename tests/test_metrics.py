"""Metrics: Keras's formulas, running state in memory, weights, names, the same bits in a replay."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import _core, metrics, ops
from tests.helpers import FMA_ISAS, assert_same_bits

pytestmark = pytest.mark.skipif(
    not all(hasattr(ops, name) for name in ("transpose", "cast", "square")), reason="needs movement, elementwise"
)

SPARSE = metrics.SparseCategoricalAccuracy
CATEGORICAL = metrics.CategoricalAccuracy


# ---- accuracies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("y_true", "y_pred", "want"), [
    ([0, 1, 1, 0], [0.4, 0.6, 0.5, 0.51], [1, 1, 0, 0]),
    ([[0], [1], [1], [0]], [[-1.0], [3.0], [0.4], [0.9]], [[1], [1], [0], [0]]),
    ([0, 1], [[0.4], [0.6]], [[1], [1]]),
    ([[True, False]], [[0.9, 0.9]], [[1, 0]]),
])
def test_binary_accuracy(y_true, y_pred, want):
    np.testing.assert_array_equal(metrics.binary_accuracy(y_true, y_pred).numpy(), want)


def test_binary_accuracy_threshold():
    assert metrics.BinaryAccuracy(threshold=0.0)([1, 0, 1], [0.1, -0.1, -0.1]).item() == np.float32(2 / 3)


@pytest.mark.parametrize("cols", [1, 2, 8, 10, 16, 17, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_class_accuracies_match_reference(cols, dtype):
    rng = np.random.default_rng(cols)
    pred, label = rng.random((37, cols)).astype(dtype), rng.integers(0, cols, 37)
    want = (pred.argmax(1) == label).astype(np.float64)
    want[:5] = 1
    label[:5] = pred[:5].argmax(1)
    onehot = np.eye(cols)[label]
    for got in (
        metrics.sparse_categorical_accuracy(label, pred), metrics.sparse_categorical_accuracy(label[:, None], pred),
        metrics.sparse_categorical_accuracy(label.astype(np.float32), pred), metrics.categorical_accuracy(onehot, pred),
    ):
        np.testing.assert_array_equal(got.numpy(), want)
    assert SPARSE()(label, pred).item() == pytest.approx(want.mean())
    assert CATEGORICAL()(onehot, pred).item() == pytest.approx(want.mean())


def test_class_accuracy_takes_the_first_of_ties():
    np.testing.assert_array_equal(
        metrics.sparse_categorical_accuracy([0, 1, 0], [[0.5, 0.5], [0.5, 0.5], [0.0, 0.0]]).numpy(), [1, 0, 1]
    )


def test_sparse_accuracy_over_several_axes():
    pred = np.random.default_rng(0).random((2, 5, 3))
    label = pred.argmax(-1)
    label[0, 0] = (label[0, 0] + 1) % 3
    assert metrics.sparse_categorical_accuracy(label, pred).shape == (2, 5)
    assert SPARSE()(label, pred).item() == pytest.approx(0.9)


def test_sparse_accuracy_counts_an_impossible_label_as_wrong():
    np.testing.assert_array_equal(metrics.sparse_categorical_accuracy([5, -1], [[1.0, 0.0]] * 2).numpy(), [0, 0])


def test_accuracy_compares_values():
    assert metrics.Accuracy()([1, 2, 3, 4], [[0], [2], [3], [4]]).item() == 0.75


# ---- running means ------------------------------------------------------------------------------------------------


def test_mean_weighs_batches_by_their_samples():
    m = metrics.Mean()
    assert m.result().item() == 0
    m.update_state([1.0, 3.0])
    m.update_state(8.0)
    assert m.result().item() == 4.0
    m.update_state([2.0], sample_weight=[3.0])
    assert m.result().item() == 3.0
    m.reset_state()
    m.update_state([[1.0, 3.0], [5.0, 7.0]])
    assert m.result().item() == 4.0
    assert [v.numpy().item() for v in m.variables] == [8.0, 2.0]


def test_mean_of_a_scalar_with_a_weight():
    """How a trainer keeps the epoch's loss: the batch's mean, weighted by its samples."""
    m = metrics.Mean(name="loss")
    m.update_state(2.0, sample_weight=32)
    m.update_state(5.0, sample_weight=16)
    assert m.result().item() == 3.0


@pytest.mark.parametrize("weight", [[1.0, 0.0, 2.0], [[1.0], [0.0], [2.0]]])
def test_weights_of_either_shape(weight):
    y, p = np.zeros((3, 2)), np.array([[1.0, 1.0], [9.0, 9.0], [2.0, 2.0]])
    m = metrics.MeanSquaredError()
    m.update_state(y, p, sample_weight=weight)
    assert m.result().item() == 3.0


def test_weights_per_element():
    m = metrics.Mean()
    m.update_state([[1.0, 2.0], [3.0, 4.0]], sample_weight=[[1.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(m.result().item(), (0.5 + 3.5) / (0.5 + 1.0))


def test_sum():
    m = metrics.Sum()
    m.update_state([[1.0, 2.0], [3.0, 4.0]])
    m.update_state([1.0, 1.0], sample_weight=[2.0, 0.5])
    assert m.result().item() == 12.5


def test_mean_does_not_drift():
    m = metrics.Mean()
    value = np.full(1000, 0.1, np.float32)
    for _ in range(2000):
        m.update_state(value)
    assert m.result().item() == np.float32(0.1)


@pytest.mark.parametrize(("metric", "want"), [
    (metrics.MeanSquaredError(), 2.5), (metrics.MeanAbsoluteError(), 1.5),
    (metrics.RootMeanSquaredError(), np.sqrt(2.5)),
])
def test_regression_metrics_align_shapes(metric, want):
    for y, p in (([0.0, 1.0], [[1.0], [3.0]]), ([[0.0], [1.0]], [1.0, 3.0]), ([[0], [1]], [[1.0], [3.0]])):
        metric.reset_state()
        np.testing.assert_allclose(metric(y, p).item(), want, rtol=1e-6)


def test_crossentropy_metrics():
    p = np.array([[0.75, 0.25], [0.5, 0.5]], np.float32)
    want = pytest.approx(-(np.log(0.75) + np.log(0.5)) / 2)
    assert metrics.SparseCategoricalCrossentropy()([0, 1], p).item() == want
    assert metrics.CategoricalCrossentropy()([[1, 0], [0, 1]], p).item() == want
    assert metrics.BinaryCrossentropy()([[1, 0], [0, 1]], p).item() == want
    assert metrics.SparseCategoricalCrossentropy(from_logits=True)([0, 1], np.log(p)).item() == want


@pytest.mark.parametrize(("weight", "share"), [(None, 1 / 3), ([1.0, 2.0, 3.0], 1)])
def test_ignored_labels_are_left_out_of_weighted_means(weight, share):
    """And count as 0 in others: the rule of Keras."""
    p = np.array([[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]], np.float32)
    m = metrics.SparseCategoricalCrossentropy(ignore_class=-1)
    m.update_state([0, -1, -1], p, sample_weight=weight)
    assert m.result().item() == pytest.approx(-np.log(0.75) * share)


def test_update_records_no_gradients():
    pred = fastnn.Tensor([[0.2, 0.8]], requires_grad=True)
    for m, y in ((SPARSE(), [1]), (metrics.MeanSquaredError(), [[0.0, 1.0]])):
        m.update_state(y, ops.softmax(pred))
    assert pred.grad is None


# ---- state in memory ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [SPARSE, metrics.SparseCategoricalCrossentropy, metrics.Mean])
def test_update_can_be_replayed(make):
    pred, label = np.array([[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]], np.float32), np.array([0, 1, 1])
    m, eager = make(), make()
    args = (pred,) if make is metrics.Mean else (label, pred)
    program = _core.Program()
    with program.record():
        m.update_state(*args)
    eager.update_state(*args)
    assert program.abandoned is None
    for _ in range(3):
        pred[:] = pred[::-1].copy()
        label[:] = np.roll(label, 1)
        program.replay()
        eager.update_state(*args)
    assert m.count.numpy() == 12
    assert m.total.numpy() != 0
    assert_same_bits(m.total.numpy(), eager.total.numpy(), "replay")


def test_same_bits_for_every_isa_and_thread_count():
    rng = np.random.default_rng(0)
    pred, label, w = rng.random((1000, 10)).astype(np.float32), rng.integers(0, 10, 1000), rng.random(1000)

    def total():
        m = metrics.SparseCategoricalCrossentropy()
        m.update_state(label, pred, sample_weight=w)
        return m.total.numpy()

    want = total()
    for isa in FMA_ISAS:
        with _core.use_isa(isa):
            assert_same_bits(total(), want, isa)
    with _core.simulate_threads(7):
        assert_same_bits(total(), want, "7 threads")


# ---- names, configurations, own metrics ---------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "want"), [
    ("mse", metrics.MeanSquaredError), ("MSE", metrics.MeanSquaredError), ("mae", metrics.MeanAbsoluteError),
    ("mean_squared_error", metrics.MeanSquaredError), ("MeanAbsoluteError", metrics.MeanAbsoluteError),
    ("binary_accuracy", metrics.BinaryAccuracy), ("BinaryAccuracy", metrics.BinaryAccuracy),
    ("categorical_accuracy", CATEGORICAL), ("sparse_categorical_accuracy", SPARSE), ("accuracy", metrics.Accuracy),
    ("root_mean_squared_error", metrics.RootMeanSquaredError), ("bce", metrics.BinaryCrossentropy),
    ("binary_crossentropy", metrics.BinaryCrossentropy), ("mean", metrics.Mean),
    ("sparse_categorical_crossentropy", metrics.SparseCategoricalCrossentropy),
])
def test_get(name, want):
    assert type(metrics.get(name)) is want


def test_get_unknown_name():
    with pytest.raises(ValueError, match="Did you mean 'binary_accuracy'"):
        metrics.get("binary_acuracy")
    assert metrics.get(None) is None


@pytest.mark.parametrize("metric", [
    metrics.Mean(name="m"), metrics.Sum(), metrics.Accuracy(), metrics.BinaryAccuracy(threshold=0.25),
    SPARSE(name="acc"), metrics.RootMeanSquaredError(dtype="float64"),
    metrics.CategoricalCrossentropy(label_smoothing=0.1),
    metrics.BinaryCrossentropy(from_logits=True), metrics.SparseCategoricalCrossentropy(axis=1),
    metrics.MeanMetricWrapper(metrics.mean_squared_error, name="w"),
])
def test_configuration_round_trip(metric):
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()


def test_default_names():
    assert [m().name for m in (SPARSE, CATEGORICAL, metrics.BinaryAccuracy, metrics.MeanSquaredError)] == [
        "sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy", "mean_squared_error",
    ]


def test_direction_tells_what_is_better():
    assert SPARSE()._direction == "up"
    assert metrics.MeanSquaredError()._direction == "down"
    assert metrics.MeanMetricWrapper(metrics.mean_squared_error)._direction == "down"
    assert metrics.Mean()._direction is None


def test_own_metric():
    class Positives(metrics.Metric):
        def __init__(self, name="positives", **kwargs):
            super().__init__(name=name, **kwargs)
            self.count = self.add_weight(name="count", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.count.assign(ops.add(self.count, ops.sum(ops.cast(ops.greater(y_pred, 0.5), "float32"))))

        def result(self):
            return self.count.value

    m = Positives()
    m.update_state(None, fastnn.Tensor([0.2, 0.7, 0.9]))
    assert float(m.result()) == 2.0
    m.reset_state()
    assert float(m(None, fastnn.Tensor([0.7]))) == 1.0


def test_nested_metrics_share_their_state():
    class Pair(metrics.Metric):
        def __init__(self):
            super().__init__(name="pair")
            self.parts = [metrics.Mean(), metrics.Sum()]

    assert len(Pair().variables) == 3


def test_forgotten_super_is_an_error():
    class Bad(metrics.Metric):
        def __init__(self):
            self.total = self.add_variable((), "zeros")

    with pytest.raises(RuntimeError, match=r"Bad: its __init__ did not call super\(\).__init__\(\). Call it first."):
        Bad()


def test_string_labels():
    with pytest.raises(TypeError, match=r"np\.unique\(y, return_inverse=True\)"):
        SPARSE()(["a", "b"], [[0.0, 1.0], [1.0, 0.0]])


def test_one_hot_targets_for_the_sparse_accuracy():
    with pytest.raises(ValueError, match="For one-hot targets use the categorical"):
        metrics.sparse_categorical_accuracy(np.eye(3), np.eye(3))


def test_stateless_methods_leave_the_state_alone():
    m = metrics.Mean()
    m.update_state([1.0, 3.0])
    state = m.stateless_reset_state()
    for batch in ([2.0], [4.0, 9.0]):
        state = m.stateless_update_state(state, batch)
    assert m.stateless_result(state).item() == 5.0
    assert m.result().item() == 2.0
    with pytest.raises(ValueError, match="metric_variables must be a list of 2 values"):
        m.stateless_result(state[:1])


def test_state_is_found_however_late_it_is_made():
    class Late(metrics.Metric):
        def update_state(self, y_true, y_pred, sample_weight=None):
            if not hasattr(self, "inner"):
                self.peak = self.add_variable((), "zeros", name="peak")
                self.inner = metrics.Mean()
                self.more = [metrics.Sum()]
            self.peak.assign(ops.maximum(self.peak, ops.max(y_pred)))
            self.inner.update_state(y_pred)

        def result(self):
            return self.peak.value

    m = Late()
    assert m.variables == []
    assert m([0.0], [3.0]).item() == 3.0
    assert [v.name for v in m.variables] == ["peak", "total", "count", "total"]
    m.other = metrics.Mean()
    assert len(m.variables) == 6
    m.reset_state()
    assert all(v.numpy() == 0 for v in m.variables)
