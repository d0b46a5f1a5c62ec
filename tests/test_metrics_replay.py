"""Every loss and metric in fit, evaluate and train_on_batch: replayed without Python, with the bits of plain steps."""

from __future__ import annotations

import numpy as np
import pytest

from fastnn import layers, losses, metrics, models, registry, utils

RNG = np.random.default_rng(3)
X = RNG.standard_normal((50, 6)).astype(np.float32)
LABEL = RNG.integers(0, 4, 50)
ONE_HOT = np.eye(4, dtype=np.float32)[LABEL]
BITS = RNG.integers(0, 2, 50).astype(np.float32)
SIGNED = 2 * RNG.integers(0, 2, (50, 3)).astype(np.float32) - 1
NUMBERS = RNG.standard_normal((50, 3)).astype(np.float32)
SHARES = RNG.dirichlet(np.ones(4), 50).astype(np.float32)
WEIGHT = RNG.integers(1, 4, 50).astype(np.float32)

M = metrics
PROBLEMS = {  # targets, units and activation of the last layer, the loss, metrics
    "labels": (LABEL, 4, "softmax", "sparse_categorical_crossentropy", lambda: [
        "accuracy", M.SparseCategoricalAccuracy(), M.SparseTopKCategoricalAccuracy(k=2),
        M.SparseCategoricalCrossentropy(), M.SparseCategoricalCrossentropy(ignore_class=1, name="some"),
        M.ConfusionMatrix(4),
        M.ConfusionMatrix(4, normalize="true"), M.MeanIoU(4, sparse_y_pred=False, dtype="float32"),
        M.IoU(4, [0, 2], sparse_y_pred=False, dtype="float32", ignore_class=3),
    ]),
    "one-hot": (ONE_HOT, 4, "softmax", "categorical_crossentropy", lambda: [
        M.CategoricalAccuracy(), M.TopKCategoricalAccuracy(k=2), M.CategoricalCrossentropy(), M.CategoricalHinge(),
        M.KLDivergence(), M.Poisson(), M.Precision(top_k=2), M.Recall(class_id=1), M.Precision(thresholds=[0.7, 0.2]),
        M.AUC(multi_label=True, num_thresholds=20), M.AUC(multi_label=True, num_labels=4, curve="PR"),
        M.F1Score(), M.F1Score(average="micro", threshold=0.3), M.FBetaScore(average="weighted", beta=2.0),
        M.OneHotIoU(4, [1, 2], dtype="float32"), M.OneHotMeanIoU(4, dtype="float32"),
        M.RecallAtPrecision(0.3, class_id=2),
    ]),
    "yes or no": (BITS, 1, "sigmoid", "binary_crossentropy", lambda: [
        "accuracy", M.BinaryAccuracy(threshold=0.4), M.BinaryCrossentropy(), M.AUC(), M.AUC(curve="PR"),
        M.AUC(thresholds=[0.3, 0.4]), M.Precision(), M.Recall(thresholds=[0.2, 0.5, 0.8]), M.TruePositives(),
        M.TrueNegatives(), M.FalsePositives(thresholds=[0.0, 0.5, 1.0]), M.FalseNegatives(),
        M.SensitivityAtSpecificity(0.5), M.SpecificityAtSensitivity(0.5), M.PrecisionAtRecall(0.5),
        M.BinaryIoU(dtype="float32"), M.ConfusionMatrix(2), M.Hinge(), M.SquaredHinge(),
    ]),
    "numbers": (NUMBERS, 3, None, "mse", lambda: [
        "mae", "mse", "mape", "msle", M.RootMeanSquaredError(), M.LogCoshError(), M.CosineSimilarity(), M.R2Score(),
        M.R2Score(class_aggregation=None, name="each"), M.PearsonCorrelation(), M.ConcordanceCorrelation(),
        M.MeanMetricWrapper(losses.huber, delta=0.5),
    ]),
}  # fmt: skip
LOSSES = [
    *((getattr(losses, name)(), NUMBERS, 3, None) for name in (
        "MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError",
        "CosineSimilarity", "Huber", "LogCosh",
    )),
    *((getattr(losses, name)(), SIGNED, 3, None) for name in ("Hinge", "SquaredHinge", "Perceptron")),
    (losses.Hinge(), BITS, 1, None), (losses.CategoricalHinge(), ONE_HOT, 4, None),
    (losses.KLDivergence(), SHARES, 4, "softmax"), (losses.Poisson(), NUMBERS**2, 3, "sigmoid"),
    (losses.BinaryCrossentropy(label_smoothing=0.1), BITS, 1, "sigmoid"),
    (losses.BinaryFocalCrossentropy(apply_class_balancing=True), BITS, 1, "sigmoid"),
    (losses.BinaryFocalCrossentropy(from_logits=True), BITS, 1, None),
    (losses.CategoricalCrossentropy(), ONE_HOT, 4, "softmax"),
    (losses.CategoricalFocalCrossentropy(), ONE_HOT, 4, "softmax"),
    (losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=1), LABEL, 4, None),
    (losses.CategoricalGeneralizedCrossEntropy(), LABEL, 4, "softmax"), (losses.Dice(), BITS, 1, "sigmoid"),
    (losses.Tversky(axis=1), ONE_HOT, 4, "sigmoid"), (losses.Circle(), LABEL, 3, "tanh"),
]  # fmt: skip


def train(units, activation, loss, y, plain, weighted, eager):
    utils.set_random_seed(7)
    registry.reset_names()
    model = models.Sequential([layers.Input((6,)), layers.Dense(units, activation=activation)])
    model.compile("sgd", loss, metrics=plain(), weighted_metrics=weighted(), run_eagerly=eager)
    history = model.fit(X, y, epochs=2, batch_size=8, sample_weight=WEIGHT, validation_data=(X, y), verbose=0)
    found = {name: np.asarray(values).tolist() for name, values in history.history.items()}
    values = model.evaluate(X, y, batch_size=8, verbose=0, return_dict=True)
    return found, {name: np.asarray(value).tolist() for name, value in values.items()}


@pytest.mark.filterwarnings("ignore:IoU:UserWarning", "ignore:MeanIoU:UserWarning")
@pytest.mark.parametrize("problem", PROBLEMS)
def test_metrics_replay(problem, programs):
    y, units, activation, loss, made = PROBLEMS[problem]
    eager = train(units, activation, loss, y, made, made, True)
    assert not programs
    assert train(units, activation, loss, y, made, made, False) == eager
    assert len(programs) >= 2


@pytest.mark.parametrize("case", LOSSES, ids=lambda case: case[0].name)
def test_losses_replay(case, programs):
    loss, y, units, activation = case
    eager = train(units, activation, loss, y, list, list, True)
    assert not programs
    replayed = train(units, activation, loss, y, list, list, False)
    assert replayed == eager
    assert np.isfinite(replayed[0]["loss"]).all()
    assert len(programs) >= 2
