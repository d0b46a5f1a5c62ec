"""Callbacks: what happens at the beginning and end of training, of epochs and of batches."""

from typing import TYPE_CHECKING

from fastnn import errors
from fastnn.callbacks.callback import HOOKS as HOOKS
from fastnn.callbacks.callback import Callback as Callback
from fastnn.callbacks.callback import CallbackList as CallbackList
from fastnn.callbacks.callback import History as History
from fastnn.callbacks.checkpoint import BackupAndRestore as BackupAndRestore
from fastnn.callbacks.checkpoint import ModelCheckpoint as ModelCheckpoint
from fastnn.callbacks.checkpoint import SwapEMAWeights as SwapEMAWeights
from fastnn.callbacks.functions import LambdaCallback as LambdaCallback
from fastnn.callbacks.functions import LearningRateScheduler as LearningRateScheduler
from fastnn.callbacks.logging import CSVLogger as CSVLogger
from fastnn.callbacks.logging import ProgbarLogger as ProgbarLogger
from fastnn.callbacks.logging import TerminateOnNaN as TerminateOnNaN
from fastnn.callbacks.monitor import EarlyStopping as EarlyStopping
from fastnn.callbacks.monitor import ReduceLROnPlateau as ReduceLROnPlateau
from fastnn.callbacks.tensorboard import TensorBoard as TensorBoard

if not TYPE_CHECKING:
    __getattr__ = errors.suggesting(__name__)
