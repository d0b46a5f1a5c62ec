"""Losses: how far predictions are from the targets. Keras's classes, functions, names and formulas.

A loss object reduces the per-sample values of `call` to one number; a function returns them as they are. Targets and
predictions of shapes (n,) and (n, 1) are aligned before anything is computed, so they never broadcast to (n, n).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastnn import errors

# One line per name: several append.
# isort: off
from fastnn.losses.base import REDUCTIONS as REDUCTIONS
from fastnn.losses.base import Loss as Loss
from fastnn.losses.base import LossFunctionWrapper as LossFunctionWrapper
from fastnn.losses.base import registry as registry

# ---- regression ---------------------------------------------------------------------------------------------------
from fastnn.losses.regression import CosineSimilarity as CosineSimilarity
from fastnn.losses.regression import Huber as Huber
from fastnn.losses.regression import LogCosh as LogCosh
from fastnn.losses.regression import MeanAbsoluteError as MeanAbsoluteError
from fastnn.losses.regression import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from fastnn.losses.regression import MeanSquaredError as MeanSquaredError
from fastnn.losses.regression import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from fastnn.losses.regression import cosine_similarity as cosine_similarity
from fastnn.losses.regression import huber as huber
from fastnn.losses.regression import log_cosh as log_cosh
from fastnn.losses.regression import mean_absolute_error as mean_absolute_error
from fastnn.losses.regression import mean_absolute_percentage_error as mean_absolute_percentage_error
from fastnn.losses.regression import mean_squared_error as mean_squared_error
from fastnn.losses.regression import mean_squared_logarithmic_error as mean_squared_logarithmic_error

# ---- probabilistic ------------------------------------------------------------------------------------------------
from fastnn.losses.probabilistic import BinaryCrossentropy as BinaryCrossentropy
from fastnn.losses.probabilistic import CategoricalCrossentropy as CategoricalCrossentropy
from fastnn.losses.probabilistic import KLDivergence as KLDivergence
from fastnn.losses.probabilistic import Poisson as Poisson
from fastnn.losses.probabilistic import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from fastnn.losses.probabilistic import binary_crossentropy as binary_crossentropy
from fastnn.losses.probabilistic import categorical_crossentropy as categorical_crossentropy
from fastnn.losses.probabilistic import kl_divergence as kl_divergence
from fastnn.losses.probabilistic import poisson as poisson
from fastnn.losses.probabilistic import sparse_categorical_crossentropy as sparse_categorical_crossentropy

# ---- focal --------------------------------------------------------------------------------------------------------
from fastnn.losses.focal import BinaryFocalCrossentropy as BinaryFocalCrossentropy
from fastnn.losses.focal import CategoricalFocalCrossentropy as CategoricalFocalCrossentropy
from fastnn.losses.focal import CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy
from fastnn.losses.focal import binary_focal_crossentropy as binary_focal_crossentropy
from fastnn.losses.focal import categorical_focal_crossentropy as categorical_focal_crossentropy
from fastnn.losses.focal import categorical_generalized_cross_entropy as categorical_generalized_cross_entropy

# ---- hinge --------------------------------------------------------------------------------------------------------
from fastnn.losses.hinge import CategoricalHinge as CategoricalHinge
from fastnn.losses.hinge import Hinge as Hinge
from fastnn.losses.hinge import Perceptron as Perceptron
from fastnn.losses.hinge import SquaredHinge as SquaredHinge
from fastnn.losses.hinge import categorical_hinge as categorical_hinge
from fastnn.losses.hinge import hinge as hinge
from fastnn.losses.hinge import perceptron as perceptron
from fastnn.losses.hinge import squared_hinge as squared_hinge

# ---- overlap, similarity ------------------------------------------------------------------------------------------
from fastnn.losses.overlap import Dice as Dice
from fastnn.losses.overlap import Tversky as Tversky
from fastnn.losses.overlap import dice as dice
from fastnn.losses.overlap import tversky as tversky
from fastnn.losses.similarity import Circle as Circle
from fastnn.losses.similarity import circle as circle
# isort: on

mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
bce = BCE = binary_crossentropy
kld = KLD = kullback_leibler_divergence = kl_divergence
logcosh = log_cosh

for _cls in (
    Loss, LossFunctionWrapper, KLDivergence, Poisson, BinaryCrossentropy, BinaryFocalCrossentropy,
    CategoricalCrossentropy, CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy,
    SparseCategoricalCrossentropy, MeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError, CosineSimilarity, LogCosh, Huber, Hinge, SquaredHinge, CategoricalHinge, Perceptron,
    Dice, Tversky, Circle,
):
    registry.add(_cls)
for _fn, _aliases in (  # after the classes: "binary_crossentropy" is the function, as in Keras
    (kl_divergence, ("kld", "KLD")), (poisson, ()), (binary_crossentropy, ("bce", "BCE")),
    (binary_focal_crossentropy, ()), (categorical_crossentropy, ()), (categorical_focal_crossentropy, ()),
    (sparse_categorical_crossentropy, ()), (mean_squared_error, ("mse", "MSE")),
    (mean_absolute_error, ("mae", "MAE")), (mean_absolute_percentage_error, ("mape", "MAPE")),
    (mean_squared_logarithmic_error, ("msle", "MSLE")), (cosine_similarity, ()), (log_cosh, ("logcosh",)), (huber, ()),
    (hinge, ()), (squared_hinge, ()), (categorical_hinge, ()), (perceptron, ()), (dice, ()), (tversky, ()),
    (circle, ()),
):
    registry.add(_fn, *_aliases)


def get(identifier: Any) -> Any:
    """The loss that a name, a configuration, a class or an object stands for.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.get("mse").__name__, type(losses.get("MeanSquaredError")).__name__
    ('mean_squared_error', 'MeanSquaredError')
    """
    return registry.get(identifier)


def serialize(loss: Any) -> Any:
    """The configuration of a loss, or the name of a loss function.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.serialize(losses.MeanSquaredError())["config"]
    {'name': 'mean_squared_error', 'reduction': 'sum_over_batch_size'}
    """
    return registry.serialize(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """The loss that `serialize` described.

    Examples
    --------
    >>> from fastnn import losses
    >>> losses.deserialize(losses.serialize(losses.BinaryCrossentropy(from_logits=True))).from_logits
    True
    """
    return registry.deserialize(name, custom_objects)

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
