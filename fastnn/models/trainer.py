"""The training loop: compile, fit, evaluate, predict, and their single steps.

A step consists of launches only: gather the batch, forward, loss, backward, optimizer, metric sums. Values are read
where a line of progress, a callback or the end of an epoch needs them, and nowhere else.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fastnn import errors, metrics, ops, optimizers, random, tree
from fastnn._core import values_are_read
from fastnn.autograd import Array, Tensor, as_tensor, no_grad
from fastnn.callbacks import CallbackList, History
from fastnn.layers.base import Layer
from fastnn.models import data
from fastnn.models.compiled import CompiledMetrics, get_loss, resolve_crossentropy
from fastnn.models.interrupts import Uninterrupted
from fastnn.models.outputs import Collected, copied, joined
from fastnn.models.reading import Reader
from fastnn.models.replay import PREDICT, Programs, Replay
from fastnn.progress import Progress, resolve_verbose
from fastnn.utils import unpack_x_y_sample_weight

_guard = threading.Lock()
if hasattr(os, "register_at_fork"):  # a child must not find it taken by a thread that it does not have
    os.register_at_fork(before=_guard.acquire, after_in_parent=_guard.release, after_in_child=_guard.release)


class Trainer(Reader):
    """What `Model` knows about training."""

    # What fit and its like note for themselves, and what compile sets (models/structure.py looks at it there).
    _bookkeeping = Layer._bookkeeping | {
        "_in_epoch", "_plan", "_programs", "_steps_per_execution", "_told", "_training", "history", "stop_training",
    }  # fmt: skip
    _compared = Layer._compared | {
        "_loss", "_loss_tracker", "_loss_weight", "_metrics", "compiled", "loss", "optimizer",
    }  # fmt: skip

    optimizer: Any = None
    loss: Any = None
    compiled: bool = False
    run_eagerly: bool = False
    _told: bool = False  # that steps run through Python
    stop_training: bool = False
    history: History | None = None
    _loss: Any = None
    _loss_weight: float | None = None
    _loss_tracker: Any = None
    _metrics: CompiledMetrics | None = None
    _training: str = ""  # what is running that changes the weights
    _in_epoch: bool = False
    _plan: _Plan
    _programs: Programs

    # ---- compile ---------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: float | Sequence[float] | None = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
    ) -> None:
        """Say how to train the model.

        Parameters
        ----------
        optimizer : str or Optimizer
        loss : str, Loss or callable, optional
            A callable is ``loss(y_true, y_pred)``, one value per sample.
        loss_weights : float, optional
            The loss is multiplied by it.
        metrics : list, optional
            Names, functions or Metric objects; "accuracy" becomes the one that fits the data.
        weighted_metrics : list, optional
            The same, but using the sample weights.
        run_eagerly : bool
            Run every step through Python: for layers and losses that depend on Python state other than attributes (see
            `Model`), and to find an error.
        steps_per_execution : int
            Call the batch hooks of callbacks once per so many batches.
        jit_compile : bool or "auto"
            There is nothing to compile at run time: the kernels are C. True is an error.

        Raises
        ------
        ValueError
            For names that are not known.
        """
        who = f"{self._who}.compile"
        if self._training:
            raise self._busy("compile")
        if jit_compile not in ("auto", False, None):
            raise errors.value_error(who, "jit_compile", "'auto' or False", jit_compile, "The kernels are compiled C.")
        new_optimizer = optimizers.get(optimizer)
        new_loss = get_loss(who, loss)
        if isinstance(loss_weights, (list, tuple)) and len(loss_weights) == 1:
            loss_weights = loss_weights[0]
        if loss_weights is not None and not isinstance(loss_weights, (int, float)):
            raise errors.type_error(who, "loss_weights", "a number", loss_weights)
        new_metrics = CompiledMetrics(who, metrics, weighted_metrics)
        self._steps_per_execution = data.check_batch_size(who, steps_per_execution, "steps_per_execution")
        self.optimizer = new_optimizer
        self.loss = loss
        self._loss = new_loss
        self._loss_weight = None if loss_weights is None else float(loss_weights)
        self._metrics = new_metrics
        self._loss_tracker = _mean("loss")
        self.run_eagerly = bool(run_eagerly)
        self._told = False
        self.compiled = True

    # ---- fit -------------------------------------------------------------------------------------------------

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
        shuffle: bool = True,
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
        x : array_like, PyDataset or iterable
            Inputs, one row per sample; any numeric dtype, lists, pandas, memory maps. Or batches: a
            `fastnn.utils.PyDataset`, a generator, or anything else that gives ``(x, y)`` or
            ``(x, y, sample_weight)`` when iterated over; they are fetched in a thread of their own, ahead of the steps.
        y : array_like, optional
            Targets; part of the batches where x gives batches.
        batch_size : int
            Samples per step, default 32; the last step takes what is left. Not for batches.
        epochs : int
            Number of the epoch to stop before.
        verbose : "auto", 0, 1 or 2
            1 shows a line of progress, 2 prints a line per epoch; "auto" is 1 in terminals and notebooks, else 0.
        callbacks : list of Callback, optional
        validation_split : float
            The share of the data, taken from the end before shuffling, that is held out.
        validation_data : tuple, PyDataset or iterable, optional
            ``(x, y)`` or ``(x, y, sample_weight)``, or batches of these.
        shuffle : bool
            Put the samples (the batches of a PyDataset) into a new order in every epoch; other batches come as they
            come.
        class_weight : dict, optional
            Weight of a sample by its class.
        sample_weight : array_like, optional
            Weight of each sample in the loss.
        initial_epoch : int
            Number of the first epoch.
        steps_per_epoch : int, optional
            Steps of an epoch; the next one goes on where it stopped. Default: all the data, once. A generator without
            an end needs it.
        validation_steps : int, optional
            Validate on the first so many batches.
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
            batches = self._feed(who, *train, batch_size, steps, shuffle=bool(shuffle), class_weight=class_weight)
            at_the_end.callback(batches.close)
            held: data.Batches | None = None
            if validation_data is not None:
                held_size = data.check_batch_size(who, validation_batch_size or batch_size, "validation_batch_size")
                held = self._feed_validation(who, validation_data, held_size, held_steps)
                at_the_end.callback(held.close)
            generator = np.random.default_rng(random.make_default_seed()) if shuffle else None
            data.begin_first(who, batches, generator)
            self._prepare_training(who, batches.sample, held.sample if held is not None and held.known else None)
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
            logs: dict[str, float] = {}
            train_replay = at_the_end.enter_context(Replay(self, "fit", "train", self.train_step))
            test_replay = at_the_end.enter_context(Replay(self, "fit", "test", self.test_step))
            for epoch in range(initial_epoch, epochs):
                hooks.on_epoch_begin(epoch)
                self._plan_training(who)  # a callback may have changed what is trained
                if epoch > initial_epoch:
                    batches.begin(generator)
                progress = Progress(verbose, f"Epoch {epoch + 1}/{epochs}", batches.steps)
                try:
                    done = self._run_epoch(batches, train_replay, hooks, progress)
                    if not done:
                        batches.warn_spent("x", "Training ends here.")
                        break
                    logs = self._logs()
                    if held is not None and _should_validate(who, validation_freq, epoch):
                        found = self._validate(held, test_replay, hooks)
                        logs |= {f"val_{name}": value for name, value in found.items()}
                    progress.finish(done, logs)
                finally:
                    progress.abandon()
                hooks.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
            hooks.on_train_end(logs)
        return hooks.history or History()

    def _run_epoch(
        self, batches: data.Batches, replay: Replay, hooks: CallbackList, progress: Progress
    ) -> int:
        """All steps of an epoch; the number that were run."""
        begins, ends = hooks.wants("on_train_batch_begin"), hooks.wants("on_train_batch_end")
        chunk = self._steps_per_execution if begins or ends else 1
        self.reset_metrics()
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
                    hooks.on_train_batch_end(done - 1, self._logs())
                    told = done
                progress.update(done, self._logs)
                if self.stop_training:
                    break
            if ends and told < done:
                hooks.on_train_batch_end(done - 1, self._logs())
            batches.end()
        except BaseException:
            for variable in self.trainable_variables:
                variable.zero_grad()
            raise
        finally:
            self._in_epoch = False
        return done

    def train_step(self, data: Any) -> None:
        x, y, weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=True)
        loss = self._total_loss(y, y_pred, weight)
        loss.backward()
        trained = self._plan.trained
        self.optimizer.apply([variable.grad for variable in trained], trained)
        for variable in trained:
            variable.zero_grad()
        self._note(loss, x, y, y_pred, weight)

    def _total_loss(self, y: Tensor | None, y_pred: Any, weight: Tensor | None) -> Tensor:
        total: Tensor | None = None
        if self._loss is not None:
            if isinstance(self._loss, str):
                self._loss = resolve_crossentropy(y, y_pred)
            total = self._loss(y, y_pred, sample_weight=weight)
            if self._loss_weight is not None:
                total = ops.multiply(total, self._loss_weight)
        for penalty in self._penalties((self, *self._plan.layers), self._plan.regularized):
            scalar = penalty if penalty.size == 1 and penalty.ndim == 0 else ops.sum(penalty)
            total = scalar if total is None else ops.add(total, scalar)
        if total is None:
            raise ValueError(
                f"{self._who}: loss must be given to compile, or added by a layer; got None. "
                "Write compile(optimizer, loss=...)."
            )
        return total

    def _note(self, loss: Tensor, x: Any, y: Any, y_pred: Any, weight: Any) -> None:
        """Add the step to the sums behind loss and metrics."""
        with no_grad():
            count = [len(part) for part in tree.flatten(x) if part is not None][0]
            self._loss_tracker.update_state(loss.detach(), sample_weight=count)
            if self._metrics is not None and y is not None:
                self._metrics.update_state(y, y_pred.detach(), weight)

    # ---- evaluate and predict --------------------------------------------------------------------------------

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and the metrics on data.

        Parameters
        ----------
        x, y : array_like
            Or batches as x, as in `fit`.
        batch_size : int
            Default 32.
        verbose : "auto", 0, 1 or 2
        sample_weight : array_like, optional
        steps : int, optional
            Stop after so many batches.
        callbacks : list of Callback, optional
        return_dict : bool
            Return a dict from names to values.

        Returns
        -------
        float, list or dict
            The loss alone if there are no metrics, else ``[loss, *metrics]``. Regularisers are part of the loss.
        """
        who = f"{self._who}.evaluate"
        self._need_compile(who)
        verbose = resolve_verbose(who, verbose)
        batches = self._feed(who, x, y, sample_weight, batch_size, data.check_steps(who, "steps", steps))
        with contextlib.closing(batches):
            return self._evaluate(who, batches, verbose, callbacks, return_dict)

    def _evaluate(self, who: str, batches: data.Batches, verbose: int, callbacks: Any, return_dict: bool) -> Any:
        data.begin_first(who, batches)
        sample = batches.sample
        self._check_loss(who, sample)
        self._build_from(sample.top().x)
        self._check_labels(who, sample.y)
        self._make_plan()
        hooks = CallbackList(callbacks, model=self, verbose=verbose, epochs=1, steps=batches.steps)
        progress = Progress(verbose, "Evaluate" if verbose == 1 else "", batches.steps)
        kept = self._keep_sums() if self._in_epoch else None
        try:
            with Replay(self, "evaluate", "test", self.test_step) as replay:
                logs, done = self._run_evaluation(batches, replay, hooks, progress)
            progress.finish(done, logs)
        finally:
            progress.abandon()
            if kept is not None:
                self._restore_sums(kept)
        return self._in_order(logs, return_dict)

    def _run_evaluation(
        self, batches: data.Batches, replay: Replay, hooks: CallbackList, progress: Progress | None = None
    ) -> tuple[dict[str, float], int]:
        """Loss and metrics over an epoch, and the number of its steps."""
        begins, ends = hooks.wants("on_test_batch_begin"), hooks.wants("on_test_batch_end")
        self.reset_metrics()
        hooks.on_test_begin()
        done = 0
        while ready := batches.ready():
            if begins:
                hooks.on_test_batch_begin(done)
            steps = replay.advance(batches, ready[0], 1 if begins or ends else ready[1])
            batches.taken(steps)
            done += steps
            if ends:
                hooks.on_test_batch_end(done - 1, self._logs())
            if progress is not None:
                progress.update(done, self._logs)
        batches.end()
        logs = self._logs()
        hooks.on_test_end(logs)
        return logs, done

    def _validate(self, held: data.Batches, replay: Replay, hooks: CallbackList) -> dict[str, float]:
        """What is known after an epoch about the data that is held out."""
        held.begin(anew=True)
        logs, done = self._run_evaluation(held, replay, hooks)
        if not done:
            held.warn_spent("it", "No more epochs are validated.")
        return logs if done else {}

    def test_step(self, data: Any) -> None:
        x, y, weight = unpack_x_y_sample_weight(data)
        with no_grad():
            y_pred = self(x, training=False)
            loss = self._total_loss(y, y_pred, weight)
            self._note(loss, x, y, y_pred, weight)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for inputs; the model need not be compiled.

        Parameters
        ----------
        x : array_like
            Or batches, as in `fit`; targets in them are ignored.
        batch_size : int
            Default 32.
        verbose : "auto", 0, 1 or 2
            "auto" shows no line where there is only one batch.
        steps : int, optional
            Stop after so many batches.
        callbacks : list of Callback, optional

        Returns
        -------
        ndarray
            One row per sample.
        """
        if callbacks is None and steps is None and (verbose == 0 or verbose == "auto"):
            if batch_size is None or (type(batch_size) is int and batch_size > 0):
                found = self._programs.run(x, PREDICT, batch_size or data.BATCH_SIZE)
                if found is not None:
                    return found[1]
        who = f"{self._who}.predict"
        values_are_read(who)
        level = resolve_verbose(who, verbose)
        limit = data.check_steps(who, "steps", steps)
        batches = self._feed(who, x, None, None, batch_size, limit, inputs_only=True)
        if verbose == "auto" and batches.steps == 1:
            level = 0
        with contextlib.closing(batches):
            if batches.steps == 1 and level == 0 and callbacks is None and type(x) is np.ndarray:
                return self._predict_one(who, x)
            return self._predict(who, batches, level, callbacks)

    def _predict_one(self, who: str, x: Array) -> Any:
        """The outputs for an array that is one batch."""

        def outputs(array: Array) -> Any:
            with no_grad():
                return self(ops.cast(as_tensor(array), self.dtype), training=False)

        self._build_from(x[:1])
        y = self._programs.call(self, x, PREDICT, outputs)
        return y if type(y) is np.ndarray else joined([copied(y)])

    def _predict(self, who: str, batches: data.Batches, level: int, callbacks: Any) -> Any:
        data.begin_first(who, batches)
        self._build_from(batches.sample.top().x)
        hooks = CallbackList(callbacks, model=self if callbacks else None, verbose=level, epochs=1, steps=batches.steps)
        begins, ends = hooks.wants("on_predict_batch_begin"), hooks.wants("on_predict_batch_end")
        progress = Progress(level, "Predict" if level == 1 else "", batches.steps)
        out = Collected(batches.total)
        hooks.on_predict_begin()
        try:
            done = 0
            with Replay(self, "predict", "predict", self.predict_step) as replay:
                while ready := batches.ready():
                    if begins:
                        hooks.on_predict_batch_begin(done)
                    steps = replay.collect(batches, ready[0], 1 if begins or ends else ready[1], out, ends)
                    batches.taken(steps)
                    done += steps
                    if ends:
                        hooks.on_predict_batch_end(done - 1, {"outputs": replay.result})
                    progress.update(done)
            batches.end()
            progress.finish(done)
        finally:
            progress.abandon()
        hooks.on_predict_end()
        return out.result()

    def predict_step(self, data: Any) -> Any:
        x, _, _ = unpack_x_y_sample_weight(data)
        with no_grad():
            return self(x, training=False)

    # ---- single batches --------------------------------------------------------------------------------------

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One training step on the given samples.

        Returns
        -------
        float, list or dict
            Loss and metrics since the last `reset_metrics`.
        """
        who = f"{self._who}.train_on_batch"
        with self._exclusive("train_on_batch"):
            given = self._weighted(who, self._read(who, x, y, sample_weight), class_weight)
            batches = self._batches(who, given, len(given.first))
            self._prepare_training(who, given, None)
            try:
                with Replay(self, "train_on_batch", "train", self.train_step) as replay:
                    replay.advance(batches, 0, 1)
            except BaseException:
                for variable in self.trainable_variables:
                    variable.zero_grad()
                raise
            return self._in_order(self._logs(), return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics since the last `reset_metrics`, the given samples included."""
        who = f"{self._who}.test_on_batch"
        self._need_compile(who)
        given = self._read(who, x, y, sample_weight)
        batches = self._batches(who, given, len(given.first))
        self._check_loss(who, given)
        self._build_from(given.top().x)
        self._check_labels(who, given.y)
        self._make_plan()
        with Replay(self, "test_on_batch", "test", self.test_step) as replay:
            replay.advance(batches, 0, 1)
        return self._in_order(self._logs(), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for the given samples, computed as one batch."""
        given = self._read(f"{self._who}.predict_on_batch", x, None, None)
        return self.predict(x, batch_size=len(given.first), verbose=0)

    # ---- metrics ---------------------------------------------------------------------------------------------

    @property
    def metrics(self) -> list[Any]:
        """The loss's running mean and the compiled metrics."""
        if not self.compiled or self._metrics is None:
            return []
        return [self._loss_tracker, *self._metrics.metrics]

    @property
    def metrics_names(self) -> list[str]:
        """The names under which values are reported."""
        if not self.compiled or self._metrics is None:
            return []
        return ["loss", *self._metrics.names]

    def reset_metrics(self) -> None:
        """Begin the running means of loss and metrics again."""
        for metric in self.metrics:
            metric.reset_state()

    def get_metrics_result(self) -> dict[str, float]:
        """The present values of loss and metrics."""
        return self._logs()

    def _logs(self) -> dict[str, float]:
        """Read loss and metrics; sorted by name, as Keras has them."""
        found = {"loss": self._loss_tracker.result()}
        if self._metrics is not None and self._metrics.built:
            found |= self._metrics.result()
        return {name: float(found[name]) for name in sorted(found)}

    def _in_order(self, logs: dict[str, float], return_dict: bool) -> Any:
        if return_dict:
            return logs
        values = [logs[name] for name in self.metrics_names]
        return values[0] if len(values) == 1 else values

    def _metric_direction(self, name: str) -> str | None:
        """"up" where larger values of a metric are better, "down" where smaller are, None where nobody knows."""
        for metric in self.metrics:
            if metric.name == name and getattr(metric, "_direction", None):
                return str(metric._direction)
        lower = name.lower()
        if "acc" in lower or "auc" in lower:
            return "up"
        return "down" if "loss" in lower or "error" in lower or lower in ("mse", "mae") else None

    def _keep_sums(self) -> list[Any]:
        return [(v, v.numpy()) for metric in self.metrics for v in metric.variables]

    def _restore_sums(self, kept: list[Any]) -> None:
        for variable, value in kept:
            variable.assign(value)

    # ---- before the first step -------------------------------------------------------------------------------

    def _prepare_training(self, who: str, train: data.Data, held_out: data.Data | None) -> None:
        """Check what can be checked and make all weights, before the first step changes anything."""
        for given in (train, held_out):
            if given is not None:
                self._check_loss(who, given)
        self._build_from(train.top().x)
        for given in (train, held_out):
            if given is not None:
                self._check_labels(who, given.y)
        self._plan_training(who)

    def _plan_training(self, who: str) -> None:
        if not self._make_plan().trained:
            raise errors.order_error(who, "the model has no trainable weights", "Set layer.trainable = True.")
        self.optimizer._include(self._plan.trained)

    def _make_plan(self) -> _Plan:
        """What a step needs to know about the model, as it is now."""
        self._programs.look(self)
        if self._programs.plan is None:
            self._programs.plan = _Plan(self)
        self._plan = self._programs.plan
        return self._plan

    def _need_compile(self, who: str) -> None:
        if not self.compiled:
            raise errors.order_error(who, "the model is not compiled", "Call compile(optimizer, loss) first.")

    def _build_from(self, sample: Any) -> None:
        raise NotImplementedError

    def _busy(self, what: str) -> RuntimeError:
        return errors.order_error(
            f"{self._who}.{what}", f"{self._training} of the same model is still running", "Wait until it has returned."
        )

    @contextlib.contextmanager
    def _exclusive(self, what: str) -> Iterator[None]:
        """Only one call at a time may change the weights."""
        self._need_compile(f"{self._who}.{what}")
        entered = False
        try:
            with Uninterrupted(), _guard:
                if self._training:
                    raise self._busy(what)
                self._training, entered = what, True
            yield
        finally:
            if entered:
                self._training = ""


class _Plan:
    """What a step needs to know about the model: gathered once, not in each step."""

    def __init__(self, model: Layer) -> None:
        self.layers = model._flatten()[1:]  # the model is left out, because it keeps its plan
        self.trained = model.trainable_variables
        self.regularized = [weight for weight in self.trained if weight.regularizer is not None]


def _mean(name: str) -> Any:
    return metrics.Mean(name=name)


def _should_validate(who: str, frequency: Any, epoch: int) -> bool:
    if isinstance(frequency, (list, tuple)):
        return epoch + 1 in frequency
    if isinstance(frequency, bool) or not isinstance(frequency, (int, np.integer)) or frequency < 1:
        raise errors.value_error(who, "validation_freq", "a positive int or a list of epochs", frequency)
    return (epoch + 1) % int(frequency) == 0
