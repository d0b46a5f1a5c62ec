"""Confusion counts against plain loops, for many thresholds, labels, weights, threads and instruction sets."""

from __future__ import annotations

import numpy as np
import pytest

import fastnn
from fastnn import _core, metrics
from fastnn.metrics import counting
from tests.helpers import FMA_ISAS, assert_same_bits

RNG = np.random.default_rng(0)


def totals(thresholds, truth, pred, weight=None, labels=1, soft=False, even=False):
    found = {
        which: fastnn.Variable(np.zeros((len(thresholds), labels)), trainable=False)
        for which in range(4)
    }
    tensors = [None if x is None else fastnn.Tensor(x) for x in (truth, pred, weight)]
    chosen = counting.Thresholds(thresholds, str(pred.dtype), even)
    counting.count_above(chosen, *tensors, found, labels=labels, soft=soft)
    return np.stack([found[which].numpy() for which in range(4)])


def by_loops(thresholds, truth, pred, weight=None, labels=1):
    truth, pred = truth.reshape(-1, labels).astype(np.float64), pred.reshape(-1, labels)
    weight = np.ones(pred.shape) if weight is None else weight.reshape(-1, labels).astype(np.float64)
    above = [pred > np.asarray(t, pred.dtype) for t in thresholds]
    no = 1 - truth
    return np.stack([
        [(weight * x * yes).sum(0) for yes in above] for x in (truth, no)
    ] + [
        [(weight * x * ~yes).sum(0) for yes in above] for x in (no, truth)
    ])


@pytest.mark.parametrize("labels", [1, 3])
@pytest.mark.parametrize("n", [0, 1, 7, 20000])
@pytest.mark.parametrize("thresholds", [[0.5], [0.9, 0.1, 0.4, 0.4], list(np.linspace(-1, 2, 31))])
def test_counts_match_loops(thresholds, n, labels):
    for dtype in (np.float32, np.float64):
        pred = np.round(RNG.random((n, labels)) * 10).astype(dtype) / dtype(10)
        truth = RNG.integers(0, 2, (n, labels)).astype(dtype)
        np.testing.assert_array_equal(
            totals(thresholds, truth, pred, labels=labels), by_loops(thresholds, truth, pred, labels=labels)
        )
        weight, share = RNG.random((n, labels)).astype(dtype), RNG.random((n, labels)).astype(dtype)
        np.testing.assert_allclose(
            totals(thresholds, share, pred, weight, labels, soft=True),
            by_loops(thresholds, share, pred, weight, labels), rtol=1e-12,
        )


def test_even_thresholds_count_like_comparisons_away_from_them():
    pred, truth = RNG.random(1000).astype(np.float32), RNG.integers(0, 2, 1000).astype(np.float32)
    even = np.linspace(0, 1, 200)
    np.testing.assert_array_equal(totals(even, truth, pred, even=True), by_loops(even, truth, pred))
    beyond = even.copy()
    beyond[[0, -1]] += [-1e-7, 1e-7]
    pred[:3] = 0, 1, 0
    np.testing.assert_array_equal(totals(beyond, truth, pred, even=True), by_loops(beyond, truth, pred))


@pytest.mark.parametrize("even", [False, True])
def test_nan_is_above_no_threshold(even):
    pred = np.array([np.nan, np.inf, -np.inf], np.float32)
    got = totals([0.0, 0.25, 0.5, 0.75, 1.0][: 5 if even else 2], np.ones(3, np.float32), pred, even=even)
    np.testing.assert_array_equal(got[0, :2, 0], [1, 1])
    np.testing.assert_array_equal(got[3, :2, 0], [2, 2])


def test_same_bits_for_every_isa_and_thread_count():
    pred, truth = RNG.random((30000, 2)).astype(np.float32), RNG.integers(0, 2, (30000, 2)).astype(np.float32)
    weight, label = RNG.random((30000, 2)).astype(np.float32), RNG.integers(0, 5, 30000)

    def found():
        matrix = metrics.ConfusionMatrix(5, dtype="float64", sparse_y_pred=True)
        matrix.update_state(label, label[::-1], sample_weight=weight[:, 0])
        k = metrics.Precision(top_k=1)
        k.update_state(truth, pred, sample_weight=weight[:, 0])
        top = metrics.TopKCategoricalAccuracy(k=1)(truth, pred)
        counts = totals(np.linspace(0, 1, 9), truth, pred, weight, labels=2)
        parts = counts, matrix.result().numpy(), k.true_positives.numpy(), top.numpy()
        return np.concatenate([np.ravel(part) for part in parts])

    want = found()
    for isa in FMA_ISAS:
        with _core.use_isa(isa):
            assert_same_bits(found(), want, isa)
    for threads in (2, 3, 7):
        with _core.simulate_threads(threads):
            assert_same_bits(found(), want, f"{threads} threads")


# ---- top k --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cols", [1, 2, 5, 16, 17, 100])
@pytest.mark.parametrize("k", [1, 3, 100])
def test_top_k_matches_sorting(cols, k):
    pred = np.round(RNG.standard_normal((9, cols)) * 4).astype(np.float32)
    label = RNG.integers(0, cols, 9)
    larger = (pred > pred[np.arange(9), label][:, None]).sum(1)
    np.testing.assert_array_equal(metrics.sparse_top_k_categorical_accuracy(label, pred, k=k).numpy(), larger < k)
    if k <= cols:
        kept = counting._keep_top_k("test", fastnn.Tensor(pred), k).numpy()
        first = np.argsort(-pred, axis=1, kind="stable")[:, :k]
        want = np.full_like(pred, counting.LOWEST)
        np.put_along_axis(want, first, np.take_along_axis(pred, first, 1), 1)
        np.testing.assert_array_equal(kept, want)


def test_top_k_of_odd_rows():
    pred = [[np.nan, 1.0, 0.0], [np.inf, 1.0, 0.0], [0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]
    np.testing.assert_array_equal(metrics.sparse_top_k_categorical_accuracy([1, 1, 3, -1], pred, k=3).numpy(), 0)


# ---- classes against classes --------------------------------------------------------------------------------------


def test_confusion_matrix():
    label, pred = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 0, 2])
    m = metrics.ConfusionMatrix(3, sparse_y_pred=True)
    m.update_state(label, pred)
    np.testing.assert_array_equal(m.result().numpy(), [[1, 1, 0], [0, 1, 0], [1, 0, 2]])
    assert m.result().dtype == np.float32
    m.update_state(label[:2], pred[:2], sample_weight=[2, 3])
    np.testing.assert_array_equal(m.result().numpy(), [[3, 4, 0], [0, 1, 0], [1, 0, 2]])
    m.reset_state()
    assert not m.result().numpy().any()


@pytest.mark.parametrize(("normalize", "want"), [
    ("true", [[0.5, 0.5, 0], [0, 1, 0], [0, 0, 0]]), ("pred", [[1, 1 / 3, 0], [0, 2 / 3, 0], [0, 0, 0]]),
    ("all", [[0.25, 0.25, 0], [0, 0.5, 0], [0, 0, 0]]),
])
def test_confusion_matrix_of_shares(normalize, want):
    m = metrics.ConfusionMatrix(3, normalize=normalize)
    m.update_state([0, 0, 1, 1], np.eye(3)[[0, 1, 1, 1]])
    np.testing.assert_allclose(m.result().numpy(), want, rtol=1e-6)


def test_confusion_matrix_of_one_output_uses_the_threshold():
    m = metrics.ConfusionMatrix(2, threshold=0.3)
    m.update_state([[0], [1], [1]], [[0.2], [0.4], [0.3]])
    np.testing.assert_array_equal(m.result().numpy(), [[1, 0], [1, 1]])


def test_classes_that_are_none_are_not_counted():
    m = metrics.ConfusionMatrix(2, sparse_y_pred=True, ignore_class=1)
    m.update_state([0, 1, -1, 5, 0, 0], [0, 1, 0, 0, 2, -1])
    np.testing.assert_array_equal(m.result().numpy(), [[1, 0], [0, 0]])


def test_integer_counts_warn_of_fractions():
    with pytest.warns(UserWarning, match="IoU: dtype is int64, so fractions of weights are cut off"):
        metrics.IoU(2, [0]).update_state([0, 1], [0, 1], sample_weight=[0.5, 1.5])


# ---- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "text"), [
    (lambda: metrics.Precision(thresholds=[0.5, 1.5]), "Precision: thresholds must be numbers from 0 to 1"),
    (lambda: metrics.AUC(curve="XY"), "AUC: curve must be one of 'ROC', 'PR', 'PRGAIN'; got 'XY'"),
    (lambda: metrics.AUC(num_thresholds=1), "AUC: num_thresholds must be an int above 1"),
    (lambda: metrics.AUC(num_labels=2), "AUC: num_labels must be left out"),
    (lambda: metrics.PrecisionAtRecall(1.5), "PrecisionAtRecall: recall must be from 0 to 1; got 1.5"),
    (lambda: metrics.F1Score(average="all"), "F1Score: average must be one of None, 'micro'"),
    (lambda: metrics.FBetaScore(beta=2), "FBetaScore: beta must be a positive float"),
    (lambda: metrics.R2Score(num_regressors=-1), "R2Score: num_regressors must be at least 0"),
    (lambda: metrics.IoU(2, [2]), "IoU: target_class_ids must be class numbers below 2"),
    (lambda: metrics.Precision()([0, 1], np.zeros((2, 3))), r"y_true must be of the predictions' shape \(2, 3\)"),
    (lambda: metrics.Precision(top_k=4)(np.zeros((2, 3)), np.zeros((2, 3))), "top_k must be from 1 to the number"),
    (lambda: metrics.AUC()([0, 1], [0, 1], sample_weight=[1, 2, 3]), "sample_weight must be one weight per sample"),
])
def test_errors(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_result_before_the_first_batch():
    for metric in (metrics.F1Score(), metrics.R2Score(), metrics.AUC(multi_label=True)):
        with pytest.raises(RuntimeError, match="no batch was seen yet"):
            metric.result()
