"""The training loop."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn import errors, random
from fastnn.callbacks import CallbackList, History
from fastnn.models import data
from fastnn.models.compiling import as_logs
from fastnn.models.replay import Replay
from fastnn.models.search import training_replay
from fastnn.models.single import SingleBatches
from fastnn.progress import Progress, resolve_verbose


class Trainer(SingleBatches):
    """What `Model` knows about training: data (reading.py), compile (compiling.py), steps (steps.py), evaluation
    (evaluation.py), single batches (single.py), and `fit`.
    """

    history: History | None = None
    _initial_epoch: int | None = None  # a callback may set it, in on_train_begin

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> History:
        """Train the model.

        Parameters
        ----------
        x : array_like, list or dict of them, PyDataset or iterable
            Inputs, one row per sample; any numeric dtype, lists, pandas, memory maps; for several inputs a list or dict
            of arrays. Or batches: a `fastnn.utils.PyDataset`, a generator, or anything else that gives ``(x, y)`` or
            ``(x, y, sample_weight)`` when iterated over; they are fetched in a thread of their own, ahead of the steps.
        y : array_like, or list or dict of them, optional
            Targets; part of the batches where x gives batches.
        batch_size : int
            Samples per step, default 32 (or what ``steps_per_epoch`` steps need); the last step takes what is left.
            Batches have their own size.
        epochs : int
            Number of the epoch to stop before.
        verbose : "auto", 0, 1 or 2
            1 shows a line of progress, 2 prints what Keras prints; "auto" is 1 in terminals and notebooks, else 0.
        callbacks : list of Callback, optional
        validation_split : float
            The share of the data, taken from the end before shuffling, that is held out.
        validation_data : tuple, PyDataset or iterable, optional
            ``(x, y)`` or ``(x, y, sample_weight)``, or batches of these.
        shuffle : bool or "batch"
            Put the samples (the batches of a PyDataset) into a new order in every epoch; "batch": only within their
            batch. Other batches come as they come.
        class_weight : dict, optional
            Weight of a sample by its class, for one output; not together with ``sample_weight``.
        sample_weight : array_like, or list or dict of them, optional
            Weight of each sample in the loss: one array for all outputs, or one for each.
        initial_epoch : int
            Number of the first epoch.
        steps_per_epoch : int, optional
            Steps of an epoch; the next one goes on where it stopped. Default: all the data, once. A generator without
            an end needs it.
        validation_steps : int, optional
            Validate on the first so many batches; a generator goes on where it stopped.
        validation_batch_size : int, optional
            Default: ``batch_size``.
        validation_freq : int or list of int
            Validate every so many epochs, or after the epochs with these numbers (from 1).

        Returns
        -------
        History
            ``history.history["loss"]`` is a list of one value per epoch: the mean over all samples, regularisers
            included.

        Raises
        ------
        ValueError, TypeError
            Before anything is changed, for data that does not fit.
        RuntimeError
            Without `compile`, or while another thread trains the model.
        """
        who = f"{self._who}.fit"
        with self._exclusive("fit"), contextlib.ExitStack() as at_the_end:
            epochs = data.check_whole(who, "epochs", epochs)
            initial_epoch = data.check_whole(who, "initial_epoch", initial_epoch)
            verbose = resolve_verbose(who, verbose)
            _should_validate(who, validation_freq, 0)
            steps = data.check_steps(who, "steps_per_epoch", steps_per_epoch)
            held_steps = data.check_steps(who, "validation_steps", validation_steps)
            train: tuple[Any, Any, Any] = (x, y, sample_weight)
            if validation_split and validation_data is None:
                train, validation_data = self._split(who, train, validation_split)
            batches = self._feed(who, *train, batch_size, steps, shuffle=shuffle, class_weight=class_weight)
            at_the_end.callback(batches.close)
            held: data.Batches | None = None
            if validation_data is not None:
                if validation_batch_size is not None:
                    data.check_batch_size(who, validation_batch_size, "validation_batch_size")
                held = self._feed_validation(who, validation_data, validation_batch_size or batch_size, held_steps)
                at_the_end.callback(held.close)
            generator = np.random.default_rng(random.make_default_seed()) if shuffle else None
            data.begin_first(who, batches, generator)
            self._prepare_training(who, batches.sample, held if held is not None and held.known else None)
            hooks = CallbackList(
                callbacks,
                add_history=True,
                model=self,
                verbose=verbose,
                epochs=epochs,
                steps=batches.steps,
            )
            self.stop_training = False
            hooks.on_train_begin()
            logs: dict[str, Any] = {}
            initial_epoch, self._initial_epoch = self._initial_epoch or initial_epoch, None
            train_replay = at_the_end.enter_context(training_replay(self, "fit"))
            test_replay = at_the_end.enter_context(Replay(self, "fit", "test", self._test))
            for epoch in range(initial_epoch, epochs):
                self.reset_metrics()
                hooks.on_epoch_begin(epoch)
                self._plan_training()  # a callback may have changed what is trained
                if epoch > initial_epoch:
                    batches.begin(generator)
                title = f"Epoch {epoch + 1}/{epochs}" if verbose != 2 or epochs > 1 else ""
                progress = Progress(verbose, title, batches.steps)
                try:
                    done, logs = self._run_epoch(batches, train_replay, hooks, progress)
                    if not done:
                        batches.warn_spent("x", "Training ends here.")
                        break
                    if held is not None and _should_validate(who, validation_freq, epoch):
                        found = self._validate(held, test_replay, hooks)
                        logs = as_logs(logs | {f"val_{name}": value for name, value in found.items()})
                    progress.close(done, logs)
                finally:
                    progress.abandon()
                hooks.on_epoch_end(epoch, logs)
                progress.finish(done, logs)  # what is printed shows what callbacks add, such as the learning rate
                if self.stop_training:
                    break
            if self.optimizer is not None and epochs > 0:
                self.optimizer.finalize_variable_values(self._make_plan().trained)
            hooks.on_train_end(logs)
        return hooks.history or History()

    def _run_epoch(
        self, batches: data.Batches, replay: Replay, hooks: CallbackList, progress: Progress
    ) -> tuple[int, dict[str, Any]]:
        """All steps of an epoch: the number that were run, and what is reported."""
        begins, ends = hooks.wants("on_train_batch_begin"), hooks.wants("on_train_batch_end")
        chunk = self._steps_per_execution if begins or ends else 1
        logs: dict[str, Any] = {}
        self._in_epoch = True
        done = told = 0
        try:
            while ready := batches.ready():
                if begins and done % chunk == 0:
                    hooks.on_train_batch_begin(done)
                steps = replay.advance(batches, ready[0], 1 if begins or ends else ready[1])
                batches.taken(steps)
                done += steps
                if ends and done % chunk == 0:
                    logs = self._logs(replay.result)
                    hooks.on_train_batch_end(done - 1, logs)
                    told = done
                progress.update(done, lambda: self._logs(replay.result))
                if self.stop_training:
                    break
            if told < done:
                logs = self._logs(replay.result)
                if ends:
                    hooks.on_train_batch_end(done - 1, logs)
            batches.end()
        except BaseException:
            self.zero_grad()
            raise
        finally:
            self._in_epoch = False
        return done, logs


def _should_validate(who: str, frequency: Any, epoch: int) -> bool:
    if isinstance(frequency, (list, tuple)):
        return epoch + 1 in frequency
    if isinstance(frequency, bool) or not isinstance(frequency, (int, np.integer)) or frequency < 1:
        raise errors.value_error(who, "validation_freq", "a positive int or a list of epochs", frequency)
    return (epoch + 1) % int(frequency) == 0
