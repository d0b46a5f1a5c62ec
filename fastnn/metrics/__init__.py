"""Metrics: running means, counts and matrices over batches. Keras's classes, functions, names and formulas.

A metric's state is variables in memory that kernels add to, so `update_state` can be recorded and replayed; only
`result` reads it. Sums are kept in float64: the mean over an epoch does not drift with the number of batches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn import errors

# One line per name: several append.
# isort: off
from fastnn.metrics.base import Metric as Metric
from fastnn.metrics.base import registry as registry
from fastnn.metrics.reduction import functions as _functions

# ---- reduction ------------------------------------------------------------------------------------------------------
from fastnn.metrics.reduction import Mean as Mean
from fastnn.metrics.reduction import MeanMetricWrapper as MeanMetricWrapper
from fastnn.metrics.reduction import Sum as Sum

# ---- accuracy -------------------------------------------------------------------------------------------------------
from fastnn.metrics.accuracy import Accuracy as Accuracy
from fastnn.metrics.accuracy import BinaryAccuracy as BinaryAccuracy
from fastnn.metrics.accuracy import CategoricalAccuracy as CategoricalAccuracy
from fastnn.metrics.accuracy import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from fastnn.metrics.accuracy import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from fastnn.metrics.accuracy import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from fastnn.metrics.accuracy import accuracy as accuracy
from fastnn.metrics.accuracy import binary_accuracy as binary_accuracy
from fastnn.metrics.accuracy import categorical_accuracy as categorical_accuracy
from fastnn.metrics.accuracy import sparse_categorical_accuracy as sparse_categorical_accuracy
from fastnn.metrics.accuracy import sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy
from fastnn.metrics.accuracy import top_k_categorical_accuracy as top_k_categorical_accuracy

# ---- regression -----------------------------------------------------------------------------------------------------
from fastnn.metrics.regression import CosineSimilarity as CosineSimilarity
from fastnn.metrics.regression import LogCoshError as LogCoshError
from fastnn.metrics.regression import MeanAbsoluteError as MeanAbsoluteError
from fastnn.metrics.regression import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from fastnn.metrics.regression import MeanSquaredError as MeanSquaredError
from fastnn.metrics.regression import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from fastnn.metrics.regression import R2Score as R2Score
from fastnn.metrics.regression import RootMeanSquaredError as RootMeanSquaredError
from fastnn.metrics.regression import cosine_similarity as cosine_similarity

# ---- correlation ----------------------------------------------------------------------------------------------------
from fastnn.metrics.correlation import ConcordanceCorrelation as ConcordanceCorrelation
from fastnn.metrics.correlation import PearsonCorrelation as PearsonCorrelation
from fastnn.metrics.correlation import concordance_correlation as concordance_correlation
from fastnn.metrics.correlation import pearson_correlation as pearson_correlation

# ---- probabilistic --------------------------------------------------------------------------------------------------
from fastnn.metrics.probabilistic import BinaryCrossentropy as BinaryCrossentropy
from fastnn.metrics.probabilistic import CategoricalCrossentropy as CategoricalCrossentropy
from fastnn.metrics.probabilistic import KLDivergence as KLDivergence
from fastnn.metrics.probabilistic import Poisson as Poisson
from fastnn.metrics.probabilistic import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy

# ---- hinge ----------------------------------------------------------------------------------------------------------
from fastnn.metrics.hinge import CategoricalHinge as CategoricalHinge
from fastnn.metrics.hinge import Hinge as Hinge
from fastnn.metrics.hinge import SquaredHinge as SquaredHinge

# ---- confusion ------------------------------------------------------------------------------------------------------
from fastnn.metrics.confusion import FalseNegatives as FalseNegatives
from fastnn.metrics.confusion import FalsePositives as FalsePositives
from fastnn.metrics.confusion import Precision as Precision
from fastnn.metrics.confusion import Recall as Recall
from fastnn.metrics.confusion import TrueNegatives as TrueNegatives
from fastnn.metrics.confusion import TruePositives as TruePositives

# ---- curves ---------------------------------------------------------------------------------------------------------
from fastnn.metrics.curves import AUC as AUC
from fastnn.metrics.curves import PrecisionAtRecall as PrecisionAtRecall
from fastnn.metrics.curves import RecallAtPrecision as RecallAtPrecision
from fastnn.metrics.curves import SensitivityAtSpecificity as SensitivityAtSpecificity
from fastnn.metrics.curves import SpecificityAtSensitivity as SpecificityAtSensitivity

# ---- f score --------------------------------------------------------------------------------------------------------
from fastnn.metrics.f_score import F1Score as F1Score
from fastnn.metrics.f_score import FBetaScore as FBetaScore

# ---- iou ------------------------------------------------------------------------------------------------------------
from fastnn.metrics.iou import BinaryIoU as BinaryIoU
from fastnn.metrics.iou import ConfusionMatrix as ConfusionMatrix
from fastnn.metrics.iou import IoU as IoU
from fastnn.metrics.iou import MeanIoU as MeanIoU
from fastnn.metrics.iou import OneHotIoU as OneHotIoU
from fastnn.metrics.iou import OneHotMeanIoU as OneHotMeanIoU

# ---- losses, which Keras has in both modules ------------------------------------------------------------------------
from fastnn.losses import binary_crossentropy as binary_crossentropy
from fastnn.losses import binary_focal_crossentropy as binary_focal_crossentropy
from fastnn.losses import categorical_crossentropy as categorical_crossentropy
from fastnn.losses import categorical_focal_crossentropy as categorical_focal_crossentropy
from fastnn.losses import categorical_hinge as categorical_hinge
from fastnn.losses import hinge as hinge
from fastnn.losses import huber as huber
from fastnn.losses import kl_divergence as kl_divergence
from fastnn.losses import log_cosh as log_cosh
from fastnn.losses import mean_absolute_error as mean_absolute_error
from fastnn.losses import mean_absolute_percentage_error as mean_absolute_percentage_error
from fastnn.losses import mean_squared_error as mean_squared_error
from fastnn.losses import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from fastnn.losses import poisson as poisson
from fastnn.losses import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from fastnn.losses import squared_hinge as squared_hinge
# isort: on

mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
kld = KLD = kullback_leibler_divergence = kl_divergence
logcosh = log_cosh

for _cls in (
    Metric, Mean, Sum, MeanMetricWrapper, MeanSquaredError, RootMeanSquaredError, MeanAbsoluteError,
    MeanAbsolutePercentageError, MeanSquaredLogarithmicError, CosineSimilarity, LogCoshError, R2Score, AUC,
    FalseNegatives, FalsePositives, Precision, PrecisionAtRecall, Recall, RecallAtPrecision, SensitivityAtSpecificity,
    SpecificityAtSensitivity, TrueNegatives, TruePositives, ConcordanceCorrelation, PearsonCorrelation, Hinge,
    SquaredHinge, CategoricalHinge, KLDivergence, Poisson, BinaryCrossentropy, CategoricalCrossentropy,
    SparseCategoricalCrossentropy, Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy,
    TopKCategoricalAccuracy, SparseTopKCategoricalAccuracy, F1Score, FBetaScore, IoU, BinaryIoU, MeanIoU, OneHotIoU,
    OneHotMeanIoU, ConfusionMatrix,
):
    registry.add(_cls)
for _cls, _alias in (
    (BinaryCrossentropy, "bce"), (MeanSquaredError, "mse"), (MeanAbsoluteError, "mae"),
    (MeanAbsolutePercentageError, "mape"), (MeanSquaredLogarithmicError, "msle"),
):
    registry.add(_cls, _alias, _alias.upper())
for _fn in (
    accuracy, binary_accuracy, categorical_accuracy, sparse_categorical_accuracy, top_k_categorical_accuracy,
    sparse_top_k_categorical_accuracy, cosine_similarity, concordance_correlation, pearson_correlation,
    binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy, categorical_focal_crossentropy,
    categorical_hinge, hinge, huber, kl_divergence, log_cosh, mean_absolute_error, mean_absolute_percentage_error,
    mean_squared_error, mean_squared_logarithmic_error, poisson, sparse_categorical_crossentropy, squared_hinge,
):
    _functions[_fn.__name__] = _fn


def get(identifier: Any) -> Any:
    """The metric that a name, a configuration, a class or an object stands for.

    Which accuracy "accuracy" means depends on the data, so a model decides; here it is `Accuracy`.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.get("mse")
    <MeanSquaredError name=mean_squared_error>
    """
    return registry.get(identifier)


def serialize(metric: Any) -> Any:
    """The configuration of a metric.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.serialize(metrics.BinaryAccuracy())["config"]
    {'name': 'binary_accuracy', 'dtype': 'float32', 'threshold': 0.5}
    """
    return registry.serialize(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The metric that `serialize` described.

    Examples
    --------
    >>> from fastnn import metrics
    >>> metrics.deserialize(metrics.serialize(metrics.BinaryAccuracy(threshold=0.25))).threshold
    0.25
    """
    return registry.deserialize(config, custom_objects)

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
